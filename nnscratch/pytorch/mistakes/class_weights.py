"""Weights of classes that go with how often a class comes, in place of against it."""

from __future__ import annotations

from typing import Any

import torch

from nnscratch.pytorch.tensors import IDS
from nnscratch_records.words import number

SEEN = 5  # examples of a class in a batch, before its share is known
UNEQUAL = 3.0  # times the least weight of those, the largest
AGREE = 2.0  # times from weight over share of one class to that of another


def by_frequency(function: Any, targets: Any) -> tuple[str, ...]:
    """Return that a loss of classes weighs them by their shares, as a line of `Mistakes`."""
    weights = getattr(function, "weight", None)
    if not isinstance(weights, torch.Tensor) or weights.ndim != 1 or targets is None:
        return ()
    if targets.dtype not in IDS or not targets.numel() or int(targets.min()) < 0:
        return ()
    counts = torch.bincount(targets.flatten(), minlength=len(weights)).double().cpu()
    w = weights.detach().double().cpu()
    if len(counts) != len(w):
        return ()
    known = (counts >= SEEN) & (w > 0)
    if int(known.sum()) < 2 or not w[known].max() >= UNEQUAL * w[known].min():
        return ()
    ratios = w[known] / counts[known]
    if not ratios.max() <= AGREE * ratios.min():
        return ()
    often, seldom = int(w.argmax()), int(torch.where(known, w, torch.inf).argmin())
    return (
        "class weights by frequency",
        f"The loss weighs classes by how often they come: class {often}, {int(counts[often])} of "
        f"{int(counts.sum())} answers of a batch, counts {number(float(w[often]), 3)}, and class "
        f"{seldom}, {int(counts[seldom])} of them, {number(float(w[seldom]), 3)}.",
        "What is common then counts twice over, and what is rare for next to nothing: weights are "
        "to make up for that, one over the share.",
        "turn them round",
        "weights = counts.sum() / (len(counts) * counts)",
    )
