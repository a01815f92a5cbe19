"""What data, answers and few examples ask for is done, and what nothing can learn is said."""

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.curing import cure

from .patients import LOSS, network, pasted


def curve(kind):
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (120, 2)).astype(np.float32)
    return x, (kind * (x[:, :1] ** 2 + x[:, 1:])).astype(np.float32)


# What each sick network is, and a word of what must be kept. Judged where a constant has 0.
SICK = {
    "inputs of thousands": (
        lambda: (curve(1.0)[0] * 3000 + 5000, curve(1.0)[1]),
        lambda: nn.Sequential(nn.Dense(2, 16), nn.Tanh(), nn.Dense(16, 1)),
        nn.MeanSquaredError(), nn.Adam(lr=0.01), "standard inputs",
    ),
    "targets of millions": (
        lambda: curve(1e6),
        lambda: nn.Sequential(nn.Dense(2, 16), nn.Tanh(), nn.Dense(16, 1)),
        nn.MeanSquaredError(), nn.Adam(lr=0.01), "standard targets",
    ),
    "a ReLU before targets of both signs": (
        lambda: curve(1.0),
        lambda: nn.Sequential(nn.Dense(2, 16), nn.Tanh(), nn.Dense(16, 1), nn.ReLU()),
        nn.MeanSquaredError(), nn.Adam(lr=0.01), "MeanSquaredError on a linear output",
    ),
    "softmax over one unit": (
        lambda: (curve(1.0)[0], (curve(1.0)[1] > 0).astype(np.float32)),
        lambda: nn.Sequential(nn.Dense(2, 16), nn.Tanh(), nn.Dense(16, 1), nn.Softmax()),
        nn.BinaryCrossEntropy(), nn.Adam(lr=0.02), "SigmoidCrossEntropy on a linear output",
    ),
    "weights of zero": (
        lambda: (curve(1.0)[0], (curve(1.0)[1][:, 0] > 0).astype(int)),
        lambda: nn.Sequential(nn.Dense(2, 16, init="zeros"), nn.ReLU(),
                              nn.Dense(16, 2, init="zeros")),
        # He's or Glorot's: both break the symmetry, and rounding decides which learns more.
        nn.SoftmaxCrossEntropy(), nn.Adam(lr=0.02), "_normal",
    ),
    "no activation": (
        lambda: curve(1.0),
        lambda: nn.Sequential(nn.Dense(2, 16), nn.Dense(16, 1)),
        nn.MeanSquaredError(), nn.Adam(lr=0.02), "ReLU",
    ),
    "batch norm that never follows": (
        lambda: curve(1.0),
        lambda: nn.Sequential(nn.Dense(2, 16), nn.BatchNorm(16, momentum=0.9999), nn.Tanh(),
                              nn.Dense(16, 1)),
        nn.MeanSquaredError(), nn.Adam(lr=0.02), "batch norm",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SICK)
def test_what_is_asked_for_is_done_and_its_lines_train(name):
    made, model, loss, optimizer, wanted = SICK[name]
    x, y = made()
    found = cure(model(), loss, optimizer, x, y, batch_size=20, steps=200, tries=3, progress=False)
    assert found.sick or found.before.skill < 0.95
    assert found.best is not None, found
    assert wanted in found.best.label
    assert min(run.skill for run in found.best.runs) > 0.02
    names, _ = pasted(found, x, y)
    said = names["loss"].predictions(names["model"].predict(names["x"].astype(np.float32)))
    said = names["targets"].undo(said) if "targets" in names else said
    rows = np.eye(2)[y] if y.ndim == 1 else y
    assert 1 - np.square(said - rows).sum() / np.square(rows - rows.mean(axis=0)).sum() > 0.6


def test_labels_that_cannot_be_learned_are_said_to_be(digits):
    x, y, _ = digits
    y = np.random.default_rng(0).permutation(y)
    found = cure(
        network(nn.ReLU, "he_normal", 1), LOSS, nn.SGD(lr=0.05), x[:200], y[:200],
        batch_size=20, steps=40, tries=2, progress=False,
    )  # fmt: skip
    assert found.sick
    assert found.best is None
    assert found.lines == []
    assert found.neighbours < 0.02
    assert "sick, and nothing that was tried helps: the best, " in found.verdict
    assert found.verdict.endswith("the data, and whether x and y belong together, row by row")
    assert repr(found.model()) == repr(network(nn.ReLU, "he_normal", 1))


@pytest.mark.slow
def test_few_examples_are_judged_where_they_are_trained():
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
    y = np.array([[0], [1], [1], [0]], np.float32)
    model = nn.Sequential(nn.Dense(2, 4), nn.Sigmoid(), nn.Dense(4, 1), nn.Sigmoid())
    found = cure(
        model, nn.MeanSquaredError(), nn.SGD(lr=0.1), x, y, batch_size=4, steps=400, progress=False
    )
    assert found.conditions.all_seen
    words = " ".join(repr(found).split())
    assert "on the training examples, which are all that there can be" in words
    assert found.best.accuracy == 1
    assert found.best.skill > 0.9


def test_what_was_never_judged_is_not_sent_on_without_a_word():
    rng = np.random.default_rng(0)
    x = rng.uniform(-3, 3, (40, 1)).astype(np.float32)
    y = (np.sin(x) + 0.3 * rng.standard_normal(x.shape)).astype(np.float32)
    model = nn.Sequential(nn.Dense(1, 50), nn.Tanh(), nn.Dense(50, 1))
    found = cure(
        model, nn.MeanSquaredError(), nn.Adam(0.01), x, y, batch_size=40, steps=150, progress=False
    )
    assert found.longer == 600
    assert found.verdict.endswith(
        "train longer, 600 steps say. Of the 40 examples none was held out, they are too few: it "
        "may learn them by heart, so keep some apart and stop where their loss rises"
    )


@pytest.mark.slow
def test_what_learns_by_heart_is_not_told_to_train_longer():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((80, 40)).astype(np.float32)
    y = (x[:, 0] + 3 * rng.standard_normal(80) > 0).astype(int)
    model = nn.Sequential(nn.Dense(40, 64, init="he_normal"), nn.ReLU(), nn.Dense(64, 2))
    found = cure(
        model, LOSS, nn.Adam(lr=0.005), x, y, batch_size=20, steps=200, tries=3, progress=False
    )
    assert found.before.unfinished  # the loss of what it knows by heart
    assert found.before.by_heart
    assert found.longer == 0
    assert "The 64 examples that it is trained on it knows by heart (skill 1.00)" in found.verdict
    assert "nearest examples" not in found.verdict
    assert any("penalty on weights" in trial.label for trial in found.trials)


def test_what_the_data_ask_for_is_tried_at_other_rates(digits):
    """Standard inputs at a rate for small ones."""
    x, y, validation = digits
    model = network(nn.ReLU, "he_normal", 1)
    found = cure(
        model, LOSS, nn.SGD(lr=1e-5), x / 40, y, batch_size=20, steps=60, tries=1,
        validation=(validation[0] / 40, validation[1]), progress=False,
    )  # fmt: skip
    labels = [trial.label for trial in found.trials]
    assert labels[0] == "standard inputs"
    assert labels[1].startswith("standard inputs + lr=")


def test_answers_that_are_all_the_same_are_named(digits):
    x, y, _ = digits
    model = network(nn.ReLU, "he_normal", 1)
    found = cure(model, LOSS, nn.SGD(lr=0.1), x[:60], 0 * y[:60], batch_size=20, steps=20, tries=1)
    assert found.verdict == (
        "nothing to tell apart: all 12 answers that it is judged on are the same. Look at how y "
        "was made"
    )


@pytest.mark.parametrize(
    ("given_back", "units", "wider"),
    [
        (True, 2, False),
        (True, 12, True),  # no code: as many numbers as there are
        pytest.param(False, 2, True, marks=pytest.mark.slow),
    ],
)
def test_an_autoencoder_keeps_its_narrow_layer(given_back, units, wider):
    """Wide enough, it gives everything back and has learned nothing."""
    x = np.random.default_rng(0).standard_normal((200, 12)).astype(np.float32)
    y = x if given_back else np.tanh(x)
    model = nn.Sequential(nn.Dense(12, units), nn.Tanh(), nn.Dense(units, 12), seed=0)
    options = {"batch_size": 20, "steps": 60, "progress": False}
    found = nn.cure(model, nn.MeanSquaredError(), nn.SGD(lr=0.01), x, y, **options)
    assert any("units a layer" in str(one.change) for one in found.ranking) == wider
