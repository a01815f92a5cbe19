import re

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.gradcheck import GradientMismatch, check_gradients
from nnscratch.layers import Layer


def model_and_data(broken, **options):
    layers = nn.Dense(4, 6), broken, nn.Dense(6, 3)
    model = nn.Sequential(*layers, seed=1, dtype=np.float64, **options)
    rng = np.random.default_rng(0)
    return model, nn.SoftmaxCrossEntropy(), rng.standard_normal((5, 4)), rng.integers(0, 3, 5)


class WrongSign(nn.Tanh):
    def backward(self, dy, cache, accumulate=False, input_gradient=True):
        return -super().backward(dy, cache, accumulate, input_gradient)


class MissingTerm(nn.SiLU):
    """Forgets the second term of s (1 + x (1 - s))."""

    def backward(self, dy, cache, accumulate=False, input_gradient=True):
        x, _ = cache
        return dy / (1 + np.exp(-x))


class WrongIndex(nn.PReLU):
    def backward(self, dy, cache, accumulate=False, input_gradient=True):
        dx = super().backward(dy, cache, accumulate, input_gradient)
        self.grads["slope"][[0, 1]] = self.grads["slope"][[1, 0]]
        return dx


class ForgottenGradient(nn.PReLU):
    def backward(self, dy, cache, accumulate=False, input_gradient=True):
        x, slope = cache, self.params["slope"]
        return np.where(x > 0, dy, slope * dy)


class ForgottenMean(nn.BatchNorm):
    """Treats the statistics of the batch as constants."""

    def backward(self, dy, cache, accumulate=False, input_gradient=True):
        return super().backward(dy, (*cache[:3], False, None), accumulate, input_gradient)


class OneElementOff(nn.Sigmoid):
    """A thousandth too much, in one element."""

    def backward(self, dy, cache, accumulate=False, input_gradient=True):
        dx = super().backward(dy, cache, accumulate, input_gradient)
        dx[2, 3] *= 1.001
        return dx


class FreshNoise(nn.Dropout):
    """Backward through another draw than forward's."""

    def backward(self, dy, cache, accumulate=False, input_gradient=True):
        self.noise.random(out=cache)
        return super().backward(dy, cache, accumulate, input_gradient)


class NoDownstream(nn.Tanh):
    def backward(self, dy, cache, accumulate=False, input_gradient=True):
        return None


BROKEN = {
    WrongSign: ("input", (0, 0)),
    MissingTerm: ("input", (0, 0)),
    lambda: WrongIndex(6): ("slope", (0,)),
    lambda: ForgottenGradient(6): ("slope", (0,)),
    lambda: ForgottenMean(6): ("input", (0, 0)),
    OneElementOff: ("input", (2, 3)),
    lambda: FreshNoise(0.5): ("input", None),
}


@pytest.mark.parametrize("make", BROKEN)
def test_a_broken_layer_is_caught_alone(make):
    parameter, index = BROKEN[make]
    layer = make().initialize(0, np.float64)
    x = np.random.default_rng(0).standard_normal((5, 6))
    with pytest.raises(GradientMismatch) as raised:
        check_gradients(layer, x=x)
    error = raised.value
    assert (error.layer, error.parameter) == (layer.kind, parameter)
    assert index is None or error.index == index


@pytest.mark.parametrize("make", BROKEN)
def test_a_broken_layer_is_named_inside_a_model(make):
    parameter, index = BROKEN[make]
    broken = make()
    with pytest.raises(GradientMismatch) as raised:
        check_gradients(*model_and_data(broken))
    error = raised.value
    assert (error.layer, error.parameter) == (f"1.{broken.kind}", parameter)
    assert index is None or error.index == index


def test_the_message_says_everything():
    with pytest.raises(GradientMismatch) as raised:
        check_gradients(*model_and_data(WrongSign()))
    error = raised.value
    assert isinstance(error, AssertionError)
    assert isinstance(error, nn.NnscratchError)
    assert error.analytic == pytest.approx(-error.numeric, rel=1e-6)
    assert error.error == pytest.approx(2, rel=1e-6)
    assert re.fullmatch(
        r"gradient of '1.tanh' with respect to its input at index \(0, 0\): "
        r"analytic \S+, numeric \S+, relative error 2",
        str(error),
    )


def test_a_layer_that_returns_no_gradient_is_caught():
    with pytest.raises(GradientMismatch, match=r"input at index .* analytic nan"):
        check_gradients(NoDownstream())


def test_a_gradient_of_the_wrong_shape_is_caught():
    class Transposed(nn.Tanh):
        def backward(self, dy, cache, accumulate=False, input_gradient=True):
            return super().backward(dy, cache, accumulate, input_gradient).T

    with pytest.raises(
        nn.ShapeError, match=r"'tanh' .* input has shape \(5, 6\), expected \(6, 5\)"
    ):
        check_gradients(Transposed())


def half_gradient(y, target):
    return float(((y - target) ** 2).mean()), (y - target) / y.size


def test_a_broken_loss_is_caught_and_named():
    x, target = np.random.default_rng(0).standard_normal((2, 3, 4))
    with pytest.raises(GradientMismatch, match="'half_gradient' with respect to its logits"):
        check_gradients(half_gradient, x=x, labels=target)
    model = nn.Sequential(nn.Dense(4, 4), nn.Tanh(), dtype=np.float64)
    with pytest.raises(GradientMismatch, match="'half_gradient' with respect to its logits"):
        check_gradients(model, half_gradient, x, target)


def test_a_fault_that_no_layer_shows_by_itself_is_reported_as_the_model_shows_it():
    shared = np.empty((5, 6))

    class Shares(nn.Tanh):
        """Two such layers write their outputs into one array."""

        def forward(self, x, training=False):
            np.tanh(x, out=shared)
            return shared, (x.copy(), shared)

        def backward(self, dy, cache, accumulate=False, input_gradient=True):
            return dy * (1 - cache[1] ** 2)

    layers = nn.Dense(4, 6), Shares(), Shares(), nn.Dense(6, 3)
    model = nn.Sequential(*layers, seed=1, dtype=np.float64)
    x = np.random.default_rng(0).standard_normal((5, 4))
    with pytest.raises(GradientMismatch, match=r"'0\.dense' with respect to its weight"):
        check_gradients(model, x=x)


# Kinks


@pytest.mark.parametrize("distance", [0.0, 1e-9, -1e-7, 1e-5, -1e-4, 1.5e-3])
@pytest.mark.parametrize("make", [nn.ReLU, nn.LeakyReLU, nn.PReLU, nn.RReLU, lambda: nn.ELU(0.5)])
def test_a_point_on_or_beside_a_kink_is_judged_from_its_own_side(make, distance):
    x = np.array([[distance, 1.0, -1.0]])
    assert check_gradients(make(), x=x) < 1e-6


def test_a_wrong_gradient_cannot_hide_beside_a_kink():
    class Wrong(nn.LeakyReLU):
        def backward(self, dy, cache, accumulate=False, input_gradient=True):
            return 1.00001 * super().backward(dy, cache, accumulate, input_gradient)

    for distance in (0.0, 1e-5, -1e-5):
        with pytest.raises(GradientMismatch, match="relative error 1e-05"):
            check_gradients(Wrong(), x=np.array([[distance]]))


def test_where_no_gradient_is_right_the_error_says_so():
    layers = nn.Dense(4, 6, init="zeros"), nn.ReLU(), nn.Dense(6, 3)
    model = nn.Sequential(*layers, dtype=np.float64)
    with pytest.raises(GradientMismatch) as raised:
        check_gradients(model)
    assert "has a kink exactly here" in raised.value.__notes__[0]
    with pytest.raises(GradientMismatch) as raised:
        check_gradients(WrongSign())
    assert not hasattr(raised.value, "__notes__")


# Nothing is changed


def snapshot(model):
    return (
        *(
            array.tobytes()
            for array in (model.params.flat, model.grads.flat, model.statistics.flat)
        ),
        str(model.noise_state()),
    )


@pytest.mark.parametrize("broken", [False, True])
def test_everything_is_put_back(broken):
    layers = nn.Dense(4, 6), nn.BatchNorm(6), nn.Dropout(0.3), nn.RReLU(), nn.Dense(6, 3)
    model = nn.Sequential(*layers, *([WrongSign()] if broken else []), seed=1, dtype=np.float64)
    rng = np.random.default_rng(0)
    x, labels = rng.standard_normal((5, 4)), rng.integers(0, 3, 5)
    loss = nn.SoftmaxCrossEntropy()
    model.backward(loss(model.forward(x, training=True), labels)[1])
    before, x_before = snapshot(model), x.copy()
    try:
        check_gradients(model, loss, x, labels)
    except GradientMismatch:
        assert broken
    assert snapshot(model) == before
    assert np.array_equal(x, x_before)


def test_a_layer_in_no_model_is_left_as_it_was():
    layer = nn.Dense(3, 2)
    check_gradients(layer)
    assert layer.dtype is None
    assert not layer.params


def test_a_layer_of_a_model_is_checked_in_place_and_put_back():
    model = nn.Sequential(nn.Dense(4, 3), nn.BatchNorm(3), dtype=np.float64)
    before = snapshot(model)
    assert check_gradients(model.layers["1.batchnorm"]) < 1e-6
    assert snapshot(model) == before


# How much is checked


def count_passes(samples):
    passes = 0

    class Counting(nn.Identity):
        def forward(self, x, training=False):
            nonlocal passes
            passes += 1
            return super().forward(x, training)

    model = nn.Sequential(nn.Dense(10, 20), Counting(), dtype=np.float64)
    check_gradients(model, x=np.ones((3, 10)), samples=samples)
    return passes


def test_a_sample_of_each_array_is_enough_for_large_models():
    assert count_passes(None) == 2 + 4 * (200 + 20 + 30)
    assert count_passes(5) == 2 + 4 * (5 + 5 + 5)


def test_a_sample_is_drawn_from_the_seed():
    def first_mismatch(seed):
        with pytest.raises(GradientMismatch) as raised:
            check_gradients(WrongSign(), x=np.ones((30, 30)), samples=1, seed=seed)
        return raised.value.index

    assert first_mismatch(1) == first_mismatch(1)
    assert len({first_mismatch(seed) for seed in range(5)}) > 1


def test_tolerance_decides():
    x = np.random.default_rng(0).standard_normal((5, 6))
    assert 1e-4 < check_gradients(OneElementOff(), x=x, tolerance=0.01) < 0.01
    with pytest.raises(GradientMismatch):
        check_gradients(OneElementOff(), x=x, tolerance=1e-4)


# Wrong arguments


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"target": nn.Sequential(nn.Dense(2, 2))}, nn.DtypeError, "got a Sequential of float32"),
        ({"target": nn.ReLU().initialize(0)}, nn.DtypeError, "got a ReLU of float32"),
        ({"target": nn.ReLU(), "x": np.ones((2, 2), np.float32)}, nn.DtypeError, "an x of float32"),
        ({"target": nn.ReLU(), "x": [[1.0]]}, nn.DtypeError, "float64 array, got list"),
        ({"target": nn.MeanSquaredError()}, nn.ConfigError, "a loss needs an input and labels"),
        ({"target": nn.MeanSquaredError(), "x": np.ones((2, 2))}, nn.ConfigError, "and labels"),
        ({"target": "relu"}, nn.ConfigError, "a model, a layer or a loss, got 'relu'"),
        ({"target": nn.ReLU}, nn.ConfigError, "a model, a layer or a loss, got <class"),
        ({"target": nn.ReLU(), "tolerance": 0}, nn.ConfigError, "tolerance must be .* > 0, got 0"),
        ({"target": nn.ReLU(), "step": -1}, nn.ConfigError, "step must be .* > 0, got -1"),
        ({"target": nn.ReLU(), "samples": 0}, nn.ConfigError, "samples must be .* >= 1, got 0"),
        ({"target": nn.ReLU(), "seed": -1}, nn.ConfigError, "seed must be .* >= 0, got -1"),
        ({"target": nn.Dense(3, 2), "x": np.ones((2, 2))}, nn.ShapeError, "expects 3 features"),
    ],
)
def test_wrong_arguments_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        check_gradients(**arguments)


def test_a_loss_without_labels_is_refused():
    model = nn.Sequential(nn.Dense(2, 2), dtype=np.float64)
    with pytest.raises(nn.ConfigError, match="needs an input and labels"):
        check_gradients(model, nn.SoftmaxCrossEntropy(), np.ones((2, 2)))


def test_any_layer_one_writes_can_be_checked():
    class Square(Layer):
        kind = "square"

        def forward(self, x, training=False):
            return x * x, x

        def backward(self, dy, cache, accumulate=False, input_gradient=True):
            return 2 * cache * dy

    assert check_gradients(Square()) < 1e-8
