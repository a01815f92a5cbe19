"""Recurrent layers: gradients, what a pass leaves, capture, threads, copies, what they refuse."""

import copy
import pickle

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.description import describe_model, rebuild_model
from nnscratch.errors import TooLargeError
from nnscratch.layers import activation_names
from nnscratch_records import memory

TOLERANCE = 1e-7
LAYERS = {
    "rnn": lambda n_in, n, **options: nn.RNN(n_in, n, **options),
    "lstm": lambda n_in, n, **options: nn.LSTM(n_in, n, **options),
    "gru": lambda n_in, n, **options: nn.GRU(n_in, n, **options),
}
CAN_STAND = [name for name in activation_names() if name not in ("prelu", "rrelu")]
LOSS = nn.SoftmaxCrossEntropy()


def data(batch=5, steps=7, n_in=3, classes=4, dtype=np.float32, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((batch, steps, n_in)).astype(dtype)
    return x, rng.integers(0, classes, batch)


def model_of(name, n=6, dtype=np.float32, **options):
    layers = LAYERS[name](3, n, **options), LAYERS[name](n, n), nn.LastStep(), nn.Dense(n, 4)
    return nn.Sequential(*layers, dtype=dtype, seed=1)


@pytest.mark.parametrize("steps", [1, 2, 30])
@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
@pytest.mark.parametrize("name", LAYERS)
def test_gradients_alone(name, reverse, steps):
    layer = LAYERS[name](3, 4, bias_init="normal", reverse=reverse)
    x = np.random.default_rng(0).standard_normal((4, steps, 3))
    assert nn.check_gradients(layer, x=x, samples=12, tolerance=TOLERANCE) < TOLERANCE


@pytest.mark.parametrize("name", CAN_STAND)
def test_gradients_with_every_activation_that_can_stand_in_a_step(name):
    layer = nn.RNN(3, 4, activation=name, bias_init="normal")
    x = np.random.default_rng(1).uniform(-1, 0, (4, 3, 3))  # e^x grows fast
    assert nn.check_gradients(layer, x=x, tolerance=TOLERANCE) < TOLERANCE


@pytest.mark.parametrize("steps", [1, 2, 30])
@pytest.mark.parametrize("name", LAYERS)
def test_gradients_inside_a_model(name, steps):
    x, labels = data(steps=steps, dtype=np.float64)
    model = model_of(name, dtype=np.float64)
    worst = nn.check_gradients(model, LOSS, x, labels, samples=8, tolerance=TOLERANCE)
    assert worst < TOLERANCE


@pytest.mark.parametrize("last", [nn.LastStep, nn.MeanOverTime])
def test_gradients_of_what_makes_one_vector(last):
    x = np.random.default_rng(2).standard_normal((4, 5, 3))
    assert nn.check_gradients(last(), x=x, tolerance=TOLERANCE) < TOLERANCE


def test_a_layer_in_two_places_shares_its_weights_and_keeps_its_states_apart():
    layer = nn.GRU(3, 3)
    model = nn.Sequential(layer, nn.Tanh(), layer, nn.MeanOverTime(), dtype=np.float64)
    x = np.random.default_rng(3).standard_normal((4, 6, 3))
    assert nn.check_gradients(model, x=x, tolerance=TOLERANCE) < TOLERANCE
    first, second = model.last["0.gru"], model.last["2.gru"]
    assert not np.shares_memory(first.hidden, second.hidden)


@pytest.mark.parametrize("name", LAYERS)
def test_the_default_input_of_the_gradient_check_is_a_sequence(name):
    assert nn.check_gradients(LAYERS[name](5, 3)) < 1e-6
    assert nn.check_gradients(model_of(name, dtype=np.float64), samples=5) < 1e-6


def test_last_step_and_mean_are_what_they_say():
    x = np.random.default_rng(4).standard_normal((4, 5, 3)).astype(np.float32)
    for layer, expected in ((nn.LastStep(), x[:, -1]), (nn.MeanOverTime(), x.mean(axis=1))):
        y, _ = layer.initialize().forward(x)
        np.testing.assert_allclose(y, expected, rtol=1e-5)


def test_a_trace_holds_every_state_and_its_gradient():
    x, labels = data()
    model = model_of("lstm")
    trace = model.trace(x, labels, LOSS).copy()
    layer = trace["0.lstm"]
    for name in ("hidden", "cell", "hidden_gradient", "cell_gradient"):
        assert getattr(layer, name).shape == (5, 7, 6)
    assert layer.gates.shape == (5, 7, 24)
    np.testing.assert_array_equal(layer.hidden, layer.output)
    forget = model[0].gate("f", layer.gates)
    assert ((forget > 0) & (forget < 1)).all()
    # Only the last step of the second layer is read; every earlier state counts through it.
    above = trace["1.lstm"]
    np.testing.assert_array_equal(above.upstream[:, :-1], 0)
    assert (np.linalg.norm(above.hidden_gradient, axis=(0, 2)) > 0).all()


def test_the_gradient_of_a_state_is_what_a_change_of_it_does():
    """The loss of the steps after t, as a function of h_t, which is given as an input's effect."""
    layer = nn.RNN(4, 4, activation="identity", init="zeros").initialize(0, np.float64)
    layer.params["weight"] = np.eye(4)  # x_t is added to h_t itself
    x = np.random.default_rng(5).standard_normal((3, 6, 4))
    _, cache = layer.forward(x)
    dx = layer.backward(np.ones((3, 6, 4)), cache)
    np.testing.assert_allclose(layer.inside(cache)["hidden_gradient"], dx, rtol=1e-12)


def test_gradients_inside_are_none_before_backward():
    model = model_of("gru")
    model.forward(data()[0])
    assert model.last["0.gru"].hidden_gradient is None
    with pytest.raises(AttributeError, match=r"'0.gru' has no 'cell'; inside it has hidden"):
        _ = model.last["0.gru"].cell


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("batch", [5, 40])
def test_captured_steps_are_those_of_layer_by_layer_on_any_number_of_threads(name, batch):
    before, found = nn.get_num_threads(), []
    try:
        for threads in (0, 1, 2, 3):  # 0: layer by layer
            model, optimizer = model_of(name, 19), nn.SGD(lr=0.1)
            nn.set_num_threads(threads or 1)
            for step in range(3):
                x, labels = data(batch, seed=step)
                if threads:
                    assert nn.active_kernels() != "numba" or model.captured(x, labels, LOSS)
                    model.training_pass(x, labels, LOSS)
                else:
                    model.backward(LOSS(model.forward(x, training=True), labels)[1])
                optimizer.step(model.params, model.grads)
            inside = model.last[f"0.{name}"].hidden_gradient
            found.append(np.concatenate([model.params.flat, inside.ravel()]))
    finally:
        nn.set_num_threads(before)
    for other in found[1:]:
        np.testing.assert_array_equal(found[0], other)


def test_the_list_of_calls_has_one_for_each_layer_and_direction():
    x, labels = data()
    captured = model_of("lstm").captured(x, labels, LOSS)
    if captured is not None:  # with the readable kernels nothing is
        names = [call.name for call in captured.calls]
        assert names.count("lstm_forward") == names.count("lstm_backward") == 2
        assert len(names) < 20


@pytest.mark.parametrize("name", LAYERS)
def test_both_sets_of_kernels_train_alike(name):
    x, labels = data(dtype=np.float64)
    found = []
    for kernels in ("reference", "numba"):
        with nn.use_kernels(kernels):
            model = model_of(name, dtype=np.float64)
            trainer = nn.Trainer(model, LOSS, nn.SGD(lr=0.1))
            trainer.fit(x, labels, epochs=3, batch_size=5)
            found.append(model.params.flat.copy())
    np.testing.assert_allclose(*found, rtol=1e-10)


@pytest.mark.parametrize("name", LAYERS)
def test_copies_descriptions_and_pickles_give_the_same_outputs(name, tmp_path):
    x, labels = data()
    model = model_of(name, reverse=True)
    nn.Trainer(model, LOSS, nn.SGD(lr=0.1)).fit(x, labels, epochs=2, batch_size=5)
    expected = model(x).copy()
    rebuilt = rebuild_model(describe_model(model))
    model.save_weights(tmp_path / "weights.npz")
    rebuilt.load_weights(tmp_path / "weights.npz")
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model)), rebuilt):
        np.testing.assert_array_equal(twin(x), expected)
    again = nn.remake(model)
    assert repr(list(again)) == repr(list(model))


def test_a_checkpoint_goes_on_bit_for_bit(tmp_path):
    x, labels = data(40)
    path = tmp_path / "run.npz"

    class Keep(nn.Callback):
        def on_step(self, trainer, step):
            if step.step == 7:
                nn.save_checkpoint(trainer, path)

    whole, resumed = (nn.Trainer(model_of("gru"), LOSS, nn.Adam(lr=0.01)) for _ in range(2))
    whole.fit(x, labels, epochs=3, batch_size=8, progress=False, callbacks=[Keep()])
    nn.load_checkpoint(resumed, path)
    resumed.resume(x, labels, progress=False)
    np.testing.assert_array_equal(resumed.model.params.flat, whole.model.params.flat)


def test_a_summary_says_that_there_is_time():
    text = str(model_of("lstm").summary())
    assert "(batch, ?, 6)" in text
    assert "(batch, 4)" in text


def test_initial_weights_are_drawn_gate_by_gate():
    layer = nn.LSTM(5, 8, forget_bias=2.5).initialize(0, np.float64)
    for gate in layer.gates:
        u = layer.gate(gate, layer.params["recurrent_weight"])
        np.testing.assert_allclose(u @ u.T, np.eye(8), atol=1e-12)
        np.testing.assert_array_equal(
            layer.gate(gate, layer.params["bias"]), 2.5 if gate == "f" else 0
        )
    layer = nn.GRU(5, 8, update_bias=1.5).initialize(0)
    np.testing.assert_array_equal(layer.gate("z", layer.params["bias"]), 1.5)
    with pytest.raises(nn.ConfigError, match=r"has the gates r, z, n, got 'f'"):
        layer.gate("f", layer.params["bias"])


def test_an_orthogonal_linear_network_keeps_the_gradient_at_any_number_of_steps():
    layer = nn.RNN(3, 16, activation="identity", recurrent_init="orthogonal")
    model = nn.Sequential(layer, nn.LastStep(), dtype=np.float64)
    model.forward(np.zeros((2, 200, 3)), training=True)
    model.backward(np.ones((2, 16)))
    norms = np.linalg.norm(model.last["0.rnn"].hidden_gradient, axis=(0, 2))
    np.testing.assert_allclose(norms, norms[-1], rtol=1e-10)


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ((5, 3), r"expects sequences, an array of shape \(batch, time, 3\)"),
        ((5, 2, 4, 3), r"expects sequences"),
        ((3,), r"expects sequences, an array of shape \(batch, time, 3\)"),
        ((5, 7, 4), r"expects 3 features, got 4"),
        ((5, 0, 3), r"empty: input of shape \(5, 0, 3\)"),
        ((0, 7, 3), r"the batch is empty"),
    ],
)
def test_what_is_no_batch_of_sequences_is_refused(name, shape, said):
    with pytest.raises(nn.ShapeError, match=said):
        model_of(name).forward(np.zeros(shape, np.float32))


@pytest.mark.parametrize("make", [*LAYERS.values(), nn.LastStep, nn.MeanOverTime])
def test_a_layer_alone_refuses_sequences_without_a_step(make):
    layer = (make(3, 4) if make in LAYERS.values() else make()).initialize(0)
    with pytest.raises(nn.ShapeError, match=r"of at least one step, got shape \(5, 0, 3\)"):
        layer.forward(np.zeros((5, 0, 3), np.float32))


@pytest.mark.parametrize("name", ["prelu", "rrelu"])
def test_an_activation_that_learns_or_draws_is_refused(name):
    with pytest.raises(nn.ConfigError, match="a step of time cannot"):
        nn.RNN(3, 4, activation=name)
    with pytest.raises(nn.UnknownNameError):
        nn.RNN(3, 4, activation="tanhh")


def test_sequences_that_no_memory_holds_are_refused(monkeypatch):
    monkeypatch.setattr(memory, "available", lambda: 10**8)
    model = nn.Sequential(nn.LSTM(1, 256), nn.LastStep())
    with pytest.raises(TooLargeError, match=r"an array of 25,600,000 numbers needs 102 MB"):
        model.forward(np.zeros((1, 10**5, 1), np.float32))


def test_last_step_wants_sequences():
    with pytest.raises(nn.ShapeError, match=r"'laststep' expects sequences"):
        nn.LastStep().initialize().forward(np.zeros((3, 4), np.float32))
