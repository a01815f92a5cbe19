"""The slider over time: two pictures of the gradient at the state, and what is said of them."""

import re

import numpy as np

from nnscratch_records import LAGS, upgraded


def recurrent(run, label="a run", length=20, factor=0.8, layers=1):
    """A record of recurrent layers whose gradient loses `factor` a step, more at every step."""
    base = upgraded(run(label, blocks=1))
    steps = len(base["steps"])
    by_lag = np.where(length > LAGS, float(factor) ** LAGS, np.nan)
    by_step = np.linspace(1, 2, steps)
    norms = (by_step[:, None] * by_lag)[:, None, :] * np.arange(1, layers + 1)[:, None]
    shape = (steps, layers)
    gates = np.full(shape, 0.5)
    names = [str(name) for name in base["layers"][:layers]]
    return {
        **base,
        "recurrent_layers": np.array(names),
        "gates": np.array([f"{name} f" for name in names]),
        "gate_layers": np.arange(layers),
        "lags": LAGS,
        "time_steps": np.full(shape, float(length)),
        "time_rate": np.full(shape, factor),
        "time_first": np.ones(shape),
        "hidden_gradient_norm": norms,
        "cell_gradient_norm": 10 * norms,
        **{f"gate_{name}": gates for name in ("mean", "low", "high", "weight_norm")},
        "gate_gradient_norm": gates,
        "spectral_radius": gates,
        "spectral_norm": gates,
    }


def go_back(page, lag):
    """Move the slider over time with the keyboard, from its left end."""
    page.evaluate("byId('lag').focus()")
    page.press("Home")
    page.press("ArrowRight", lag)


def said(page):
    return page.evaluate("byId('time-text').innerText")


def test_both_sliders_say_what_the_record_does(opened, run):
    record = recurrent(run)
    page = opened(record)
    norms = record["hidden_gradient_norm"]
    for step, lag in ((0, 0), (7, 5), (31, 19)):
        page.go_to(step)
        go_back(page, lag)
        assert page.evaluate("byId('lag-text').textContent") == f"{lag} before the last"
        text = said(page)
        assert f"step {step}, {lag} before the last" in text
        value, left = re.search(r"‖∂L/∂h‖ (\S+), (\S+) of the last", text).groups()
        np.testing.assert_allclose(float(value), norms[step, 0, lag], rtol=6e-4)
        np.testing.assert_allclose(float(left), 0.8**lag, rtol=6e-4)
        assert text.endswith("each step back multiplies it by 0.8000")
        over_time = page.hover("app.time.charts[0]", 10)
        assert f"step {step}, 10 steps of time before the last" in over_time
        over_steps = page.hover("app.time.charts[1]", 12)
        assert f"step 12, {lag} steps of time before the last" in over_steps
        value = float(re.search(r"‖∂L/∂h‖ (\S+),", over_steps)[1])
        np.testing.assert_allclose(value, norms[12, 0, lag], rtol=6e-4)


def test_of_steps_that_were_not_gone_through_the_one_before_is_shown(opened, run):
    record = recurrent(run)
    between = [step for step in range(len(record["steps"])) if step % 8]
    for name in ("hidden_gradient_norm", "cell_gradient_norm", "time_steps", "time_rate"):
        record[name] = record[name].copy()
        record[name][between] = np.nan
    page = opened(record)
    for step, shown in ((16, 16), (21, 16), (3, 0)):
        page.go_to(step)
        assert f"step {shown}, 0 before the last: ‖∂L/∂h‖" in said(page)
        assert "NaN" not in said(page)
    assert "(at step 8)" in page.hover("app.time.charts[1]", 12)
    assert "(at step" not in page.hover("app.time.charts[1]", 8)


def test_clicks_and_keys_move_both(opened, run):
    page = opened(recurrent(run))
    page.click(*page.place("app.time.charts[0]", 12))
    assert page.evaluate("app.time.lag()") == 12
    page.evaluate("app.time.charts[0].canvas.focus()")
    page.press("ArrowRight", 2)
    assert page.evaluate("app.time.lag()") == 14
    page.click(*page.place("app.time.charts[1]", 21))
    assert page.evaluate("app.step()") == 21


def test_lists_choose_layer_and_quantity(opened, run):
    record = recurrent(run, layers=2)
    page = opened(record)
    page.choose("time-quantity", "cell_gradient_norm")
    page.choose("time-layer", str(record["layers"][1]))
    page.go_to(3)
    go_back(page, 4)
    value = re.search(r"‖∂L/∂c‖ (\S+),", said(page))[1]
    expected = record["cell_gradient_norm"][3, 1, 4]
    np.testing.assert_allclose(float(value), expected, rtol=6e-4)


def test_runs_of_other_lengths_share_the_slider(opened, run):
    page = opened([recurrent(run, "long"), recurrent(run, "short", length=8)])
    page.go_to(0)
    go_back(page, 10)
    long, short = said(page).splitlines()
    assert "‖∂L/∂h‖" in long
    assert "no such step of time" in short


def test_a_network_without_time_has_no_such_panel(opened, run):
    page = opened(run())
    assert page.evaluate("byId('time').hidden")
