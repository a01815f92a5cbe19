"""The page in the documentation is the table of fields."""

import runpy
from pathlib import Path

from nnscratch_records import FIELDS

DOCS = Path(__file__).parents[2] / "docs"
PAGE = runpy.run_path(str(DOCS / "records.py"))["page"]()


def test_the_page_is_that_of_the_table():
    again = "make it anew: python docs/records.py > docs/records.md"
    assert (DOCS / "records.md").read_text("utf-8") == PAGE, again


def test_every_field_is_on_it_once():
    for name in FIELDS:
        assert PAGE.count(f"\n| `{name}` |") == 1, name
