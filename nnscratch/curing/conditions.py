"""Conditions: the data that all trials share, what they are judged by, and how long they take."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from nnscratch.arrays import Array
from nnscratch.curing.plan import Plan
from nnscratch.curing.skill import Answers, chosen, split
from nnscratch.datasets.far import only_near
from nnscratch.network.model import Sequential
from nnscratch.training.examples import Examples, held_out

SEEN = 500  # training examples that tell what is known by heart


@dataclass(frozen=True)
class Conditions:
    """What all trials share.

    `x`, `y` are trained on; `held_x` and the answers are judged on: the same examples where there
    are too few to hold any out, or a truth table (`all_seen`). `mask` and `held_mask` say which
    steps their sequences have, and where `masks_answers` at which of them there is an answer.
    """

    x: Array
    y: Array
    held_x: Array
    answers: Answers
    batch_size: int
    steps: int
    seed: int
    all_seen: bool
    mask: Array | None = None
    held_mask: Array | None = None
    masks_answers: bool = False
    seen: Answers | None = None  # those of the first training examples, where others judge

    @property
    def real_x(self) -> Array:
        """The inputs, at the steps that there are."""
        return chosen(self.x, self.mask)

    @property
    def real_y(self) -> Array:
        """The training answers that count."""
        return chosen(self.y, self.mask if self.masks_answers else None)

    @property
    def called(self) -> tuple[str, str]:
        """What `real_x` and `real_y` are of ``x`` and ``y``, as Python."""
        there = "[mask]" * (self.mask is not None)
        return f"x{there}", f"y{there * self.masks_answers}"

    @property
    def given_back(self) -> bool:
        """Whether the inputs are the answers: what is narrow between is so on purpose."""
        return self.x.shape == self.y.shape and bool((self.x == self.y).all())


def conditions_of(
    model: Sequential,
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    mask: npt.ArrayLike | None,
    validation: object,
    *,
    batch_size: int,
    steps: int,
    seed: int,
) -> Conditions:
    """Check the data and return the conditions of trials; the arguments are those of `cure`."""
    examples = Examples(model, x, y, mask=mask)
    if validation is None:
        one_each = examples.has_classes and examples.y.size == len(examples)
        rest, few = split(examples.x, seed, examples.y.reshape(-1) if one_each else None)
        judged, all_seen = examples.taken(few), few is rest
        examples = examples.taken(rest)
    else:
        judged, all_seen = held_out(model, validation), False
    outputs, has_classes = model.output_shape(examples.x.shape)[-1], examples.has_classes
    known = examples.there(examples.y, examples.mask)

    def answers_of(some: Examples) -> Answers:
        there = some.mask if some.masks_answers else None
        return Answers.of(some.y, known, outputs, has_classes, there)

    first = np.arange(min(SEEN, len(examples)))
    return Conditions(
        *(examples.x, examples.y, judged.x, answers_of(judged)),
        batch_size=min(batch_size, len(examples)),
        steps=steps,
        seed=seed,
        all_seen=all_seen,
        mask=examples.mask,
        held_mask=judged.mask,
        masks_answers=examples.masks_answers,
        seen=None if all_seen else answers_of(examples.taken(first)),
    )


def kept_by(plan: Plan, c: Conditions) -> Conditions:
    """Return conditions with the examples that a plan trains on."""
    if not plan.only_near:
        return c
    x, y = only_near(c.x, c.y)
    return replace(c, x=x, y=y, batch_size=min(c.batch_size, len(x)))


def data_of(plan: Plan, c: Conditions) -> tuple[Array, Array]:
    """Return inputs and answers as the plan trains on them."""
    c = kept_by(plan, c)
    inputs, targets = plan.inputs(c.real_x), plan.targets(c.real_y)
    return c.x if inputs is None else inputs(c.x), c.y if targets is None else targets(c.y)
