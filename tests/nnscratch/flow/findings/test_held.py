"""Too much of a remedy: a penalty that leaves no weights, dropout that leaves no units."""

import numpy as np
import pytest

import nnscratch as nn

DROPS = "dense relu dropout dense relu dropout dense"


def shrunk(run, left, layers=3, since=20):
    def change(record):
        run.stuck(record)
        for column in [0, 2, 4][:layers]:
            record["param_norm"][since:, column] = left * record["param_norm_initial"][column]

    return change


@pytest.mark.parametrize(
    ("left", "last", "share", "near", "told"),
    [
        (0.29, 0.29, 0.0, 0.0, True),
        (0.31, 0.29, 0.0, 0.0, False),
        (0.29, 0.31, 0.0, 0.14, False),  # nothing is learned: what is answered may be a constant
        (0.29, 0.59, 0.0, 0.16, True),  # it may not: other examples tell something
        (0.29, 0.59, 0.15, 0.0, True),
        (0.29, 0.61, 0.15, 0.0, False),
        (0.31, 0.59, 0.15, 0.0, False),
    ],
)
def test_weights_that_shrink(run, left, last, share, near, told):
    """What is answered keeps some size, whatever pulls at the last layer's weights."""

    def change(record):
        shrunk(run, left)(record)
        run.stuck(record, (1 - share) * record["loss_constant"][0])
        record["param_norm"][20:, 4] = last * record["param_norm_initial"][4]
        run.fill(guess_linear=0.0, guess_neighbours=near)(record)

    found = run.of(run(change), "penalty")
    assert (found is not None) == told
    if told:
        assert found.severity == "serious"
        assert "below the last layer their norm is 29 % of what it was before" in found.sentence
        assert "below 30 % from step 20 on" in found.sentence
        assert found.cause == "A penalty on them, or their decay, pulls harder than the loss does."
        new = "model, optimizer = nn.remake(model), nn.SGD(lr=0.1)"  # the old ones are spoiled
        assert found.advice[0].line == f"callbacks = [nn.Penalty(l2=0.0001)]; {new}"


@pytest.mark.parametrize(
    ("cut", "every", "penalty", "told"),
    [
        (1.1e-3, 1, "", True),
        (0.9e-3, 1, "", False),
        (1.1e-3, 2, "", False),  # what happens in between is not known
        (1.1e-3, 1, "Penalty(l2=0.01)", False),
    ],
)
def test_weights_that_something_else_makes_smaller(run, cut, every, penalty, told):
    def change(record):
        shrunk(run, 0.2, since=0)(record)
        record["penalty"], record["steps"] = penalty, every * record["steps"]
        for column in [0, 2, 4]:
            norm, update = (record[f"param_{of}"][:, column] for of in ("norm", "update_norm"))
            record["update_ratio"][1:, column] = update[1:] / ((1 - cut) * norm[:-1])

    found = run.of(run(change), "penalty")
    assert ("something else makes them smaller" in found.cause) == told
    assert ("penalty" in found.advice[0].what) != told


@pytest.mark.parametrize(
    ("penalty", "optimizer", "told"),
    [
        ("Penalty(l2=0.0001)", "SGD(lr=0.1)", False),
        ("Penalty(l2=0.0002)", "SGD(lr=0.1)", True),
        ("Penalty(l1=0.0001, l2=0)", "SGD(lr=0.1)", False),
        ("Penalty(l1=0.0002, l2=0)", "SGD(lr=0.1)", True),
        ("", "AdamW(lr=0.1, weight_decay=0.0001)", False),
        ("", "AdamW(lr=0.1, weight_decay=0.01)", True),
        ("nothing", "AdamW(lr=0.1, weight_decay=0.01)", True),
        ("nothing", "SGD(lr=0.1)", False),
        ("nothing", "TheirOwn(lr=0.1)", True),  # which may do anything
        ("", "SGD(lr=0.1)", True),
    ],
)
def test_as_little_as_is_advised_holds_nothing_down(run, penalty, optimizer, told):
    """Where nothing else moves weights, that little takes them away: a consequence."""

    def change(record):
        shrunk(run, 0.2)(record)
        record["penalty"] = penalty

    assert ("penalty" in run(change, optimizer=optimizer).kinds) == told


@pytest.mark.parametrize(
    ("penalty", "kind"), [("Penalty(l1=0.05, l2=0)", "l1"), ("Penalty(l1=0.05, l2=0.1)", "l2")]
)
def test_what_is_left_of_a_penalty_is_of_its_kind(run, penalty, kind):
    def change(record):
        shrunk(run, 0.2)(record)
        record["penalty"] = penalty

    line = run.of(run(change), "penalty").advice[0].line
    assert line.startswith(f"callbacks = [nn.Penalty({kind}=0.0001)]; model")


def test_a_penalty_is_a_notice_in_a_run_that_is_on_its_way(run):
    def change(record):
        shrunk(run, 0.1)(record)
        run.stuck(record, 0.5)

    assert run.of(run(change), "penalty").severity == "notice"


def test_it_is_so_in_all_layers_or_it_is_what_the_loss_asks_for(run):
    assert "penalty" not in run(shrunk(run, 0.1, 2)).kinds


def test_without_an_activation_weights_of_zero_may_be_best(run):
    """The best line through XOR."""
    shape = {"kinds": "dense dense dense", "widths": (20, 20, 3)}
    assert "penalty" not in run(shrunk(run, 0.1), **shape).kinds


def test_a_recurrent_layer_has_an_activation_of_its_own():
    """No layer of it stands behind, and the loss of what it answers asks for no weights of zero."""
    x = np.random.default_rng(0).standard_normal((60, 6, 3)).astype(np.float32)
    model = nn.Sequential(nn.GRU(3, 6), nn.LastStep(), nn.Dense(6, 2), seed=0)
    flow = nn.GradientFlow(model, histograms=False)
    trainer = nn.Trainer(model, nn.SoftmaxCrossEntropy(), nn.SGD(lr=0.1))
    callbacks = [flow, nn.Penalty(l2=1.0)]
    y = (x[:, -1, 0] > 0).astype(int)
    trainer.fit(x, y, epochs=30, batch_size=20, callbacks=callbacks, progress=False)
    assert flow.findings()[0].kind == "penalty"


def test_the_decay_of_the_optimizer_is_what_to_change(run):
    optimizer = "AdamW(lr=0.01, weight_decay=50.0)"
    found = run.of(run(shrunk(run, 0.1), optimizer=optimizer, lr=0.01), "penalty")
    assert "or their decay (weight_decay=50.0), pulls harder" in found.cause
    new = "nn.remake(model), nn.AdamW(lr=0.01, weight_decay=0.0001)"
    assert found.advice[0].line == f"model, optimizer = {new}"


def test_weights_that_began_at_zero_tell_nothing(run):
    def change(record):
        shrunk(run, 0.1)(record)
        record["param_norm_initial"][...] = 0

    assert "penalty" not in run(change).kinds


@pytest.mark.parametrize(("steps", "told"), [(50, True), (49, False)])
def test_it_takes_fifty_steps_to_say(run, steps, told):
    assert ("penalty" in run(shrunk(run, 0.1), steps=steps).kinds) == told


def test_what_learns_may_shrink(run):
    def change(record):
        record["param_norm"][...] *= 0.1

    assert "penalty" not in run(change).kinds


def dropped(run, rate, below=0.5, which=(2, 5)):
    def change(record):
        run.stuck(record)
        record["output_zeros"][:, [1, 4]] = below
        for column in which:
            record["output_zeros"][:, column] = below + (1 - below) * rate

    return change


@pytest.mark.parametrize(("rate", "told"), [(0.66, True), (0.64, False)])
def test_dropout_of_most_units(run, rate, told):
    found = run.of(run(dropped(run, rate, which=(2,)), kinds=DROPS), "dropout")
    assert (found is not None) == told
    if told:
        assert found.severity == "serious"
        assert found.layers == ("2.dropout",)
        assert found.numbers == pytest.approx({"dropped": 0.66, "layers": 1})
        assert "Dropout takes 66 % of the 20 units of 2.dropout away" in found.sentence
        assert found.advice[0].line == run.remade("dropout=0.2")


@pytest.mark.parametrize(
    ("kinds", "which", "line"),
    [
        ("dropout dense relu dense", (0,), "dropout=0.0"),
        ("dense relu dropout dense", (2,), "dropout=0.2"),
    ],
)
def test_dropout_of_what_goes_in_is_not_made_less_but_none(run, kinds, which, line):
    def change(record):
        run.stuck(record)
        record["output_zeros"][:, list(which)] = 0.95

    found = run.of(run(change, kinds=kinds, widths=(20, 3)), "dropout")
    assert found.advice[0].line == run.remade(line)


def test_zeros_that_rectifiers_made_are_not_of_dropout(run):
    assert "dropout" not in run(dropped(run, 0.3, below=0.8), kinds=DROPS).kinds


def test_the_layer_with_most_units_alive_is_named(run):
    def change(record):
        dropped(run, 0.9)(record)
        record["output_zeros"][:, 1] = 0.95  # of 5 % left it is not known well
        record["output_zeros"][:, 2] = 0.999

    found = run.of(run(change, kinds=DROPS), "dropout")
    assert found.numbers["dropped"] == pytest.approx(0.9)
    assert "of 5.dropout" in found.sentence


def test_units_that_dropout_kills_are_its_consequence(run):
    def change(record):
        dropped(run, 0.9)(record)
        record["output_dead"][:, 4] = 0.9

    found = run(change, kinds=DROPS)
    assert run.of(found, "dead units").because == "dropout"
    assert run.of(found, "does not learn").because == "dropout"


def test_dropout_of_what_learns_is_none(run):
    def change(record):
        record["output_zeros"][:, [2, 5]] = 0.95

    assert run(change, kinds=DROPS).kinds == ()


def test_of_a_run_that_is_on_its_way_it_is_a_notice(run):
    def change(record):
        dropped(run, 0.9)(record)
        record["loss"][...] = np.linspace(1.1, 0.6, 100)

    assert run.of(run(change, kinds=DROPS), "dropout").severity == "notice"


@pytest.mark.parametrize(
    ("width", "rate", "told"),
    [(5, 0.5, True), (6, 0.5, False), (3, 0.26, True), (3, 0.24, False)],
)
def test_dropout_that_leaves_fewer_than_three_units(run, width, rate, told):
    change = dropped(run, rate, which=(2,))
    found = run.of(run(change, kinds=DROPS, widths=(width, 20, 3)), "dropout")
    assert (found is not None) == told
    if told:
        assert f"of the {width} units of 2.dropout away" in found.sentence


@pytest.mark.parametrize(
    ("kinds", "told"),
    [("dense relu dense dropout", True), ("dense relu dropout dense", False)],
)
def test_dropout_of_the_answers(run, kinds, told):
    found = run.of(run(run.stuck, kinds=kinds, widths=(20, 3)), "dropout")
    assert (found is not None) == told
    if told:
        assert found.layers == ("3.dropout",)
        assert found.severity == "serious"
        assert "behind the last layer with weights, 2.dense" in found.sentence
        assert found.advice[0].line == run.remade("dropout=0.0")
        assert "dropout" not in run(kinds=kinds, widths=(20, 3)).kinds


@pytest.mark.parametrize(
    ("layers", "rate", "told"),
    [(2, 0.6, False), (3, 0.46, False), (3, 0.48, True), (9, 0.24, False), (9, 0.26, True)],
)
def test_usual_dropout_in_so_many_layers_that_little_gets_through_all(run, layers, rate, told):
    """0.54 ** 3 is 0.157, 0.52 ** 3 0.141; what takes less than a quarter does not count."""

    def change(record):
        run.stuck(record, 0.9)
        for i in range(layers):
            record["output_zeros"][:, 3 * i + 1] = 0.5
            record["output_zeros"][:, 3 * i + 2] = 0.5 + 0.5 * rate

    kinds = "dense relu dropout " * layers + "dense"
    found = run.of(run(change, kinds=kinds, widths=(*[20] * layers, 3)), "dropout")
    assert (found is not None) == told
    if told:
        left = (1 - rate) ** layers
        assert found.numbers == pytest.approx({"left": left, "layers": layers})
        assert f"in {layers} layers one behind the other, {rate:.0%}" in found.sentence.replace(
            " %", "%"
        )
        assert found.advice[0].line == run.remade(
            "dropout=0.1", "SGD(lr=0.1)" if layers < 6 else "Adam(lr=0.001)"
        )


@pytest.mark.parametrize(("share", "told"), [(0.20, True), (0.74, True), (0.76, False)])
def test_as_much_as_other_examples_tell_is_no_reason_to_be_silent_about_dropout(run, share, told):
    def change(record):
        dropped(run, 0.9)(record)
        run.stuck(record, (1 - share) * record["loss_constant"][0])
        run.fill(guess_linear=0.2, guess_neighbours=0.1)(record)

    assert ("dropout" in run(change, kinds=DROPS).kinds) == told


def test_a_penalty_is_silent_about_what_learns_as_much_as_can_be_told(run):
    def change(record):
        shrunk(run, 0.1)(record)
        run.stuck(record, 0.8 * record["loss_constant"][0])
        run.fill(guess_linear=0.2, guess_neighbours=0.1)(record)

    assert "penalty" not in run(change).kinds


@pytest.mark.parametrize(
    ("below", "last", "share", "told"),
    [
        (0.59, 0.79, 0.5, True),
        (0.61, 0.79, 0.5, False),
        (0.59, 0.81, 0.5, False),
        (0.59, 0.79, 0.21, True),
        (0.59, 0.79, 0.19, False),
        (0.59, 0.79, 0.74, True),
        (0.59, 0.79, 0.76, False),
    ],
)
def test_a_penalty_that_takes_back_a_part(run, below, last, share, told):
    def change(record):
        start, steps = record["loss_constant"][0], len(record["steps"])
        record["loss"] = np.linspace(start, (1 - share) * start, steps)
        record["loss"][-150:] = (1 - share) * start
        weights = [i for i, role in enumerate(record["param_roles"]) if role == "weight"]
        for i in weights:
            factor = last if i == weights[-1] else below
            record["param_norm"][:, i] = factor * record["param_norm_initial"][i]

    found = run.of(run(change, steps=300), "penalty")
    assert (found is not None) == told
    if told:
        assert "takes back a part of what the loss teaches" in found.cause
        assert f"{below:.0%}".replace("%", " %") in found.sentence
        assert found.advice[0].line.startswith("callbacks = [nn.Penalty(l2=0.0001)]; model")
