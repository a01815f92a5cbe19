"""The step of an optimizer as a program: clip, update and measure in one native call.

The gradient is cut into blocks (see `compiled.stepping.blocks`), and the blocks are divided among
the threads. Clipping by norm must have seen every block before it can change one, so it takes two
passes over the gradient; everything else happens to a block at once.
"""

from __future__ import annotations

import itertools
import math
from operator import is_
from typing import Any

import numpy as np
import numpy.typing as npt

from nnscratch_kernels.compiled.stepping import blocks, clipping, measured, parameters
from nnscratch_kernels.compiled.stepping.blocks import each_block
from nnscratch_kernels.compiled.stepping.updating import UPDATES, count_update
from nnscratch_kernels.runtime import team, threads
from nnscratch_kernels.runtime.memory import empty
from nnscratch_kernels.runtime.operation import Operation
from nnscratch_kernels.runtime.program import Program

Array = npt.NDArray[Any]

# (norm before, norm after, components changed, largest before, cosine of the angle between)
ClipResult = tuple[float, float, int, float, float]

# Bytes to read and write that are worth the 3 microseconds that threads need to come together.
WORTH_TEAM = 1_000_000

# Updates that measure by themselves.
MEASURED: dict[str, Operation] = {
    "gradient_descent_update": measured.gradient_descent_measured,
    "momentum_update": measured.momentum_measured,
    "nesterov_update": measured.nesterov_measured,
}


# Where to measure to: rows `parameters.VALUES`; uint8 samples, or an empty array for none; where in
# them each parameter's begin, and where the last one's end; and the stride of each, a multiple of
# 16: see `measure_tensor`.
Measures = tuple[Array, Array, Array, Array]


class Step:
    """One step on flat arrays, to be run again and again.

    Parameters
    ----------
    grads : array
    offsets : int64 array
        Where the parameters begin and end in it.
    params : array or None
    update : (name, arrays)
        An update kernel and the state it keeps, or ("", ()).
    made : int64 array or None
        How many updates there were. The native call that makes one counts it, so that nothing
        comes between the two.
    clip : "value", "norm" (of the whole), "norms" (of each parameter) or None
    limit : float
        Of the clip.
    measures : Measures or None
    owner : anything
        Whatever the caller wants to know the clip by.

    It is divided among as many threads as there are now, if there is enough to do.
    """

    def __init__(
        self,
        grads: Array,
        offsets: Array,
        *,
        params: Array | None = None,
        update: tuple[str, tuple[Array, ...]] = ("", ()),
        made: Array | None = None,
        clip: str | None = None,
        limit: float = 0.0,
        measures: Measures | None = None,
        owner: Any = None,
    ) -> None:
        self.grads, self.params, self.clip, self.limit = grads, params, clip, limit
        self.update, self.states = update
        self.made = made
        self.measures, self.owner = measures, owner
        self.prepare = UPDATES[self.update].prepare if params is not None else None
        if clip is None and measures is None:
            offsets = offsets[[0, -1]]
        arrays = 1 if params is None else 2 + len(self.states)
        worth = grads.nbytes * arrays >= WORTH_TEAM
        self.threads = threads.get_num_threads()
        self.parts = self.threads if worth else 1
        self.scalars: tuple[float, ...] = ()
        self._cut(offsets)
        self._arrange()
        self.program = self._build()

    def fits(
        self,
        params: Array | None,
        grads: Array,
        call: tuple[str, tuple[Array, ...], Any],
        measures: Measures | None,
        owner: Any,
    ) -> bool:
        """Whether the arrays and settings that were compiled in are these, and the threads too."""
        update, states, _ = call
        return (
            self.grads is grads
            and self.params is params
            and self.update == update
            and len(self.states) == len(states)
            and all(map(is_, self.states, states))
            and self.measures is measures
            and self.owner is owner
            and self.threads == threads.get_num_threads()
        )

    def run(self, scalars: tuple[float, ...]) -> None:
        """Make the step; `scalars` are those of the update kernel."""
        if scalars != self.scalars:
            numbers = self.prepared(scalars)
            self.changing()[: len(numbers)] = numbers
            self.scalars = scalars
        if self.parts == 1 or not team.run(self.program):
            team.alone(self.program)

    def prepared(self, scalars: tuple[float, ...]) -> tuple[float, ...]:
        """Return the numbers that the operation makes of the scalars."""
        return scalars if self.prepare is None else self.prepare(*scalars)

    def changing(self) -> Array:
        """Return where those numbers lie, to be written to."""
        self.scalars = ()  # should this be interrupted, the next call begins anew
        return self.numbers[1:]

    def clip_result(self) -> ClipResult:
        """Return what the clip did."""
        before, after, changed, largest, cosine = self.report.tolist()
        if not (0 < before < math.inf and 0 < after < math.inf):
            cosine = math.nan
        elif changed == 0 or self.clip == "norm":
            cosine = 1.0
        return before, after, int(changed), largest, min(cosine, 1.0)

    def _cut(self, offsets: Array) -> None:
        """Cut the parameters into blocks."""
        starts: list[int] = []
        owners: list[int] = []
        firsts = [0]
        for p, (first, last) in enumerate(itertools.pairwise(offsets.tolist())):
            mine = range(first, last, blocks.BLOCK)
            starts += mine
            owners += [p] * len(mine)
            firsts.append(len(starts))
        starts.append(int(offsets[-1]))
        self.starts, self.owners, self.firsts = (
            np.array(values, np.int64) for values in (starts, owners, firsts)
        )

    def _arrange(self) -> None:
        """Lay out the context."""
        count, owners = len(self.owners), len(self.firsts) - 1
        self.records = np.zeros((blocks.ROWS, count))
        self.factors = np.ones(owners)
        self.norms = np.zeros((2, owners if self.clip == "norms" else 0))
        self.report = np.zeros(5)
        self.numbers = np.array([self.limit] + [0.0] * 7, np.float64)
        self.scratch = empty(blocks.SCRATCH_SPACING * self.parts, self.grads.dtype)
        places: dict[int, Array] = {
            blocks.GRADS: self.grads,
            blocks.STARTS: self.starts,
            blocks.OWNERS: self.owners,
            blocks.FIRSTS: self.firsts,
            blocks.RECORDS: self.records,
            blocks.FACTORS: self.factors,
            blocks.NORMS: self.norms,
            blocks.REPORT: self.report,
            blocks.NUMBERS: self.numbers,
            blocks.SCRATCH: self.scratch,
        }
        if self.params is not None:
            places[blocks.PARAMS] = self.params
            places |= dict(enumerate(self.states, blocks.STATE))
        if self.made is not None:
            places[blocks.MADE] = self.made
        if self.measures is not None:
            where = (blocks.MEASURES, blocks.SAMPLES, blocks.PLACES, blocks.STRIDES)
            places |= dict(zip(where, self.measures, strict=True))
        self.context = np.zeros(blocks.CONTEXT, np.int64)
        for place, array in places.items():
            self.context[place] = array.ctypes.data if array.size else 0
        self.context[blocks.BLOCKS], self.context[blocks.PARAMETERS] = count, owners
        self.context[blocks.CLIPS] = self.clip is not None

    def _segments(self) -> list[list[Operation | list[Operation]]]:
        """What to do between one wait and the next; in an inner list, what to do to each block."""
        by_norm = {"norm": clipping.whole_factor, "norms": clipping.parameter_factors}
        segments: list[list[Operation | list[Operation]]] = []
        work: list[Operation] = []
        if self.clip in by_norm:
            segments += [[[clipping.gradient_block]], [by_norm[self.clip]]]
            work.append(clipping.scale_block)
        elif self.clip == "value":
            work.append(clipping.clip_value_block)
        update: list[Operation] = []
        if self.params is not None:
            update = [UPDATES[self.update].operation]
            if self.measures is not None and self.update in MEASURED:
                update = [MEASURED[self.update]]
            elif self.measures is not None:
                update = [parameters.before_block, *update, parameters.after_block]
        segments.append([work + update])
        if self.made is not None:
            segments[-1].append(count_update)
        ends: list[Operation | list[Operation]] = []
        if self.measures is not None:
            ends.append(parameters.measure_parameters)
        if self.clip is not None:
            ends.append(clipping.clip_report)
        return [*segments, ends] if ends else segments

    def _build(self) -> Program:
        dtype = self.grads.dtype
        size = self.starts[-1] - self.starts[0]
        shares = self.starts[0] + size * np.arange(self.parts + 1) / self.parts
        bounds = np.searchsorted(self.starts, shares)
        arguments = self.context.tolist()
        rows: list[tuple[int, int, int, int]] = []
        ends = [0]
        segments = self._segments()
        drivers: list[int] = []
        for segment in segments:
            alone = {clipping.whole_factor, clipping.clip_report, count_update}
            places = []
            for work in segment:
                places.append(len(arguments) if isinstance(work, list) else 0)
                if isinstance(work, list):
                    drivers.append(len(arguments))
                    addresses = [each.address(dtype) for each in work]
                    arguments += [0, len(addresses), *addresses, *bounds.tolist()]
            for part in range(self.parts):
                for work, place in zip(segment, places, strict=True):
                    driver = each_block if isinstance(work, list) else work
                    if driver not in alone:
                        rows.append((driver.address(dtype), place, part, self.parts))
                    elif part == 0:
                        rows.append((driver.address(dtype), place, 0, 1))
                ends.append(len(rows))
        table = np.array(arguments, np.int64)
        table[drivers] = table.ctypes.data
        return Program(
            np.array(rows, np.int64).reshape(-1, 4),
            np.array(ends, np.int64),
            table,
            len(segments),
            self.parts,
        )
