"""Cases collected when `meadow` had been written: `BROOK`, and `DELTA` put aside.

The SHA-256 of their names puts them in order: the first half is open to tuning, the second is not.
All were logged before anything was changed.
"""

from __future__ import annotations

from typing import Final

from nnscratch.experiments.public.case import in_order
from nnscratch.experiments.public.cases import brook_labels, brook_numbers

CASES: Final = in_order((*brook_labels.CASES, *brook_numbers.CASES))
BROOK: Final = CASES[: len(CASES) // 2]
DELTA: Final = CASES[len(CASES) // 2 :]
