"""Clipping the gradient between the backward pass and the optimizer's update.

Each clip changes a model's gradients in place and reports what it did. Both kinds are exact
minimisers (see `nnscratch.optimizers.steepest`): with ``v = -clip(g)``, the value that is left
minimises ``g . v + ||v||^2 / 2``

* by value, over the box ``|v_i| <= threshold``;
* by norm, over the ball ``||v||_2 <= max_norm``.

So for a small limit clipping by value becomes sign descent (its direction is not the gradient's),
and clipping by norm becomes normalised gradient descent (its direction is).

What is not finite: an infinite component clipped by value becomes the threshold of its sign, and
NaN stays NaN. A gradient whose norm is NaN or infinite cannot be scaled to anything that means
something: clipping by norm leaves it as it is and reports that norm.
"""

from __future__ import annotations

import itertools
import math
import weakref
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from nnscratch.backend import kernels, load_module
from nnscratch.errors import ConfigError, require_number, shown
from nnscratch.parameters import Parameters


@dataclass(frozen=True)
class ClipReport:
    """What one clip did to one gradient.

    Attributes
    ----------
    norm_before, norm_after : float
        Euclidean norm of the whole gradient.
    changed : int
        How many components it changed.
    fraction : float
        The same as a fraction of all components.
    largest : float
        The largest absolute component before clipping.
    norms : mapping from name to (before, after)
        The norm of each parameter's gradient, where the clip works on each by itself; else empty.
    cosine : float
        Cosine of the angle between the gradient before and after: 1 where the direction is kept,
        NaN where a norm is zero or not finite.
    """

    norm_before: float
    norm_after: float
    changed: int
    fraction: float
    largest: float
    norms: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    cosine: float = math.nan

    @property
    def fired(self) -> bool:
        """Whether it changed anything."""
        return self.changed > 0


class Clip:
    """What every clip is: ``report = clip.clip(model.grads)``."""

    kind: ClassVar[str] = ""
    """What the compiled kernels call it; empty for a clip that they do not know."""

    @property
    def limit(self) -> float:
        """What the clip holds the gradient to."""
        raise TypeError(f"{type(self).__name__} has no limit: use a class of nnscratch.clipping")

    def clip(self, grads: Parameters) -> ClipReport:
        """Clip `grads` in place and return what that did."""
        if not isinstance(grads, Parameters):
            raise ConfigError(f"{self!r} clips model.grads, got {shown(grads)}")
        if not self.kind:
            raise TypeError(f"{type(self).__name__} has no clip: use a class of nnscratch.clipping")
        if kernels.name == "numba":
            step = _compiled_step(grads, self)
            step.run(())
            return compiled_report(step, grads)
        return self._clip_plainly(grads)

    def _clip_plainly(self, grads: Parameters) -> ClipReport:
        raise NotImplementedError


@dataclass(frozen=True)
class ClipByValue(Clip):
    """``g_i <- min(max(g_i, -threshold), threshold)``, each component by itself (Mikolov 2012).

    Raises `ConfigError` unless ``threshold > 0``.
    """

    threshold: float
    kind: ClassVar[str] = "value"

    def __post_init__(self) -> None:
        require_number("ClipByValue threshold", self.threshold, above=0)

    @property
    def limit(self) -> float:
        return float(self.threshold)

    def _clip_plainly(self, grads: Parameters) -> ClipReport:
        return _report(grads, *kernels.clip_by_value(grads.memory, self.limit))


@dataclass(frozen=True)
class ClipByGlobalNorm(Clip):
    """``g <- g * max_norm / ||g||`` if ``||g|| > max_norm``, `g` being all gradients together.

    Pascanu, Mikolov & Bengio, "On the difficulty of training recurrent neural networks", 2013.
    Raises `ConfigError` unless ``max_norm > 0``.
    """

    max_norm: float
    kind: ClassVar[str] = "norm"

    def __post_init__(self) -> None:
        require_number("ClipByGlobalNorm max_norm", self.max_norm, above=0)

    @property
    def limit(self) -> float:
        return float(self.max_norm)

    def _clip_plainly(self, grads: Parameters) -> ClipReport:
        return _report(grads, *kernels.clip_by_norm(grads.memory, self.limit))


@dataclass(frozen=True)
class ClipByNorm(Clip):
    """``g <- g * max_norm / ||g||`` if ``||g|| > max_norm``, for each parameter by its own norm.

    The gradients of different layers are scaled differently, so the direction of the whole
    changes; `ClipByGlobalNorm` keeps it. The report's `norms` say which parameters were scaled.
    Raises `ConfigError` unless ``max_norm > 0``.
    """

    max_norm: float
    kind: ClassVar[str] = "norms"

    def __post_init__(self) -> None:
        require_number("ClipByNorm max_norm", self.max_norm, above=0)

    @property
    def limit(self) -> float:
        return float(self.max_norm)

    def _clip_plainly(self, grads: Parameters) -> ClipReport:
        rows = [
            kernels.clip_by_norm(grads.memory[start:stop], self.limit)
            for start, stop in itertools.pairwise(grads.offsets.tolist())
        ]
        before, after, changed, largest, _ = zip(*rows, strict=True) if rows else [()] * 5
        return _report(
            grads,
            _joint_norm(before),
            _joint_norm(after),
            sum(changed),
            math.nan if any(map(math.isnan, largest)) else max(largest, default=0.0),
            _joint_cosine(before, after),
            dict(zip(grads.names, zip(before, after, strict=True), strict=True)),
        )


def compiled_report(step: Any, grads: Parameters) -> ClipReport:
    """Return what the clip in a compiled step has done."""
    norms = {}
    if step.clip == "norms":
        norms = dict(zip(grads.names, zip(*step.norms.tolist(), strict=True), strict=True))
    before, after, changed, largest, cosine = step.clip_result()
    return _report(grads, before, after, changed, largest, cosine, norms)


_steps: dict[int, tuple[weakref.ref[Parameters], Any]] = {}  # by identity


def _compiled_step(grads: Parameters, clip: Clip) -> Any:
    """Return the step that only clips `grads`; kept as long as they are, or until another clip."""
    key = id(grads)
    found = _steps.get(key)
    if found is not None and found[0]() is grads:
        step = found[1]
        if step.fits(None, grads.memory, ("", (), ()), None, clip):
            return step
    step = load_module("nnscratch_kernels.compiled.stepping.step").Step(
        grads.memory, grads.offsets, clip=clip.kind, limit=clip.limit, owner=clip
    )
    _steps[key] = (weakref.ref(grads, lambda _: _steps.pop(key, None)), step)
    return step


def _report(
    grads: Parameters,
    before: float,
    after: float,
    changed: int,
    largest: float,
    cosine: float,
    norms: Mapping[str, tuple[float, float]] | None = None,
) -> ClipReport:
    fraction = changed / max(grads.memory.size, 1)
    return ClipReport(before, after, changed, fraction, largest, norms or {}, cosine)


def _joint_norm(norms: tuple[float, ...]) -> float:
    """Return the norm of all parts together; NaN if any is NaN (`hypot` would prefer infinity)."""
    return math.nan if any(map(math.isnan, norms)) else math.hypot(*norms)


def _joint_cosine(before: tuple[float, ...], after: tuple[float, ...]) -> float:
    """Return the cosine between two gradients whose parts are parallel."""
    whole = _joint_norm(before), _joint_norm(after)
    if not all(0 < norm < math.inf for norm in whole):
        return math.nan
    if before == after:
        return 1.0
    return min(1.0, sum(b / whole[0] * (a / whole[1]) for b, a in zip(before, after, strict=True)))
