"""Every report as a whole, word by word, against `said.txt`: `SAID=write pytest` writes it anew.

What is said where is for the other tests; whoever changes a word sees here what else it changes.
"""

import os
from pathlib import Path

import pytest

from .dense import CASES as DENSE
from .others import CASES as OTHERS

FILE = Path(__file__).with_name("said.txt")
CASES = DENSE | OTHERS


def blocks():
    made, name = {}, ""
    for line in FILE.read_text(encoding="utf-8").splitlines() if FILE.exists() else []:
        if line.startswith("== "):
            name = line[3:]
            made[name] = []
        else:
            made[name].append(line)
    return {name: "\n".join(lines).strip() for name, lines in made.items()}


@pytest.mark.parametrize("name", CASES)
def test_what_is_said(run, name):
    options, change = CASES[name]
    found = run(lambda record: change(run, record), **options)
    kinds = ", ".join(f"{one.kind}{f' < {one.because}' if one.because else ''}" for one in found)
    said = f"{kinds or 'nothing'}\n{found}"
    if os.environ.get("SAID") == "write":
        known = blocks() | {name: said}
        lines = [f"== {one}\n{known[one]}\n" for one in CASES if one in known]
        FILE.write_text("\n".join(lines), encoding="utf-8")
    assert said == blocks()[name]


def test_every_report_belongs_to_a_case():
    assert list(blocks()) == list(CASES)
