"""Vanishing and exploding: when, how much, since when, and what it is made of."""

import numpy as np
import pytest

LAYERS = {"kinds": "dense tanh " * 3 + "dense", "widths": (20, 20, 20, 3)}


def ratio(record, value, start=0):
    """First over last norm of the gradient, the same factor at each layer on the way."""
    n = len(record["layers"])
    record["gradient_norm"][start:] = 0.1 * value ** (1 - np.arange(n) / (n - 1))


@pytest.mark.parametrize(
    ("value", "kind"),
    [(1 / 101, "vanishing"), (1 / 99, None), (101, "exploding"), (99, None), (0.0, "vanishing")],
)
def test_a_factor_of_100(run, value, kind):
    found = run(lambda r: ratio(run.stuck(r, 0.95), max(value, 1e-300)), **LAYERS)
    kinds = {"vanishing", "exploding"} & set(found.kinds)
    assert kinds == ({kind} if kind else set())


@pytest.mark.parametrize("value", [1e-3, 1e3])
def test_in_a_run_that_learns_it_is_no_more_than_a_notice(run, value):
    kind = "vanishing" if value < 1 else "exploding"
    for change, severity in ((run.stuck, "serious"), (lambda record: record, "notice")):
        found = run(lambda r, change=change: ratio(change(r), value), **LAYERS)
        assert run.of(found, kind).severity == severity


def test_what_is_said(run):
    found = run.of(run(lambda r: ratio(run.stuck(r, 0.95), 1e-3, 30), **LAYERS), "vanishing")
    assert found.layers == ("0.dense", "6.dense")
    assert found.step == 30
    assert (
        "vanishes: from 0.1 at 6.dense to 1.0e-4 at 0.dense (a factor 1000 over" in found.sentence
    )
    assert found.numbers["log10_ratio"] == pytest.approx(-3)
    parts = [value for name, value in found.numbers.items() if name.startswith("log10_")]
    assert sum(parts) == pytest.approx(2 * -3)  # the ratio, and its parts
    assert "the weights -1.5, the derivative of tanh -1.5, together -3.0" in found.cause.replace(
        "the derivative of tanh -1.5, the weights -1.5",
        "the weights -1.5, the derivative of tanh -1.5",
    )


def test_what_has_been_beyond_ends_at_the_root_of_the_limit(run):
    def change(record, late):
        ratio(run.stuck(record, 0.95), 1e-3)
        record["gradient_norm"][:] = record["gradient_norm"]
        n = len(record["layers"])
        record["gradient_norm"][60:] = 0.1 * late ** (1 - np.arange(n) / (n - 1))

    assert "vanishing" in run(lambda r: change(r, 1 / 12), **LAYERS).kinds
    assert "vanishing" not in run(lambda r: change(r, 1 / 8), **LAYERS).kinds


def test_one_term_by_itself(run):
    def change(record):
        run.stuck(record, 0.95)
        steps = np.array([kind == "tanh" for kind in record["kinds"][1:]] + [False])
        record["gradient_norm"][...] = 0.1 * 10.0 ** (-1.0 * np.cumsum(steps[::-1])[::-1])

    found = run.of(run(change, **LAYERS), "vanishing")
    assert found.cause == "All of that (in log units) is the derivative of tanh."


@pytest.mark.parametrize(
    ("role", "called"),
    [("opaque", "layers that do not say what they do"), ("noise", "dropout"), ("norm", "the norm")],
)
def test_what_other_layers_take_is_called_by_what_they_are(run, role, called):
    def change(record):
        run.stuck(record, 0.95)
        steps = np.array([kind == "tanh" for kind in record["kinds"][1:]] + [False])
        record["gradient_norm"][...] = 0.1 * 10.0 ** (-1.0 * np.cumsum(steps[::-1])[::-1])
        record["roles"] = [role if one == "activation" else one for one in record["roles"]]

    found = run.of(run(change, **LAYERS), "vanishing")
    assert found.cause == f"All of that (in log units) is {called}."


def test_a_gradient_of_0_has_no_parts(run):
    def change(record):
        run.stuck(record)["gradient_norm"][:, :3] = 0.0

    found = run.of(run(change, **LAYERS), "vanishing")
    assert "to nothing over" in found.sentence
    assert found.cause.startswith("No layer's part can be named")


def test_where_nothing_arrives_at_all_nothing_vanishes(run):
    def change(record):
        run.stuck(record)["gradient_norm"][...] = 0.0

    assert "vanishing" not in run(change, **LAYERS).kinds


def test_a_single_layer_has_no_way_down(run):
    assert (
        run(lambda r: r["gradient_norm"].__setitem__(..., 1e-9), kinds="dense", widths=(3,)).kinds
        == ()
    )


def test_steps_without_any_gradient_are_not_the_typical_ones(run):
    """In three of five nothing arrives even at the top; the others say how much is lost."""

    def change(record):
        ratio(run.stuck(record, 0.95), 1e-3)
        record["gradient_norm"][np.arange(len(record["loss"])) % 5 < 3] = 0.0

    found = run.of(run(change, **LAYERS), "vanishing")
    assert found.numbers["log10_ratio"] == pytest.approx(-3)
    assert "from 0.1 at" in found.sentence


def test_a_gradient_that_is_there_at_the_top_alone_is_lost_whole(run):
    def change(record):
        run.stuck(record, 0.95)
        record["gradient_norm"][:, 0] = 0.0

    found = run.of(run(change, **LAYERS), "vanishing")
    assert found.numbers["log10_ratio"] == -np.inf
    assert "(to nothing over" in found.sentence
