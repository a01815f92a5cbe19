"""LSUV on a small stand-in for a model."""

from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest

import nnscratch.initializers as init
from nnscratch.errors import ConfigError, DataError, NonFiniteError


class Dense:
    kind, role = "dense", "weights"

    def __init__(self, n_in: int, n_out: int, dtype: type = np.float64) -> None:
        self.params = {"weight": np.full((n_in, n_out), 7.0, dtype), "bias": np.zeros(n_out, dtype)}

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return x @ self.params["weight"] + self.params["bias"]


class Activation:
    role = "activation"
    params: dict[str, np.ndarray] = {}  # noqa: RUF012

    def __init__(self, kind: str, f: Callable[[np.ndarray], np.ndarray]) -> None:
        self.kind, self.f = kind, f

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return self.f(x)


class Model:
    def __init__(self, *layers: Dense | Activation) -> None:
        self.layers = {f"{i}.{layer.kind}": layer for i, layer in enumerate(layers)}
        self.last: dict[str, SimpleNamespace] = {}
        self.passes = 0

    def forward(self, x: np.ndarray, training: bool = False) -> np.ndarray:
        assert training is False
        self.passes += 1
        for name, layer in self.layers.items():
            x = layer(x)
            self.last[name] = SimpleNamespace(output=x)
        return x


def relu() -> Activation:
    return Activation("relu", lambda x: np.maximum(x, 0))


def deep(dtype: type = np.float64, depth: int = 8, width: int = 40) -> Model:
    layers: list[Dense | Activation] = []
    for i in range(depth):
        layers += [Dense(20 if i == 0 else width, width, dtype), relu()]
    return Model(*layers, Dense(width, 10, dtype))


def batch(dtype: type = np.float64, rows: int = 500) -> np.ndarray:
    return np.random.default_rng(99).uniform(0, 3, (rows, 20)).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_dense_layer_gets_unit_variance(dtype: type) -> None:
    model, x = deep(dtype), batch(dtype)
    views = {name: layer.params.get("weight") for name, layer in model.layers.items()}
    report = init.lsuv(model, x, rng=np.random.default_rng(0))

    dense = [name for name in model.layers if name.endswith("dense")]
    assert list(report) == dense
    assert len(dense) == 9
    model.forward(x)
    for name in dense:
        assert report[name].converged
        assert report[name].tries <= 1, "without bias one try is enough"
        assert model.last[name].output.var() == pytest.approx(report[name].variance_after, rel=1e-3)
        assert abs(report[name].variance_after - 1.0) < 0.1
        assert model.layers[name].params["weight"] is views[name], "written in place"
        assert views[name].dtype == dtype
    assert any(report[name].tries == 1 for name in dense)


def test_weights_stay_multiples_of_orthonormal_ones() -> None:
    model, x = deep(), batch()
    report = init.lsuv(model, x, rng=np.random.default_rng(0))
    rng = np.random.default_rng(0)
    for name, result in report.items():
        weight = model.layers[name].params["weight"]
        start = init.Orthogonal()(weight.shape, rng, np.float64)
        scale = 1.0 if result.tries == 0 else 1.0 / np.sqrt(result.variance_before)
        np.testing.assert_allclose(weight, scale * start, rtol=1e-12)


def test_a_layer_within_tolerance_is_left_orthonormal() -> None:
    model = Model(Dense(20, 20))
    x = np.random.default_rng(0).standard_normal((2000, 20))
    result = init.lsuv(model, x, rng=np.random.default_rng(1))["0.dense"]
    assert result.tries == 0
    assert result.variance_before == result.variance_after == pytest.approx(1.0, abs=0.05)
    weight = model.layers["0.dense"].params["weight"]
    np.testing.assert_allclose(weight.T @ weight, np.eye(20), atol=1e-12)
    tight = init.lsuv(model, x, rng=np.random.default_rng(1), tolerance=1e-9)["0.dense"]
    assert tight.tries == 1
    assert tight.variance_after == pytest.approx(1.0, abs=1e-9)


def test_same_seed_same_weights_and_float32_starts_like_float64() -> None:
    weights = []
    for dtype, seed in ((np.float64, 5), (np.float64, 5), (np.float32, 5), (np.float64, 6)):
        model = deep(dtype)
        init.lsuv(model, batch(dtype), rng=np.random.default_rng(seed))
        weights.append(model.layers["6.dense"].params["weight"])
    np.testing.assert_array_equal(weights[0], weights[1])
    np.testing.assert_allclose(weights[0], weights[2], rtol=1e-3, atol=1e-5)
    assert not np.allclose(weights[0], weights[3])


def test_a_bias_needs_several_tries_and_is_kept() -> None:
    model = Model(Dense(20, 30))
    bias = np.random.default_rng(3).normal(0, 0.4, 30)
    model.layers["0.dense"].params["bias"][...] = bias
    result = init.lsuv(model, batch(), rng=np.random.default_rng(0), tolerance=1e-3)["0.dense"]
    assert 2 <= result.tries <= 10
    assert result.converged
    np.testing.assert_array_equal(model.layers["0.dense"].params["bias"], bias)


def test_what_cannot_converge_is_reported_and_stops_at_max_tries() -> None:
    model = Model(Dense(20, 30), relu())
    model.layers["0.dense"].params["bias"][...] = np.linspace(-9.0, 9.0, 30)
    with pytest.warns(RuntimeWarning, match=r"lsuv left layer '0\.dense' at output variance"):
        result = init.lsuv(model, batch(), rng=np.random.default_rng(0), max_tries=4)["0.dense"]
    assert result.tries == 4
    assert not result.converged
    assert result.variance_after > 1.1
    assert model.passes == 6  # the first one refuses what the model cannot take


def test_no_variance_is_an_error_that_names_the_layer() -> None:
    model = Model(Dense(20, 30), Activation("dead", np.zeros_like), Dense(30, 10))
    with pytest.raises(DataError, match=r"layer '2\.dense' puts out the same value everywhere"):
        init.lsuv(model, batch(), rng=np.random.default_rng(0))
    with pytest.raises(DataError, match=r"layer '0\.dense'"):
        init.lsuv(deep(), np.zeros((5, 20)), rng=np.random.default_rng(0))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_output_that_is_not_finite_is_an_error_that_names_the_layer(value: float) -> None:
    broken = Activation("broken", lambda x: np.full_like(x, value))
    model = Model(Dense(20, 30), broken, Dense(30, 10))
    with pytest.raises(NonFiniteError, match=r"output of layer '2\.dense' has variance nan"):
        init.lsuv(model, batch(), rng=np.random.default_rng(0))


def test_bad_inputs_leave_the_model_alone() -> None:
    x = batch()
    x[3, 4] = np.nan
    for bad in (x, np.zeros((0, 20))):
        model = deep()
        with pytest.raises(DataError, match="finite, non-empty batch"):
            init.lsuv(model, bad, rng=np.random.default_rng(0))
        assert (model.layers["0.dense"].params["weight"] == 7.0).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"tolerance": 0.0}, "tolerance of lsuv"),
        ({"tolerance": np.nan}, "tolerance of lsuv"),
        ({"max_tries": 0}, "max_tries of lsuv"),
        ({"max_tries": 2.5}, "max_tries of lsuv"),
        ({"rng": 0}, "rng of lsuv.*default_rng"),
    ],
)
def test_bad_arguments_are_refused(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        init.lsuv(deep(), batch(), **{"rng": np.random.default_rng(0), **arguments})


def test_a_model_without_dense_layers_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"a layer with a weight.*the model has 0\.relu"):
        init.lsuv(Model(relu()), batch(), rng=np.random.default_rng(0))
