"""When a thing holds, and since when; which columns are what."""

import numpy as np
import pytest


def test_now_is_a_fifth_of_the_rows_between_5_and_20(run):
    for steps, now in (
        (40, slice(32, 40)),
        (12, slice(7, 12)),
        (3, slice(0, 3)),
        (130, slice(110, 130)),
    ):
        assert run.view(steps=steps).now == now


def test_holds_is_about_four_fifths_of_now(run):
    view = run.view(steps=50)
    where = np.zeros(50, bool)
    where[:40] = True
    assert not view.holds(where)
    where[42:] = True  # 8 of the latest 10
    assert view.holds(where)
    where[42] = False
    assert not view.holds(where)


def test_since_passes_over_single_rows(run):
    view = run.view(lambda r: r.__setitem__("steps", r["steps"] + 100), steps=40)
    where = np.zeros(40, bool)
    where[10:] = True
    where[20] = False
    assert view.since(where) == 110
    where[:] = False
    where[3] = True  # once, long ago
    where[30:] = True
    assert view.since(where) == 130


@pytest.mark.parametrize(
    "field", ["output_nonfinite", "gradient_nonfinite", "param_gradient_nonfinite"]
)
@pytest.mark.parametrize("row", [0, 17])
def test_rows_end_before_the_first_that_is_not_finite(run, field, row):
    view = run.view(lambda r: r[field].__setitem__((row, 1), 3.0))
    assert view.rows == row
    assert len(view.get("output_norm")) == row
    assert run.view(lambda r: r["loss"].__setitem__(row, np.inf)).rows == row
    assert run.view().rows == 100


def test_columns_by_role_and_kind(run):
    view = run.view(kinds="dense batchnorm tanh dense tanh dense", widths=(20, 10, 3))
    assert view.weights == [0, 3, 5]
    assert view.columns("activation") == [2, 4]
    assert view.weight_params == [0, 2, 4]
    assert view.param(3, "bias") == 3
    assert view.param(1, "scale") is None
    assert view.activation == "tanh"
    assert view.output_activation == ""
    assert view.has_norm
    assert view.has_batchnorm
    assert view.before(4, "weights") == 3
    assert view.before(0, "weights") is None
    assert view.after(0, "activation") == 2
    assert view.after(5, "activation") is None
    assert view.fan_in(3) == 20
    assert run.view(kinds="dense relu dense softmax", widths=(9, 3)).output_activation == "softmax"


def test_names_say_nothing(run):
    """Renamed layers are the same layers: encoder.fc0 of another framework."""

    def rename(record):
        run.stuck(record)["layers"] = np.array([f"encoder.fc{i}" for i in range(5)])
        record["params"] = np.array([f"encoder.p{i}" for i in range(6)])
        record["output_zeros"][:, 1] = 1.0

    found = run(rename, widths=(40, 40, 3))
    assert run.of(found, "dead layer").layers[0] == "encoder.fc1"


def test_edges_say_what_lies_below(run):
    view = run.view(
        lambda r: r.__setitem__("edges", np.array([(-1, 0), (0, 1), (0, 2), (2, 3), (3, 4)]))
    )
    assert view.below(2) == 0
    assert view.below(0) == -1


@pytest.mark.parametrize(
    ("kind", "ends", "told"),
    [
        ("relu", (0.0, np.nan), True),
        ("elu", (-0.97, np.nan), False),
        ("mine", (0.0, np.nan), True),
        ("mine", (0.0, 1.0), False),
    ],
)
def test_a_rectifier_is_told_by_its_end(run, kind, ends, told):
    def change(record):
        record["kinds"][1], record["saturation"][1] = kind, ends

    assert (1 in run.view(change).rectifiers) == told


def test_scales_of_weights(run):
    view = run.view(scale=3.0)
    assert view.weight_scale(0, None) == pytest.approx(3)
    assert view.weight_scale(2) == pytest.approx(3)
    assert view.hidden_scale(None) == pytest.approx(3)

    def change(record):
        record["param_norm_initial"][...] = np.nan
        record["param_mean_initial"][1] = 0.7

    view = run.view(change)
    assert np.isnan(view.weight_scale(0, None))
    assert view.offset(0, initial=True) == pytest.approx(0.7)
    assert view.offset(2) == 0.0


def test_what_is_looked_at_now_and_then(run):
    def change(record):
        record["target_std"][...] = np.nan
        record["target_std"][[0, 8, 32]] = [1.0, 2.0, 3.0]
        record["output_spread"][33:] = np.nan

    view = run.view(change)
    assert view.looked("target_std").tolist() == [0, 8, 32]
    assert view.latest("target_std") == 3.0
    assert view.latest_of("output_spread", 2) == 1.0
    assert np.isnan(run.view(run.fill(guess_linear=np.nan)).latest("guess_linear"))


@pytest.mark.parametrize(("size", "alone"), [(1, True), (2, False)])
def test_batches_of_one_are_examples_alone(run, size, alone):
    assert run.view(lambda record: record["batch_size"].fill(size)).alone == alone
