"""The recorder: watches a model train and keeps the full panel of every layer at every step."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from nnscratch.arrays import Array
from nnscratch.errors import ConfigError, require_count
from nnscratch.flow.census import Census, is_activation
from nnscratch.flow.layout import Layout
from nnscratch.flow.readout import Readout
from nnscratch.flow.records import Record
from nnscratch.flow.selection import make_layout, parse_size, select_layers
from nnscratch.flow.store import Store
from nnscratch.flow.stream import Lost, StreamWriter
from nnscratch.flow.tap import Tap
from nnscratch.model import Sequential
from nnscratch.nonfinite import NonFinite
from nnscratch.optimizers import Optimizer
from nnscratch.training import Callback, History, StepInfo, Trainer

if TYPE_CHECKING:
    from nnscratch.files import PathLike
    from nnscratch.theory import Prediction


class GradientFlow(Callback, Readout):
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
    single bit. `nnscratch.flow.records` lists the names.

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
        The most that is kept in memory, such as ``"512 MB"``, or bytes. Beyond it every second step
        is given up, and the record says so.
    file : path or None
        Also append every recorded step to this file (suffix ``.flow``), which survives a killed
        process.
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
    ) -> None:
        self.model = model
        self.every = require_count("GradientFlow every", every)
        self.probe_every = require_count("GradientFlow probe_every", probe_every)
        self.label = label
        self.layers = select_layers(model, layers)
        self.limit = parse_size(memory)
        self.histograms = bool(histograms)
        self.file = file
        counted = tuple(name for name in self.layers if is_activation(model.layers[name]))
        self.census = None if probe is None else Census(model, counted, probe)
        self._counted = counted if probe is not None else ()
        self._layout: Layout | None = None
        self._writer: StreamWriter | None = None
        self._census_steps: list[int] = []
        self._census_rows: list[Array] = []
        self._step = self._latest = 0
        self._from_trainer = self._due = False
        self._first_update = 0  # of one's own loop: the optimizer's count at step 0
        self._attached_to: Optimizer | None = None
        self._first_batch: Array | None = None
        self._store: Store
        self._tap: Tap
        self._prepare("")

    # Attaching

    @contextmanager
    def attached(self, optimizer: Optimizer) -> Iterator[GradientFlow]:
        """Record the steps that are made until the block ends: see the class."""
        self._attach(optimizer)
        try:
            self._take_census()
            yield self
        finally:
            self._detach()

    def on_fit_start(self, trainer: Trainer) -> None:
        """Begin to record (called by the trainer)."""
        if trainer.model is not self.model:
            raise ConfigError("this GradientFlow was made for another model than the trainer's")
        self._attach(trainer.optimizer)
        self._from_trainer = True

    def on_step_start(self, trainer: Trainer, step: int) -> None:
        """Decide whether to record a step (called by the trainer)."""
        self._step = step
        self._due = step % self.every == 0
        self._take_census()

    def on_step(self, trainer: Trainer, step: StepInfo) -> None:
        """Finish a step that was not followed by an update (called by the trainer)."""
        if self._tap.waiting:
            self._tap.unfinished(step.lr)

    def on_nonfinite(self, trainer: Trainer, found: NonFinite) -> None:
        """Tell how large the tensor was in the steps before (called by the trainer)."""
        if len(self):
            found.remember(self.to_dict())

    def on_fit_end(self, trainer: Trainer, history: History) -> None:
        """Let go of the model (called by the trainer)."""
        self._detach()

    def record(self, loss: float, step: int | None = None) -> None:
        """Record the pass that the model has just made, forward and backward, without an update.

        For a single look. `step` numbers the record; without it steps are counted 0, `every`, ...
        """
        self._step = len(self) * self.every if step is None else step
        self._take_census()
        self._tap.passed(float(loss), measured=False)
        self._tap.unfinished(math.nan)

    def _attach(self, optimizer: Optimizer) -> None:
        for watched, tap in ((self.model, self.model.tap), (optimizer, optimizer.tap)):
            if tap is not None and tap is not self._tap:
                raise ConfigError(
                    f"another GradientFlow records this {type(watched).__name__} already; "
                    f"one records everything"
                )
        self._prepare("" if optimizer.clip is None else repr(optimizer.clip))
        if self.file is not None:
            self._stream()  # a file that cannot be made is said before the first step
        self._attached_to = optimizer
        self._from_trainer = False
        self._first_update = optimizer.steps - self._step
        self.model.tap = optimizer.tap = self._tap

    def _detach(self) -> None:
        self.model.tap = None
        if self._attached_to is not None:
            self._step += self._from_trainer  # where the next loop begins
            self._attached_to.tap = None
            self._attached_to = None
        if self._writer is not None:
            self._writer.finish()

    def _prepare(self, clip: str) -> None:
        """Lay out the rows; nothing changes once there are some."""
        if self._layout is not None and (len(self._store) or self._layout.clip == clip):
            return
        self._layout = make_layout(
            self.model,
            self.layers,
            self._counted,
            label=self.label,
            every=self.every,
            clip=clip,
            histograms=self.histograms,
        )
        self._store = Store(self._layout, self.limit)
        self._tap = Tap(
            self.model,
            self._layout,
            self._is_due,
            self._finished,
        )

    # Step by step

    def _is_due(self) -> bool:
        if not self._from_trainer and self._attached_to is not None:
            self._step = self._attached_to.steps - self._first_update
            self._due = self._step % self.every == 0
        return self._due

    def _take_census(self) -> None:
        """Count the units if that has not been done for the latest multiple of `probe_every`."""
        turn = self._step // self.probe_every
        if self.census is None or (
            self._census_steps and turn <= self._census_steps[-1] // self.probe_every
        ):
            return
        states = self.census.take()
        self._census_steps.append(self._step)
        self._census_rows.append(states)
        if self.file is not None:
            self._stream().census(self._step, states)

    def _finished(self) -> None:
        self._latest = self._step
        tap = self._tap
        if self._step == 0 and not len(self):
            self._first_batch = self.model.latest.x.copy()  # for `prediction`
        self._store.append(self._step, tap.row)
        if self.file is not None:
            self._stream().row(self._step, *self._store.layout.views(tap.row))
        if self._attached_to is not None and not self._from_trainer:
            self._step += 1
            self._take_census()  # between two steps: it uses the layers' buffers

    def _stream(self) -> StreamWriter:
        """Return the file's writer, made when there is something to write."""
        if self._writer is None:
            layout = self._layout
            assert layout is not None
            assert self.file is not None
            self._writer = StreamWriter(
                self.file,
                layout.describe(),
                scalars=layout.numbers,
                samples=layout.samples,
                codes=layout.census_units[-1],
            )
        return self._writer

    def close(self) -> None:
        """Close the file, if there is one. Nothing can be recorded into it afterwards."""
        if self._writer is not None:
            self._writer.close()

    # What was recorded

    def __len__(self) -> int:
        return len(self._store)

    def to_dict(self) -> Record:
        """Return what was recorded (see `nnscratch.flow.records`)."""
        assert self._layout is not None
        if not len(self):
            raise ConfigError(
                f"GradientFlow {self.label!r} has recorded nothing yet: pass it to "
                f"trainer.fit(..., callbacks=[flow]), or make steps in `with flow.attached(...)`"
            )
        steps, numbers, samples = self._store.rows()
        return self._layout.to_record(
            steps,
            numbers,
            samples,
            self._census_steps,
            np.array(self._census_rows) if self._census_rows else None,
            self._store.kept_every,
            self._note(),
        )

    def latest(self) -> Record | None:
        """Return the record of the latest step alone, at little cost; None before the first."""
        if not len(self):
            return None
        assert self._layout is not None
        numbers, samples = self._layout.views(self._tap.row[None])
        return self._layout.to_record([self._latest], numbers, samples)

    def _note(self) -> str:
        notes, kept = [], self._store.kept_every
        if kept > 1:
            notes.append(
                f"memory was limited to {self.limit:,} bytes: of the recorded steps one in {kept} "
                f"is kept"
            )
        if self.lost is not None:
            notes.append(
                f"from step {self.lost.step} on nothing is in {self.file}: {self.lost.reason}"
            )
        return "; ".join(notes)

    @property
    def lost(self) -> Lost | None:
        """The first step that did not reach the file, and why; None if all did."""
        return None if self._writer is None else self._writer.lost

    def _predict(self, record: Record) -> Prediction:
        from nnscratch.theory.first_step import predict_first_step

        return predict_first_step(self.model, record, self._first_batch)

    def __repr__(self) -> str:
        return f"GradientFlow({self.label!r}, {len(self)} steps of {len(self.layers)} layers)"
