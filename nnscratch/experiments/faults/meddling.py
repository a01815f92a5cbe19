"""Callbacks that change parameters behind the optimizer's back."""

from __future__ import annotations

from nnscratch.training import Callback, StepInfo, Trainer


class Poison(Callback):
    """Writes one value into a parameter after one step."""

    def __init__(self, step: int, value: float, name: str = "2.weight", place: int = 0) -> None:
        self.step, self.value, self.name, self.place = step, value, name, place

    def on_step(self, trainer: Trainer, step: StepInfo) -> None:
        if step.step == self.step:
            trainer.model.params[self.name].flat[self.place] = self.value


class PutBack(Callback):
    """Puts some parameters back after every step: what the optimizer never sees.

    which : among all, in their order
    """

    def __init__(self, which: slice) -> None:
        self.which = which

    def on_fit_start(self, trainer: Trainer) -> None:
        params = trainer.model.params
        self.kept = {name: params[name].copy() for name in params.names[self.which]}

    def on_step(self, trainer: Trainer, step: StepInfo) -> None:
        for name, values in self.kept.items():
            trainer.model.params[name][...] = values
