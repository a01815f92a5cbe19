"""What the network is: activations, depth, width."""

import numpy as np
import pytest


def dead(record, column=1):
    record["output_zeros"][:, column] = 1.0
    record["output_dead"][:, column] = 1.0


@pytest.mark.parametrize(("width", "told"), [(16, True), (17, False)])
def test_narrow_layers_of_rectifiers_that_began_off(run, width, told):
    found = run(lambda r: dead(run.stuck(r)), widths=(width, 20, 3))
    cause = run.of(found, "activation")
    assert (cause is not None) == told
    if told:
        assert f"as narrow as {width} units: those of 1.relu" in cause.sentence
        assert cause.advice[0].line == run.remade('activation="elu"')
        assert cause.advice[1].line == run.remade("width=64")
        assert run.of(found, "dead layer").because == "activation"


def test_narrow_layers_are_a_notice_in_a_run_that_is_on_its_way(run):
    found = run(lambda r: dead(run.stuck(r, 0.5)), widths=(16, 20, 3))
    assert run.of(found, "activation").severity == "notice"


def test_units_that_died_in_training_are_not_the_widths_fault(run):
    def change(record):
        dead(run.stuck(record))
        record["output_zeros"][:30, 1] = 0.5
        record["output_dead"][:30, 1] = 0.0

    assert run.of(run(change, widths=(5, 20, 3)), "activation") is None


def slope(record, down):
    n = len(record["layers"])
    record["gradient_norm"][...] = 0.1 * 10.0 ** (down * (1 - np.arange(n) / (n - 1)))


def sigmoid(layers):
    return {"kinds": "dense sigmoid " * layers + "dense", "widths": (20,) * layers + (3,)}


def by_derivative(record):
    """All of the loss is in the activations' steps."""
    n = len(record["layers"])
    steps = np.array([kind == "sigmoid" for kind in record["kinds"][1:]] + [False])
    record["gradient_norm"][...] = 0.1 * 10.0 ** (-1.0 * np.cumsum(steps[::-1])[::-1])[:n]


@pytest.mark.parametrize(("layers", "told"), [(3, True), (2, False)])
def test_an_activation_that_no_weights_help(run, layers, told):
    found = run(lambda r: by_derivative(run.stuck(r)), **sigmoid(layers))
    cause = run.of(found, "activation")
    assert (cause is not None) == told
    if told:
        assert "sigmoid in 3 hidden layers: its slope is at most 0.25" in cause.sentence
        assert "a factor 64" in cause.sentence
        assert cause.advice[0].line == run.remade('activation="elu"')
        assert cause.advice[1].line == run.remade("norm=True")
        assert run.of(found, "vanishing").because == "activation"


def test_what_the_weights_lose_is_not_the_activations_fault(run):
    def change(record):
        run.stuck(record)
        n = len(record["layers"])
        steps = np.array([kind == "dense" for kind in record["kinds"][1:]] + [False])
        record["gradient_norm"][...] = 0.1 * 10.0 ** (-1.0 * np.cumsum(steps[::-1])[::-1])[:n]

    assert run.of(run(change, **sigmoid(4)), "activation") is None
    tanh = {**sigmoid(4), "kinds": sigmoid(4)["kinds"].replace("sigmoid", "tanh")}

    def lost(record):
        run.stuck(record)
        slope(record, -3.0)

    assert run.of(run(lost, **tanh), "activation") is None  # tanh has weights that suit it
    normed = {**sigmoid(4), "kinds": "dense batchnorm sigmoid " * 4 + "dense"}
    assert run.of(run(lambda r: by_derivative(run.stuck(r)), **normed), "activation") is None


def test_a_constant_output_through_sigmoids(run):
    def change(record):
        run.stuck(record)["output_spread"][:, -1] = 0.0

    found = run(change, **sigmoid(3))
    assert found[0].kind == "activation"
    assert run.of(found, "constant output").because == "activation"


def test_exponentials_of_exponentials(run):
    def change(record):
        record["loss"][...] = np.nan
        record["output_nonfinite"][:, 5] = 3

    options = {"kinds": "dense exponential " * 3 + "dense", "widths": (5, 5, 5, 3), "steps": 1}
    found = run(change, **options)
    assert found.kinds == ("activation", "non-finite")
    assert "until numbers overflow" in found[0].sentence


def test_many_normalised_layers_are_a_notice_in_a_run_that_is_on_its_way(run):
    def change(record):
        slope(run.stuck(record, 0.5), 4.0)

    options = {"kinds": "dense batchnorm relu " * 9 + "dense", "widths": (20,) * 9 + (3,)}
    assert run.of(run(change, **options), "depth").severity == "notice"


@pytest.mark.parametrize(("layers", "told"), [(10, True), (9, False)])
def test_many_layers_with_batch_norm(run, layers, told):
    options = {
        "kinds": "dense batchnorm relu " * (layers - 1) + "dense",
        "widths": (20,) * (layers - 1) + (3,),
    }
    found = run(lambda r: slope(run.stuck(r), 3.0), **options)
    cause = run.of(found, "depth")
    assert (cause is not None) == told
    if told:
        assert f"{layers} layers in a row" in cause.sentence
        assert cause.numbers["per_layer"] == pytest.approx(10 ** (3 / (layers - 1)))
        assert run.of(found, "exploding").because == "depth"
        assert cause.advice[0].line == run.remade('activation="elu"')


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


@pytest.mark.parametrize("goes_around", [True, False])
def test_what_also_goes_around_the_next_layer_is_no_linear_map_with_it(run, goes_around):
    def change(record):
        if goes_around:
            record["edges"] = np.array([*np.asarray(record["edges"]).tolist(), (0, 2)])
            record["gaps"] = np.zeros(len(record["edges"]), np.int64)

    found = run(change, kinds="dense dense relu dense", widths=(20, 20, 3))
    assert ("no activation" in found.kinds) == (not goes_around)


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
    ("width", "steps", "share", "told"),
    [
        (3, 200, 0.5, True),
        (4, 200, 0.5, False),
        (3, 199, 0.5, False),
        (3, 200, 0.2, False),  # learned
    ],
)
def test_few_units(run, width, steps, share, told):
    def change(record):
        run.stuck(record, share * record["loss_constant"][0])

    found = run.of(run(change, widths=(20, width, 3), steps=steps), "capacity")
    assert (found is not None) == told
    if told:
        assert f"through {width} units in 2.dense" in found.sentence
        assert found.layers == ("2.dense",)
        assert found.severity == "notice"


@pytest.mark.parametrize(
    ("width", "share", "severity"),
    [(1, 0.7, "serious"), (1, 1.0, "serious"), (2, 0.7, "notice"), (2, 0.85, "serious")],
)
def test_how_sure_it_is_that_units_are_too_few(run, width, share, severity):
    def change(record):
        run.stuck(record, share * record["loss_constant"][0])
        record["update_ratio"][...] = 2e-3

    kind = run.of(run(change, widths=(20, width, 3), steps=200), "capacity")
    assert kind.severity == severity


@pytest.mark.parametrize(("share", "told"), [(0.94, True), (0.96, False)])
def test_two_units_learn_a_part(run, share, told):
    """Where nothing at all is learned it is not their number."""

    def change(record):
        run.stuck(record, share * record["loss_constant"][0])

    found = run(change, widths=(20, 2, 3), steps=200)
    assert ("capacity" in found.kinds) == told


@pytest.mark.parametrize(("rate", "told"), [(0.0099, False), (0.0101, True)])
@pytest.mark.parametrize("falls", [True, False])
def test_units_are_not_blamed_while_a_small_rate_still_gets_on(run, rate, told, falls):
    """A tenth of what plain descent begins with."""

    def change(record):
        start = record["loss_constant"][0]
        run.stuck(record, 0.7 * start)
        if falls:
            record["loss"][...] = start * np.linspace(0.76, 0.7, 200)

    found = run(change, widths=(20, 3, 3), steps=200, lr=rate, optimizer=f"SGD(lr={rate})")
    assert ("capacity" in found.kinds) == told
    assert ("too few steps" in found.kinds) == falls


LONG = {"kinds": "dense relu " * 19 + "dense", "widths": (20,) * 19 + (3,)}


@pytest.mark.parametrize(
    ("spread", "layers", "told"), [(0.24, 20, True), (0.26, 20, False), (0.24, 19, False)]
)
def test_a_long_chain_makes_all_inputs_alike(run, spread, layers, told):
    def change(record):
        run.stuck(record)
        record["output_spread"][:, 2 * layers - 4] = spread
        record["output_mean"][:, 2 * layers - 4] = 0.6
        record["output_std"][:, 2 * layers - 4] = 0.8
        record["update_ratio"][...] = 1e-4

    kinds, widths = "dense relu " * (layers - 1) + "dense", (20,) * (layers - 1) + (3,)
    found = run(change, kinds=kinds, widths=widths)
    assert (found.kinds[0] == "depth") == told
    if told:
        assert "20 layers of ReLU in a row: at 36.dense all inputs look alike" in found[0].sentence
        assert found[0].severity == "serious"
        assert found[0].advice[0].line == run.remade("norm=True")
        assert run.of(found, "does not learn").because == "depth"
        assert "learning rate too small" not in found.kinds


def test_a_long_chain_that_learns_or_is_normalised_or_has_other_weights_is_not_too_long(run):
    def alike(record, learns=False):
        if not learns:
            run.stuck(record)
        record["output_spread"][:, :] = 0.01

    assert "depth" not in run(lambda r: alike(r, learns=True), **LONG).kinds
    normed = {**LONG, "kinds": "dense batchnorm relu " * 19 + "dense"}
    assert "depth" not in run(alike, **normed).kinds
    small = run(alike, **LONG, scale=1.0)
    assert small.kinds[0] == "initial weights"
    assert "depth" not in small.kinds


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


@pytest.mark.parametrize(("rate", "told"), [(0.0101, True), (0.0099, False)])
def test_at_a_small_rate_it_is_not_known_whether_units_are_few(run, rate, told):
    def change(record):
        run.stuck(record, 0.7)

    options = {"widths": (20, 2, 3), "steps": 200, "lr": rate, "optimizer": f"SGD(lr={rate})"}
    assert ("capacity" in run(change, **options).kinds) == told


def test_units_are_few_only_where_the_loss_hardly_falls_and_nothing_else_is_wrong(run):
    def falls(record):
        record["loss"][...] = np.linspace(1.1, 0.4, 200)

    assert run.of(run(falls, widths=(20, 2, 3), steps=200), "capacity") is None

    def vanishes(record):
        run.stuck(record, 0.7)
        slope(record, -3.0)

    assert run.of(run(vanishes, widths=(20, 2, 3), steps=200), "capacity") is None


@pytest.mark.parametrize(
    ("width", "options", "told"),
    [
        (3, {}, True),
        (4, {}, False),
        (3, {"steps": 199}, False),
        (3, {"lr": 0.51, "optimizer": "SGD(lr=0.51)"}, False),
    ],
)
def test_of_two_or_three_rectifiers_none_can_be_spared(run, width, options, told):
    """Some went off on the way, and the loss stands where that left it."""

    def change(record):
        run.stuck(record, 0.6 * record["loss_constant"][0])
        record["output_dead"][40:, 1] = 0.5

    found = run.of(run(change, widths=(width, 20, 3), **{"steps": 200, **options}), "activation")
    assert (found is not None) == told
    if told:
        assert found.severity == "notice"
        assert found.step >= 40
        assert "as narrow as 3 units: some of 1.relu went off" in found.sentence
        assert found.advice[1].line == run.remade("width=64")


def test_what_falls_or_is_done_can_spare_them(run):
    def off(record):
        record["output_dead"][40:, 1] = 0.5

    def on_its_way(record):
        record["loss"][...] = np.linspace(1.1, 0.6, 200)
        off(record)

    for change in (off, on_its_way):
        assert "activation" not in run(change, widths=(3, 20, 3), steps=200).kinds


@pytest.mark.parametrize(
    ("kinds", "told"),
    [("dense softmax dense", True), ("dense relu dense softmax", False)],
)
def test_a_softmax_within(run, kinds, told):
    made = run(run.stuck, kinds=kinds, widths=(20, 3))
    found = run.of(made, "activation")
    assert (found is not None) == told
    if told:
        assert found.layers == ("1.softmax",)
        assert found.severity == "serious"
        assert "its 20 units share out one, 0.05 each on average" in found.sentence
        assert found.advice[0].line == run.remade('activation="relu"')
        assert run.of(made, "does not learn").because == "activation"
        assert "activation" not in run(kinds=kinds, widths=(20, 3)).kinds  # it learns


@pytest.mark.parametrize("shows", ["slow layer", "saturated", "does not learn", "constant output"])
def test_units_are_few_though_that_shows_too(run, shows):
    learns = shows in ("slow layer", "saturated")

    def change(record):
        run.stuck(record, 0.7 if learns else None)
        if shows == "constant output":
            record["output_spread"][:, -1] = 1e-3
        if shows == "slow layer":
            record["update_ratio"][:, 2] = 2e-5
        if shows == "saturated":
            record["saturated_high"][...] = 0.9

    widths = (20, 2 if learns else 1, 3)
    options = {"kinds": "dense tanh dense tanh dense", "widths": widths, "scale": 1.0}
    assert {shows, "capacity"} <= set(run(change, **options, steps=300).kinds)


ROUNDED = {"kinds": "dense relu " * 5 + "dense", "widths": (20,) * 5 + (3,)}


@pytest.mark.parametrize(
    ("top", "bottom", "last", "told"),
    [
        (0.9e-6, 0.5, 1e-8, True),
        (1.1e-6, 0.5, 1e-8, False),
        (1e-8, 0.011, 1e-8, True),
        (1e-8, 0.009, 1e-8, False),  # the inputs are alike
        (1e-8, 0.5, 1e-2, False),  # another way leads around them
    ],
)
def test_examples_that_rounding_alone_tells_apart(run, top, bottom, last, told):
    """However few layers, normalised or not, and though the loss falls for a while."""

    def change(record):
        run.stuck(record, 0.7 * record["loss_constant"][0])
        record["output_spread"][:5] = np.linspace(bottom, top, 11)
        record["output_spread"][:5, 8] = top
        record["output_spread"][:5, 10] = last

    found = run(change, **ROUNDED)
    assert ("depth" in found.kinds) == told
    if told:
        assert found.kinds[0] == "depth"
        assert "8.dense all inputs look alike before training" in found[0].sentence
        assert ", less than a millionth of it; from " in found[0].sentence
        assert "nn.Residual" in found[0].advice[0].what


def test_examples_that_come_apart_at_once_or_are_learned(run):
    def change(record, rows, stuck=True):
        if stuck:
            run.stuck(record)
        record["output_spread"][:rows, 8:] = 1e-8
        record["output_spread"][rows:, 8:] = 0.5

    assert "depth" in run(lambda r: change(r, 3), **ROUNDED).kinds
    assert "depth" not in run(lambda r: change(r, 2), **ROUNDED).kinds
    assert "depth" not in run(lambda r: change(r, 3, stuck=False), **ROUNDED).kinds
