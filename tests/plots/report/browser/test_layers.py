"""The choice of a kind of layers, and what changes the gradient, as the page draws them."""

import re

import numpy as np
import pytest

from nnscratch_plots.attribution import split_at
from nnscratch_plots.records import Run
from nnscratch_records import upgraded
from nnscratch_records.attribution import TITLES

PROFILES = {"gradient_norm": "app.charts[1]", "output_std": "app.charts[3]"}
ROLES = {"weights": [0, 2, 4, 6, 8, 10], "activation": [1, 3, 5, 7, 9], "all": list(range(11))}


def drawn(page, chart):
    """The points that a chart over the layers draws: its own call is listened to."""
    return page.evaluate(
        "(() => { const real = drawLines; let seen; drawLines = (c, lines, x, axis) => {"
        " seen = lines.map(({ xs, ys }) => [[...xs], [...ys]]); real(c, lines, x, axis); };"
        f" {chart}.draw(); drawLines = real; return seen; }})()"
    )


def offered(page):
    return page.evaluate("[...byId('role').options].map((option) => option.value)")


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
    return totals | {"together": sum(totals.values())}


def assert_sums(page, record, row, run=0):
    sums, _ = said(page, run)
    assert sums == pytest.approx(expected(record, row), abs=0.00501)
    assert sums.keys() == expected(record, row).keys()


def of_kinds(record, kinds):
    """The record of another chain: the `kinds` from the bottom, and so on again, then dense."""
    count = len(record["layers"])
    names = [*(kinds * count)[: count - 1], "dense"]
    return upgraded({
        **record, "format": 2, "layers": np.array([f"{i}.{kind}" for i, kind in enumerate(names)]),
    })  # fmt: skip


def with_batchnorm(record):
    """Blocks of dense, batch norm and activation."""
    norms = list(range(1, len(record["layers"]) - 1, 3))
    record = of_kinds(record, ["dense", "batchnorm", "relu"])
    record["batchnorm_layers"] = record["layers"][norms]
    record["batchnorm_scale"] = np.full((len(record["steps"]), len(norms)), 0.7)
    return record


def test_the_role_of_layers_governs_lines_and_heatmap(opened, run):
    record = run(per_layer=0.4)
    page = opened(record)
    assert offered(page) == ["weights", "activation", "all"]
    assert page.evaluate("byId('role').value") == "weights"
    others = [drawn(page, chart) for chart in ("app.charts[2]", "app.ends")]
    for role, layers in ROLES.items():
        page.choose("role", role)
        page.go_to(7)
        assert page.evaluate("byId('role').value") == role  # the slider does not forget it
        for key, chart in PROFILES.items():
            ((xs, ys),) = drawn(page, chart)
            assert xs == layers
            np.testing.assert_allclose(ys, record[key][7, layers], rtol=1e-6)
            for layer in (layers[0], layers[3]):
                text = page.hover(chart, layer, "app.runs[0]")
                assert f"{record['layers'][layer]}, step 7" in text
                value = float(re.search(r"(?:‖|sd of y) (\S+)$", text)[1])
                np.testing.assert_allclose(value, record[key][7, layer], rtol=6e-4)
        assert page.evaluate("app.heatmaps[0].layers") == layers
        text = page.hover("app.heatmaps[0]", 31, layers[2])
        assert f"{record['layers'][layers[2]]}, step 31" in text
        value = float(re.search(r"‖ (\S+)$", text)[1])
        np.testing.assert_allclose(value, record["gradient_norm"][31, layers[2]], rtol=6e-4)
        page.evaluate("app.goTo(39)")
        page.settle()
        assert [drawn(page, chart) for chart in ("app.charts[2]", "app.ends")] == others


def test_the_role_of_layers_is_said_and_chosen_by_keyboard(opened, run):
    page = opened(run())
    caption = "byId('profile-gradient_norm').closest('figure').innerText"
    label = "byId('profile-output_std').getAttribute('aria-label')"
    assert "gradient of each layer with weights" in page.evaluate(caption)
    assert page.evaluate(label).endswith("each layer with weights")
    page.evaluate("byId('role').focus()")
    page.press("ArrowDown")
    assert page.evaluate("app.role") == "activation"
    assert "gradient of each activation" in page.evaluate(caption)
    assert page.evaluate(label).endswith("each activation")
    page.press("ArrowDown")
    assert "may zigzag" in page.evaluate(caption)
    assert "may zigzag" in page.evaluate("byId('heatmap-how').textContent")
    page.choose("quantity", "saturated")
    assert "may zigzag" not in page.evaluate("byId('heatmap-how').textContent")


def test_only_roles_that_there_are_can_be_chosen(opened, run):
    for kinds, found, shown in (
        (["relu"], ["weights", "activation", "all"], [10]),
        (["batchnorm"], ["weights", "norm", "all"], [10]),
        (["mine"], ["weights", "opaque", "all"], [10]),
        (["dense"], ["weights"], list(range(11))),
    ):
        page = opened(of_kinds(run(), kinds))
        assert offered(page) == found
        assert page.evaluate("byId('role').checkVisibility()") == (len(found) > 1)
        assert drawn(page, PROFILES["gradient_norm"])[0][0] == shown
    record = of_kinds(run(), ["relu"])
    record["roles"][-1] = "activation"
    page = opened([record, run("whole")])
    assert page.evaluate("app.heatmaps.map((one) => one.run.label)") == ["whole"]
    page.evaluate("document.querySelectorAll('#runs input')[1].click()")
    page.settle()
    assert offered(page) == ["activation"]
    assert drawn(page, PROFILES["gradient_norm"])[0][0] == list(range(11))


def ticks(page, chart):
    """What stands below a chart over the layers."""
    return page.evaluate(
        "(() => { const real = drawAcross; let seen; drawAcross = (c, ticks, place, ...rest) => {"
        " seen = ticks.map(({ value, text }) => [text, place(value)]);"
        f" real(c, ticks, place, ...rest); }}; {chart}.draw(); drawAcross = real;"
        " return seen; })()"
    )


def test_ticks_are_the_names_of_the_layers_that_stand_there(opened, run):
    record = run()
    page = opened([record, run("alike")])
    for chart in (*PROFILES.values(), "app.ends", "app.attributions[0]"):
        for text, x in ticks(page, chart):
            assert text in record["layers"].tolist()
            if not chart.startswith("app.attributions"):
                there = page.evaluate(f"{chart}.nearest({x}).layer")
                assert record["layers"][there] == text
    options = page.evaluate("[...byId('layer').options].map((option) => option.textContent)")
    assert options == record["layers"].tolist()


def test_runs_with_other_layers_stand_by_their_depth(opened, run):
    plain, normed = run("plain", seed=1), with_batchnorm(run("normed", blocks=7, seed=2))
    page = opened([plain, normed])
    page.go_to(3)
    (here, _), (there, _) = drawn(page, PROFILES["gradient_norm"])
    assert here == [1, 2, 3, 4, 5, 6]
    assert there == [1, 2, 3, 4, 5, 6]
    assert ticks(page, PROFILES["gradient_norm"])[0][0] == "1"
    text = page.hover(PROFILES["gradient_norm"], 9, "app.runs[1]")  # the fourth dense layer
    assert "6.dense / 9.dense, step 3" in text
    numbers = [float(re.search(r"‖ (\S+)$", line)[1]) for line in text.splitlines()[1:]]
    expected = [plain["gradient_norm"][3, 6], normed["gradient_norm"][3, 9]]
    np.testing.assert_allclose(numbers, expected, rtol=6e-4)
    page.click(*page.place(PROFILES["gradient_norm"], 9, "app.runs[1]"))
    rows = page.evaluate("[...document.querySelectorAll('#values tr')].map((row) => row.innerText)")
    assert "6.dense" in rows[1]
    assert "9.dense" in rows[2]
    assert page.evaluate("byId('histogram-name').textContent") == "6.dense / 9.dense"
    page.choose("role", "all")  # an activation stands beside one, and not beside batch norm
    assert "3.sigmoid / 5.relu, step 3" in page.hover(PROFILES["gradient_norm"], 3, "app.runs[0]")


def test_what_is_healthy_looks_level(opened, run):
    page = opened(run(per_layer=13 ** (1 / 10)))
    for chart in PROFILES.values():
        assert page.evaluate(f"Math.log10({chart}.axis.high / {chart}.axis.low)") >= 4 - 1e-9
    assert page.evaluate("Math.log10(app.colors.high / app.colors.low)") >= 6 - 1e-9


def test_whole_branch_and_skip_at_every_block(opened, residual):
    record = residual(40)
    page = opened(record)
    page.go_to(2)
    chart = "app.blocks"
    norms, names = record["gradient_norm"][2], record["layers"].tolist()
    for place in (0, 17, 39):
        text = page.hover(chart, place)
        assert f"block {place + 1}, step 2" in text
        for lane in ("sum", "branch", "skip"):
            said = page.evaluate(f"WORDS.lanes.{lane}")
            value = float(re.search(rf"{said} ([^\s,]+)", text)[1])
            np.testing.assert_allclose(value, norms[names.index(f"{place + 1}.{lane}")], rtol=6e-4)
    page.click(*page.place(chart, 17))
    assert page.evaluate("app.layer") == names.index("18.sum")
    page.choose("role", "all")
    marks = dict(ticks(page, PROFILES["gradient_norm"]))
    assert next(iter(marks)) == "0.stem"
    inside = [names.index(f"10.{lane}") for lane in ("branch", "sum")]  # one name for a whole block
    middle = page.evaluate(f"{PROFILES['gradient_norm']}.placeX({sum(inside) / 2})")
    assert marks["10"] == pytest.approx(middle)
    record["kinds"][names.index("2.branch")] = "identity"
    page = opened(record)
    page.go_to(2)
    said = page.evaluate("WORDS.lanes.branch")
    assert f"{said} not measured" in page.hover(chart, 1)
    value = float(re.search(rf"{said} ([^\s,]+)", page.hover(chart, 2))[1])
    np.testing.assert_allclose(value, norms[names.index("3.branch")], rtol=6e-4)
    several = opened([record, residual(3, "small")])
    assert "small" in several.hover(chart, 1)


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
        record["layers"].tolist().index(name) for name in split.layers
    ]
    for bar in (0, 2, len(split.layers) - 1):
        text = page.hover("app.attributions[0]", bar)
        assert f"down to {split.layers[bar]}, step 3" in text
        for term, values in split.values.items():
            shown = float(re.search(rf"{TITLES[term]} ([+-]\S+\d)", text)[1])
            assert shown == pytest.approx(values[bar], abs=0.00501)
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
        " return seen.map(([term, x, h]) => [term, chart.barAt(x), h / unit]); })()"
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
    assert "Not drawn, and in no sum: 3 of 5 bars, where a norm is 0 or not finite." in text
    assert "times as large" not in text
    assert "0 or not finite" in page.hover("app.attributions[0]", 3)
    page.go_to(5)
    sums, text = said(page)
    assert sums == {}
    assert text == " Not drawn, and in no sum: 5 of 5 bars, where a norm is 0 or not finite."


def test_layers_left_out_between_have_a_term_of_their_own(opened, run):
    record = run("holes")
    record["gaps"][4] = 2
    page = opened(record)
    page.go_to(5)
    sums, _ = said(page)
    norms = record["gradient_norm"][5]
    assert sums["unrecorded"] == pytest.approx(np.log10(norms[3] / norms[4]), abs=0.00501)
    assert_sums(page, record, 5)
    page = opened(run(blocks=0))
    assert not page.evaluate("byId('attribution').checkVisibility()")
