"""Cases collected when all others had been seen, as forums ask: `AUTUMN`, and `WINTER` put aside.

The SHA-256 of their names puts them in order: one half is open to tuning, the other is not. Both
were logged with source, truth, answer and verdict before anything was changed.
"""

from __future__ import annotations

from typing import Final

from nnscratch.experiments.public.case import in_order
from nnscratch.experiments.public.cases import autumn_labels, autumn_numbers

CASES: Final = in_order((*autumn_labels.CASES, *autumn_numbers.CASES))
AUTUMN: Final = CASES[: len(CASES) // 2]
WINTER: Final = CASES[len(CASES) // 2 :]
