"""Every report as a whole, word by word, against `said.txt`: `SAID=write pytest` writes it anew.

What is said where is for the other tests; whoever changes a word sees here what else it changes.
"""

import pytest

from .dense import CASES as DENSE
from .others import CASES as OTHERS
from .rare import CASES as RARE

CASES = DENSE | OTHERS | RARE


@pytest.mark.parametrize("name", CASES)
def test_what_is_said(run, said, name):
    options, change = CASES[name]
    found = run(lambda record: change(run, record), **options)
    kinds = ", ".join(f"{one.kind}{f' < {one.because}' if one.because else ''}" for one in found)
    said(__file__, CASES).check(name, f"{kinds or 'nothing'}\n{found}")
