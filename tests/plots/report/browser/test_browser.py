"""The page in a real browser: move the slider, point at values, and compare with the record."""

import re
from types import SimpleNamespace

import numpy as np
import pytest

from nnscratch_records import FIELDS

PROFILES = {"gradient_norm": "app.charts[1]", "update_ratio": "app.charts[2]"}
PROFILES |= {"output_std": "app.charts[3]"}
HEATMAP = "app.heatmaps[0]"


def value_in(text, quantity="‖∂L/∂y‖"):
    """The number that stands after a quantity's name, the title aside."""
    said = re.search(rf"{re.escape(quantity)} ([^\s,]+)", text.split("\n", 1)[-1])[1]
    return {"infinite": np.inf, "NaN": np.nan}.get(said) if said[0] in "iN" else float(said)


def assert_shown(text, expected, quantity="‖∂L/∂y‖"):
    np.testing.assert_allclose(value_in(text, quantity), expected, rtol=6e-4)


def test_the_browser_would_notice_errors_and_requests(browser, tmp_path):
    path = tmp_path / "bad.html"
    path.write_text("<script>nowhere.at()</script><img src='http://127.0.0.1:9/x.png'>")
    browser.open(path)
    complaints = str(browser.complaints())
    assert "nowhere is not defined" in complaints
    assert "127.0.0.1:9/x.png" in complaints
    path.write_text("<p>fine</p>")
    browser.open(path)
    assert browser.complaints() == []


def test_slider_and_pointer_show_the_record(opened, run):
    record = run("a run", per_layer=0.4)
    page = opened(record)
    for step in (0, 7):
        page.go_to(step)
        assert page.evaluate("byId('step-text').textContent").startswith(f"step {step},")
        for key, chart in PROFILES.items():
            for layer in (0, 4):
                text = page.hover(chart, layer, "app.runs[0]")
                assert f"{record['layers'][layer]}, step {step}" in text
                column = layer // 2 * 2 if key == "update_ratio" else layer
                assert_shown(text, record[key][step, column], FIELDS[key].short)
    text = page.hover(HEATMAP, 31, 6)
    assert "6.dense, step 31" in text
    assert_shown(text, record["gradient_norm"][31, 6])
    text = page.hover("app.charts[0]", 12)
    assert_shown(text, record["loss"][12], "loss")
    assert "at step 12" in text
    page.call("Input.dispatchMouseEvent", type="mouseMoved", x=2, y=2)
    page.settle()
    assert page.evaluate("byId('tip').hidden")


def test_the_table_shows_the_chosen_layer(opened, run):
    record = run()
    page = opened(record)
    page.choose("role", "all")
    page.go_to(5)
    page.click(*page.place("app.charts[1]", 3, "app.runs[0]"))
    assert page.evaluate("app.layer") == 3
    cells = page.evaluate(
        "Object.fromEntries([...document.querySelectorAll('#values td')]"
        ".map((cell) => [cell.dataset.key, cell.textContent]))"
    )
    assert cells.keys() == {  # no update / weight: a sigmoid has no weights
        "gradient_norm", "output_std", "output_zeros", "saturated_low", "saturated_high",
    }  # fmt: skip
    for key, text in cells.items():
        np.testing.assert_allclose(float(text), record[key][5, 3], rtol=6e-4)


def test_a_click_into_the_heatmap_or_the_loss_goes_there(opened, run):
    page = opened(run())
    page.click(*page.place(HEATMAP, 21, 6))
    assert page.evaluate("[app.step(), app.layer]") == [21, 6]
    page.click(*page.place("app.charts[0]", 9))
    assert page.evaluate("app.step()") == 9


def test_pictures_obey_the_arrow_keys(opened, run):
    page = opened(run())
    page.evaluate("app.goTo(10); byId('profile-gradient_norm').focus()")
    page.press("ArrowRight", 2)
    page.evaluate("document.querySelector('#heatmaps canvas').focus()")
    page.press("ArrowLeft")
    page.press("ArrowUp")
    assert page.evaluate("[app.step(), app.layer]") == [9, 6]  # from one dense layer to the next
    page.evaluate("byId('profile-ends').focus()")
    page.press("ArrowRight")
    assert page.evaluate("app.layer") == 7  # the next activation
    page.press("ArrowRight", 9)
    assert page.evaluate("app.layer") == 9


def test_histograms_count_what_the_record_counts(opened, run):
    record = run()
    page = opened(record)
    page.go_to(5)
    page.evaluate("app.chooseLayer(2)")
    page.settle()
    for chart, key, column, bin_ in (
        (5, "output", 2, 30), (6, "gradient", 2, 40), (7, "param", 2, 25)
    ):  # fmt: skip
        edges = record[f"histogram_edges_{'magnitude' if key == 'gradient' else 'signed'}"]
        text = page.hover(f"app.charts[{chart}]", bin_)
        low, high = (float(part) for part in text.splitlines()[0].split(" to "))
        np.testing.assert_allclose([low, high], edges[bin_ : bin_ + 2], rtol=6e-4)
        count = record[f"{key}_histogram"][5, column, bin_]
        assert f"{count} of 200 sampled values" in text


def test_a_run_with_zeros_infinities_and_nan(opened, run):
    record = run("bursts", growth=50.0)
    first = int(np.flatnonzero(np.isinf(record["gradient_norm"]).any(axis=1))[0])
    record["gradient_norm"][4, 2] = 0.0
    page = opened(record)
    assert page.evaluate("app.step()") == first - 1  # the last step with a finite loss
    last = len(record["layers"]) - 1
    for step, layer, said in ((4, 2, "0"), (first, last, "infinite"), (first + 1, 6, "NaN")):
        assert f"‖∂L/∂y‖ {said}" in page.hover(HEATMAP, step, layer)
        page.go_to(step)
        assert f"‖∂L/∂y‖ {said}" in page.hover("app.charts[1]", layer, "app.runs[0]")
    legend = page.evaluate("byId('legend').innerText")
    assert all(name in legend for name in ("exactly 0", "infinite", "not a number (NaN)"))
    zero, infinite = (pixel(page, step, layer) for step, layer in ((4, 2), (first, last)))
    assert zero <= {(0, 0, 0), (255, 255, 255)}
    assert infinite <= {(232, 89, 12), (0, 0, 0)}


def pixel(page, step, layer):
    """Colours in the middle of a cell of the heatmap."""
    values = page.evaluate(
        f"(() => {{ const map = {HEATMAP}, [x, y] = map.locate({step}, {layer});"
        " return [...map.image.getContext('2d').getImageData(x - map.left - 3, y - map.top - 3,"
        " 6, 6).data]; })()"
    )
    return {tuple(values[i : i + 3]) for i in range(0, len(values), 4)}


@pytest.mark.slow
def test_400_layers_and_thousands_of_steps_are_quick(opened, run):
    record = run("deep", blocks=200, steps=250, per_layer=0.97)
    for key, values in record.items():
        if isinstance(values, np.ndarray) and values.shape[:1] == (250,):
            record[key] = np.concatenate([values] * 8)
    record["steps"] = np.arange(2000)
    page = opened(record)
    steps = page.evaluate("app.runs[0].steps")
    assert len(steps) < 2000
    assert "of the 2,000 recorded steps" in page.evaluate("byId('notes').textContent")
    page.go_to(9)
    for layer in (0, 124, 400):
        assert_shown(
            page.hover("app.charts[1]", layer, "app.runs[0]"),
            record["gradient_norm"][steps[9], layer],
        )
    for step, layer in ((steps[50], 8), (steps[-1], 398)):
        text = page.hover(HEATMAP, step, layer)
        assert f"{record['layers'][layer]}, step {step}" in text
        assert_shown(text, record["gradient_norm"][step, layer])
    # Far from the limit on an idle machine (about 20 ms), so that a busy one passes too.
    took = page.evaluate(
        "(() => { const begin = performance.now(); for (let i = 0; i < 5; i++) app.draw();"
        " return (performance.now() - begin) / 5; })()"
    )
    assert took < 500


def test_runs_of_other_lengths_and_depths_side_by_side(opened, run):
    records = [run("short", seed=1), run("long", blocks=8, steps=60, per_layer=0.3, seed=2)]
    records.append(run("bursts", growth=30.0, seed=3))
    page = opened(records)
    assert page.evaluate("app.heatmaps.length") == 3
    page.go_to(50)  # the first and the last had ended after 40 steps
    text = page.hover("app.charts[1]", 4, "app.runs[1]")
    short, long, bursts = (line for line in text.splitlines() if ": " in line)
    assert_shown(short, records[0]["gradient_norm"][39, 4])
    assert "(step 39)" in short
    assert_shown(long, records[1]["gradient_norm"][50, 4])
    assert "(step" not in long
    assert "‖∂L/∂y‖ NaN (step 39)" in bursts
    assert "short: no such layer" in page.hover("app.charts[1]", 14, "app.runs[1]")
    text = page.hover("app.heatmaps[1]", 55, 16)
    assert_shown(text, records[1]["gradient_norm"][55, 16])
    page.evaluate("document.querySelector('#runs input').scrollIntoView({block: 'center'})")
    box = page.evaluate(
        "(({left, top, width, height}) => [left + width / 2, top + height / 2])"
        "(document.querySelector('#runs input').getBoundingClientRect())"
    )
    page.click(*box)
    assert page.evaluate("app.shown().map((run) => run.label)") == ["long", "bursts"]
    assert "short" not in page.hover("app.charts[1]", 4, "app.runs[1]")
    assert page.evaluate("app.heatmaps.length") == 2


def test_every_quantity_has_its_heatmap(opened, run):
    record = run()
    page = opened(record)
    keys = page.evaluate("[...byId('quantity').options].map((option) => option.value)")
    assert set(keys) == {
        "gradient_norm", "output_std", "update_ratio", "saturated", "saturated_low",
        "saturated_high", "output_zeros",
    }  # fmt: skip
    for key, name, layer in (
        ("output_std", "sd of y", 4), ("saturated_high", "saturated high", 5)
    ):  # fmt: skip
        page.choose("quantity", key)
        assert_shown(page.hover(HEATMAP, 17, layer), record[key][17, layer], name)


def test_batch_norm_clip_and_dead_units(opened, run, extras):
    record = extras(run())
    page = opened([record, run("without")])
    keys = page.evaluate("[...byId('quantity').options].map((option) => option.value)")
    assert {"dead_units", "batchnorm_mean_gap"} <= set(keys)
    text = page.hover("app.clip", 8)
    assert_shown(text, record["clip_before"][8], "before the clip")
    assert_shown(text, record["clip_after"][8], "after the clip")
    assert "without" not in text
    page.go_to(12)
    text = page.hover("app.batchnorm", 6, "app.runs[0]")
    assert_shown(text, record["batchnorm_mean_gap"][12, 1], "mean gap")
    assert "without: mean gap not measured" in text
    page.choose("ends", "dead_units")
    dead = (record["census"][0, 8:16] == 1).mean()
    assert_shown(page.hover("app.ends", 3, "app.runs[0]"), dead, "dead units")


def test_panels_of_what_no_run_has_are_not_there(opened, run):
    page = opened(run())
    hidden = "[byId('clip'), byId('profile-batchnorm')].map((one) => one.checkVisibility())"
    assert page.evaluate(hidden) == [False, False]


def test_a_finding_takes_the_page_to_its_step_and_layer(opened, run):
    finding = SimpleNamespace(
        kind="vanishing", severity="serious", sentence="<b>falls</b>", cause="", cures=(),
        step=13, layers=("6.dense",),
    )  # fmt: skip
    page = opened(run(), findings=[finding])
    page.evaluate("document.querySelector('button.go').click()")
    page.settle()
    assert page.evaluate("[app.step(), app.layer]") == [13, 6]
    assert page.evaluate("document.querySelector('.sentence').textContent") == "<b>falls</b>"


def test_labels_are_text_wherever_they_are_shown(opened, run):
    nasty = '</script><img src="http://127.0.0.1/x" onerror="window.hurt = 1"><script>hurt = 1'
    record = run(nasty)
    record["layers"] = np.array([*record["layers"][:2], "2.<i>x</i>", *record["layers"][3:]])
    page = opened([record, run("other")])
    page.choose("role", "all")
    assert nasty in page.hover(HEATMAP, 3, 2)
    assert "2.<i>x</i>" in page.hover("app.charts[1]", 2, "app.runs[0]")
    assert page.evaluate("typeof window.hurt") == "undefined"
    assert page.evaluate("document.querySelectorAll('img, i').length") == 0


def test_a_record_with_only_what_is_needed(opened, run):
    record = run(steps=1, blocks=1)
    least = {key: record[key] for key in ("label", "layers", "steps", "loss", "gradient_norm")}
    page = opened(least)
    assert_shown(page.hover(HEATMAP, 0, 0), record["gradient_norm"][0, 0])
    assert_shown(page.hover("app.charts[1]", 2, "app.runs[0]"), record["gradient_norm"][0, 2])
