"""What is written as ONNX gives the same outputs in onnxruntime."""

import inspect

import numpy as np
import pytest

import nnscratch as nn

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


def agree(tmp_path, model, shape):
    rng = np.random.default_rng(3)
    x = rng.standard_normal(shape).astype(model.dtype)
    path = to_onnx(model, tmp_path / "model.onnx")
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
