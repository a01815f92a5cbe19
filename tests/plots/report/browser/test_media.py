"""The page on dark and narrow screens, on paper, and without its script."""

from types import SimpleNamespace

import pytest


def test_dark_screens_get_dark_paper_and_print_gets_white(opened, run):
    page = opened(run(), prefers_color_scheme="dark")
    paper = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(paper) == "rgb(22, 24, 27)"
    assert page.evaluate("runColor(0)") == "#ffffff"
    dark = [{"name": "prefers-color-scheme", "value": "dark"}]
    page.call("Emulation.setEmulatedMedia", media="print", features=dark)
    page.settle()
    assert page.evaluate(paper) == "rgb(255, 255, 255)"
    inks = page.evaluate(
        "(() => { const c = byId('loss'), d = c.getContext('2d').getImageData(0, 0, c.width,"
        " c.height).data; let black = 0, white = 0; for (let i = 0; i < d.length; i += 4)"
        " if (d[i + 3] === 255) { black += d[i] < 40; white += d[i] > 250; } return [black, white];"
        " })()"
    )
    assert inks[0] > 200  # the line was drawn again, black
    assert inks[1] == 0


def test_nothing_is_wider_than_a_narrow_screen(opened, run):
    page = opened([run("a " * 60), run("b" * 90, blocks=40)], width=360, height=700)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_without_script_the_findings_tables_and_pictures_are_there(opened, run):
    finding = SimpleNamespace(
        kind="vanishing", severity="fatal", sentence="it vanishes", cause="", cures=(), step=3
    )
    page = opened(run(), findings=[finding], script=False)
    # The page's own script is off; the protocol still reads the document.
    root = page.call("DOM.getDocument", depth=0)["root"]["nodeId"]

    def box(selector):
        node = page.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        height = page.call("DOM.getBoxModel", nodeId=node)["model"]["height"] if node else 0
        return height

    assert box("noscript img") > 40
    assert box(".finding .sentence") > 10
    assert box("details summary") > 10
    for needs_script in ("#app", "button.go"):
        with pytest.raises(AssertionError, match="Could not compute box model"):
            box(needs_script)
