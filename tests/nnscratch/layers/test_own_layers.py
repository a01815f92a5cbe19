"""Layers that a user writes: trained, checked, recorded, attributed, found, drawn and saved."""

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.layers import Layer

RNG = np.random.default_rng(0)
X = RNG.standard_normal((12, 6))
LABELS = RNG.integers(0, 4, 12)
LOSS = nn.SoftmaxCrossEntropy()


class Scale(Layer):
    """A user's layer with a weight, in ten lines."""

    kind, role = "scale", "weights"

    def parameter_shapes(self):
        return {"gain": (1,)}

    def reset(self, rng):
        self.params["gain"] = [1.5]

    def forward(self, x, training=False):
        return x * self.params["gain"], x

    def backward(self, dy, x, accumulate=False, input_gradient=True):
        gain = np.sum(dy * x, keepdims=True).reshape(1)
        self.grads["gain"] = gain + self.grads["gain"] if accumulate else gain
        return dy * self.params["gain"]


class Running(Layer):
    """A user's layer with a statistic of its own."""

    kind, role = "running", "norm"

    def statistic_shapes(self):
        return {"square": (1,)}

    def reset(self, rng):
        self.statistics["square"] = [1.0]

    def forward(self, x, training=False, statistics="running"):
        k = 1.0 if statistics == "initial" else 1 / np.sqrt(self.statistics["square"])
        if training:
            self.statistics["square"] *= 0.9
            self.statistics["square"] += 0.1 * np.mean(x * x)
        return (x * k).astype(x.dtype), k

    def backward(self, dy, k, accumulate=False, input_gradient=True):
        return (dy * k).astype(dy.dtype)


class Fold(Layer):
    """(batch, 6) to (batch, 3, 2): no weights, another shape."""

    kind, role = "fold", "shape"

    def output_shape(self, shape):
        return shape[0], 3, 2

    def forward(self, x, training=False):
        return x.reshape(len(x), 3, 2), None

    def backward(self, dy, cache, accumulate=False, input_gradient=True):
        return dy.reshape(len(dy), 6)


class Unfold(Fold):
    kind, role = "unfold", "shape"

    def output_shape(self, shape):
        return shape[0], 6

    def forward(self, x, training=False):
        return x.reshape(len(x), 6), None

    def backward(self, dy, cache, accumulate=False, input_gradient=True):
        return dy.reshape(len(dy), 3, 2)


class Patches(Layer):
    """A convolution: the weights times every patch of 2 x 2, (batch, h, w, c)."""

    kind, role, positions = "patches", "weights", 2

    def __init__(self, channels, features):
        super().__init__()
        self.channels, self.features = channels, features

    def parameter_shapes(self):
        return {"weight": (4 * self.channels, self.features)}

    def reset(self, rng):
        self.params["weight"] = rng.standard_normal((4 * self.channels, self.features)) / 2

    def input_features(self):
        return self.channels

    def output_shape(self, shape):
        sides = [None if side is None else side - 1 for side in shape[1:-1]]
        return shape[0], *sides, self.features

    def forward(self, x, training=False):
        h, w = x.shape[1] - 1, x.shape[2] - 1
        patches = np.concatenate([x[:, i : i + h, j : j + w] for i, j in np.ndindex(2, 2)], -1)
        return patches @ self.params["weight"], (patches, x.shape)

    def backward(self, dy, cache, accumulate=False, input_gradient=True):
        patches, shape = cache
        weight = np.tensordot(patches, dy, ((0, 1, 2), (0, 1, 2)))
        self.grads["weight"] = weight + self.grads["weight"] if accumulate else weight
        dx, parts = np.zeros(shape, dy.dtype), np.split(dy @ self.params["weight"].T, 4, -1)
        for (i, j), part in zip(np.ndindex(2, 2), parts, strict=True):
            dx[:, i : i + dy.shape[1], j : j + dy.shape[2]] += part
        return dx


class Flatten(Layer):
    """What an image holds as one row: as wide as the image is large, which only data say."""

    kind, role, positions = "flatten", "shape", 2

    def output_shape(self, shape):
        return shape[0], None if None in shape[1:] else int(np.prod(shape[1:]))

    def forward(self, x, training=False):
        return x.reshape(len(x), -1), x.shape

    def backward(self, dy, shape, accumulate=False, input_gradient=True):
        return dy.reshape(shape)


def images():
    """A network for images of 3 x 2 of one channel."""
    return [Patches(1, 3), nn.BatchNorm(3), nn.ReLU(), Flatten(), nn.Dense(6, 4)]


OWN = {
    "weights first": lambda: [Scale(), nn.Dense(6, 4)],
    "weights last": lambda: [nn.Dense(6, 4), nn.Tanh(), Scale()],
    "statistics": lambda: [nn.Dense(6, 5), Running(), nn.ReLU(), nn.Dense(5, 4)],
    "statistics first": lambda: [Running(), nn.Dense(6, 4)],
    "positions": lambda: [Fold(), nn.Dense(2, 2), nn.ReLU(), Unfold(), nn.Dense(6, 4)],
    "images": images,
    "in a block": lambda: [nn.Residual(Fold(), Scale(), Unfold(), Running()), nn.Dense(6, 4)],
}


@pytest.mark.parametrize("make", OWN.values(), ids=OWN)
def test_a_users_layer_trains_is_checked_recorded_drawn_and_saved(make, tmp_path):
    checked = nn.Sequential(*make(), dtype=np.float64)
    x = X.reshape(12, 3, 2, 1) if make is images else X
    assert nn.check_gradients(checked, LOSS, x, LABELS) < 1e-6
    model = nn.Sequential(*make(), seed=1)
    flow = nn.GradientFlow(model, probe=x, file=tmp_path / "run.flow")
    trainer = nn.Trainer(model, LOSS, nn.SGD(lr=0.1))
    history = trainer.fit(x, LABELS, epochs=30, batch_size=6, callbacks=[flow], progress=False)
    assert np.mean(history.loss[-4:]) < np.mean(history.loss[:4])
    record = flow.to_dict()
    trace = model.last
    for i, name in enumerate(record["layers"]):
        assert record["features"][i] == trace[str(name)].output.shape[-1]
        np.testing.assert_allclose(
            record["output_mean"][-1, i], trace[str(name)].output.mean(), rtol=1e-4, atol=1e-6
        )
        norm = np.linalg.norm(trace[str(name)].upstream)
        np.testing.assert_allclose(record["gradient_norm"][-1, i], norm, rtol=1e-4)
        assert record["roles"][i] == model.layers[str(name)].role
    found = flow.attribution()
    derived = {
        found.layers[at]
        for at, term in zip(found.edges[:, 1], found.terms, strict=True)
        if term == "derivative"
    }
    assert all(model.layers[name].role == "activation" for name in derived)
    assert not [found for found in flow.findings() if found.severity == "fatal"]
    flow.report(tmp_path / "run.html")
    flow.overview()
    flow.save(tmp_path / "run.npz")
    nn.save_checkpoint(trainer, tmp_path / "run.checkpoint.npz")
    twin = nn.Sequential(*make(), seed=2)
    nn.load_checkpoint(nn.Trainer(twin, LOSS, nn.SGD(lr=0.1)), tmp_path / "run.checkpoint.npz")
    np.testing.assert_array_equal(twin.params.flat, model.params.flat)
    np.testing.assert_array_equal(twin.statistics.flat, model.statistics.flat)
