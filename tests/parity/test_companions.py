"""Answers that depend on what else is in the batch."""

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from nnscratch.pytorch.mistakes.companions import mixed  # noqa: E402
from tests.parity.loops import X, Y, layers, plain, told, trained  # noqa: E402

tn = torch.nn
KIND = "examples mixed"


class Reads(tn.Module):
    """Means over steps of what a layer says of each, or over what else it is told."""

    def __init__(self, how, inputs=1):
        super().__init__()
        self.layer, self.head, self.how = tn.Linear(inputs, 16), tn.Linear(16, 4), how

    def forward(self, x):
        return self.head(self.how(torch.relu(self.layer(x))))


def loss(model, x, rows):
    return tn.functional.cross_entropy(model(x), Y[rows])


STEPS = X.repeat(1, 3)[..., None]  # (240, 24, 1): as many steps as a batch has examples


@pytest.mark.parametrize(
    ("how", "seen"), [(lambda h: h.cumsum(1).mean(0), True), (lambda h: h.mean(1), False)]
)
def test_a_mean_over_the_batch(how, seen):
    found = told(trained(Reads(how), loss, x=STEPS), KIND)
    assert (found is not None) == seen
    if seen:
        assert found.severity == "serious"
        assert "the other 23 answers change too" in found.sentence


def test_time_may_come_first():
    """Of as many steps as examples it cannot be told, where no step knows of another."""
    time_first = lambda m, x, rows: tn.functional.cross_entropy(m(x.transpose(0, 1)), Y[rows])  # noqa: E731
    assert not told(trained(Reads(lambda h: h.mean(0)), time_first, x=STEPS), KIND)
    assert not told(trained(Reads(lambda h: h.mean(0)), loss, x=STEPS), KIND)


def test_what_goes_by_the_batch_on_purpose():
    norm = layers(tn.Linear(8, 16), tn.BatchNorm1d(16), tn.ReLU(), tn.Linear(16, 4))
    assert not told(trained(norm, loss), KIND)
    by_hand = Reads(lambda h: (h - h.mean(0)) / (h.std(0) + 1e-5), 8)
    assert not told(trained(by_hand, loss), KIND)
    assert not told(trained(plain(), loss), KIND)


@pytest.mark.parametrize(("part", "seen"), [(1.9, True), (2.1, False)])
def test_how_much_of_its_own_an_answer_is(part, seen):
    """Beside all of the others' mean: of n examples each counts 1 / n there."""
    x, y = torch.randn(10, 3), torch.zeros(10)

    def answers(z):
        return part / 10 * z + z.mean(0) - z / 10  # own: part / 10, of another: 1 / 10

    assert bool(mixed(answers, x.double(), y)) == seen


def test_of_what_it_says_nothing():
    x = torch.randn(10, 3, dtype=torch.float64)
    mean = lambda z: z.mean(0).expand(len(z), 3)  # noqa: E731
    assert mixed(mean, x, x)
    assert not mixed(mean, x, None)
    assert not mixed(mean, x[:3], x[:3])
    assert not mixed(mean, x, x[:9])  # answers for some of them: nodes of a graph
    assert not mixed(mean, x[:, :1], x)
    assert not mixed(lambda z: z @ z.T, x, x)  # each with each
    assert not mixed(lambda z: torch.zeros(10, 2), x, x)
