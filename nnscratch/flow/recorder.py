"""The recorder: watches a model train and keeps the full panel of every layer at every step."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from threading import Lock
from typing import TYPE_CHECKING

import numpy.typing as npt

from nnscratch.arrays import Array
from nnscratch.errors import ConfigError, require_count, require_flag, require_real, shown
from nnscratch.flow.census import Census, is_activation
from nnscratch.flow.infos import initial_measures, network_facts
from nnscratch.flow.layout import Layout
from nnscratch.flow.logging import Log
from nnscratch.flow.looks import called
from nnscratch.flow.recording import Recording
from nnscratch.flow.selection import describe_network, select_layers
from nnscratch.flow.tap import Tap
from nnscratch.network.model import Sequential, require_model
from nnscratch.nonfinite import NonFinite
from nnscratch.optimizers import Optimizer
from nnscratch.training import Callback, History, StepInfo, Trainer
from nnscratch.training.penalty import Regularizer
from nnscratch_records import Record
from nnscratch_records.looked import NOTHING
from nnscratch_records.words import plural

if TYPE_CHECKING:
    from nnscratch.files import PathLike
    from nnscratch.theory import Prediction


class GradientFlow(Callback, Recording):
    """Record, at every step, what the signal and the gradient are at every layer.

    With a trainer: ``flow = nn.GradientFlow(model)``, then ``trainer.fit(..., callbacks=[flow])``.
    In one's own loop::

        with flow.attached(optimizer):
            for x, labels in batches:
                value = model.training_pass(x, labels, loss)
                optimizer.step(model.params, model.grads)

    Of each layer's output, and of the gradient of the loss that arrives there: norm, mean, standard
    deviation, largest magnitude, zeros, NaN and infinities, histogram; how much of an activation is
    saturated. Of each parameter: its norm, and those of its gradient (before clipping) and of its
    update. Batch norm's statistics; what clipping did. Looking does not change the training by a
    single bit. `nnscratch_records.FIELDS` lists the names. Where a training goes back to a
    checkpoint, the record goes back with it.

    Parameters
    ----------
    model : Sequential
    every : int
        Record one step in `every`.
    layers : sequence of str or None
        Names of the layers to record; None for all.
    probe : array (examples, features) or None
        A fixed batch on which the units are counted as dead, saturated or alive.
    probe_every : int
        Count the units before one step in `probe_every`.
    histograms : bool
    label : str
        Name of the run in plots and tables.
    memory : str or int
        The most that is kept in memory, such as ``"512 MB"``, or bytes, for findings and pictures,
        with a file too. Beyond it every second step is given up, and the record says so; a file
        holds every step all the same.
    file : path or None
        Also append every recorded step to this file (suffix ``.flow``), which survives a killed
        process.
    log : callable or None
        ``log(numbers, step)``, called at every recorded step: `wandb.log`, `mlflow.log_metrics`,
        `CsvLog`, `TensorBoardLog`, or one's own. Norms are told as log10, so that 1e-10 shows on a
        chart.
    """

    def __init__(
        self,
        model: Sequential,
        every: int = 1,
        *,
        layers: Sequence[str] | None = None,
        probe: npt.ArrayLike | None = None,
        probe_every: int = 100,
        histograms: bool = True,
        label: str = "run",
        memory: str | int = "512 MB",
        file: PathLike | None = None,
        log: Log | None = None,
    ) -> None:
        Recording.__init__(self, label, memory, file, log)
        require_model("GradientFlow model", model)
        self.model = model
        self.every = require_count("GradientFlow every", every)
        self.probe_every = require_count("GradientFlow probe_every", probe_every)
        self.layers = select_layers(model, layers)
        self.histograms = require_flag("GradientFlow histograms", histograms)
        counted = tuple(name for name in self.layers if is_activation(model.layers[name]))
        self.census = None if probe is None else Census(model, counted, probe)
        self._counted = counted if probe is not None else ()
        self._trained: dict[str, str] = {"clip": ""}
        self._step = 0
        self._from_trainer = self._due = False
        self._trainer: Trainer | None = None
        self._first_update = 0  # of one's own loop: the optimizer's count at step 0
        self._shift = 0  # of a trainer: what its step 0 is called here
        self._attached_to: Optimizer | None = None
        self._first_batch: Array | None = None
        self._ended = 0  # where the trainer stood when it let go
        self._lay_out({})
        self._tap = self._new_tap()

    # Attaching

    def attached(self, optimizer: Optimizer) -> AbstractContextManager[GradientFlow]:
        """Record the steps that are made until the block ends: see the class.

        While another thread is at work with the model, beginning is refused (`ConfigError`) and
        ending waits for it.
        """
        if not isinstance(optimizer, Optimizer):
            raise ConfigError(
                f"attached takes the optimizer that makes the steps, such as SGD(lr=0.1), "
                f"got {shown(optimizer)}"
            )
        return _Attached(self, optimizer)

    def on_fit_start(self, trainer: Trainer) -> None:
        """Begin to record (called by the trainer)."""
        if trainer.model is not self.model:
            raise ConfigError("this GradientFlow was made for another model than the trainer's")
        with (mine := Lock()):
            self.model.turn.take(mine, self.model)
            self._attach(trainer.optimizer, called(trainer.loss), trainer.callbacks)
        self._from_trainer = True
        # One that begins, or goes on, does so where the latest recording ended; one that stands
        # at another step has gone back to a checkpoint.
        if trainer.steps == (self._ended if trainer is self._trainer else 0):
            self._shift = self._step - trainer.steps
        elif trainer is not self._trainer:
            self._shift = 0
        self._trainer = trainer

    def on_step_start(self, trainer: Trainer, step: int) -> None:
        """Decide whether to record a step (called by the trainer)."""
        self._step = step + self._shift
        self._due = self._step % self.every == 0
        with (mine := Lock()):
            self.model.turn.take(mine, self.model)
            self._go_to(self._step)
            self._take_census()

    def on_step(self, trainer: Trainer, step: StepInfo) -> None:
        """Finish a step that was not followed by an update (called by the trainer)."""
        if self._tap.waiting:
            with (mine := Lock()):
                self.model.turn.take(mine, self.model)
                self._tap.unfinished(step.lr)

    def on_epoch_end(self, trainer: Trainer, history: History) -> None:
        """Note what held-out examples say (called by the trainer)."""
        if not math.isnan(history.val_loss[-1]):
            self._tap.looks.note(
                validation_loss=history.val_loss[-1],
                validation_accuracy=history.val_accuracy[-1],
            )

    def on_nonfinite(self, trainer: Trainer, found: NonFinite) -> None:
        """Tell how large the tensor was in the steps before (called by the trainer)."""
        if len(self):
            found.remember(self.to_dict())

    def on_fit_exit(self, trainer: Trainer) -> None:
        """Let go of the model, however the training ended (called by the trainer)."""
        if self._from_trainer:
            self._ended = trainer.steps
            with (mine := Lock()):
                self.model.turn.take(mine)
                self._amend(self._tap.looks.pending())
                self._detach(trainer.steps + self._shift)

    def record(self, loss: float, step: int | None = None) -> None:
        """Record the pass that the model has just made, forward and backward, without an update.

        For a single look. `step` numbers the record; without it steps are counted 0, `every`, ...
        """
        loss = require_real("GradientFlow.record loss", loss)
        if step is None:
            self._step = len(self) * self.every
        else:
            self._step = require_count("GradientFlow.record step", step, least=0)
        with (mine := Lock()):
            self.model.turn.take(mine, self.model)
            self._prepare()
            self._go_to(self._step)
            self._take_census()
            self._tap.looks.count = self._step // self.every
            self._tap.passed(loss, measured=False)
            self._tap.unfinished(math.nan)

    # For whoever has the model's turn

    def _attach(
        self, optimizer: Optimizer, loss: str = "", callbacks: Sequence[Callback] = ()
    ) -> None:
        for watched, tap in ((self.model, self.model.tap), (optimizer, optimizer.tap)):
            if tap is not None and tap is not self._tap:
                raise ConfigError(
                    f"another GradientFlow records this {type(watched).__name__} already; "
                    f"one records everything"
                )
        self._trained = {
            "clip": "" if optimizer.clip is None else repr(optimizer.clip),
            "optimizer": repr(optimizer),
            "penalty": _added(callbacks),
            "loss_kind": loss,
        }
        self._prepare()
        if self.file is not None and 0 not in self._layout.features:
            self._stream()  # a file that cannot be made is said before the first step
        self._attached_to = self._tap.looks.optimizer = optimizer
        self._from_trainer = False
        self._first_update = optimizer.steps - self._step
        self.model.tap = optimizer.tap = self._tap

    def _detach(self, step: int) -> None:
        """Let go; the next loop begins with `step`."""
        for watched in (self.model, self._attached_to):
            if watched is not None and watched.tap is self._tap:
                watched.tap = None
        self._tap.waiting = False  # a step that was broken off is none
        self._step, self._attached_to, self._from_trainer = step, None, False
        if self._writer is not None:
            self._writer.finish()

    def _prepare(self) -> None:
        """Lay out the rows, of parameters as they are now; nothing changes once there are some."""
        if not len(self):
            self._lay_out({} if self.census is None else self.census.widths())
            self._tap = self._new_tap()

    def _new_tap(self) -> Tap:
        return Tap(self.model, self._layout, self._is_due, self._finished, self._learned)

    def _lay_out(self, widths: Mapping[str, int]) -> None:
        layers, params = describe_network(self.model, widths)
        own = set(self.layers)
        values = [self.model.params[param.name] for param in params if param.layer in own]
        facts = network_facts(layers, params, self.layers, self._counted, initial_measures(values))
        run = {"label": self.label, "every": self.every, **self._trained}
        self._begin({**run, **facts}, self.histograms)

    def _learned(self, widths: Sequence[int]) -> Layout:
        """Return the layout of rows for a network whose layers turn out to have these widths."""
        self._lay_out(dict(zip(self.layers, widths, strict=True)))
        return self._layout

    # Step by step

    def _is_due(self) -> bool:
        if not self._from_trainer and self._attached_to is not None:
            self._step = self._attached_to.steps - self._first_update
            self._due = self._step % self.every == 0
        self._tap.looks.count = self._step // self.every
        return self._due

    def _gone_back(self, step: int) -> None:
        self._tap.looks.go_back(-(-step // self.every))

    def _take_census(self) -> None:
        """Count the units if that has not been done for the latest multiple of `probe_every`."""
        if self.census is None:
            return
        latest = self._census[-1][0] // self.probe_every if self._census else -1
        if self._step // self.probe_every > latest:
            self._keep_census(self._step, self.census.take())

    def _finished(self) -> None:
        if self._step == 0 and not len(self):
            self._first_batch = self.model.latest.x.copy()  # for `prediction`
        self._keep(self._step, self._tap.row)
        if self._attached_to is not None and not self._from_trainer:
            self._step += 1
            self._take_census()  # between two steps: it uses the layers' buffers

    # What was recorded

    def latest(self) -> Record | None:
        """Return the record of the latest step alone, at little cost; None before the first."""
        if not len(self):
            return None
        numbers, samples = self._layout.views(self._tap.row[None])
        return self._layout.to_record([self._latest], numbers, samples)

    def _nothing(self) -> str:
        return (
            f"GradientFlow {self.label!r} has recorded nothing yet: pass it to "
            f"trainer.fit(..., callbacks=[flow]), or make steps in `with flow.attached(...)`"
        )

    def _predict(self, record: Record) -> Prediction:
        from nnscratch.theory.first_step import predict_first_step

        return predict_first_step(self.model, record, self._first_batch)

    def __repr__(self) -> str:
        steps, layers = plural(len(self), "step"), plural(len(self.layers), "layer")
        return f"GradientFlow({self.label!r}, {steps} of {layers})"


class _Attached(AbstractContextManager[GradientFlow]):
    """A `GradientFlow` that records from the beginning of the block to its end.

    No generator: whoever drops one half way ends the block, at a moment that nobody chose.
    """

    def __init__(self, flow: GradientFlow, optimizer: Optimizer) -> None:
        self.flow, self.optimizer, self.turn = flow, optimizer, flow.model.turn

    def __enter__(self) -> GradientFlow:
        with (mine := Lock()):
            self.turn.take(mine, self.flow.model)
            self.flow._attach(self.optimizer)
            try:
                self.flow._take_census()
            except BaseException:
                self._end()
                raise
        return self.flow

    def __exit__(self, *raised: object) -> None:
        with (mine := Lock()):
            self.turn.take(mine)
            self._end()

    def _end(self) -> None:
        self.flow._detach(self.optimizer.steps - self.flow._first_update)


def _added(callbacks: Sequence[Callback]) -> str:
    """Return what callbacks add to the loss; "" where one of somebody's own, or a loop, may."""
    penalties = [repr(one) for one in callbacks if isinstance(one, Regularizer)]
    ours = all(type(one).__module__.startswith("nnscratch.") for one in callbacks)
    return "; ".join(penalties) or (NOTHING if callbacks and ours else "")
