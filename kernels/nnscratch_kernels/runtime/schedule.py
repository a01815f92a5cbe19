"""From a list of kernel calls to a program for a number of threads.

What makes small networks fast on several threads is not to wait: a dense layer and an activation,
forward and backward, give each row of the batch its own row of the output. So every thread takes
its rows through as many layers as it can. Where a call needs what other threads have written (the
loss needs all rows, batch norm all rows of a column), a new segment begins.

Gradients of weights need all rows too, but nothing waits for them: they are put off until a segment
begins anyway, or their inputs are about to leave the caches, and then shared out whole if there are
many of them, else split. What a recorder measures of a tensor, every thread measures of its own
rows while they are in its cache, if they are whole runs of rows; else that is put off likewise, and
shared out whole.
Weights are transposed in the forward pass, while they are in the caches and nobody waits for it; on
one thread, and for large weights, just before they are used.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from nnscratch_kernels import load
from nnscratch_kernels.runtime.calls import Array, Call
from nnscratch_kernels.runtime.memory import empty
from nnscratch_kernels.runtime.program import Program
from nnscratch_kernels.runtime.reuse import in_turns
from nnscratch_kernels.runtime.shares import ROWS_PER_PART
from nnscratch_kernels.runtime.sharing import OPERATIONS, encoded

load("numba")  # whose modules declare the operations
LOSSES = {name for name, operation in OPERATIONS.items() if operation.returns}

# Multiply-adds of a product that is worth splitting by columns, where rows are too few.
WORTH_COLUMNS = 200_000
# Bytes of inputs of weight gradients that are put off: what surely stays in a core's own cache.
PUT_OFF = 400_000
# Elements of a weight that is not transposed early: it would not stay in the caches.
LARGE_WEIGHT = 250_000
# Nanoseconds of work that are worth the 3 microseconds that several threads need to come together.
WORTH_TEAM = 20_000
# Nanoseconds that each of many threads needs to meet the others at the end of a segment.
MEETING = 150


# Which part of the work touches what of an array: ("rows", so many), each part its own of them;
# ("columns", so many), likewise; ("part", number), that part alone; or any part anything.
Label = tuple[str, Any]
ANY: Label = ("any", None)


def _encode(calls: list[Call], dtype: np.dtype[Any]) -> tuple[Array, list[int]]:
    """Return the arguments of all calls as integers, and where each call's begin."""
    words: list[int] = []
    starts = []
    for call in calls:
        starts.append(len(words))
        results = () if call.result is None else (call.result,)
        words += encoded((*call.arguments, *results), dtype)
        words += [0] * (-len(words) % 8)  # each on cache lines of its own
    return np.array(words, np.int64), starts


@dataclass
class _Segment:
    """The lists of one segment, and who touches which array in it."""

    lists: list[list[tuple[int, int, int, int]]]
    loads: list[float]
    readers: dict[int, set[Label]] = field(default_factory=dict)
    writers: dict[int, Label] = field(default_factory=dict)


class _Step(NamedTuple):
    """An operation on its way into a segment: where its arguments are, how it touches what."""

    name: str
    start: int
    split: str
    accesses: list[tuple[int, bool, Label]]
    cost: float
    bytes: int


class Scheduler:
    """Builds the program; see the top of this file."""

    def __init__(
        self,
        calls: list[Call],
        dtype: np.dtype[Any],
        parts: int,
        passing: Collection[int] = (),
    ) -> None:
        self.dtype = dtype
        if sum(call.cost for call in calls) < WORTH_TEAM:
            parts = 1
        self.parts = parts
        self.calls = in_turns(self._share_scratch(calls), passing, 2 * PUT_OFF * (parts > 1))
        self.segments: list[_Segment] = []
        self.waiting: list[_Step] = []

    def build(self) -> Program:
        """Return the program. Its arrays live as long as somebody keeps `calls`."""
        arguments, starts = _encode(self.calls, self.dtype)
        self._begin()
        early = self._early_packs()
        for i, call in enumerate(self.calls):
            if call.name == "dense_backward_input" and i not in early.values():
                self._add(self._step("pack_weight", i, starts[i]))
            step = self._step(call.name, i, starts[i])
            # What goes along with the rows, as measures do, is done while they are near.
            along = any(label[0] == "rows" and not writes for _, writes, label in step.accesses)
            if self.parts > 1 and OPERATIONS[call.name].deferred and not along:
                self._put_off(step)
            else:
                self._add(step)
            if i in early:
                self._add(self._step("pack_weight", early[i], starts[early[i]]))
        self._catch_up()
        lists = [rows for segment in self.segments for rows in segment.lists]
        ends = np.concatenate(([0], np.cumsum([len(rows) for rows in lists]))).astype(np.int64)
        table = np.array([row for rows in lists for row in rows], np.int64).reshape(-1, 4)
        return Program(table, ends, arguments, len(self.segments), self.parts)

    @property
    def nanoseconds(self) -> float:
        """What the program that was built takes, very roughly."""
        meetings = MEETING * self.parts * len(self.segments) if self.parts > 1 else 0
        return sum(max(segment.loads) for segment in self.segments) + meetings

    def _share_scratch(self, calls: list[Call]) -> list[Call]:
        """Let weights be transposed into one scratch, which stays in the caches, one by one.

        With several threads everybody would wait twice for each, which pays for large weights.
        """
        shared = {
            i: call.arguments[3].shape
            for i, call in enumerate(calls)
            if call.name == "dense_backward_input"
            and (self.parts == 1 or call.arguments[3].size >= LARGE_WEIGHT)
        }
        size = max((rows * columns for rows, columns in shared.values()), default=0)
        scratch = empty(size, self.dtype)
        return [
            call._replace(
                arguments=(
                    *call.arguments[:3],
                    scratch[: math.prod(shared[i])].reshape(shared[i]),
                )
            )
            if i in shared
            else call
            for i, call in enumerate(calls)
        ]

    def _early_packs(self) -> dict[int, int]:
        """For a dense layer's forward call, the call that needs its weight transposed."""
        if self.parts == 1:  # one thread has the weight in its cache anyway
            return {}
        forward = {
            call.arguments[2].ctypes.data: i
            for i, call in enumerate(self.calls)
            if call.name == "dense_forward"
        }
        return {
            forward[call.arguments[2].ctypes.data]: i
            for i, call in enumerate(self.calls)
            if call.name == "dense_backward_input"
            and call.arguments[2].ctypes.data in forward
            and call.arguments[3].size < LARGE_WEIGHT
        }

    def _step(self, name: str, index: int, start: int) -> _Step:
        call = self.calls[index]
        split = self._split(name, call)
        accesses = []
        size = 0
        for array, (mode, part) in zip(call.arrays, OPERATIONS[name].accesses, strict=True):
            if mode == "-":
                continue
            if split == "one":
                label: Label = ("part", 0)
            elif split == "columns" and part == "rows":  # a product turned the other way
                label = ("columns", array.shape[1]) if mode == "w" else ANY
            elif part == "rows":
                label = ("rows", array.shape[0])
            elif part == "columns":
                label = ("columns", array.shape[-1] if name != "pack_weight" else array.shape)
            else:
                label = ANY
            accesses.append((array.ctypes.data, mode == "w", label))
            size += array.nbytes if mode == "r" else 0
        cost = call.cost if name != "pack_weight" else call.arguments[2].size / 10
        return _Step(name, start, split, accesses, cost, size)

    def _split(self, name: str, call: Call) -> str:
        """rows, columns or one: how a call is split."""
        by, least = OPERATIONS[name].by, ROWS_PER_PART * self.parts
        if self.parts == 1 or by == "nothing":
            return "one"
        if by == "columns":
            return "columns"
        if name == "measure_tensor":
            tensor, runs = call.arguments[2], call.arguments[-1]
            return "rows" if runs % self.parts == 0 and len(tensor) >= least else "one"
        if len(call.arguments[0]) >= least:
            return "rows"
        return "columns" if call.products >= WORTH_COLUMNS else "one"

    def _begin(self) -> None:
        """Begin a segment, with the work that was put off."""
        self._append()
        self._flush()

    def _append(self) -> None:
        self.segments.append(_Segment([[] for _ in range(self.parts)], [0.0] * self.parts))

    def _catch_up(self) -> None:
        """Do the work that was put off, in the latest segment if it needs nothing of that."""
        if any(self._conflicts(step, ANY) for step in self.waiting):
            self._begin()
        self._flush()

    def _flush(self) -> None:
        """Do the work that was put off in the latest segment.

        Of steps that write one array, such as the gradient of a tied weight, each follows the one
        before it on the same thread, or if that cannot be in a segment of its own.
        """
        shared = sum(step.split != "one" for step in self.waiting) < 2 * self.parts
        for step in self.waiting:
            if shared and step.split != "one":
                if self._conflicts(step):
                    self._append()
                self._note(step)
                self._emit(step)
                continue
            loads = self.segments[-1].loads
            # Of equals the last, since what is not shared goes to the first.
            parts = sorted(range(self.parts), key=lambda part: (loads[part], -part))
            free = [part for part in parts if not self._conflicts(step, ("part", part))]
            if not free:
                self._append()
            part = (free or parts)[0]
            self._note(step, ("part", part))
            self.segments[-1].loads[part] += step.cost
            self.segments[-1].lists[part].append((*self._head(step), 0, 1))
        self.waiting.clear()

    def _put_off(self, step: _Step) -> None:
        self.waiting.append(step)
        if sum(other.bytes for other in self.waiting) > PUT_OFF:
            self._catch_up()

    def _add(self, step: _Step) -> None:
        put_off = {access[:2] for other in self.waiting for access in other.accesses}
        if any(
            (address, True) in put_off or (writes and (address, False) in put_off)
            for address, writes, _ in step.accesses
        ):
            self._begin()
        if self._conflicts(step):
            self._begin()
        self._note(step)
        self._emit(step)

    def _conflicts(self, step: _Step, placed: Label | None = None) -> bool:
        """Whether the step touches what other parts of this segment write, or writes what they
        touch. `placed`: whoever touches its arrays in the end, if not as it is split."""
        segment = self.segments[-1]
        for address, writes, split in step.accesses:
            label = placed or split
            writer = segment.writers.get(address)
            if writer is not None and (writer != label or label == ANY):
                return True
            readers = segment.readers.get(address)
            if writes and readers and (readers != {label} or label == ANY):
                return True
        return False

    def _note(self, step: _Step, placed: Label | None = None) -> None:
        segment = self.segments[-1]
        for address, writes, split in step.accesses:
            if writes:
                segment.writers[address] = placed or split
            else:
                segment.readers.setdefault(address, set()).add(placed or split)

    def _emit(self, step: _Step) -> None:
        segment, parts = self.segments[-1], self.parts
        if step.split == "one":
            segment.lists[0].append((*self._head(step), 0, 1))
            segment.loads[0] += step.cost
            return
        columns = step.split == "columns" and OPERATIONS[step.name].depth is not None
        for part in range(parts):
            segment.lists[part].append((*self._head(step), part, -parts if columns else parts))
            segment.loads[part] += step.cost / parts

    def _head(self, step: _Step) -> tuple[int, int]:
        return OPERATIONS[step.name].address(self.dtype), step.start


def fastest(
    calls: list[Call], dtype: np.dtype[Any], threads: int, passing: Collection[int] = ()
) -> tuple[Program, list[Call]]:
    """Return the program for so many threads at most, and the calls that keep its arrays alive.

    passing : the addresses of arrays that nobody reads afterwards (see `reuse`).

    Where rows are few, many threads would meet after every call: then half as many are faster, or
    half of those.
    """
    counts = [threads]
    while counts[-1] >= 4:
        counts.append(counts[-1] // 2)
    schedulers = [Scheduler(calls, dtype, count, passing) for count in counts]
    programs = [scheduler.build() for scheduler in schedulers]
    best = min(range(len(counts)), key=lambda i: schedulers[i].nanoseconds)
    return programs[best], schedulers[best].calls
