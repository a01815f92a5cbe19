"""Where findings begin and end, against `limits.txt` (`SAID=write pytest` writes it anew).

In each made-up record what tells it from a run that learns is made smaller and larger, and the run
is cut shorter; where other things are found than a little before is narrowed down. So each limit
has a run on its either side. What is right there is for the other tests.
"""

import numpy as np
import pytest

from nnscratch.flow.findings import find
from nnscratch_records import FIELDS

from .test_said import CASES

MARKS = {"fatal": "!!", "serious": "!", "notice": ""}
FACTORS = 16.0 ** np.arange(-2, 3)
LENGTHS = (1, 10, 100)
NEAR = 1.3  # how far apart the two sides of a limit are


def found(record):
    """What is found, how bad it is, and what it is put under."""
    return ", ".join(
        f"{one.kind}{MARKS[one.severity]}{f' < {one.because}' if one.because else ''}"
        for one in find(record)
    )


def own(record, *plain):
    """The fields of numbers that tell a record from others."""
    return [
        name
        for name, values in record.items()
        if isinstance(values, np.ndarray) and values.dtype.kind == "f" and name != "saturation"
        if np.nan_to_num(values).any()
        if not any(np.array_equal(one.get(name), values, equal_nan=True) for one in plain)
    ]


def stretches(points, at, middle):
    """From where on which is found: `at` of each point, narrowed down by the `middle` of two."""
    sides = [(point, at(point)) for point in points]
    i = 0
    while i + 1 < len(sides):
        (low, here), (high, there) = sides[i : i + 2]
        between = middle(low, high)
        if here == there or between is None:
            i += 1
        else:
            sides.insert(i + 1, (between, at(between)))
    kept = [one for i, one in enumerate(sides) if not i or one[1] != sides[i - 1][1]]
    return " | ".join(f"{point:.3g}: {said or 'nothing'}" for point, said in kept)


@pytest.mark.parametrize("name", CASES)
def test_where_it_begins_and_ends(run, said, name):
    options, change = CASES[name]
    record, learns, stuck = (run.make(**options) for _ in range(3))
    change(run, record)
    lines = []
    # A loss that stands where a constant answer gets is the same for all: one case speaks for it.
    known = [learns] if name == "it learns nothing" else [learns, run.stuck(stuck)]
    for field in own(record, *known):
        most = 1 if FIELDS[field].unit == "fraction" else np.inf
        lines.append(f"{field} * ")
        lines[-1] += stretches(
            FACTORS,
            lambda by, at=field, most=most: found(record | {at: np.minimum(record[at] * by, most)}),
            lambda low, high: np.sqrt(low * high) if high > NEAR * low else None,
        )
    steps = len(record["steps"])
    by_step = [name for name, v in record.items() if np.ndim(v) and len(v) == steps]
    lines.append("steps ")
    lines[-1] += stretches(
        [length for length in LENGTHS if length < steps] + [steps],
        lambda length: found(record | {name: record[name][:length] for name in by_step}),
        lambda low, high: (low + high) // 2 if high - low > 1 else None,
    )
    said(__file__, CASES, "limits.txt").check(name, "\n".join(lines))
