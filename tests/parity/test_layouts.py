"""Weights written for other frameworks compute the same there, and theirs the same here."""

import os

import numpy as np
import pytest

import nnscratch as nn

LAYERS = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
N_IN, N, BATCH, STEPS = 3, 5, 4, 6


def sequences(dtype=np.float64):
    return np.random.default_rng(0).standard_normal((BATCH, STEPS, N_IN)).astype(dtype)


def drawn(name, dtype=np.float64, **options):
    return LAYERS[name](N_IN, N, bias_init="normal", **options).initialize(1, dtype)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("name", LAYERS)
def test_pytorch(name, reverse):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    made = {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[name]
    theirs = made(N_IN, N, batch_first=True, dtype=torch.float64, bidirectional=reverse)
    ours, x = drawn(name, reverse=reverse), torch.tensor(sequences())
    side = slice(N, None) if reverse else slice(N)
    state = {key: torch.tensor(a) for key, a in nn.write_weights(ours, "pytorch").items()}
    theirs.load_state_dict(state, strict=not reverse)
    expected = theirs(x)[0][..., side].detach().numpy()
    np.testing.assert_allclose(ours.forward(x.numpy())[0], expected, rtol=1e-12, atol=1e-14)
    theirs.reset_parameters()
    nn.read_weights(ours, theirs.state_dict(), "pytorch")
    expected = theirs(x)[0][..., side].detach().numpy()
    np.testing.assert_allclose(ours.forward(x.numpy())[0], expected, rtol=1e-12, atol=1e-14)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", LAYERS)
def test_keras(name):
    os.environ.setdefault("KERAS_BACKEND", "torch")
    keras = pytest.importorskip("keras", reason="Keras is not installed")
    layers = keras.layers
    made = {"rnn": layers.SimpleRNN, "lstm": layers.LSTM, "gru": layers.GRU}[name]
    theirs = made(N, return_sequences=True, dtype="float64", bias_initializer="random_normal")
    ours, x = drawn(name), sequences()
    theirs.build(x.shape)

    def compared():
        y = keras.ops.convert_to_numpy(theirs(keras.ops.convert_to_tensor(x, "float64")))
        tolerance = 1e-5 if name == "rnn" else 1e-12  # SimpleRNN computes in float32 all the same
        np.testing.assert_allclose(ours.forward(x)[0], y, rtol=tolerance, atol=tolerance)

    names = ("kernel", "recurrent_kernel", "bias")
    nn.read_weights(ours, dict(zip(names, theirs.get_weights(), strict=True)), "keras")
    compared()
    ours = drawn(name)
    theirs.set_weights([*nn.write_weights(ours, "keras").values()])
    compared()


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("name", LAYERS)
def test_onnx(name, reverse):
    onnx = pytest.importorskip("onnx", reason="ONNX is not installed")
    runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    ours = drawn(name, np.float32, reverse=reverse)
    weights = nn.write_weights(ours, "onnx")
    options = {"linear_before_reset": 1} if name == "gru" else {}
    node = onnx.helper.make_node(
        name.upper(), ["X", *weights], ["Y"], hidden_size=N,
        direction="reverse" if reverse else "forward", **options,
    )  # fmt: skip
    value = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        [node],
        "layer",
        [value("X", onnx.TensorProto.FLOAT, [STEPS, BATCH, N_IN])],
        [value("Y", onnx.TensorProto.FLOAT, [STEPS, 1, BATCH, N])],
        [onnx.numpy_helper.from_array(array, key) for key, array in weights.items()],
    )
    opset = [onnx.helper.make_opsetid("", 14)]
    model = onnx.helper.make_model(graph, opset_imports=opset, ir_version=8)
    session = runtime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    x = sequences(np.float32)
    (y,) = session.run(None, {"X": np.ascontiguousarray(x.swapaxes(0, 1))})
    np.testing.assert_allclose(ours.forward(x)[0], y[:, 0].swapaxes(0, 1), rtol=1e-4, atol=1e-6)
