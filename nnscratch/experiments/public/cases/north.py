"""Cases collected when `east` had been tuned on: `NORTH`, and `SOUTH` put aside.

The SHA-256 of their names puts them in order: the first half is open to tuning, the second is not.
All were logged before anything was changed.
"""

from __future__ import annotations

from typing import Final

from nnscratch.experiments.public.case import in_order
from nnscratch.experiments.public.cases import north_labels, north_numbers

CASES: Final = in_order((*north_labels.CASES, *north_numbers.CASES))
NORTH: Final = CASES[: len(CASES) // 2]
SOUTH: Final = CASES[len(CASES) // 2 :]
