"""What a network refuses, and that nothing is left of it."""

import numpy as np
import pytest

import nnscratch as nn

from .small import X, make


@pytest.mark.parametrize(
    ("make_layers", "error", "message"),
    [
        (list, nn.ConfigError, "needs at least one layer"),
        (
            lambda: [nn.Dense(4, 3), "relu"],
            nn.ConfigError,
            "layer 1 must be a Layer, or a block .*, got 'relu'",
        ),
        (lambda: [nn.Dense(4, 3), nn.ReLU], nn.ConfigError, "layer 1 must be .*, got <cl"),
        (lambda: make().layers.values(), nn.ConfigError, "layer '0.dense' .* is in use already"),
        (
            lambda: [nn.Dense(4, 3), nn.Tanh(), nn.Dense(4, 2)],
            nn.ShapeError,
            r"layer '2\.dense' expects 4 features, but '1\.tanh' gives 3",
        ),
        (
            lambda: [nn.Dense(4, 3), nn.BatchNorm(4)],
            nn.ShapeError,
            r"layer '1\.batchnorm' expects 4 features, but '0\.dense' gives 3",
        ),
        (
            lambda: [nn.PReLU(5), nn.Dense(4, 3)],
            nn.ShapeError,
            r"layer '1\.dense' expects 4 features, but '0\.prelu' gives 5",
        ),
    ],
)
def test_layers_that_do_not_fit_are_refused(make_layers, error, message):
    with pytest.raises(error, match=message):
        nn.Sequential(*make_layers())


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"seed": -1}, nn.ConfigError, "seed must be a whole number >= 0, got -1"),
        ({"seed": 0.5}, nn.ConfigError, "seed must be a whole number >= 0, got 0.5"),
        ({"dtype": np.float16}, nn.DtypeError, "float32 or float64"),
    ],
)
def test_wrong_options_are_refused(options, error, message):
    with pytest.raises(error, match=message):
        nn.Sequential(nn.Dense(4, 3), **options)


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (X[:0], nn.ShapeError, r"the batch is empty: input of shape \(0, 4\)"),
        (X[0], nn.ShapeError, r"'0\.dense' expects .*\(batch, 4\), got shape \(4,\)"),
        (X[:, :3], nn.ShapeError, r"'0\.dense' expects 4 features, got 3"),
        (X.astype(np.float64), nn.DtypeError, r"computes in float32, got input of float64"),
        (X.tolist(), nn.ShapeError, "got list"),
        (None, nn.ShapeError, "got NoneType"),
    ],
)
def test_wrong_inputs_are_refused(x, error, message):
    with pytest.raises(error, match=message):
        make().forward(x)


def test_wrong_calls_are_refused():
    model = make()
    with pytest.raises(nn.ConfigError, match="backward needs a forward pass first"):
        model.backward(np.zeros((12, 3), np.float32))
    with pytest.raises(nn.ConfigError, match="did you mean 'running'"):
        model.forward(X, statistics="runing")
    model.forward(X)
    with pytest.raises(nn.ShapeError, match=r"shape of the output, \(12, 3\), got \(12, 4\)"):
        model.backward(X)
    with pytest.raises(nn.ShapeError, match="got float"):
        model.backward(1.0)
    with pytest.raises(nn.ConfigError, match="batch_size must be a whole number >= 1, got 0"):
        model.predict(X, batch_size=0)
    with pytest.raises(nn.ShapeError, match=r"nothing to predict: input of shape \(0, 4\)"):
        model.predict(X[:0])


def test_a_refused_input_leaves_no_pass_behind():
    model = nn.Sequential(nn.Identity(), nn.Dense(4, 3))
    model.forward(X)
    with pytest.raises(nn.ShapeError, match="expects 4 features, got 3"):
        model.forward(X[:, :3])
    with pytest.raises(nn.ConfigError, match="backward needs a forward pass first"):
        model.backward(X)
    with pytest.raises(nn.ConfigError, match="made no pass yet"):
        _ = model.last


def test_layers_that_were_refused_can_be_used_again():
    layer = nn.Dense(4, 3)
    with pytest.raises(nn.ShapeError):
        nn.Sequential(layer, nn.Dense(5, 2))
    assert nn.Sequential(layer, nn.Dense(3, 2)).forward(X).shape == (12, 2)


MODEL_FIRST = {
    "GradientFlow": nn.GradientFlow,
    "predict": nn.predict,
    "remake": nn.remake,
    "evaluate": lambda model: nn.evaluate(model, nn.SoftmaxCrossEntropy(), [[0.0]], [0]),
    "Trainer": lambda model: nn.Trainer(model, nn.SoftmaxCrossEntropy(), nn.SGD(lr=0.1)),
}


@pytest.mark.parametrize("what", MODEL_FIRST)
def test_what_is_no_model_is_named_and_what_to_give_instead(what):
    trainer = nn.Trainer(nn.Sequential(nn.Dense(1, 2)), nn.SoftmaxCrossEntropy(), nn.SGD(lr=0.1))
    with pytest.raises(nn.ConfigError, match=f"^{what} model must be a .*: give its .model$"):
        MODEL_FIRST[what](trainer)
    for other in ("model.pt", None, [nn.Dense(2, 2)], nn.Sequential, nn.Dense(2, 2)):
        with pytest.raises(nn.ConfigError, match=f"^{what} model must be a Sequential, got "):
            MODEL_FIRST[what](other)


@pytest.mark.parametrize("what", MODEL_FIRST)
def test_a_network_or_loss_of_pytorch_is_told_the_way_in(what):
    torch = pytest.importorskip("torch")
    with pytest.raises(nn.ConfigError, match=r"nnscratch\.pytorch\.watch\(model, optimizer\)"):
        MODEL_FIRST[what](torch.nn.Linear(1, 2))
    with pytest.raises(nn.ConfigError, match=r"a loss such as .*, got CrossEntropyLoss\(\)"):
        nn.Trainer(nn.Sequential(nn.Dense(1, 2)), torch.nn.CrossEntropyLoss(), nn.SGD(lr=0.1))
