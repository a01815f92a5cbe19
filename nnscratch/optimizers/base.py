"""What every optimizer is: a rate, an optional clip, and state arrays as long as the parameters."""

from __future__ import annotations

import itertools
import math
import threading
from collections.abc import Mapping
from threading import Lock
from typing import Any, ClassVar, NamedTuple

import numpy as np

from nnscratch.arguments import Settings
from nnscratch.arrays import Array, filled
from nnscratch.clipping import Clip, ClipReport
from nnscratch.errors import (
    ConfigError,
    ShapeError,
    require_count,
    require_number,
    shown,
    unknown_name,
)
from nnscratch.optimizers.measures import ParameterMeasures, Tap
from nnscratch.parameters import Parameters, Views, is_of
from nnscratch.schedules import Schedule, as_schedule
from nnscratch.turns import Turn
from nnscratch.workspace import changes

Rates = Mapping[str, float] | None
"""Factors of the rate, by the name of a parameter, a layer, or a part of the network."""


class Piece(NamedTuple):
    """Parameters that lie side by side and are updated alike, with a factor of the rate."""

    params: Parameters
    grads: Parameters
    place: slice
    factor: float | None  # None: frozen


class State(Views):
    """What an optimizer remembers from step to step, by name."""

    what: ClassVar[str] = "state array"


class Optimizer(Settings):
    """Changes parameters along their gradients, in place: ``optimizer.step(params, grads)``.

    An optimizer belongs to one model: its state is allocated at the first step, and parameters of
    another layout are refused afterwards.

    Parameters
    ----------
    lr : float or Schedule
        The learning rate, or a function from the step (counted from 0) to it.
    clip : Clip or None
        Applied to the gradients before each update.
    rates : mapping or None
        Factors of the rate: ``{"0.dense": 0.1, "3": 0.5, "4.bias": 2.0}`` by the name of a layer,
        of a part with all that is in it, or of a parameter; where several fit, that which names
        the least counts. Layers that are frozen (``model.freeze``) are left as they are.

    Attributes
    ----------
    steps : int
        Updates made so far.
    state_names : tuple of str
        The arrays it remembers from step to step.
    state : State
        Those arrays, each laid out like ``params.flat``; empty at first. Setting one copies values.
    tap : Tap or None
        Who wants the steps measured.
    fitting : Turn
        Which trainer is at work with it: one at a time.
    """

    state_names: tuple[str, ...] = ()

    def __init__(self, lr: float | Schedule, clip: Clip | None = None, rates: Rates = None) -> None:
        self._schedule = as_schedule(lr, f"{type(self).__name__} lr")
        if clip is not None and not isinstance(clip, Clip):
            what = (
                f"{type(self).__name__} clip must be a clip such as ClipByGlobalNorm(1.0) or None"
            )
            raise ConfigError(f"{what}, got {shown(clip)}")
        self.clip = clip
        self.rates = rates
        self._made = np.zeros(1, np.int64)  # updates: a compiled step counts itself
        self._state = State({})
        self.tap: Tap | None = None
        self._seen: tuple[Parameters, Parameters] | None = None
        self.fitting = Turn()
        self._thread = 0  # that called first with these parameters
        self._pieces: list[Piece] | None = None  # None: all parameters are updated alike

    @property
    def steps(self) -> int:
        return int(self._made.item())

    @steps.setter
    def steps(self, steps: int) -> None:
        self._made[0] = require_count(f"{type(self).__name__} steps", steps, least=0, most=2**62)

    @property
    def state(self) -> State:
        return self._state

    @property
    def lr(self) -> float:
        """The rate of the next step. Set it to a number or to a schedule."""
        return self.lr_at(self.steps)

    @lr.setter
    def lr(self, lr: float | Schedule) -> None:
        self._schedule = as_schedule(lr, f"{type(self).__name__} lr")

    @property
    def rates(self) -> dict[str, float] | None:
        """The factors of the rate. Set them to a mapping or to None."""
        return self._rates

    @rates.setter
    def rates(self, rates: Rates) -> None:
        if rates is not None and not isinstance(rates, Mapping):
            raise ConfigError(
                f"{type(self).__name__} rates must be factors by name, such as "
                f'{{"0.dense": 0.1}}, or None, got {shown(rates)}'
            )
        self._rates = {
            str(name): require_number(f"{type(self).__name__} rates[{name!r}]", factor, least=0)
            for name, factor in (rates or {}).items()
        } or None
        self._seen_change = -1

    def lr_at(self, step: int) -> float:
        """Return the rate of `step`; `ConfigError` if the schedule gives no rate."""
        lr = self._schedule(step)
        if not 0 <= lr < math.inf:
            raise ConfigError(
                f"the schedule of {type(self).__name__} gave lr = {lr!r} for step {step}; "
                f"a rate must be finite and >= 0"
            )
        return lr

    def step(self, params: Parameters, grads: Parameters) -> ClipReport | None:
        """Clip `grads` in place, update `params` in place, and return what the clip did.

        Raises `ShapeError` when `grads` or the optimizer's state do not fit `params`, `ConfigError`
        when the state is another thread's, or when another thread is at work with the parameters.
        """
        self._ready(params, grads)
        with (mine := Lock()):
            params.turn.take(mine, "the model of these parameters")
            lr, tap = self.lr, self.tap
            if tap is None or tap.watched is not params or not tap.due:
                return self._make_step(params, grads, lr, None)
            tap.before_update()
            report = self._make_step(params, grads, lr, tap.measures)
            tap.updated(report, lr)
            return report

    def _ready(self, params: Parameters, grads: Parameters) -> None:
        """Check what `step` is given, where it is not what it was."""
        seen = self._seen
        made = len(self._state) == len(self.state_names)  # a momentum that was set needs another
        if seen is None or seen[0] is not params or seen[1] is not grads or not made:
            self._attach(params, grads)
        if self._seen_change != changes.number:
            self._pieces = self._split(params, grads)
            self._seen_change = changes.number

    def _make_step(
        self, params: Parameters, grads: Parameters, lr: float, measures: ParameterMeasures | None
    ) -> ClipReport | None:
        """Clip, update, count and measure."""
        if measures is not None:
            measures.measure_before(params, grads)
        for piece in self._pieces or ():
            if piece.factor is None:
                piece.grads.flat[...] = 0
        report = None if self.clip is None else self.clip.clip(grads)
        self._update(params, grads, lr)
        self._made += 1
        if measures is not None:
            measures.measure_after(params)
        return report

    def _update(self, params: Parameters, grads: Parameters, lr: float) -> None:
        """Make one update, of every piece by itself where there are several."""
        if self._pieces is None:
            self.update(params, grads, lr)
            return
        whole = self._state
        try:
            for piece in self._pieces:
                if piece.factor is not None:
                    parts = {name: array[piece.place] for name, array in whole.places.items()}
                    self._state = State(parts)
                    self.update(piece.params, piece.grads, lr * piece.factor)
        finally:
            self.__dict__["_state"] = whole  # no call, which a signal handler could end

    def factors(self, params: Parameters) -> dict[str, float | None]:
        """Return the factor of the rate for every parameter; None for one that is frozen.

        Raises `UnknownNameError` where `rates` names what is not there.
        """
        owners, rates = params.owners, self._rates or {}
        names = {name: {name, owners[name].name} if owners else {name} for name in params}
        made: dict[str, float | None] = {}
        for name, known in names.items():
            fitting = [key for key in rates if any(is_of(one, key) for one in known)]
            nearest = max(
                fitting, key=lambda key: (key == name, key in known, len(key)), default=""
            )
            made[name] = rates[nearest] if fitting else 1.0
            if owners and owners[name].frozen:
                made[name] = None
        for key in rates:
            if not any(is_of(one, key) for known in names.values() for one in known):
                raise unknown_name("layer or parameter in rates", key, set().union(*names.values()))
        return made

    def step_share(self, params: Parameters) -> float:
        """Return the part of its next step that epsilon leaves, see `step_share`; NaN: unknown."""
        return math.nan

    def _split(self, params: Parameters, grads: Parameters) -> list[Piece] | None:
        """Return the pieces that are updated alike; None if there is one only."""
        factors = list(self.factors(params).values())
        if set(factors) <= {1.0}:
            return None
        made, first = [], 0
        for factor, group in itertools.groupby(factors):
            last = first + len(list(group))
            place = slice(int(params.offsets[first]), int(params.offsets[last]))
            made.append(Piece(params.piece(first, last), grads.piece(first, last), place, factor))
            first = last
        return made

    def update(self, params: Parameters, grads: Parameters, lr: float) -> None:
        """Make one update; what a subclass defines. `step` has checked everything.

        Where layers are frozen or have rates of their own it is called for each piece of the
        parameters, with `state` cut to that piece.
        """
        raise TypeError(f"{type(self).__name__} has no update: use a class of nnscratch.optimizers")

    def __getstate__(self) -> dict[str, Any]:
        """Return what a copy takes over: not who watches this one, nor the parameters."""
        own = {"tap": None, "_seen": None, "_pieces": None, "_seen_change": -1}
        return self.__dict__ | own | {"_made": self._made.copy()}

    # Saving

    def state_dict(self) -> dict[str, Array]:
        """Return copies of everything an optimizer of the same settings needs to go on from here.

        ``"steps"`` is always there; the state arrays once a step has been made.
        """
        copies = {name: array.copy() for name, array in self.state.items()}
        return {"steps": np.array(self.steps, dtype=np.int64), **copies}

    def check_state_dict(self, state: Mapping[str, Array]) -> None:
        """Raise `ConfigError` if `state` does not come from an optimizer like this one."""
        if not isinstance(state, Mapping):
            what = f"{type(self).__name__}.load_state_dict takes what state_dict returned"
            raise ConfigError(f"{what}, got {type(state).__name__}")
        # Before the first step there may be state: it is made before the step is.
        begun = set(state) == {"steps", *self.state_names}
        if not begun and (set(state) != {"steps"} or state["steps"]):
            raise ConfigError(
                f"this state belongs to another optimizer: it holds {', '.join(sorted(state))}; "
                f"{self!r} keeps {', '.join(('steps', *self.state_names))}"
            )

    def load_state_dict(self, state: Mapping[str, Array]) -> None:
        """Take over what `state_dict` returned; nothing is changed unless it fits."""
        self.check_state_dict(state)
        steps: Any = np.asarray(state["steps"])[()]
        made = require_count(f"{type(self).__name__} steps", steps, least=0, most=2**62)
        arrays = State({name: np.array(state[name]) for name in state if name != "steps"})
        self._seen = None
        # No call between them, nor of `__setattr__`: no signal handler can raise anything there.
        self._made[0] = made
        self.__dict__["_state"] = arrays

    def _attach(self, params: Parameters, grads: Parameters) -> None:
        """Check that everything fits, and allocate the state at the first step."""
        for one, name in ((params, "params"), (grads, "grads")):
            if not isinstance(one, Parameters):
                raise ConfigError(
                    f"{type(self).__name__}.step takes model.params and model.grads, "
                    f"got {type(one).__name__} for {name}"
                )
        if grads.dtype != params.dtype or _layout(grads) != _layout(params):
            raise ShapeError(
                f"{type(self).__name__}.step got gradients that do not belong to the parameters: "
                f"{_describe(grads)}, the parameters are {_describe(params)}"
            )
        first = self._seen[0] if self._seen is not None else params
        fits = _layout(first) == _layout(params) and first.dtype == params.dtype
        if fits and self.state and first is not params and self._thread != threading.get_ident():
            raise ConfigError(
                f"this {type(self).__name__} has state for the parameters that another thread "
                f"trains; make a new optimizer for each model"
            )
        kept = self.state.places
        if not fits or not all(
            array.shape == params.memory.shape and array.dtype == params.dtype
            for array in kept.values()
        ):
            old = next(iter(kept.values()), first.memory)
            raise ShapeError(
                f"this {type(self).__name__} has state for other parameters ({old.size:,} values "
                f"of {old.dtype}) and got {_describe(params)}; make a new optimizer for each model"
            )
        if kept.keys() != set(self.state_names):
            size, kind = params.memory.size, params.dtype
            new = {name: filled(size, 0, kind) for name in self.state_names if name not in kept}
            self._state = State({name: (kept | new)[name] for name in self.state_names})
        self._seen, self._thread = (params, grads), threading.get_ident()
        self._seen_change = -1

    def options(self) -> dict[str, Any]:
        """Return the settings besides rate and clip, for `repr`."""
        return {}

    def __repr__(self) -> str:
        rate = getattr(self._schedule, "lr", self._schedule)
        settings = {"lr": rate, **self.options()}
        if self.clip is not None:
            settings["clip"] = self.clip
        if self.rates:
            settings["rates"] = self.rates
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in settings.items())})"


def _layout(parameters: Parameters) -> list[tuple[str, tuple[int, ...]]]:
    return [(name, view.shape) for name, view in parameters.items()]


def _describe(parameters: Parameters) -> str:
    return (
        f"{parameters.memory.size:,} values of {parameters.dtype} in {len(parameters)} parameters"
    )
