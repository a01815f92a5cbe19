"""Cases collected when all others had been seen, as forums ask: `AUTUMN`, and `WINTER` put aside.

The SHA-256 of their names puts them in order: one half is open to tuning, the other is not. Both
were logged with source, truth, answer and verdict before anything was changed.
"""

from __future__ import annotations

import hashlib
from typing import Final

from nnscratch.experiments.public import autumn_labels, autumn_numbers
from nnscratch.experiments.public.case import Sick

CASES: Final = (*autumn_labels.CASES, *autumn_numbers.CASES)


def _place(case: Sick) -> bytes:
    return hashlib.sha256(case.name.encode()).digest()


_SORTED: Final = sorted(CASES, key=_place)
AUTUMN: Final = tuple(_SORTED[: len(CASES) // 2])
WINTER: Final = tuple(_SORTED[len(CASES) // 2 :])
