"""Cases collected when `lake` and `marsh` had been written: `SEDGE`, and `REED` put aside.

The SHA-256 of their names puts them in order: the first ones were open to tuning, the others were
counted once, at the end.
"""

from __future__ import annotations

from typing import Final

from nnscratch.experiments.public.case import in_order
from nnscratch.experiments.public.cases import sedge_labels, sedge_numbers

_OPEN: Final = 18
CASES: Final = in_order((*sedge_labels.CASES, *sedge_numbers.CASES))
SEDGE: Final = CASES[:_OPEN]
REED: Final = CASES[_OPEN:]
