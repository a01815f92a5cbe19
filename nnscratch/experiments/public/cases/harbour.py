"""Cases collected when `north` had been tuned on: `HARBOUR`, and `ISLAND` put aside.

The SHA-256 of their names puts them in order: the first half is open to tuning, the second is not.
All were logged before anything was changed.
"""

from __future__ import annotations

from typing import Final

from nnscratch.experiments.public.case import in_order
from nnscratch.experiments.public.cases import harbour_labels, harbour_numbers

CASES: Final = in_order((*harbour_labels.CASES, *harbour_numbers.CASES))
HARBOUR: Final = CASES[: len(CASES) // 2]
ISLAND: Final = CASES[len(CASES) // 2 :]
