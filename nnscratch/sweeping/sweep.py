"""`sweep`: every point of a grid, with several seeds, on any executor."""

from __future__ import annotations

import inspect
import itertools
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nnscratch.errors import ConfigError, require_count, require_seed, shown
from nnscratch.extras import optional
from nnscratch.files import PathLike, as_path, make_folder
from nnscratch.sweeping.processes import Here, executor_for
from nnscratch.sweeping.run import MEASURED, Build, Row, run
from nnscratch.sweeping.table import Table, key
from nnscratch_kernels.streams import progress_stream
from nnscratch_records import memory
from nnscratch_records.words import one_line

if TYPE_CHECKING:
    import pandas

_READ = 60  # characters of a setting that are shown
_RUN = 1000  # bytes of one that waits


class Run(NamedTuple):
    """One point of the grid with one seed."""

    settings: dict[str, Any]
    seed: int
    name: str


class Sweep(Sequence[Row]):
    """What a sweep gave: a row for each run, as a dict.

    Attributes
    ----------
    path : Path
        Of the table.
    """

    def __init__(self, path: Path, rows: Sequence[Row]) -> None:
        self.path, self._rows = path, list(rows)

    def __getitem__(self, index: Any) -> Any:
        return self._rows[index]

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def failed(self) -> list[Row]:
        """The rows of runs that raised an error."""
        return [row for row in self._rows if row["error"]]

    def to_frame(self) -> pandas.DataFrame:
        """Return the rows as a data frame (``pip install 'nnscratch[pandas]'``)."""
        frame: pandas.DataFrame = optional("pandas", "to_frame", "pandas").DataFrame(self._rows)
        return frame

    def __repr__(self) -> str:
        verdicts = Counter(row["verdict"] or "failed" for row in self._rows)
        said = ", ".join(f"{count} {word}" for word, count in sorted(verdicts.items()))
        return f"Sweep({len(self)} runs: {said}; {self.path})"


def sweep(
    build: Build,
    grid: Mapping[str, Sequence[Any]],
    *,
    seeds: int | Sequence[int] = 1,
    executor: Executor | str | None = None,
    workers: int | None = None,
    table: PathLike = "sweep.csv",
    records: PathLike | None = None,
    retry: bool = False,
    progress: bool = True,
) -> Sweep:
    """Train a network for every combination in `grid`, and return a row of findings for each.

    ::

        def build(seed, depth, activation):                 # in a file that can be imported
            ...
            return {"model": model, "loss": loss, "optimizer": nn.SGD(lr=0.05),
                    "x": x, "y": y, "epochs": 5, "batch_size": 50, "validation": (x_test, y_test)}

        found = nn.sweep(build, {"depth": [5, 10, 20], "activation": ["tanh", "elu"]}, seeds=3)
        found.to_frame().pivot_table("loss", "depth", "activation")

    Every run is recorded. Its row, written as soon as it is over, has its verdict (`Reading`), its
    findings, the factor of the gradient's norm from layer to layer at the start and in the median,
    losses, steps, seconds, and the path of its record. A run that raises is a row with an `error`.
    What has a row in the table already is not run again, so that a sweep that was broken off, or
    grew, goes on.

    Parameters
    ----------
    build : callable
        ``build(seed=..., **settings)`` returns `model`, `loss`, `optimizer`, `x`, `y`, and what
        `Trainer.fit` takes beside them.
    grid : dict of sequences
    seeds : int or sequence of int
        How many, from 0, or which.
    executor : Executor, str or None
        Any of `concurrent.futures`, which is left open; the address of a scheduler of Dask, such as
        ``"tcp://10.0.0.1:8786"`` (``pip install 'nnscratch[dask]'``); None: `workers` processes of
        one thread each here, or this process where `build` is of a notebook or a prompt. A run
        whose process dies is tried once more, alone.
    table, records : path
        Of the table, a CSV file or with the suffix ``.parquet`` one of Parquet (``pip install
        'nnscratch[parquet]'``); of the folder for the records (None: they are not kept). Workers
        elsewhere must see that folder.
    retry : bool
        Run again what has a row with an `error`.

    Raises `ConfigError` for an empty grid, a `build` that does not take its names, the table of
    another sweep, and a script that processes
    cannot import: one that calls `sweep` outside of ``if __name__ == "__main__":``.
    """
    if not (executor is None or isinstance(executor, str) or hasattr(executor, "submit")):
        raise ConfigError(
            f"sweep executor must be one of concurrent.futures, or the address of a scheduler of "
            f"Dask, got {shown(executor)}"
        )
    runs = _runs(grid, seeds)
    _require_build(build, runs[0])
    kept = Table(as_path(table), list(grid))
    if retry:
        kept.forget_failed({one.name for one in runs})
    done = kept.done()
    folder = None if records is None else make_folder(records)
    left = [one for one in runs if one.name not in done]

    def submit(on: Executor, one: Run) -> Future[Row]:
        record = "" if folder is None else str(folder / f"{one.name}.npz")
        return on.submit(run, build, one.settings, one.seed, record)

    alone, over = False, len(runs) - len(left)
    while left:
        with executor_for(build, executor, workers, len(left)) as on:
            at_once = 1 if alone or isinstance(on, Here) else len(left)
            for one, row in _results(on, submit, left, at_once):
                kept.append({**one.settings, "seed": one.seed, **row})
                over += 1
                if progress:
                    said = row["error"] or f"{row['verdict']}, loss {row['loss']:.4g}"
                    said = one_line(f"{_named(one, runs)}: {said}")
                    print(f"{over}/{len(runs)} {said}", file=progress_stream())
        written = kept.done()
        left = [one for one in left if one.name not in written]
        alone = not alone  # a process died, and with it all that were at work: whose fault was it?
    names = {one.name for one in runs}
    mine = [row for row in kept.rows if key({k: row[k] for k in grid}, row["seed"]) in names]
    return Sweep(kept.path, mine)


def _results(
    on: Executor, submit: Any, left: Sequence[Run], at_once: int
) -> Iterator[tuple[Run, Row]]:
    """Yield runs with their rows as they come; stop where a process dies.

    Of several at once nobody knows which one it was of; one alone gets a row.
    """
    waiting: dict[Future[Row], Run] = {}
    ended: SimpleQueue[Future[Row]] = SimpleQueue()  # to wait for all of them costs each its time
    for one in left:
        future = submit(on, one)
        waiting[future] = one
        future.add_done_callback(ended.put)
        while len(waiting) >= at_once or (one is left[-1] and waiting):
            future = ended.get()
            over, row = waiting.pop(future), dict.fromkeys(MEASURED, "")
            try:
                row = future.result()
            except BrokenExecutor:
                if at_once == 1:
                    yield over, row | {"error": "its process died"}
                return
            except Exception as error:  # of the executor: what cannot be sent, a lost worker
                row["error"] = f"{type(error).__name__}: {error}"
            yield over, row


def _runs(grid: Mapping[str, Sequence[Any]], seeds: int | Sequence[int]) -> list[Run]:
    if isinstance(seeds, np.ndarray | Sequence) and _is_list(seeds):
        numbers: Sequence[int] = [require_seed("a seed of a sweep", one) for one in seeds]
    else:
        numbers = range(require_count("sweep seeds", seeds))
    made_of_lists = isinstance(grid, Mapping) and all(map(_is_list, grid.values()))
    taken = {"seed", *MEASURED} & set(grid) if made_of_lists else set()
    if not grid or not made_of_lists or taken:
        why = f": {', '.join(sorted(taken))} is a column of its own" if taken else ""
        raise ConfigError(
            f"the grid of a sweep maps names to lists of values, got {shown(grid)}{why}"
        )
    count = math.prod(map(len, grid.values())) * len(numbers)
    memory.require(f"a sweep of {count:,} runs", _RUN * count)
    made: dict[str, Run] = {}  # one that is asked for twice is one
    for values in itertools.product(*map(_of_python, grid.values())):
        settings = dict(zip(grid, values, strict=True))
        for seed in numbers:
            name = key(settings, seed)
            made[name] = Run(settings, seed, name)
    return [*made.values()]


def _of_python(values: Any) -> list[Any]:
    """Return values without NumPy's kinds of number, which a table cannot give back."""
    return [one.item() if isinstance(one, np.generic) else one for one in values]


def _require_build(build: Build, one: Run) -> None:
    """Raise `ConfigError` for what cannot be called with the settings of a run."""
    if not callable(build):
        raise ConfigError(f"sweep build must be a function (seed, ...), got {shown(build)}")
    try:
        signature = inspect.signature(build)
    except ValueError:  # of some that are compiled nobody knows what they take
        return
    try:
        signature.bind(seed=one.seed, **one.settings)
    except TypeError as error:
        asked = ", ".join(["seed", *one.settings])
        raise ConfigError(
            f"sweep calls build with {asked}, and it takes {signature}: {error}"
        ) from None


def _is_list(values: object) -> bool:
    """Whether they are several values, or one, and no text."""
    if isinstance(values, np.ndarray):
        return values.ndim > 0 and len(values) > 0
    return isinstance(values, Sequence) and not isinstance(values, str | bytes) and len(values) > 0


def _named(one: Run, among: Sequence[Run]) -> str:
    """Return the settings in which runs differ, and the seed."""
    first = among[0].settings
    told = {k: v for k, v in one.settings.items() if any(o.settings[k] != first[k] for o in among)}
    return ", ".join(f"{k} {str(v)[:_READ]}" for k, v in {**told, "seed": one.seed}.items())
