"""The page: all that a reader needs, and nothing that the words could break."""

from html.parser import HTMLParser

import pytest

from nnscratch.experiments.claims import Data, page
from nnscratch.experiments.claims.claim import Quantity
from nnscratch.experiments.claims.runner import run_claims


@pytest.fixture
def outcomes(claim_maker, tmp_path):
    claims = [
        claim_maker(),
        claim_maker("other", limit=5.0),
        claim_maker("images", needs=("gone",)),
    ]

    class Without(Data):
        def gone(self):
            raise OSError("not <there>")

    return list(run_claims(claims, tmp_path / "scorecard", Without(), quick=True, seeds=range(6)))


def test_markdown(outcomes, tmp_path):
    written = page.write_pages(outcomes, tmp_path, "scorecard", "made by hand")
    text = written[0].read_text(encoding="utf-8")
    assert written[0].name == "scorecard.md"
    assert "3 claims: 1 ✔ holds, 1 ✘ does not hold, 1 ? cannot be checked here." in text
    assert r"A coin \| lands \*often\* on &lt;one> side." in text
    assert "✔ holds (quick)" in text
    assert "made with --quick" in text
    assert "it needs gone: not &lt;there>" in text
    assert "6 coins, shifted by 0.5" in text
    assert "0.5 (theory)" in text
    rows = [line for line in text.splitlines() if line.startswith("| [")]
    assert [line.replace(r"\|", "").count("|") for line in rows] == [4, 4, 4]
    for name in ("coin", "other"):
        assert f"![{name}](scorecard/{name}.png)" in text
        assert (tmp_path / "scorecard" / f"{name}.png").is_file()
    assert "images.png" not in text


def test_html_is_one_file_with_every_tag_closed(outcomes, tmp_path):
    text = page.write_pages(outcomes, tmp_path, "scorecard", "made by hand")[1].read_text("utf-8")
    assert text.count("data:image/png;base64,") == 2
    assert 'src="scorecard' not in text
    assert "http" not in text
    assert "A coin | lands *often* on &lt;one&gt; side." in text

    open_tags = []

    class Check(HTMLParser):
        def handle_starttag(self, tag, attrs):
            if tag not in ("meta", "img", "th"):
                open_tags.append(tag)

        def handle_endtag(self, tag):
            assert open_tags.pop() == tag

    Check().feed(text)
    assert open_tags == []


def test_a_full_page_does_not_say_quick(claim_maker, tmp_path):
    outcomes = list(run_claims([claim_maker()], tmp_path, Data()))
    assert "quick" not in page.markdown(outcomes, tmp_path, "made by hand")


@pytest.mark.parametrize(
    ("expected", "said"),
    [(None, ""), (0.25, "0.25 (theory)"), ((1, 2.5), "1 to 2.5 (theory)")],
)
def test_expectation(expected, said):
    assert page.expectation(Quantity("x", [1.0, 2.0], expected, "theory")) == said
