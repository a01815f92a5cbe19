"""The live table: every layer of a training network on one screen, while it trains.

``trainer.fit(..., callbacks=[flow, nn.LiveTable(flow)])``. A row is a layer; where
there are more layers than lines, a row is a band of layers next to each other, and says how they
spread and which of them is the worst. Where the output is no terminal, a line an epoch instead.
"""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from nnscratch.errors import ConfigError, shown
from nnscratch.flow.glance import Glance, glance
from nnscratch.flow.recorder import GradientFlow
from nnscratch.training import Callback, History, StepInfo, Trainer

if TYPE_CHECKING:
    from rich.console import Console, Group

REFRESH_SECONDS = 0.25
SPARKS = " .:-=+*#"
BLOCKS = "▁▂▃▄▅▆▇█"
STYLES = ("", "yellow", "bold red")
# Lines that are not rows: title, blank line, headings, rule, caption (2), and the cursor's.
FIXED_LINES = 7
NUMBERS = 7 + 8 + 4 + 4 + 7 + 8  # columns that are always as wide, and the gaps between all


class LiveTable(Callback):
    """Show `flow`, the recorder of the same training, in the terminal as it records.

    Redrawn at most four times a second, so it costs a training next to nothing. The last state
    stays on the screen.

    Parameters
    ----------
    flow : GradientFlow
        Before this one in the list of callbacks.
    console : rich.console.Console or None
        Where to; None for standard error, as all progress.
    """

    shows_progress: ClassVar[bool] = True

    def __init__(self, flow: GradientFlow, console: Console | None = None) -> None:
        from nnscratch.console import Console

        self.flow = flow
        if console is not None and not hasattr(console, "is_terminal"):
            raise ConfigError(f"LiveTable console must be one of rich, got {shown(console)}")
        self.console = Console(stderr=True) if console is None else console
        self.losses: list[float] = []
        self._next = 0.0
        self._show: Callable[[Group], None] | None = None
        self._stop: Callable[[], object] = _nothing
        self._latest: tuple[Glance, str] | None = None
        self._clock, self._first = 0.0, 0

    def on_fit_start(self, trainer: Trainer) -> None:
        """Take the screen (called by the trainer)."""
        from rich.live import Live

        self.losses, self._next, self._latest = [], 0.0, None
        self._clock, self._first = time.perf_counter(), trainer.steps
        if not self.console.is_terminal:
            return
        live = Live(console=self.console, auto_refresh=False, vertical_overflow="crop")
        live.start()
        # The cursor comes back even if the training ends in an error.
        self._stop = weakref.finalize(self, live.stop)
        self._show = lambda content: live.update(content, refresh=True)

    def on_step(self, trainer: Trainer, step: StepInfo) -> None:
        """Redraw, if it is time (called by the trainer)."""
        now = time.perf_counter()
        if now < self._next:
            return
        self._next = now + REFRESH_SECONDS
        self._look(trainer, step.step, step.loss)
        self._draw()

    def on_epoch_end(self, trainer: Trainer, history: History) -> None:
        """Print a line where there is no terminal (called by the trainer)."""
        if self._show is not None:
            return
        self._look(trainer, trainer.steps - 1, history.loss[-1])
        if self._latest is not None:
            glance, title = self._latest
            accuracy = history.val_accuracy[-1]
            judged = "" if accuracy != accuracy else f"validation accuracy {accuracy:.4f}  "
            self.console.print(
                f"{title}  loss {history.train_loss[-1]:.4g}  {judged}{glance.line()}",
                highlight=False,
                soft_wrap=True,
            )

    def on_fit_end(self, trainer: Trainer, history: History) -> None:
        """Draw the last state and leave it there (called by the trainer)."""
        if history.loss:
            self._look(trainer, trainer.steps - 1, history.loss[-1])
            self._draw()
        self.close()  # the message comes below the table
        if history.message:
            self.console.print(history.message, highlight=False, soft_wrap=True, markup=False)

    def on_fit_exit(self, trainer: Trainer) -> None:
        """Give the screen back, however the training ended (called by the trainer)."""
        self.close()

    def close(self) -> None:
        """Give the screen back."""
        self._stop()
        self._stop, self._show = _nothing, None

    def _look(self, trainer: Trainer, step: int, loss: float) -> None:
        """Read the latest row of the recorder."""
        self.losses = [*self.losses, loss][-24:]
        row = self.flow.latest()
        if row is None:
            return
        run = trainer.run
        seconds = max(time.perf_counter() - self._clock, 1e-9)
        speed = (trainer.steps - self._first) / seconds
        title = f"{self.flow.label}: step {step:,}"
        if run is not None:
            left = (run.end - run.epoch) * run.steps_per_epoch - run.position
            title += f", epoch {run.epoch + (run.position > 0)}/{run.end}"
            title += f", {_clock(left / max(speed, 1e-9))} left" if left else ", done"
        self._latest = glance(row), title

    def _draw(self) -> None:
        if self._show is not None and self._latest is not None:
            self._show(render(*self._latest, self.losses, self.console))


def render(found: Glance, title: str, losses: list[float], console: Console) -> Group:
    """Return what fits on the screen of `console`: a title line, a table, and how to read it."""
    from rich import box
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    size = console.size
    ascii_only = console.options.ascii_only
    bands = found.bands(max(size.height - FIXED_LINES, 3))
    grouped = len(bands) < len(found.layers)
    low, high = found.scale()
    named = max(5, min(18, max(len(band.name) for band in bands)))
    words = min(24, max(len(band.word) for band in bands))
    bar = max(10, min(24, size.width - named - words - NUMBERS))
    table = Table(box=box.ASCII2 if ascii_only else box.SIMPLE_HEAD, padding=0, show_edge=False)
    table.add_column("layer", no_wrap=True, width=named)
    table.add_column("out std", justify="right", no_wrap=True, width=7)
    table.add_column("gradient", justify="right", no_wrap=True, width=8)
    table.add_column(f"1e{low}..1e{high}", no_wrap=True, width=bar)
    for heading, width in (("zero", 4), ("ends", 4), ("update", 7)):
        table.add_column(heading, justify="right", no_wrap=True, width=width)
    table.add_column("", no_wrap=True, min_width=min(words, 12))
    for band in bands:
        style = STYLES[band.severity]
        table.add_row(
            band.name,
            _number(band.output_std),
            _number(band.gradient),
            found.bar(band, bar, "#" if ascii_only else "█", "." if ascii_only else "·"),
            _percent(band.zeros),
            _percent(band.saturated),
            _number(band.update_ratio),
            band.word,
            style=style,
        )
    sparks = sparkline(losses, SPARKS if ascii_only else BLOCKS)
    top = Text(f"{title}, loss {found.loss:.4g} {sparks}", no_wrap=True, overflow="ellipsis")
    caption = "gradient: norm at the output, log scale; ends: saturated; update: of the weights"
    if grouped:
        caption = (
            "medians over bands of layers; bar: least to largest gradient norm, log scale;\n"
            "ends: saturated; update: relative to the weights; the worst layer is named"
        )
    note = Text(caption, style="dim", no_wrap=True, overflow="ellipsis")
    return Group(top, Text(""), table, note)


def sparkline(values: list[float], marks: str) -> str:
    """Return one character a value, from the smallest to the largest; ``!`` is not finite."""
    finite = [value for value in values if abs(value) < float("inf")]
    low, high = (min(finite), max(finite)) if finite else (0.0, 0.0)
    step = (high - low) / (len(marks) - 1) or 1.0
    return "".join(
        marks[round((value - low) / step)] if abs(value) < float("inf") else "!" for value in values
    )


def _number(value: float) -> str:
    if value != value:
        return ""
    return f"{value:.1e}" if value and not 0.01 <= abs(value) < 1000 else f"{value:.3g}"


def _percent(value: float) -> str:
    return "" if value != value else f"{100 * value:.0f}%"


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}"


def _nothing() -> None:
    """Stop nothing."""
