"""Networks that learn the temporal order of two symbols, trained until they know it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nnscratch import datasets
from nnscratch.layers import Dense, LastStep, Layer
from nnscratch.losses import SoftmaxCrossEntropy
from nnscratch.network.model import Sequential
from nnscratch.optimizers import Optimizer
from nnscratch.scores import accuracy
from nnscratch.sequences import Truncate
from nnscratch.training import Callback, Trainer

SYMBOLS, CLASSES = 6, 4
SOLVED = 0.99  # of fresh sequences told rightly (Pascanu et al. 2013)
BATCH = 20
EVERY = 250  # updates between two looks
_FRESH = 10_000
_APART = 10**9  # between the seeds of what is learned (1000 a network) and of what is looked at


@dataclass(frozen=True)
class Learned:
    """How a network fared.

    Attributes
    ----------
    updates : float
        After so many it told `SOLVED` of fresh sequences rightly; infinite if it never did.
    right : tuple of float
        Fraction told rightly after each `EVERY` updates.
    loss : tuple of float
        Of every update.
    interrupted : bool
        By Ctrl-C.
    """

    updates: float
    right: tuple[float, ...]
    loss: tuple[float, ...]
    interrupted: bool = False

    @property
    def solved(self) -> bool:
        """Whether it told nearly all rightly in the end."""
        return math.isfinite(self.updates)


def network(layer: Layer, seed: int) -> Sequential:
    """Return a model that reads a sequence with `layer` and tells the order at its end."""
    units = layer.output_features(SYMBOLS)
    assert units is not None
    return Sequential(layer, LastStep(), Dense(units, CLASSES, init="lecun_normal"), seed=seed)


def learn(
    model: Sequential,
    optimizer: Optimizer,
    *,
    length: int,
    updates: int,
    seed: int,
    callbacks: Sequence[Callback] = (),
    truncate: Truncate = None,
) -> Learned:
    """Train `model` on sequences that are never seen twice, until it is right or `updates` are
    made. What diverges has not learned."""
    trainer = Trainer(model, SoftmaxCrossEntropy(), optimizer, truncate=truncate)
    x_fresh, y_fresh = datasets.temporal_order(_FRESH, length, _APART + seed)
    right: list[float] = []
    loss: tuple[float, ...] = ()
    for look in range(updates // EVERY):
        x, y = datasets.temporal_order(BATCH * EVERY, length, 1000 * seed + look)
        with np.errstate(all="ignore"):  # a gradient that explodes overflows
            history = trainer.fit(
                x, y, epochs=1, batch_size=BATCH, seed=seed, progress=False, callbacks=callbacks
            )
        loss = tuple(history.loss)  # of all calls
        if history.interrupted:
            return Learned(math.inf, tuple(right), loss, interrupted=True)
        if history.diverged:
            return Learned(math.inf, (*right, 0.0), loss)
        right.append(accuracy(model.predict(x_fresh), y_fresh))
        if right[-1] >= SOLVED:
            return Learned(EVERY * (look + 1.0), tuple(right), loss)
    return Learned(math.inf, tuple(right), loss)
