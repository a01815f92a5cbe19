"""What the numbers of a few steps tell of a loop: each is exact, and none is seen in norms."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any

import torch

from nnscratch.pytorch.losses.criterion import Criterion
from nnscratch_records.words import number, percent

STEPS = 3  # with a loss that is no number
ZEROS = 12  # the recorded step at which parameters may be 0 no more
ROWS = 8  # examples at least
COLUMNS = (3, 64)  # so many have a row's norm in common
ONE = 1e-4  # a norm and 1
TAKES_ALL = 0.5  # of the squares of every row one column is
HARDLY = 0.02  # of the norm the middle column differs between rows
_SMALLEST = 2.0**-25  # half of float16's smallest number


class Numbers:
    """Looks at the loss of each step."""

    def __init__(self) -> None:
        self._without = 0  # steps in a row whose loss is no number

    def loss(self, value: float, finite: bool) -> tuple[str, ...]:
        """Look at the loss of a step.

        finite : whether every gradient that came of it is, and every parameter
        """
        odd = math.isnan(value) and finite
        self._without = self._without + 1 if odd else 0
        return _NO_NUMBER if self._without == STEPS else ()


def each_with_each(criterion: Criterion, examples: int) -> tuple[str, ...]:
    """Tell that one example is right for all, in a table of each with each."""
    label = criterion.each_with_each(examples)
    if label < 0:
        return ()
    return (
        "target values",
        f"The loss is given a table of each of {examples} examples with each, and for all of them "
        f"the right one is number {label}.",
        "Classes are the batch's own examples there, others in each batch: what belongs to an "
        "example stands in its own place, on the diagonal.",
        "ask each example for its own place",
        "labels = torch.arange(len(x))",
    )


def climbs(optimizer: Any, criterion: Criterion) -> tuple[str, ...]:
    """Tell that an optimizer makes one of PyTorch's losses large: what is to be large is none."""
    name = criterion.known_as
    if not (name and any(group.get("maximize") for group in optimizer.param_groups)):
        return ()
    return (
        "steps uphill",
        f"The optimizer was made with maximize=True, and what is sent back is a loss, {name}: each "
        f"step makes it larger.",
        "That is for what is to be large, such as a reward.",
        "go down: leave maximize=True out, where the optimizer is made",
        "for group in optimizer.param_groups: group['maximize'] = False",
    )


def of_float16(optimizer: Any, tensors: Mapping[str, Any]) -> tuple[str, ...]:
    """Tell that Adam has divided by 0 in float16: its epsilon is none there."""
    epsilon = optimizer.defaults.get("eps", math.inf)
    half = [p for p in tensors.values() if p.dtype == torch.float16 and p.grad is not None]
    bad = sum(int((~p.isfinite()).sum()) for p in half if bool(p.grad.isfinite().all()))
    if not (bad and epsilon < _SMALLEST):
        return ()
    return (
        "rounded updates",
        f"The first update has made {bad} numbers of the parameters NaN or infinite, and all "
        f"gradients were finite: the parameters are float16, where the epsilon of {epsilon:g} is "
        f"0.",
        "The square of a gradient below 2e-4 is 0 there too, and the step is divided by the root "
        "of both.",
        "keep the parameters in float32, and compute in float16: with torch.autocast around the "
        "pass, and torch.amp.GradScaler",
        "model.float()",
    )


def both_zero(
    tensors: Mapping[str, Any], own: Collection[int], layers: Collection[str]
) -> tuple[str, ...]:
    """Tell matrices that are 0, of which each is the other's only gradient.

    own : the identities of what the optimizer has
    layers : the modules that are layers of weights: of those it is told otherwise
    """
    still: dict[str, list[str]] = {}
    for name, p in tensors.items():
        module = name.rpartition(".")[0]
        asked = id(p) in own and p.grad is not None and p.ndim > 1 and module not in layers
        if asked and not (bool(p.any()) or bool(p.grad.any())):
            still.setdefault(module, []).append(name)
    names = next((some for some in still.values() if len(some) > 1), [])
    if not names:
        return ()
    return (
        "symmetric units",
        f"All numbers of {' and '.join(names)} are 0 after {ZEROS} steps, as is every gradient "
        f"that reaches them.",
        "They are multiplied with one another: the gradient of each is what the other one is, and "
        "neither ever leaves 0.",
        "draw one of them at random",
        f"torch.nn.init.kaiming_uniform_(model.get_parameter({names[0]!r}))",
    )


def rows_of_one(x: Any) -> tuple[str, ...]:
    """Tell rows that were divided by their own norm, where one column is most of it."""
    if not (isinstance(x, torch.Tensor) and x.ndim == 2 and x.is_floating_point()):
        return ()
    count, columns = x.shape
    if count < ROWS or not COLUMNS[0] <= columns <= COLUMNS[1]:
        return ()
    z = x.detach().double()
    norms = z.norm(dim=1)
    if not bool(((norms - 1).abs() < ONE).all()):
        return ()
    largest = z.square().mean(0).argmax()
    share = float(z[:, largest].square().min())
    middle = float(z.std(0).median())
    if not (share > TAKES_ALL and middle < HARDLY):
        return ()
    return (
        "input scale",
        f"Every row of the inputs has norm 1, and column {int(largest)} alone is {percent(share)} "
        f"or more of each: the middle column's deviation is {number(middle)}.",
        "Rows were divided by their own norm, as torch.nn.functional.normalize does by itself: of "
        "columns of different scales the largest takes all.",
        "bring each column to mean 0 and deviation 1 in its place",
        "x = (x - x.mean(0)) / x.std(0)",
    )


_NO_NUMBER = (
    "non-finite",
    f"The loss is NaN, {number(STEPS)} steps in a row, and every gradient that comes of it is "
    f"finite.",
    "It has the logarithm, the root or a power of a number below 0 in it: the slope of these may "
    "be finite, so that training goes on, by a gradient that means nothing.",
    "keep what goes in there above 0: torch.nn.functional.softplus(z) + 1e-3 for a deviation or a "
    "rate, or let the network give its logarithm",
    "",
)
