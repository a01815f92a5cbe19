"""The choice of a kind of layers, and what changes the gradient, as the page draws them."""

import re

import numpy as np
import pytest

from nnscratch_plots.attribution import split_at
from nnscratch_plots.records import Run

PROFILES = {"gradient_norm": "app.charts[1]", "output_std": "app.charts[3]"}
KINDS = {"dense": [0, 2, 4, 6, 8, 10], "activations": [1, 3, 5, 7, 9], "all": list(range(11))}
TERMS = {
    "weights": ("weights",),
    "derivative": ("derivative",),
    "batchnorm": ("scale", "projection"),
    "dropout": ("noise",),
}


def drawn(page, chart):
    """The points that a chart over the layers draws: its own call is listened to."""
    return page.evaluate(
        "(() => { const real = drawLines; let seen; drawLines = (c, lines, x, axis) => {"
        " seen = lines.map(({ xs, ys }) => [[...xs], [...ys]]); real(c, lines, x, axis); };"
        f" {chart}.draw(); drawLines = real; return seen; }})()"
    )


def offered(page):
    return page.evaluate("[...byId('kind').options].map((option) => option.value)")


def said(page, run=0):
    """The sums of the terms that stand below a run's bars, and the whole sentence."""
    words = f"app.attributions[{run}].words"
    sums = page.evaluate(
        f"Object.fromEntries([...{words}.querySelectorAll('[data-term]')]"
        ".map((one) => [one.dataset.term, one.textContent]))"
    )
    numbers = {term: float(re.search(r"[+-]\d+\.\d\d$", text)[0]) for term, text in sums.items()}
    return numbers, page.evaluate(f"{words}.textContent")


def expected(record, row):
    """The same sums by the function that draws them with Matplotlib."""
    split = split_at(Run(record), row, "backward")
    totals = split.totals()
    sums = {
        term: sum(totals[part] for part in parts if part in totals)
        for term, parts in TERMS.items()
        if parts[0] in totals
    }
    return sums | {"together": sum(totals.values())}


def assert_sums(page, record, row, run=0):
    sums, _ = said(page, run)
    assert sums == pytest.approx(expected(record, row), abs=0.00501)
    assert sums.keys() == expected(record, row).keys()


def of_kinds(record, kinds):
    """The record with other names of the layers: the `kinds` from the bottom, and so on again."""
    count = len(record["layers"])
    names = [*(kinds * count)[: count - 1], "dense"]
    record["layers"] = np.array([f"{i}.{kind}" for i, kind in enumerate(names)])
    return record


def with_batchnorm(record):
    """Blocks of dense, batch norm and activation."""
    norms = list(range(1, len(record["layers"]) - 1, 3))
    record = of_kinds(record, ["dense", "batchnorm", "relu"])
    record["batchnorm_layers"] = record["layers"][norms]
    record["batchnorm_scale"] = np.full((len(record["steps"]), len(norms)), 0.7)
    return record


def test_the_kind_of_layers_governs_lines_and_heatmap(opened, run):
    record = run(per_layer=0.4)
    page = opened(record)
    assert offered(page) == ["dense", "activations", "all"]
    assert page.evaluate("byId('kind').value") == "dense"
    others = [drawn(page, chart) for chart in ("app.charts[2]", "app.ends")]
    for kind, layers in KINDS.items():
        page.choose("kind", kind)
        page.go_to(7)
        assert page.evaluate("byId('kind').value") == kind  # the slider does not forget it
        for key, chart in PROFILES.items():
            ((xs, ys),) = drawn(page, chart)
            assert xs == layers
            np.testing.assert_allclose(ys, record[key][7, layers], rtol=1e-6)
            for layer in (layers[0], layers[3]):
                text = page.hover(chart, layer, "app.runs[0]")
                assert f"{record['layers'][layer]}, step 7" in text
                value = float(re.search(r"(?:norm|std) (\S+)$", text)[1])
                np.testing.assert_allclose(value, record[key][7, layer], rtol=6e-4)
        assert page.evaluate("app.heatmaps[0].layers") == layers
        text = page.hover("app.heatmaps[0]", 31, layers[2])
        assert f"{record['layers'][layers[2]]}, step 31" in text
        value = float(re.search(r"norm (\S+)$", text)[1])
        np.testing.assert_allclose(value, record["gradient_norm"][31, layers[2]], rtol=6e-4)
        page.evaluate("app.goTo(39)")
        page.settle()
        assert [drawn(page, chart) for chart in ("app.charts[2]", "app.ends")] == others


def test_the_kind_of_layers_is_said_and_chosen_by_keyboard(opened, run):
    page = opened(run())
    caption = "byId('profile-gradient_norm').closest('figure').innerText"
    label = "byId('profile-output_std').getAttribute('aria-label')"
    assert "gradient of each dense layer" in page.evaluate(caption)
    assert page.evaluate(label).endswith("each dense layer")
    page.evaluate("byId('kind').focus()")
    page.press("ArrowDown")
    assert page.evaluate("app.kind") == "activations"
    assert "gradient of each activation" in page.evaluate(caption)
    assert page.evaluate(label).endswith("each activation")
    page.press("ArrowDown")
    assert "may zigzag" in page.evaluate(caption)
    assert "may zigzag" in page.evaluate("byId('heatmap-how').textContent")
    page.choose("quantity", "saturated")
    assert "may zigzag" not in page.evaluate("byId('heatmap-how').textContent")


def test_only_kinds_that_there_are_can_be_chosen(opened, run):
    for kinds, found, shown in (
        (["relu"], ["dense", "activations", "all"], [10]),
        (["batchnorm"], ["dense", "all"], [10]),
        (["dense"], ["dense"], list(range(11))),
    ):
        page = opened(of_kinds(run(), kinds))
        assert offered(page) == found
        assert page.evaluate("byId('kind').checkVisibility()") == (len(found) > 1)
        assert drawn(page, PROFILES["gradient_norm"])[0][0] == shown
    record = run()
    record["layers"] = np.array([f"{i}.relu" for i in range(11)])
    page = opened([record, run("whole")])
    assert "run: 2.relu is no dense layer" in page.hover("app.charts[1]", 2, "app.runs[1]")
    assert page.evaluate("app.heatmaps.map((one) => one.run.label)") == ["whole"]
    page.evaluate("document.querySelectorAll('#runs input')[1].click()")
    page.settle()
    assert offered(page) == ["activations"]
    assert drawn(page, PROFILES["gradient_norm"])[0][0] == list(range(11))


def test_attribution_says_the_sums_of_the_record(opened, run):
    records = [run("plain", per_layer=0.4), with_batchnorm(run("normed", blocks=6, seed=4))]
    records.append(of_kinds(run("noise", seed=5), ["dropout", "dense", "tanh"]))
    page = opened(records)
    for row in (0, 23, 39):
        page.go_to(row)
        for i, record in enumerate(records):
            assert_sums(page, record, row, i)
    _, text = said(page)
    norms = records[0]["gradient_norm"][39]
    assert "Step 39, from 10.dense down to 0.dense" in text
    times = float(re.search(r"arrives (\S+) times", text)[1])
    np.testing.assert_allclose(times, norms[0] / norms[-1], rtol=6e-4)


def test_the_pointer_says_what_one_bar_is(opened, run):
    record = with_batchnorm(run(blocks=6))
    page = opened(record)
    page.go_to(3)
    split = split_at(Run(record), 3, "backward")
    assert page.evaluate("app.attributions[0].attribution.heads") == [
        record["layers"].tolist().index(name) for name in split.blocks
    ]
    for block in (0, 2, len(split.blocks) - 1):
        text = page.hover("app.attributions[0]", block)
        assert f"down to {split.blocks[block]}, step 3" in text
        for title, parts in (("weights", ["weights"]), ("batch norm", ["scale", "projection"])):
            value = sum(split.values[part][block] for part in parts)
            shown = float(re.search(rf"{title} ([+-]\S+\d)", text)[1])
            assert shown == pytest.approx(value, abs=0.00501)
    page.click(*page.place("app.attributions[0]", 2))
    assert page.evaluate("app.layer") == 6


def test_the_bars_are_as_long_as_the_changes(opened, run):
    record = run(per_layer=0.4)
    page = opened(record)
    page.go_to(5)
    parts = page.evaluate(
        "(() => { const real = fillTerm, chart = app.attributions[0], seen = [];"
        " fillTerm = (c, term, x, y, w, h, plain) => { if (c.canvas === chart.canvas)"
        " seen.push([term, x + w / 2, h]); real(c, term, x, y, w, h, plain); };"
        " chart.draw(); fillTerm = real; const { axis } = chart;"
        " const unit = (axis.bottom - axis.top) / (axis.high - axis.low);"
        " return seen.map(([term, x, h]) => [term, chart.blockAt(x), h / unit]); })()"
    )
    split = split_at(Run(record), 5, "backward")
    assert len(parts) == 10
    for term, block, length in parts:
        assert length == pytest.approx(abs(split.values[term][block]), abs=1e-6)


def test_zeros_and_nan_are_said_and_not_drawn(opened, run):
    record = run(per_layer=0.5)
    record["gradient_norm"][4, [2, 3]] = 0.0
    record["gradient_norm"][4, 7] = np.nan
    record["gradient_norm"][5] = np.nan
    page = opened(record)
    page.go_to(4)
    assert_sums(page, record, 4)
    _, text = said(page)
    assert "3 of 5 blocks (0.dense to 2.dense, 6.dense)" in text
    assert "exactly 0 at 2.dense to 3.sigmoid; NaN at 7.sigmoid" in text
    assert "times as large" not in text
    assert "0 or not finite" in page.hover("app.attributions[0]", 3)
    page.go_to(5)
    sums, text = said(page)
    assert sums == {}
    assert (
        text == "Nothing can be drawn at step 5, since the gradient is NaN at 0.dense to 10.dense."
    )


def test_no_attribution_where_layers_are_left_out_between(opened, run):
    record = run("holes")
    record["layers"] = np.array([f"{2 * i}.dense" for i in range(11)])
    page = opened(record)
    assert not page.evaluate("byId('attribution').checkVisibility()")
    page = opened([record, run("whole")])
    assert page.evaluate("app.attributions.map((one) => one.run.label)") == ["whole"]
    one = run(blocks=0)
    assert len(one["layers"]) == 1
    page = opened(one)
    assert not page.evaluate("byId('attribution').checkVisibility()")
