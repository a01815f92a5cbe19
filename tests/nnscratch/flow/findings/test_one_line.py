"""Layers without an activation between them, and no hidden layer: one linear map."""

import numpy as np
import pytest


@pytest.mark.parametrize(
    ("linear", "near", "share", "severity"),
    [
        (0.1, 0.41, 0.8, "serious"),
        (0.1, 0.39, 0.8, "notice"),
        (0.3, 0.49, 0.9, "notice"),
        (0.29, 0.5, 0.9, "serious"),
        (0.1, 0.9, 0.1, "notice"),  # it is learned all the same
    ],
)
def test_no_activation_between_layers(run, linear, near, share, severity):
    def change(record):
        run.stuck(record, share * record["loss_constant"][0])
        run.fill(guess_linear=linear, guess_neighbours=near)(record)

    found = run.of(run(change, kinds="dense dense", widths=(20, 3)), "no activation")
    assert found.severity == severity
    assert "one linear map" in found.sentence
    assert ("nearest neighbours" in found.sentence) == (severity == "serious")
    assert severity == "serious" or found.sentence.rstrip().endswith("one linear map.")
    assert found.advice[0].line == run.remade('activation="relu"')


@pytest.mark.parametrize(("linear", "told"), [(0.48, True), (0.52, False)])
def test_a_line_that_is_on_its_way_is_not_held_up_by_being_one(run, linear, told):
    """Where a linear fit tells a fifth more than it has learned, 0.3."""

    def change(record):
        ramp = np.linspace(0.0, 0.3 / 0.95, len(record["loss"]))
        record["loss"] = record["loss_constant"] * (1 - ramp)
        run.fill(guess_linear=linear, guess_neighbours=0.1)(record)

    found = run(change, kinds="dense dense", widths=(20, 3))
    assert ("no activation" in found.kinds) == told


@pytest.mark.parametrize(("norm", "told"), [("batchnorm", True), ("layernorm", False)])
def test_a_norm_of_each_example_by_its_own_size_is_no_linear_map(run, norm, told):
    found = run(kinds=f"dense {norm} dense", widths=(20, 3))
    assert ("no activation" in found.kinds) == told


@pytest.mark.parametrize(
    ("edges", "told"),
    [
        ([(-1, 0), (0, 1), (1, 2), (2, 3)], True),
        ([(-1, 0), (0, 1), (1, 2), (2, 3), (0, 2)], False),
        ([(-1, 0), (-1, 1), (1, 2), (2, 3), (0, 3)], False),  # beside it
    ],
)
def test_what_goes_around_the_next_layer_is_no_linear_map_with_it(run, edges, told):
    def change(record):
        record["edges"] = np.array(edges)
        record["gaps"] = np.zeros(len(edges), np.int64)

    found = run(change, kinds="dense dense relu dense", widths=(20, 20, 3))
    assert ("no activation" in found.kinds) == told


@pytest.mark.parametrize(
    ("kinds", "told"),
    [
        ("dense dense sum dense", True),
        ("dense batchnorm dense sum dropout dense", True),
        ("dense layernorm dense sum dense", False),
        ("dense dense relu sum dense", False),
        ("dense conv9 dense sum dense", False),  # what nobody knows
    ],
)
def test_lines_that_go_round_each_other_are_a_line_all_the_same(run, kinds, told):
    """Residual blocks without an activation anywhere, of which nothing is learned."""
    widths = (20,) * (kinds.count("dense") - 1) + (3,)
    join = kinds.split().index("sum")

    def change(record):
        run.stuck(record)
        run.fill(guess_linear=0.0, guess_neighbours=0.9)(record)
        record["edges"] = np.array([*np.asarray(record["edges"]).tolist(), (0, join)])
        record["gaps"] = np.zeros(len(record["edges"]), np.int64)
        record["roles"] = [
            "opaque" if k == "conv9" else r
            for k, r in zip(record["kinds"], record["roles"], strict=True)
        ]

    found = run.of(run(change, kinds=kinds, widths=widths), "no activation")
    assert (found is not None) == told
    if told:
        assert found.severity == "serious"
        assert "all its layers together are one linear map" in found.sentence


@pytest.mark.parametrize(("units", "above", "told"), [(7, 8, False), (8, 9, True), (7, 7, True)])
def test_a_layer_that_is_there_to_be_narrow(run, units, above, told):
    """Of 8 inputs: a code of fewer numbers than go in and come out, of which none is bent."""
    found = run(kinds="dense dense relu dense", widths=(units, above, 3))
    assert ("no activation" in found.kinds) == told

    def held(record):
        run.stuck(record, 0.8 * record["loss_constant"][0])
        run.fill(guess_linear=0.1, guess_neighbours=0.41)(record)

    serious = run.of(run(held, kinds="dense dense", widths=(5, 9)), "no activation")
    assert serious.severity == "serious"  # whatever its width: it is in the way


@pytest.mark.parametrize("kind", ["gru", "lstm", "rnn"])
def test_a_second_call_of_a_recurrent_module_is_one(run, kind):
    def again(record):
        record["kinds"][0] = kind  # its parameters are those of the first call

    assert run(again, kinds="dense dense relu dense", widths=(20, 20, 3)).kinds == ()


def test_activations_between_all_layers(run):
    assert run(kinds="dense relu dense dropout relu dense", widths=(20, 20, 3)).kinds == ()
    assert run(kinds="dense", widths=(3,)).kinds == ()
    assert run(kinds="dense batchnorm dense", widths=(20, 3)).kinds == ("no activation",)
    found = run(kinds="dense dense relu dense", widths=(20, 20, 3))
    assert found.kinds == ("no activation",)
    assert "the two are one linear map" in found[0].sentence
    gap = run(lambda r: r["gaps"].__setitem__(1, 1), kinds="dense dense", widths=(20, 3))
    assert gap.kinds == ()  # what lies between was not recorded


@pytest.mark.parametrize(
    ("linear", "near", "share", "told"),
    [
        (0.1, 0.31, 0.9, True),  # 0.1 is learned
        (0.1, 0.29, 0.9, False),
        (0.3, 0.49, 0.9, False),
        (0.29, 0.9, 0.9, True),
        (0.31, 0.9, 0.9, False),  # a line could do more than this one does
        (0.1, 0.9, 0.1, False),  # it is learned all the same
    ],
)
def test_no_hidden_layer_where_answers_are_on_no_two_sides_of_a_line(
    run, linear, near, share, told
):
    def change(record):
        run.stuck(record, share * record["loss_constant"][0])
        run.fill(guess_linear=linear, guess_neighbours=near)(record)

    found = run.of(run(change, kinds="dense sigmoid", widths=(3,)), "no activation")
    assert (found is not None and found.severity == "serious") == told
    if told:
        assert found.sentence.startswith("There is no hidden layer")
        assert found.advice[0].line == (
            'model, optimizer = nn.Sequential(nn.Dense(8, 16, init="he_normal"), nn.ReLU(), '
            "nn.Dense(16, 3), nn.Sigmoid()), nn.SGD(lr=0.1)"
        )


@pytest.mark.parametrize("role", ["opaque", "shape"])
def test_what_nobody_knows_may_be_a_hidden_layer(run, role):
    def change(record):
        run.stuck(record)
        run.fill(guess_linear=0.1, guess_neighbours=0.5)(record)
        record["roles"][0] = role

    found = run(change, kinds="dropout dense", widths=(3,))
    assert ("no activation" in found.kinds) == (role == "shape")


@pytest.mark.parametrize(
    ("faded", "level", "told"), [(0.099, 1.0, True), (0.11, 1.0, False), (0.05, 0.9, False)]
)
def test_no_hidden_layer_where_few_examples_are_answered_alike(run, faded, level, told):
    """No guess from other examples, as of XOR: the gradient of a line at its best fades."""

    def change(record):
        run.stuck(record, level * record["loss_constant"][0])
        run.fill(guess_linear=np.nan, guess_neighbours=np.nan)(record)
        record["param_gradient_norm"][5:] = faded * 0.1

    found = run(change, kinds="dense", widths=(3,))
    assert (found.kinds[:1] == ("no activation",)) == told
    if told:
        assert "answers all examples the same" in found[0].sentence
        assert run.of(found, "does not learn").because == "no activation"


@pytest.mark.parametrize(
    ("rate", "steps", "told"), [(0.051, 200, True), (0.049, 200, False), (0.051, 199, False)]
)
def test_or_where_nothing_comes_of_many_steps_of_a_usual_rate(run, rate, steps, told):
    """Batches of three of four rows: the gradient of a line at its best does not fade."""

    def change(record):
        run.stuck(record)
        run.fill(guess_linear=np.nan, guess_neighbours=np.nan)(record)

    found = run(change, kinds="dense", widths=(3,), lr=rate, steps=steps)
    assert ("no activation" in found.kinds) == told
