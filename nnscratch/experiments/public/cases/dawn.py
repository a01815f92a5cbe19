"""Cases collected when `spring` had been tuned on: `DAWN`, and `DUSK` put aside.

The SHA-256 of their names puts them in order: the first half is open to tuning, the second is not.
All were logged before anything was changed.
"""

from __future__ import annotations

from typing import Final

from nnscratch.experiments.public.case import in_order
from nnscratch.experiments.public.cases import dawn_labels, dawn_numbers

CASES: Final = in_order((*dawn_labels.CASES, *dawn_numbers.CASES))
DAWN: Final = CASES[: len(CASES) // 2]
DUSK: Final = CASES[len(CASES) // 2 :]
