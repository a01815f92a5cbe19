"""Whatever is given where numbers are expected: refused by an error of this package, or right.

Warnings are errors here: nothing is rounded to infinity, and no imaginary part is lost, in silence.
"""

import numpy as np
import pytest

import nnscratch as nn

RNG = np.random.default_rng(0)
X = RNG.standard_normal((20, 6)).astype(np.float32)
Y = np.arange(20) % 3
SEQUENCES = RNG.standard_normal((20, 4, 5)).astype(np.float32)
LOSS = nn.SoftmaxCrossEntropy()


def made():
    return nn.Sequential(nn.Dense(6, 8), nn.BatchNorm(8), nn.Tanh(), nn.Dense(8, 3), seed=0)


def recurrent():
    return nn.Sequential(nn.LSTM(5, 4), nn.LastStep(), nn.Dense(4, 3), seed=0)


def backward(given):
    model = made()
    model.forward(X, training=True)
    model.backward(given)
    return model.grads.flat.tobytes()


def with_state(given):
    zeros = np.zeros((20, 4), np.float32)
    return recurrent().forward(SEQUENCES, state={"0.lstm": {"hidden": given, "cell": zeros}})


# What takes the array, and one that is right.
PLACES = {
    "backward": (backward, RNG.standard_normal((20, 3)).astype(np.float32)),
    "probe": (lambda given: repr(nn.GradientFlow(made(), probe=given)), X),
    "prediction": (lambda given: made().predict(given).tobytes(), X),
    "theory": (lambda given: str(nn.predict(made(), given)), X),
    "theory of labels": (lambda given: str(nn.predict(made(), X, given)), Y),
    "theory through time": (lambda given: str(nn.predict(recurrent(), given)), SEQUENCES),
    "mask": (lambda given: recurrent().forward(SEQUENCES, mask=given).tobytes(), np.ones((20, 4))),
    "state": (lambda given: with_state(given).tobytes(), np.ones((20, 4), np.float32)),
    "sample weights": (
        lambda given: made().training_pass(X, Y, LOSS, given),
        np.ones(20, np.float32),
    ),
    "parameter": (
        lambda given: made().params.check({**made().params, "3.bias": given}, "it").tobytes(),
        np.ones(3, np.float32),
    ),
}  # fmt: skip


def structured(a):
    made = np.zeros(a.shape, [("a", a.dtype), ("b", np.int32)])
    made["a"] = a
    return made


class SaysText:
    def __array__(self, dtype=None, copy=None):
        return "text"


WRONG = {
    "objects": lambda a: np.full(a.shape, None),
    "structured": structured,
    "void": lambda a: np.zeros(a.shape, f"V{a.itemsize}"),
    "dates": lambda a: a.astype("M8[s]"),
    "durations": lambda a: a.astype("m8[s]"),
    "complex": lambda a: a.astype(np.complex64),
    "text": lambda a: a.astype(str),
    "bytes": lambda a: a.astype("S"),
    "too large": lambda a: np.full(a.shape, 1e300),
    "number": lambda a: 1.5,
    "no axis": lambda a: np.array(1.5, np.float32),
    "empty": lambda a: a[:0],
    "set": lambda a: {1, 2},
    "dict": lambda a: {"a": a},
    "generator": lambda a: (row for row in a),
    "ragged": lambda a: [[1.0, 2.0], [3.0]],
    "its array is none": lambda a: SaysText(),
    "masked": lambda a: np.ma.array(a, mask=np.arange(a.size).reshape(a.shape) == 1),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", WRONG)
def test_what_is_no_array_of_numbers_is_refused(place, kind):
    take, right = PLACES[place]
    with pytest.raises(nn.NnscratchError):
        take(WRONG[kind](right))


@pytest.mark.parametrize("place", PLACES)
def test_arrays_that_lie_in_another_way_are_taken(place):
    take, right = PLACES[place]
    expected = take(right)
    unaligned = np.frombuffer(b" " + right.tobytes(), np.uint8, right.nbytes, 1)
    backwards = right[::-1].copy()[::-1]
    for given in (
        unaligned.view(right.dtype).reshape(right.shape),
        np.asfortranarray(right),
        backwards,
        np.broadcast_to(right, (2, *right.shape))[1],
        right.view(type("Own", (np.ndarray,), {})),
        np.ma.array(right),
    ):
        assert take(given) == expected


def test_a_layer_whose_class_does_not_begin_it_is_refused_by_name():
    class Forgetful(nn.Layer):
        kind, role = "forgetful", "activation"

        def __init__(self):
            self.factor = 2

    with pytest.raises(nn.ConfigError, match=r"Forgetful must call super\(\).__init__\(\)"):
        nn.Sequential(nn.Dense(6, 8), Forgetful())


@pytest.mark.parametrize(
    "given", [1.0, (1.0,), (1.0, X, X), (None, X), ("a", X), (1j, X), (np.ones(2), X)]
)
def test_a_loss_that_does_not_return_a_number_and_a_gradient_is_refused(given):
    with pytest.raises(nn.ConfigError, match="must return its value, a number, and the gradient"):
        made().training_pass(X, Y, lambda outputs, labels: given)


@pytest.mark.parametrize("given", [None, {}, X, "params"])
def test_an_optimizer_takes_parameters_alone(given):
    model = made()
    with pytest.raises(nn.ConfigError, match=r"takes model\.params and model\.grads, got .* grads"):
        nn.Adam(lr=0.1).step(model.params, given)
    with pytest.raises(nn.ConfigError, match=r"takes model\.params and .* for params"):
        nn.Adam(lr=0.1).step(given, model.grads)
    if not isinstance(given, dict):
        with pytest.raises(nn.ConfigError, match="takes what state_dict returned, got"):
            nn.Adam(lr=0.1).load_state_dict(given)
