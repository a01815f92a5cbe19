"""How training shows that it goes on: a bar on a terminal, one line per epoch elsewhere."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from nnscratch_kernels.streams import progress_stream
from nnscratch_records.words import one_line

if TYPE_CHECKING:
    from rich.progress import Progress

    from nnscratch.training.history import History

REFRESH_SECONDS = 0.1


class Display:
    """Shows nothing; the base of those that do.

    Parameters
    ----------
    first, last : int
        The epochs to come are first + 1 to last, counted from 1 as people do.
    steps, position : int
        Steps of an epoch, and those made already in the first one.
    """

    def __init__(self, first: int, last: int, steps: int, position: int) -> None:
        self.first, self.last, self.steps, self.position = first, last, steps, position
        self.total = (last - first) * steps - position
        self.done = self.timed = 0
        self.clock = time.perf_counter()

    def step(
        self, batch: int, loss: float, accuracy: Callable[[], float | None], steps: int = 1
    ) -> None:
        """So many steps were made, each on `batch` examples; `accuracy` returns that of the last
        mini-batch, `loss` is its loss."""

    def epoch(self, history: History) -> None:
        """An epoch was finished."""

    def close(self, message: str) -> None:
        """Training ended; `message` says why if it ended early."""

    def count(self, batch: int, steps: int = 1) -> float:
        """Count steps and return the time. The first one, which may compile, is not timed."""
        now = time.perf_counter()
        if self.done == 0:
            self.clock = now
        else:
            self.timed += batch * steps
        self.done += steps
        return now

    def epoch_number(self) -> int:
        """The epoch the latest step belongs to, from 1."""
        return self.first + -(-(self.position + self.done) // self.steps)

    def speed(self) -> float:
        """Examples per second so far."""
        return self.timed / max(time.perf_counter() - self.clock, 1e-9)

    def time_left(self) -> str:
        """The time the remaining steps will take at the speed so far, as h:mm:ss."""
        elapsed = time.perf_counter() - self.clock
        seconds = round(elapsed * (self.total - self.done) / max(self.done - 1, 1))
        minutes, seconds = divmod(seconds, 60)
        hours, minutes = divmod(minutes, 60)
        return f"{hours}:{minutes:02}:{seconds:02}"


class Lines(Display):
    """One line per epoch."""

    def step(
        self, batch: int, loss: float, accuracy: Callable[[], float | None], steps: int = 1
    ) -> None:
        self.count(batch, steps)

    def epoch(self, history: History) -> None:
        parts = [
            f"epoch {self.epoch_number()}/{self.last}",
            f"loss {history.train_loss[-1]:.4f}",
        ]
        if not math.isnan(history.val_accuracy[-1]):
            parts.append(f"validation accuracy {history.val_accuracy[-1]:.4f}")
        elif history.val_loss and not math.isnan(history.val_loss[-1]):
            parts.append(f"validation loss {history.val_loss[-1]:.4f}")
        if self.timed:
            parts += [f"{self.speed():,.0f} samples/s", f"{self.time_left()} left"]
        print("  ".join(parts), file=progress_stream(), flush=True)

    def close(self, message: str) -> None:
        if message:
            print(one_line(message), file=progress_stream(), flush=True)


class Bar(Display):
    """A bar with loss, accuracy, speed and time left, redrawn at most ten times a second."""

    def __init__(self, first: int, last: int, steps: int, position: int) -> None:
        super().__init__(first, last, steps, position)
        self.accuracy = ""
        self.validated = False
        self.loss = math.nan
        self.bar = _make_bar()
        self.task = self.bar.add_task(f"epoch {first + 1}/{last}", total=self.total, note="")
        self.bar.start()
        self.next_refresh = self.clock

    def step(
        self, batch: int, loss: float, accuracy: Callable[[], float | None], steps: int = 1
    ) -> None:
        now = self.count(batch, steps)
        self.loss = loss
        if self.done == 1 or now < self.next_refresh:
            return  # after one step there is no speed yet
        self.next_refresh = now + REFRESH_SECONDS
        if not self.validated:
            value = accuracy()
            self.accuracy = "" if value is None else f"batch accuracy {value:.3f}  "
        self._draw()

    def epoch(self, history: History) -> None:
        self.loss = history.train_loss[-1]
        if not math.isnan(history.val_accuracy[-1]):
            self.validated = True
            self.accuracy = f"validation accuracy {history.val_accuracy[-1]:.4f}  "
        self._draw()

    def close(self, message: str) -> None:
        self._draw()
        self.bar.stop()
        if message:
            self.bar.console.print(message, highlight=False, markup=False)

    def _draw(self) -> None:
        note = (
            f"loss {self.loss:.4f}  {self.accuracy}{self.speed():,.0f} samples/s  "
            f"{self.time_left()} left"
        )
        description = f"epoch {min(self.epoch_number(), self.last)}/{self.last}"
        self.bar.update(
            self.task, completed=self.done, description=description, note=note, refresh=True
        )


def _make_bar() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[note]}"),
        console=Console(file=progress_stream()),
        auto_refresh=False,
    )


def make_display(wanted: bool, first: int, last: int, steps: int, position: int) -> Display:
    """Return the display that fits where progress is shown, or a silent one."""
    if not wanted:
        kind: type[Display] = Display
    elif progress_stream().isatty():
        kind = Bar
    else:
        kind = Lines
    return kind(first, last, steps, position)
