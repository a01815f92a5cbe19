"""Cases collected when `dawn` had been tuned on: `EAST`, and `WEST` put aside.

The SHA-256 of their names puts them in order: the first half is open to tuning, the second is not.
All were logged before anything was changed.
"""

from __future__ import annotations

from typing import Final

from nnscratch.experiments.public.case import in_order
from nnscratch.experiments.public.cases import east_labels, east_numbers

CASES: Final = in_order((*east_labels.CASES, *east_numbers.CASES))
EAST: Final = CASES[: len(CASES) // 2]
WEST: Final = CASES[len(CASES) // 2 :]
