"""Reading records: what is accepted, and what is refused in which words."""

import numpy as np
import pytest

import nnscratch_plots as plots
from nnscratch_plots.records import Run, read_norms


def test_one_record_or_several(record):
    assert [one.label for one in read_norms(record("a"), "gradient_norm")] == ["a"]
    several = (record(name) for name in "ab")
    assert [one.label for one in read_norms(several, "gradient_norm")] == ["a", "b"]


def test_a_record_read_back_from_npz_is_read_the_same(record, tmp_path):
    given = record("kept")
    np.savez(tmp_path / "record.npz", **given)
    with np.load(tmp_path / "record.npz") as file:
        (read,) = read_norms(file, "gradient_norm")
    assert read.label == "kept"
    assert read.layers == tuple(given["layers"][::2])
    np.testing.assert_array_equal(read.values, given["gradient_norm"][:, ::2])


def test_lists_and_float32_are_accepted(record):
    given = record("listed", layers=2, steps=2)
    given["layers"] = list(given["layers"])
    given["steps"] = [3, 7]
    given["gradient_norm"] = given["gradient_norm"].astype(np.float32)
    (read,) = read_norms(given, "gradient_norm")
    assert read.values.dtype == np.float64
    assert read.row(7) == read.row("last") == read.row(np.int64(7)) == 1


def test_a_record_that_does_not_fit_is_refused_by_number_label_and_field(record):
    wrong = {**record("my run"), "gradient_norm": np.zeros(6)}
    said = r"records\[1\] 'my run': gradient_norm has shape \(6,\)"
    with pytest.raises(ValueError, match=said):
        read_norms([record("fine"), wrong], "gradient_norm")
    with pytest.raises(ValueError, match=r"records\[1\] is a list, expected a mapping"):
        read_norms([record("fine"), [1, 2]], "gradient_norm")


@pytest.mark.parametrize("key", ["label", "layers", "steps", "gradient_norm"])
def test_a_missing_field_is_named(record, key):
    wrong = record("my run")
    del wrong[key]
    with pytest.raises(ValueError, match=f"lacks {key}"):
        read_norms(wrong, "gradient_norm")


def test_a_record_of_layers_without_parameters_can_be_drawn(record):
    given = record("a", layers=2)
    params = [key for key in given if key.startswith("param_") or key == "update_ratio"]
    given = {key: value for key, value in given.items() if key not in params} | {"format": 2}
    given["params"] = np.array([], dtype=np.str_)
    for key in ("param_gradient_norm", "update_ratio"):
        given[key] = np.zeros((40, 0))
    assert "No parameters" in plots.update_ratios(given).texts[0].get_text()
    assert "No parameters" in plots.clip_shares(given).texts[0].get_text()
    titles = [ax.get_title("left") for ax in plots.overview_figure(given).axes]
    assert "Weight gradients" not in titles
    plots.update_ratio_figure(given)
    plots.comparison_figure([given, given])
    with pytest.raises(ValueError, match="'a' holds no parameters, so no 'update_ratio'"):
        plots.gradient_norms(given, quantity="update_ratio")


def test_the_last_finite_step(record):
    given = record("bursts", growth=50.0)
    bad = int(np.flatnonzero(~np.isfinite(given["gradient_norm"]).all(axis=1))[0])
    run = Run(given)
    assert run.row("finite") == bad - 1
    assert run.when("finite") == f"step {bad - 1}, the last finite one of 39"
    assert run.when(0) == "step 0"
    assert Run(record("a")).row("finite") == 39
    assert Run(record("a")).when("finite") == "step 39"
    given["loss"][:] = np.nan
    assert Run(given).row("finite") == 39


def test_each_picture_needs_only_the_keys_it_draws(record):
    given = record("lean")
    only_loss = {key: given[key] for key in ("label", "steps", "loss")}
    lines = plots.loss_curves(only_loss).get_lines()
    assert [len(one.get_ydata()) for one in lines if one.get_gid() == "values"] == [40]
    least = {**only_loss, "layers": given["layers"], "gradient_norm": given["gradient_norm"]}
    assert plots.gradient_norms(least).get_xlabel().startswith("layer")


@pytest.mark.parametrize("records", [[], (), 3, "record.npz", [[1, 2]], None])
def test_what_is_no_record_is_refused(records):
    with pytest.raises(ValueError, match="record"):
        plots.gradient_norms(records)


@pytest.mark.parametrize(
    "draw",
    [
        plots.gradient_norms,
        plots.gradient_norm_figure,
        plots.gradient_norm_heatmap,
        plots.heatmap_figure,
        plots.shared_limits,
    ],
)
def test_an_unknown_quantity_is_answered_with_the_known(record, draw):
    with pytest.raises(ValueError, match=r"unknown quantity 'norm': .*, param_gradient_norm"):
        draw(record("a"), quantity="norm")
    with pytest.raises(ValueError, match="'loss' is not recorded by layer"):
        draw(record("a"), quantity="loss")


def test_labels_and_names_cannot_act(record):
    given = record("a\x1b[31m\nb")
    given["layers"] = np.array(["0.\x07", *given["layers"][1:]])
    run = Run(given)
    assert run.label == "a\\x1b[31m b"
    assert run.layers[0] == "0.\\x07"
    plots.gradient_norms(given).figure.draw_without_rendering()


@pytest.mark.parametrize(
    ("depths", "places"),
    [
        ([1, 1, 2, 2, 3], [1, 1.5, 2, 2.5, 3]),
        ([0, 1, 1, 1, 2], [0, 1, 4 / 3, 5 / 3, 2]),
        ([1, 1, 2, 1, 2], [1, 1.5, 2, 7 / 3, 8 / 3]),  # a skip lane beside a deeper branch
    ],
)
def test_layers_stand_at_their_depth_and_what_follows_between(record, depths, places):
    run = Run({**record("a", layers=3), "depths": np.array(depths)})
    assert run.places.tolist() == pytest.approx(places)


def test_layers_are_chosen_by_role_whatever_their_names(residual):
    run = Run(residual(2))
    assert run.series("gradient_norm").layers == ("0.stem", "1.2.dense", "2.2.dense", "head")
    assert run.series("gradient_norm", "norm").layers == ("1.0.layernorm", "2.0.layernorm")
    assert run.select("layers", "dense") == run.select("layers", "weights")  # as it was called
    assert run.select("layers", "activations") == run.select("layers", "activation")
    assert run.series("update_ratio").layers[1] == "W of 1.2.dense"
    assert run.series("update_ratio").places.tolist() == [1, 2, 3, 4]
    assert run.series("update_ratio").blocks == ("", "1", "2", "")
    values, columns = run.by_layer("update_ratio")
    assert [run.layers[i] for i in columns] == ["0.stem", "1.2.dense", "2.2.dense", "head"]
    assert values.shape == (4, 4)


def test_of_a_layer_s_parameters_its_first_weights_stand_for_it(record):
    given = record("a", layers=3, batchnorm=True)
    values, columns = Run(given).by_layer("update_ratio")
    assert columns.tolist() == [0, 3, 6]
    np.testing.assert_array_equal(values, given["update_ratio"][:, :3])
    unknown = {**given, "param_layers": np.array([-1, 3, 6, *given["param_layers"][3:]])}
    assert Run(unknown).by_layer("update_ratio")[1].tolist() == [3, 6]


def test_recurrent_weights_are_weights_and_other_parameters_are_not(record):
    given = record("a", layers=3)
    given["param_roles"] = np.array(["bias", "recurrent_weight", "weight"])
    assert Run(given).series("update_ratio").layers == ("2.weight", "4.weight")
    given["param_roles"][:] = "other"  # none is one: all
    assert len(Run(given).series("update_ratio").layers) == 3


@pytest.mark.parametrize("end", ["low", "high"])
def test_an_end_that_a_layer_lacks_adds_nothing(record, end):
    given = record("a", layers=3, spread=3.0)
    given[f"saturated_{end}"][:] = np.nan
    other = given[f"saturated_{'high' if end == 'low' else 'low'}"]
    np.testing.assert_array_equal(Run(given).get("saturated"), other)


def test_both_ends_and_dead_units_are_made_of_what_was_recorded(record):
    given = record("a", layers=3, steps=25)
    run = Run(given)
    both = given["saturated_low"] + given["saturated_high"]
    np.testing.assert_array_equal(run.get("saturated"), both)
    relu = record("a", layers=3, activation="relu")
    np.testing.assert_array_equal(Run(relu).get("saturated"), relu["saturated_low"])
    dead = (given["census"][1, 64:128] == 1).mean()
    given["census"][1, 64:70] = 1
    dead = (given["census"][1, 64:128] == 1).mean()
    assert Run(given).get("dead_units")[[10, 19], 1].tolist() == [dead, dead]
