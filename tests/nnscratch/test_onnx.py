"""What is written as ONNX gives the same outputs in onnxruntime."""

import inspect

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.layers.joins import Concatenate
from nnscratch.network.network import Network
from nnscratch.network.nodes import INPUT

pytest.importorskip("onnx", reason="onnx is not installed")
runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")

from nnscratch.onnx import _RULES, to_onnx  # noqa: E402

F = 5
FLAT = {
    "dense": lambda: nn.Dense(F, F, bias_init="normal"),
    "layernorm": lambda: nn.LayerNorm(F),
    "rmsnorm": lambda: nn.RMSNorm(F),
    "dropout": lambda: nn.Dropout(0.5),
    "softmax": nn.Softmax,
    "leaky": lambda: nn.LeakyReLU(0.3),
    "elu": lambda: nn.ELU(0.7),
    "prelu": lambda: nn.PReLU(F),
    "one slope": nn.PReLU,
    "rrelu": nn.RReLU,
    "rrelu of slopes": lambda: nn.RReLU("slope"),
    "batchnorm": lambda: nn.BatchNorm(F),
    "block": lambda: nn.Residual(nn.LayerNorm(F), nn.Tanh(), nn.Dense(F, F), scale=0.5),
    "skip": lambda: nn.Residual(nn.Dense(F, F), skip=nn.Dense(F, F)),
    **{name: lambda name=name: nn.layers.activation(name) for name in nn.layers.activation_names()},
}
THROUGH_TIME = {
    "rnn": lambda **how: nn.RNN(F, 4, bias_init="normal", **how),
    "lstm": lambda **how: nn.LSTM(F, 4, bias_init="normal", **how),
    "gru": lambda **how: nn.GRU(F, 4, bias_init="normal", **how),
}


def agree(tmp_path, model, shape, **how):
    rng = np.random.default_rng(3)
    x = rng.standard_normal(shape).astype(model.dtype)
    path = to_onnx(model, tmp_path / "model.onnx", **how)
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    for rows in (x, x[:1]):  # any batch
        (y,) = session.run(None, {"x": rows.astype(np.float32)})
        np.testing.assert_allclose(y, model.forward(rows), rtol=1e-5, atol=1e-5)


def stirred(model):
    """Let no parameter or statistic be what it begins as."""
    rng = np.random.default_rng(1)
    for values in (model.params.flat, model.statistics.flat):
        values += rng.uniform(0, 0.5, values.shape).astype(values.dtype)
    return model


@pytest.mark.parametrize("name", FLAT)
def test_layers(name, tmp_path):
    agree(tmp_path, stirred(nn.Sequential(nn.Dense(3, F), FLAT[name]())), (6, 3))


@pytest.mark.parametrize("name", THROUGH_TIME)
def test_recurrent_layers(name, tmp_path):
    layer = THROUGH_TIME[name]
    for parts in (
        [layer(), nn.LastStep()],
        [layer(reverse=True), nn.MeanOverTime(), nn.Dense(4, 2)],
        [nn.Bidirectional(layer()), nn.Dense(8, 2)],
        [layer(initial="learned")],
    ):
        agree(tmp_path, stirred(nn.Sequential(*parts)), (6, 7, F))


@pytest.mark.parametrize("name", THROUGH_TIME)
def test_sequences_of_their_own_lengths(name, tmp_path):
    """`lengths` says what a mask says; what stands in the padding does not matter."""
    layer, rng = THROUGH_TIME[name], np.random.default_rng(5)
    lengths = np.array([7, 1, 4, 6], np.int32)
    mask = np.arange(7) < lengths[:, None]

    def beside_its_input(writer):
        """What stands in the padding of `x` is 0 here, and the last step that LastStep takes."""
        both = writer.put(Concatenate(), writer.put(layer(), INPUT), INPUT)
        writer.put(nn.LastStep(), both)

    for parts in (
        [layer(initial="learned"), nn.LastStep(), nn.Dense(4, 2)],
        [layer(reverse=True), nn.LayerNorm(4), nn.LastStep()],
        [nn.Bidirectional(layer()), nn.Dense(8, F), layer(), nn.MeanOverTime()],
        [nn.Dense(F, F), nn.MeanOverTime()],
        [nn.Residual(layer(), nn.Dense(4, F)), nn.LastStep(), nn.Residual(nn.Tanh())],
        [nn.Residual(layer(), nn.Dense(4, F), skip=nn.Dense(F, F))],
        [layer()],
        beside_its_input,
    ):
        model = stirred(Network(parts) if callable(parts) else nn.Sequential(*parts))
        path = to_onnx(model, tmp_path / "model.onnx", lengths=True)
        session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        x = rng.standard_normal((4, 7, F)).astype(np.float32)
        expected = model.forward(x, mask=mask).copy()
        x[~mask] = 1e3
        (y,) = session.run(None, {"x": x, "lengths": lengths})
        np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-5)
        whole = {"x": x, "lengths": np.full(4, 7, np.int32)}
        np.testing.assert_allclose(
            session.run(None, whole)[0], model.forward(x), rtol=1e-5, atol=1e-5
        )


@pytest.mark.parametrize("positions", [1, 2])
def test_layers_at_every_place(positions, tmp_path):
    parts = nn.Dense(3, F), nn.LayerNorm(F), nn.PReLU(F), nn.Dense(F, 2), nn.Softmax()
    shape = (6, *(4, 5)[:positions], 3)
    agree(tmp_path, stirred(nn.Sequential(*parts)), shape, positions=positions)


def test_axes_that_cannot_be(tmp_path):
    dense, through_time = nn.Sequential(nn.Dense(2, 3)), nn.Sequential(nn.RNN(2, 3))
    path = tmp_path / "model.onnx"
    for wrong in (-1, 1.0, True, "one"):
        with pytest.raises(nn.ConfigError, match="positions is a number of axes, 0 or more, got"):
            to_onnx(dense, path, positions=wrong)
    with pytest.raises(nn.ConfigError, match="stands 1 axis, got positions=2"):
        to_onnx(through_time, path, positions=2)
    for model in (dense, nn.Sequential(nn.LastStep(), nn.Dense(2, 3))):
        with pytest.raises(nn.ConfigError, match=r"lengths=True is for .* that takes a mask, such"):
            to_onnx(model, path, lengths=True)
    to_onnx(through_time, path, positions=1)


def test_recurrent_layers_of_other_activations(tmp_path):
    known = ("relu", "elu", "sigmoid", "leaky_relu", "softplus", "softsign", "hard_sigmoid")
    for name in (*known, "identity"):
        agree(tmp_path, nn.Sequential(nn.RNN(F, 4, name)), (6, 7, F))
    with pytest.raises(nn.ConfigError, match=r"no recurrent layer with 'gelu' .* it has elu, hard"):
        to_onnx(nn.Sequential(nn.RNN(F, 4, "gelu")), tmp_path / "model.onnx")
    for other in (5, nn.Dense(2, 2)):
        with pytest.raises(nn.ConfigError, match="to_onnx takes a network such as"):
            to_onnx(other, tmp_path / "model.onnx")


def test_float64_is_written_as_float32_and_tied_layers_twice(tmp_path):
    shared = nn.Dense(F, F)
    model = nn.Sequential(shared, nn.Tanh(), shared, dtype="float64")
    agree(tmp_path, model, (6, F))


def test_every_layer_of_the_package_is_known():
    kinds = [vars(nn.layers)[name] for name in nn.layers.__all__]
    kinds = [kind for kind in kinds if inspect.isclass(kind) and issubclass(kind, nn.Layer)]
    assert len(kinds) > 25
    unknown = {kind.__name__ for kind in kinds if kind not in _RULES and "kind" in vars(kind)}
    assert unknown == {"Layer"}


def test_an_unknown_layer_is_named(tmp_path):
    class Own(nn.Layer):
        kind, role = "own", "activation"

        def forward(self, x, training=False):
            return x, None

    with pytest.raises(nn.ConfigError, match=r"to_onnx does not know layer '1\.own'"):
        to_onnx(nn.Sequential(nn.Dense(2, 3), Own()), tmp_path / "model.onnx")
    assert not (tmp_path / "model.onnx").exists()
