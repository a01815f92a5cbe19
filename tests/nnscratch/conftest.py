"""Reports that are compared word by word with a file that is committed."""

import os
from pathlib import Path

import pytest


class Said:
    """What was said in each case, in a file beside the test; ``SAID=write`` writes it anew."""

    def __init__(self, test, cases, file="said.txt"):
        self.file = Path(test).with_name(file)
        self.cases = list(cases)

    def known(self):
        """Return what was said, by case."""
        made, name = {}, ""
        text = self.file.read_text(encoding="utf-8") if self.file.exists() else ""
        for line in text.splitlines():
            if line.startswith("== "):
                name = line[3:]
                made[name] = []
            else:
                made[name].append(line)
        return {name: "\n".join(lines).strip() for name, lines in made.items()}

    def check(self, name, text):
        """Assert that in this case the same is said; and of no case that is not there."""
        if os.environ.get("SAID") == "write":
            known = self.known() | {name: text}
            blocks = [f"== {one}\n{known[one]}\n" for one in self.cases if one in known]
            self.file.write_text("\n".join(blocks), encoding="utf-8")
        known = self.known()
        assert text.strip() == known[name]
        assert set(known) <= set(self.cases)


@pytest.fixture
def said():
    return Said
