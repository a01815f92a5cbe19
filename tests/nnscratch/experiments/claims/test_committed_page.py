"""The page in docs/ is that of the claims as they are now."""

import json
import re
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

from nnscratch.experiments.claims import page, registry, store
from nnscratch.experiments.claims.runner import Outcome

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


@pytest.mark.parametrize("claim", registry.CLAIMS, ids=registry.names())
def test_it_says_what_the_claim_s_rule_makes_of_the_results_that_lie_beside_it(claim):
    path = DOCS / "scorecard" / f"{claim.name}.json"
    held = json.loads(path.read_text("utf-8"))
    measured, seconds = store.load(path, claim, None)
    again = store.to_dict(claim, claim.settings(), measured, seconds)
    for name in ("settings", "verdict", "reason", "quantities"):
        assert again[name] == held[name], name
    verdict, picture = claim.verdict(measured), path.with_suffix(".png")
    outcome = Outcome(
        claim, claim.settings(), False, measured, verdict, seconds, kept=True, picture=picture
    )
    whole = page.markdown([outcome], DOCS, "")
    section = whole[whole.index(f"## {claim.name}") : whole.rindex("---")].strip()
    assert section in PAGE.read_text("utf-8")


@pytest.mark.parametrize("claim", registry.CLAIMS, ids=registry.names())
def test_every_part_of_every_picture_shows_something(claim):
    measured, _ = store.load(DOCS / "scorecard" / f"{claim.name}.json", claim, None)
    figure = claim.picture(measured).draw()
    try:
        assert figure.axes
        for ax in figure.axes:
            lines = [line for line in ax.lines if line.get_transform() == ax.transData]
            assert [*lines, *ax.collections, *ax.patches, *ax.images]  # more than a limit
    finally:
        plt.close(figure)
