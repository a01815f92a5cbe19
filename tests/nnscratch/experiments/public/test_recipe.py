"""Recipes: what a row of the table becomes, how a run is judged."""

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.errors import ConfigError
from nnscratch.experiments.public.data import XOR, digits
from nnscratch.experiments.public.recipe import BCE, CCE, MSE, TORCH, Data, Recipe, run, score
from nnscratch.experiments.public.series import first_sign
from nnscratch.initializers import Constant
from nnscratch.optimizers import SGD, Adam


def recipe(net, **options):
    made = {"data": XOR, "loss": MSE, "optimizer": SGD(lr=0.1), "steps": 10, **options}
    return Recipe(net, **made)


def test_a_network_is_read_from_its_row():
    model = recipe("784, 2*5 tanh, 30 bn 0.99 relu drop 0.2, 10 sigmoid").network(0)
    assert list(model.layers) == [
        "0.dense",
        "1.tanh",
        "2.dense",
        "3.tanh",
        "4.dense",
        "5.batchnorm",
        "6.relu",
        "7.dropout",
        "8.dense",
        "9.sigmoid",
    ]
    assert model.layers["5.batchnorm"].momentum == 0.99
    assert model.layers["7.dropout"].rate == 0.2
    shapes = [p.shape for name, p in model.params.items() if name.endswith("weight")]
    assert shapes == [(784, 5), (5, 5), (5, 30), (30, 10)]


def test_residual_rows_add_what_came_in():
    model = recipe("4, 4 res ln relu, 2").network(0)
    assert [name for name in model.layers if not name.endswith((".branch", ".skip"))] == [
        "0.0.dense",
        "0.1.layernorm",
        "0.2.relu",
        "0.sum",
        "1.dense",
    ]
    x = np.ones((1, 4), np.float32)
    model.params["0.1.gamma"][...] = 0  # nothing is left of the branch
    np.testing.assert_allclose(model.forward(x), x @ model.params["1.weight"], rtol=1e-6)


def test_first_weights():
    model = recipe("4, 3 relu, 2", init=Constant(1.0), last=Constant(2.0)).network(0)
    assert (model.params["0.weight"] == 1).all()
    assert (model.params["2.weight"] == 2).all()
    assert not model.params["2.bias"].any()
    model = recipe("400, 50 relu, 2", init=TORCH).network(0)
    for name in ("0.weight", "0.bias"):
        size = np.abs(model.params[name])
        assert 0.85 / 20 < size.max() <= 1 / 20
        assert size.mean() == pytest.approx(1 / 40, rel=0.25)


def test_a_network_of_sequences_is_read_from_its_row():
    model = recipe("3, 8 lstm, 5 gru last, 2", recurrent=Constant(0.5)).network(0)
    assert list(model.layers) == ["0.lstm", "1.gru", "2.laststep", "3.dense"]
    assert (model.params["0.recurrent_weight"] == 0.5).all()
    assert recipe("3, 4 rnn_relu mean, 1").network(0).layers["0.rnn"].activation == "relu"
    model = recipe("100, 25 rnn last, 2", init=TORCH).network(0)
    assert 0.15 < np.abs(model.params["0.weight"]).max() <= 1 / 5  # by the width of the cell
    assert recipe("3, 4 gru last, 1").needs == ()
    assert recipe("3, 4 lstm 5 last, 1").network(0).layers["0.lstm"].forget_bias == 5
    assert recipe("3, 4 lstm last, 1").network(0).layers["0.lstm"].forget_bias == 1


def test_what_the_package_lacks_is_named(monkeypatch):
    assert recipe("2, 3 tanh, 1").needs == ()
    monkeypatch.delattr(nn, "Tanh")
    lacking = recipe("2, 3 tanh, 2 tanh, 1", loss="AbsurdLoss")
    assert lacking.needs == ("Tanh", "AbsurdLoss")
    with pytest.raises(ConfigError, match="no Tanh, AbsurdLoss"):
        run(lacking)


def test_score_of_labels_is_the_share_that_is_right():
    labels = np.array([0, 1, 1, 0])
    outputs = np.array([[0.2], [0.7], [0.4], [-3.0]])
    assert score(outputs, labels, MSE) == 3 / 4  # yes above 1/2
    assert score(outputs, labels, BCE) == 3 / 4  # yes above 0: wrong about the first alone
    two = np.array([[2.0, 1.0], [0.0, 1.0], [3.0, 1.0], [5.0, 4.0]])
    assert score(two, labels, CCE) == 3 / 4
    columns = np.array([[True, False], [True, True]])
    assert score(np.array([[0.9, 0.6], [0.9, 0.9]]), columns, MSE) == 3 / 4
    assert score(np.full((4, 2), np.nan), labels, CCE) == 0


def test_score_of_targets_is_r_squared():
    targets = np.array([[1.0], [2.0], [3.0], [6.0]])
    assert score(np.full((4, 1), 3.0), targets, MSE) == 0
    assert score(targets, targets, MSE) == 1
    assert score(np.full((4, 1), 4.0), targets, MSE) == pytest.approx(1 - 18 / 14)
    assert score(np.full((4, 1), 1e300), targets, MSE) == -1
    logits = np.array([[-3.0], [0.0], [3.0]])
    bits = 1 / (1 + np.exp(-logits))
    assert score(logits, bits, BCE) == pytest.approx(1)
    assert score(bits, bits, MSE) == 1


def test_a_run_learns_and_is_the_same_again():
    made = recipe("2, 8 tanh, 1", loss=BCE, optimizer=Adam(lr=0.1), steps=150)
    first, again, other = run(made), run(made), run(made, seed=1)
    assert first.score == 1
    assert (first.score, first.loss) == (again.score, again.loss)
    assert other.loss != first.loss
    assert first.findings.kinds == again.findings.kinds


def test_an_optimizer_is_a_pattern_and_is_not_used_up():
    pattern = Adam(lr=0.1)
    run(recipe("2, 4 tanh, 1", optimizer=pattern))
    assert pattern.steps == 0


def test_held_parameters_keep_their_first_values():
    """With both layers held the loss at the end is that at the beginning."""
    free = recipe("2, 4 tanh, 1", steps=40, optimizer=SGD(lr=0.5))
    held = recipe("2, 4 tanh, 1", steps=40, optimizer=SGD(lr=0.5), held=(0, 1))
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
    outputs = held.network(0).forward(x)
    began = float(np.square(outputs[:, 0] - [0, 1, 1, 0]).mean())
    assert run(held).loss == pytest.approx(began, rel=1e-6)
    assert run(free).loss < began - 0.1


def test_what_is_held_out_judges():
    """Labels of the rows held out are turned over: who learns the others is wrong about them."""

    def make(rng):
        data = digits(n=300, only=(0, 1), large=False)(rng)
        return Data(data.x, data.y, (data.x, 1 - data.y))

    outcome = run(recipe("64, 1", data=make, loss=BCE, optimizer=Adam(lr=0.05), steps=40))
    assert outcome.score < 0.05


def test_the_gradient_is_cut_after_so_many_steps_of_time():
    whole, all_of_them, cut = (
        run(recipe("1, 4 rnn last, 2", data=first_sign(40, 12), loss=CCE, truncate=steps)).loss
        for steps in (None, 12, 3)
    )
    assert all_of_them == whole
    assert cut != whole
