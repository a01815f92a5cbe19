"""Cases collected when `lake` and `marsh` had been written: `SEDGE`, and `REED` put aside.

The SHA-256 of their names puts them in order: the first half was open to tuning, the second was
counted once, at the end.
"""

from __future__ import annotations

from typing import Final

from nnscratch.experiments.public import sedge_labels, sedge_numbers
from nnscratch.experiments.public.case import in_order

CASES: Final = in_order((*sedge_labels.CASES, *sedge_numbers.CASES))
SEDGE: Final = CASES[: len(CASES) // 2]
REED: Final = CASES[len(CASES) // 2 :]
