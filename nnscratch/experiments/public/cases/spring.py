"""Cases collected when `autumn` had been tuned on: `SPRING`, and `SUMMER` put aside.

As with autumn and winter the SHA-256 of their names puts them in order: the first half is open to
tuning, the second is not. All were logged before anything was changed.
"""

from __future__ import annotations

from typing import Final

from nnscratch.experiments.public.case import in_order
from nnscratch.experiments.public.cases import spring_labels, spring_numbers

CASES: Final = in_order((*spring_labels.CASES, *spring_numbers.CASES))
SPRING: Final = CASES[: len(CASES) // 2]
SUMMER: Final = CASES[len(CASES) // 2 :]
