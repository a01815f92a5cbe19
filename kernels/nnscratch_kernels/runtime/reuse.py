"""Memory that arrays take one after the other, as registers do.

The gradient of a layer's output is filled by one call, read by the next few, and by nobody after.
In deep networks such arrays, each with a place of its own, leave the caches long before they are
filled again. Here each takes a block that one before it has done with: with one thread the one that
was left last, which is still in the cache; with several the one that was left first, because work
that was put off may still want to read it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict, deque
from collections.abc import Collection

import numpy as np

from nnscratch_kernels.runtime.calls import Array, Call
from nnscratch_kernels.runtime.memory import address, empty
from nnscratch_kernels.runtime.sharing import OPERATIONS


def in_turns(calls: list[Call], passing: Collection[int], wait: int) -> list[Call]:
    """Return the calls with other memory for arrays that nobody reads when all are done.

    passing : the addresses of such arrays. One that a call reads before any has filled it, or that
        a call reads from the middle on, keeps its memory.
    wait : more than so many bytes must have been left before the first of them is taken again.
    """
    last = _last_uses(calls, passing)
    left: dict[int, deque[Array]] = defaultdict(deque)  # by size, those left first at the beginning
    places: dict[int, Array] = {}
    made = []
    for i, call in enumerate(calls):
        arguments = list(call.arguments)
        ending = []
        for k, value in enumerate(arguments):
            start = address(value) if isinstance(value, np.ndarray) else 0
            if start not in last:
                continue
            size = last[start][1]
            if start not in places:
                free = left[size]
                if len(free) * size > wait:
                    places[start] = free.popleft() if wait else free.pop()
                else:
                    places[start] = empty(size, np.uint8)
            arguments[k] = places[start][: value.nbytes].view(value.dtype).reshape(value.shape)
            if last[start][0] == i and start not in ending:
                ending.append(start)
        for start in ending:
            left[last[start][1]].append(places[start])
        made.append(call._replace(arguments=tuple(arguments)))
    return made


def _last_uses(calls: list[Call], passing: Collection[int]) -> dict[int, tuple[int, int]]:
    """Return, for the arrays that can be elsewhere, the last call that uses each, and its bytes."""
    uses = [
        (i, address(array), array.nbytes, mode)
        for i, call in enumerate(calls)
        for array, (mode, _) in zip(call.arrays, OPERATIONS[call.name].accesses, strict=True)
        if array.size
    ]
    sizes: dict[int, int] = {}
    for _, start, size, _ in uses:
        if start in passing:
            sizes[start] = max(size, sizes.get(start, 0))
    starts, kept = sorted(sizes), set[int]()
    begun: dict[int, int] = {}
    last: dict[int, tuple[int, int]] = {}
    for i, start, size, mode in uses:
        at = bisect_left(starts, start)
        if at and starts[at - 1] + sizes[starts[at - 1]] > start:
            kept.add(starts[at - 1])  # used from the middle on
        while at < len(starts) and starts[at] < start + size:
            if starts[at] != start:  # begins within another one
                kept |= {start, starts[at]}
            elif mode != "w" and begun.setdefault(start, i) == i:
                kept.add(start)  # read before an earlier call has filled it
            at += 1
        if start in sizes:
            begun.setdefault(start, i)
            last[start] = i, sizes[start]
    return {start: use for start, use in last.items() if start not in kept}
