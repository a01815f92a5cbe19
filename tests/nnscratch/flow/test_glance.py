"""A glance at a step: the right word for each layer, bands of them, the bar."""

import math

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.flow.glance import glance

RNG = np.random.default_rng(0)
X = RNG.standard_normal((30, 6)).astype(np.float32)
Y = RNG.integers(0, 3, 30)


def record(*parts, lr=0.01, x=X):
    model = nn.Sequential(*parts)
    flow = nn.GradientFlow(model)
    trainer = nn.Trainer(model, nn.SoftmaxCrossEntropy(), nn.SGD(lr))
    trainer.fit(x, Y, epochs=2, batch_size=30, progress=False, callbacks=[flow])
    return flow.to_dict()


@pytest.fixture
def healthy():
    parts = []
    for n in (6, 8, 8):
        parts += [nn.Dense(n, 8), nn.Tanh()]
    return record(*parts, nn.Dense(8, 3))


def test_numbers_are_those_of_the_record(healthy):
    found = glance(healthy)
    assert found.words == ["ok"] * 7
    np.testing.assert_array_equal(found.gradient, healthy["gradient_norm"][-1])
    np.testing.assert_array_equal(found.output_std, healthy["output_std"][-1])
    assert found.loss == healthy["loss"][-1]
    first = glance(healthy, 0)
    assert first.loss == healthy["loss"][0]
    weight = healthy["params"].tolist().index("2.weight")
    assert found.update_ratio[2] == healthy["update_ratio"][-1, weight]
    assert math.isnan(found.update_ratio[1])  # an activation has no weights
    assert math.isnan(found.zeros[0])
    assert found.saturated[1] == pytest.approx(
        healthy["saturated_low"][-1, 1] + healthy["saturated_high"][-1, 1]
    )


def change(record, name, layer, value):
    record[name] = record[name].copy()
    record[name][-1, layer] = value


@pytest.mark.parametrize(
    ("times", "word"),
    [(99.0, "ok"), (101.0, "exploding"), (1 / 99, "ok"), (1 / 101, "vanishing")],
)
def test_a_gradient_100_times_that_of_the_top_is_another(healthy, times, word):
    change(healthy, "gradient_norm", 2, times * healthy["gradient_norm"][-1, -1])
    assert glance(healthy).words[2] == word


@pytest.mark.parametrize(
    ("name", "layer", "value", "word"),
    [
        ("gradient_norm", 2, 1e-9, "vanishing"),
        ("gradient_norm", 2, 0.0, "vanishing"),
        ("gradient_norm", 2, 1e9, "exploding"),
        ("output_nonfinite", 2, 3, "not finite"),
        ("gradient_nonfinite", 2, 3, "not finite"),
        ("saturated_high", 1, 0.9, "saturated"),
        ("saturated_low", 1, 0.9, "saturated"),
        ("output_zeros", 1, 1.0, "all zero"),
        ("output_zeros", 1, 0.97, "mostly zero"),
    ],
)
def test_words(healthy, name, layer, value, word):
    change(healthy, name, layer, value)
    found = glance(healthy)
    assert found.words[layer] == word
    assert [w for i, w in enumerate(found.words) if i != layer] == ["ok"] * 6
    band = found.bands(3)[layer // 2 if layer < 5 else 2]
    assert band.word == f"{word} {found.layers[layer]}"
    assert band.severity > 0


@pytest.mark.parametrize(
    ("ratio", "word"),
    [(0.11, "large updates"), (0.09, "ok"), (1.1e-6, "ok"), (0.9e-6, "tiny updates")],
)
def test_updates_against_weights(healthy, ratio, word):
    change(healthy, "update_ratio", list(healthy["params"]).index("2.weight"), ratio)
    assert glance(healthy).words[2] == word


def test_updates():
    for lr, word in ((100, "large updates"), (1e-9, "tiny updates")):
        parts = nn.Dense(6, 8), nn.Tanh(), nn.Dense(8, 3)
        assert glance(record(*parts, lr=lr)).words[0] == word


def test_the_floor_of_a_relu_is_told_as_zeros():
    found = glance(record(nn.Dense(6, 8), nn.ReLU(), nn.Dense(8, 3)))
    assert 0.2 < found.zeros[1] < 0.8
    assert math.isnan(found.saturated[1])


@pytest.mark.parametrize("most", [1, 2, 3, 5, 7, 100])
def test_bands_hold_every_layer_once(healthy, most):
    found = glance(healthy)
    bands = found.bands(most)
    assert len(bands) == min(most, 7)
    names = []
    for band in bands:
        start, _, stop = band.name.partition("..")
        first = int(start.split(".")[0])
        names += list(range(first, int(stop or first) + 1))
    assert names == list(range(7))
    if most == 1:
        (band,) = bands
        assert band.gradient == np.median(found.gradient)
        assert (band.least, band.largest) == (found.gradient.min(), found.gradient.max())
        assert band.name == "0..6"


def test_bar(healthy):
    healthy["gradient_norm"][-1] = [1e-4, 1e-3, 1e-2, 1e-1, 1, 0, np.nan]
    found = glance(healthy)
    assert found.scale() == (-4, 0)
    nothing = healthy | {"gradient_norm": 0 * healthy["gradient_norm"][:, [0] * 7]}
    assert glance(nothing).scale() == (-1, 0)
    lengths = [len(found.bar(band, 8, "#", ".")) for band in found.bands(100)[:5]]
    assert lengths == [1, 3, 5, 7, 8]
    assert [found.bar(band, 8, "#", ".") for band in found.bands(100)[5:]] == [".", "!"]
    (whole,) = found.bands(1)
    assert found.bar(whole, 8, "#", ".") == "########"
    healthy["gradient_norm"][-1] = [1, 1, 1, 1e-2, 1e-2, 1, 1e-4]
    found = glance(healthy)
    middle = found.bands(3)[1]
    assert middle.name == "2..4"
    assert found.bar(middle, 8, "#", ".") == "....####"


def test_line(healthy):
    change(healthy, "gradient_norm", 0, 1e-9)
    assert glance(healthy).line().endswith("vanishing: 0.dense")
    change(healthy, "gradient_norm", 1, 1e-9)
    text = glance(healthy).line()
    assert text.startswith("gradient 1.0e-09 (first) to ")
    assert text.endswith("vanishing: 0.dense and 1 more")
