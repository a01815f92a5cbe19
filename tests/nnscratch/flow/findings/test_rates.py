"""One learning rate: from the first step's curvature, the updates' size, and what is usual."""

import math

import numpy as np
import pytest

from nnscratch.flow.findings import cures, rates
from nnscratch.flow.findings.training import step_size


@pytest.mark.parametrize(
    ("value", "rounded"),
    [
        (0.0123, 0.01),
        (0.02, 0.02),
        (0.049, 0.02),
        (0.05, 0.05),
        (0.099, 0.05),
        (0.1, 0.1),
        (3e-7, 2e-7),
    ],
)
def test_rates_are_rounded_down_to_1_2_5(value, rounded):
    assert rates.rounded(value) == rounded
    assert math.isnan(rates.rounded(math.nan))
    assert math.isnan(rates.rounded(0.0))


def quadratic(record, rate=0.3, slope=4.0, curvature=80.0):
    record["lr"][...] = rate
    for name, size in (("param_gradient_norm", 1.0), ("param_update_norm", rate)):
        record[name][0] = 0.0
        record[name][0, 1] = size * math.sqrt(slope)
    record["loss"][1] = record["loss"][0] - rate * slope + curvature * rate**2 * slope / 8
    return record


def test_the_best_first_step_along_its_own_direction(run):
    """L(t) = -4 t + 20 t^2 * 4 / 2 ... is least at 1 / curvature."""
    for rate in (0.01, 0.3, 2.0):
        view = run.view(lambda r, rate=rate: quadratic(r, rate))
        assert rates.best_step(view) == pytest.approx(1 / 20)
    falls = run.view(lambda r: quadratic(r, curvature=-5.0))
    assert math.isnan(rates.best_step(falls))
    assert math.isnan(rates.best_step(run.view(steps=1)))


@pytest.mark.parametrize(("size", "known"), [(1.1e-3, True), (0.9e-3, False)])
def test_a_short_step_shows_no_curvature(run, size, known):
    def change(record):
        quadratic(record)["update_ratio"][...] = size

    assert math.isnan(rates.best_step(run.view(change))) != known
    assert math.isnan(rates.best_step(run.view(change, optimizer="Adam(lr=0.3)")))
    clipped = run.view(lambda r: (change(r), r.__setitem__("clip", "ClipByNorm(1.0)")))
    assert math.isnan(rates.best_step(clipped))


@pytest.mark.parametrize(
    ("optimizer", "rate", "size", "curvature", "lower"),
    [
        ("SGD(lr=0.3)", 0.3, 1.1e-3, 80.0, 0.01),  # a quarter of the best step
        ("SGD(lr=0.3)", 0.3, 1e-3, 1.0, 0.02),  # a tenth of what it was
        ("SGD(lr=0.3)", 0.3, 0.6, 1.0, 0.005),  # a hundredth of the weights
        ("SGD(lr=30.0)", 30.0, 1e-3, 1e-4, 0.1),  # what one begins with
        ("SGD(lr=30.0, momentum=0.9)", 30.0, 1e-3, 1e-4, 0.01),
        ("Adam(lr=0.3)", 0.3, 1e-3, 80.0, 1e-3),
        ("Adam(lr=0.002)", 0.002, 1e-3, 80.0, 2e-4),
        ("Adagrad(lr=0.3)", 0.3, 1e-3, 80.0, 0.01),
        ("", 0.3, 1.1e-3, 80.0, 0.01),
        ("SGD(lr=0.3)", 0.3, 1.1e-3, 4e5, 2e-6),
        ("SGD(lr=0.3)", 0.3, 1.1e-3, 1e9, 1e-6),  # less than that is no rate
        ("SGD(lr=5e-07)", 5e-7, 1.1e-3, 1e9, 5e-8),  # but a tenth of what it was
    ],
)
def test_a_lower_rate(run, optimizer, rate, size, curvature, lower):
    def change(record):
        quadratic(record, rate, curvature=curvature)
        record["update_ratio"][...] = size

    assert rates.lower_rate(run.view(change, optimizer=optimizer)) == lower


@pytest.mark.parametrize(
    ("rate", "size", "higher"),
    [(0.1, 1e-4, 1.0), (0.1, 5e-4, 0.2), (1e-6, 1e-8, 0.1), (0.1, 2e-5, 1.0), (0.1, 2.5e-4, 0.5)],
)
def test_a_higher_rate(run, rate, size, higher):
    view = run.view(lambda r: r["update_ratio"].__setitem__(..., size), lr=rate)
    assert rates.higher_rate(view) == higher


def test_without_a_rate_or_updates_there_is_none(run):
    nothing = run.view(lambda r: r["lr"].__setitem__(..., np.nan))
    assert math.isnan(rates.lower_rate(nothing))
    assert math.isnan(rates.higher_rate(nothing))
    assert math.isnan(
        rates.higher_rate(run.view(lambda r: r["update_ratio"].__setitem__(..., 0.0)))
    )
    assert cures.learning_rate(nothing, math.nan) == ()


def test_the_update_in_the_middle_of_the_layers(run):
    def change(record):
        record["update_ratio"][:, [0, 2, 4]] = [1e-3, 5e-3, 1e-1]
        record["update_ratio"][3, [0, 2, 4]] = np.nan
        record["update_ratio"][4, 2] = np.inf

    typical = run.view(change).typical_updates
    assert typical[0] == 5e-3
    assert np.isnan(typical[3])
    assert typical[4] == pytest.approx(0.0505)


@pytest.mark.parametrize(
    ("optimizer", "line"),
    [
        ("SGD(lr=0.1)", "optimizer = nn.SGD(lr=0.02)"),
        ("SGD(lr=1e-05, momentum=0.9)", "optimizer = nn.SGD(lr=0.02, momentum=0.9)"),
        (
            "Adam(lr=0.1, beta1=0.9, beta2=0.999, epsilon=1e-08)",
            "optimizer = nn.Adam(lr=0.02)",
        ),
        ("Adam(lr=0.1, beta1=0.5)", "optimizer = nn.Adam(lr=0.02, beta1=0.5)"),
        (
            "SGD(lr=0.1, clip=ClipByValue(0.1))",
            "optimizer = nn.SGD(lr=0.02, clip=nn.ClipByValue(0.1))",
        ),
        ("SGD(lr=Cosine(0.1, 100))", "optimizer.lr = 0.02"),
        ("", "optimizer.lr = 0.02"),
    ],
)
def test_the_line_that_changes_the_rate(run, optimizer, line):
    (advice,) = cures.learning_rate(run.view(optimizer=optimizer), 0.02)
    assert advice.line == line
    assert "0.02" in advice.what


@pytest.mark.parametrize(
    ("rate", "above", "steps", "told"),
    [
        (1.02, 1.3, 100, True),
        (0.98, 1.3, 100, False),  # twice the largest usual rate of plain steps
        (1.02, 1.07, 100, True),
        (1.02, 1.03, 100, False),
        (1.02, 1.3, 49, False),
    ],
)
def test_thrown_at_once_to_where_one_answer_is_better(run, rate, above, steps, told):
    """It falls ever since, and is not above where it has been least by much."""

    def change(record):
        constant = record["loss_constant"][0]
        record["loss"][...] = constant * (above + np.linspace(0.3, 0, steps))
        record["loss"][-steps // 2 :] = constant * np.linspace(
            above + 0.01, above, len(record["loss"][-steps // 2 :])
        )
        record["update_ratio"][1] = 0.5

    found = run.of(run(change, lr=rate, steps=steps), "learning rate too large")
    assert (found is not None and found.severity == "serious") == told
    if told:
        assert "the update of step 1 changed the weights by 50 % of their norm" in found.sentence


@pytest.mark.parametrize(("began", "kind"), [(0.0, "small"), (1e-3, "large")])
def test_weights_that_began_as_zeros_are_not_thrown_by_their_first_steps(run, began, kind):
    def change(record):
        run.stuck(record)
        record["param_norm_initial"][...] = began
        record["param_norm"][...] = 1e-3
        record["param_update_norm"][...] = 1e-4
        record["update_ratio"][...] = 0.35
        record["param_update_norm"] *= 1 + 0.1 * np.arange(100)[:, None] / 100

    found = run(change, kinds="dense", widths=(3,), lr=1e-5)
    assert f"learning rate too {kind}" in found.kinds


def test_what_they_are_measured_by_is_what_they_have_grown_to(run):
    def change(record):
        record["param_norm_initial"][0] = 0.0
        record["param_update_norm"][:, 0] = 0.1
        record["param_norm"][:, 0] = np.linspace(0.0, 4.0, 100)

    view = run.view(change, kinds="dense", widths=(3,))  # drawn, sqrt(24 / 8): 1.73
    typical = view.typical_updates
    assert typical[0] == pytest.approx(0.1 / math.sqrt(3))
    assert typical[-1] == pytest.approx(0.1 / 4)


@pytest.mark.parametrize(
    ("rate", "causes", "first"),
    [
        (9e-5, ["forget bias"], True),
        (1.1e-4, ["forget bias"], False),  # a tenth of the rate that one begins with
        (9e-5, ["recurrent weights"], True),
        (9e-5, ["forget bias", "target scale"], True),  # Adam's step is the same, whatever is asked
        (9e-5, ["target scale"], True),
        (1.1e-4, ["target scale"], False),
        (9e-5, ["input scale"], False),
        (9e-5, [], False),
    ],
)
def test_a_rate_far_too_small_comes_before_what_a_recurrent_layer_began_with(
    run, rate, causes, first
):
    def change(record):
        run.stuck(record)
        record["update_ratio"][...] = 2e-4

    view = run.view(change, lr=rate, optimizer=f"Adam(lr={rate})")
    (found,) = step_size.find(view, {}, causes)
    assert found.kind == "learning rate too small"
    assert found.first == first


@pytest.mark.parametrize(
    ("optimizer", "largest", "begin"),
    [
        ("SGD(lr=0.1)", 0.5, 0.1),
        ("SGD(lr=0.1, momentum=0.9)", 0.05, 0.01),
        ("SteepestDescent(lr=0.1)", 0.5, 0.1),
        ("Adagrad(lr=0.1)", 0.1, 0.01),
        ("Adadelta(lr=1)", 2.0, 1.0),
        ("Adam(lr=0.1)", 0.02, 1e-3),
        ("RMSprop(lr=0.1)", 0.02, 1e-3),
        ("RMSprop(lr=0.1, momentum=0.9)", 0.002, 1e-4),  # which adds its steps up
        ("NAdam(lr=0.1, momentum_decay=0.9)", 0.02, 1e-3),
        ("Lion(lr=0.1)", 0.02, 1e-3),
        ("", math.inf, math.nan),
    ],
)
def test_what_is_usual_of_an_optimizer(run, optimizer, largest, begin):
    found = rates.usual(run.view(optimizer=optimizer))
    assert found == pytest.approx((largest, begin), nan_ok=True)


@pytest.mark.parametrize(
    ("optimizer", "lr", "lasts"),
    [
        ("RMSprop(lr=0.002, momentum=0.99)", 0.002, True),
        ("RMSprop(lr=0.0021, momentum=0.99)", 0.0021, False),  # too large with any
        ("RMSprop(lr=0.002, momentum=0.97)", 0.002, False),
        ("SGD(lr=0.05, momentum=0.99)", 0.05, True),
    ],
)
def test_momentum_that_lasts_beside_a_usual_rate(run, optimizer, lr, lasts):
    assert rates.lasts(run.view(optimizer=optimizer, lr=lr)) == lasts


@pytest.mark.parametrize(
    ("optimizer", "fitted"),
    [
        ("Adam(lr=1)", True),
        ("RMSprop(lr=1, momentum=0.9)", True),
        ("SGD(lr=1)", False),
        ("", False),
    ],
)
def test_whose_steps_are_fitted_to_each_weight(run, optimizer, fitted):
    assert rates.is_adaptive(run.view(optimizer=optimizer)) == fitted
