"""The page in docs/ is that of the claims as they are now."""

import re
from pathlib import Path

import pytest

from nnscratch.experiments.claims import registry

DOCS = Path(__file__).parents[4] / "docs"
PAGE = DOCS / "scorecard.md"
pytestmark = pytest.mark.skipif(
    not PAGE.is_file(), reason="no page yet: nnscratch reproduce all --out docs"
)


def test_it_has_every_claim_in_order():
    text = PAGE.read_text("utf-8")
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == list(registry.names())
    assert "made with --quick" not in text


def test_its_pictures_are_there_and_small():
    pictures = re.findall(r"!\[.*?\]\((.*?)\)", PAGE.read_text("utf-8"))
    assert len(pictures) >= len(registry.CLAIMS) - 3  # three claims may lack MNIST
    for picture in pictures:
        assert 0 < (DOCS / picture).stat().st_size < 60_000
