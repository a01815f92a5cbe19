"""Losses that are never sent back, layers that stand twice, losses without end, training that goes
on as the test before it; and what looks like them, and is not.
"""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from nnscratch.pytorch import watch  # noqa: E402
from nnscratch.pytorch.losses.summed import adds_up  # noqa: E402
from nnscratch.pytorch.losses.unused import Losses  # noqa: E402
from nnscratch.pytorch.mistakes.endless import endless  # noqa: E402
from nnscratch.pytorch.mistakes.modes import Tests as Modes  # noqa: E402
from nnscratch.pytorch.mistakes.shared import repeated  # noqa: E402

from .loops import X, Y, layers, plain, told, trained  # noqa: E402

tn, F = torch.nn, torch.nn.functional
LOSS = tn.CrossEntropyLoss()


# Losses that are computed and not sent back


def losses(passes=5, steps=5, late=0):
    """Count so many passes before each step, the last of which is sent back; `late` have one."""
    one, w = Losses(), torch.ones(1, requires_grad=True)
    for step in range(steps):
        for _ in range(1 if step < late else passes):
            one.begins(None)
            value = (w * 2).sum()
            one.computes(value)
        value.backward()
        one.step()
    return one.told()


@pytest.mark.parametrize(
    ("case", "is_told"),
    [
        ({}, True),
        ({"passes": 4}, False),  # three of them are left
        ({"steps": 4}, False),
        ({"steps": 10, "late": 1}, True),
        ({"steps": 10, "late": 2}, False),
    ],
)
def test_losses_that_are_left(case, is_told):
    assert bool(losses(**case)) == is_told


@pytest.mark.parametrize(
    ("rows", "outputs", "targets", "is_told"),
    [
        (24, slice(0, 1), slice(0, 1), True),
        (24, slice(23, 24), slice(23, 24), True),
        (8, slice(0, 1), slice(0, 1), True),
        (7, slice(0, 1), slice(0, 1), False),
        (24, slice(0, 2), slice(0, 2), False),  # a few have labels
        (24, slice(0, 24), slice(0, 24), False),
    ],
)
def test_a_loss_of_one_example_of_a_batch(rows, outputs, targets, is_told):
    def loss(model, x, i):
        return F.cross_entropy(model(x[:rows])[outputs], Y[i[:rows]][targets])

    found = told(trained(plain(), loss, steps=20), "unused losses")
    assert bool(found) == is_told
    if is_told:
        assert f"at place {outputs.start}" in found.sentence


class ByStep(tn.Module):
    """Takes the first axis for time."""

    def __init__(self):
        super().__init__()
        self.cell, self.head = tn.GRU(8, 12), tn.Linear(12, 4)

    def forward(self, x):
        return self.head(self.cell(x)[0])


def test_of_one_sequence_a_loss_may_read_one_step():
    def loss(model, x, i):
        return F.cross_entropy(model(x)[:1], Y[i[:1]])

    assert not told(trained(ByStep(), loss, steps=20), "unused losses")


def epochs(step, number=8):
    """Train so many epochs of ten batches with `step`, a function of flow, loss, and whether it
    ends the epoch.
    """
    torch.manual_seed(0)
    model = plain()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    flow = watch(model, optimizer, loss=LOSS, histograms=False)
    for _ in range(number):
        for i in range(10):
            rows = slice(24 * i, 24 * i + 24)
            step(model, optimizer, LOSS(model(X[rows]), Y[rows]), i == 9)
    return told(flow, "unused losses")


def test_a_step_behind_the_loop_over_batches():
    def step(model, optimizer, loss, ends):
        if ends:
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    found = epochs(step)
    assert found.severity == "serious"
    assert "Of 72 passes a loss is computed and nothing is sent back" in found.sentence


def test_gradients_and_losses_that_are_added_up_are_used():
    total = []

    def adds(model, optimizer, loss, ends):
        loss.backward()
        if ends:
            optimizer.step()
            optimizer.zero_grad()

    def sums(model, optimizer, loss, ends):
        total.append(loss)
        if ends:
            optimizer.zero_grad()
            torch.stack(total).mean().backward()
            optimizer.step()
            total.clear()

    assert epochs(adds) is None
    assert epochs(sums) is None


def test_tests_without_no_grad_are_no_such():
    def step(model, optimizer, loss, ends):
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        for i in range(10 * ends):
            LOSS(model(X[i : i + 9]), Y[i : i + 9])

    assert epochs(step) is None


# One layer that stands several times


def block():
    return tn.Sequential(tn.Linear(8, 8), tn.ReLU())


@pytest.mark.parametrize(
    ("make", "is_told"),
    [
        (lambda: tn.Sequential(*[block()] * 3), True),
        (lambda: tn.ModuleList([tn.Linear(8, 8)] * 2), True),
        (lambda: tn.Sequential(*[block() for _ in range(3)]), False),
        (lambda: tn.Sequential(*[tn.ReLU()] * 3), False),  # has no weights
        (lambda: tn.Sequential(tn.Linear(8, 8), tn.ReLU(), tn.Linear(8, 8)), False),
    ],
)
def test_a_list_times_a_number(make, is_told):
    model = tn.ModuleDict({"body": make()})
    line = repeated(model)
    assert bool(line) == is_told
    if is_told:
        exec(line[4].rpartition("; ")[0], {"torch": torch, "model": model})  # and the optimizer
        assert not repeated(model)


def test_weights_that_two_layers_have_are_no_layer_that_stands_twice():
    tied = tn.Sequential(tn.Linear(8, 8), tn.Linear(8, 8))
    tied[1].weight = tied[0].weight
    assert not repeated(tied)


def test_a_layer_that_stands_twice_is_watched_as_it_is():
    """What the network depends on is asked with numbers of its own, which are gone after that."""
    for part in (tn.BatchNorm1d(8), tn.Identity()):
        one = tn.Sequential(tn.Linear(8, 8), part, tn.ReLU())
        model = layers(tn.Sequential(*[one] * 4), tn.Linear(8, 4))
        flow = trained(model, lambda m, x, i: F.cross_entropy(m(x), Y[i]))
        assert {p.dtype for p in model.state_dict().values()} <= {torch.float32, torch.int64}
        assert told(flow, "shared layers").advice[0].what == "make a layer for each place"


# Losses that have no least value


def record(power=2.0, low=-1.0, grows=1.1, known=np.nan, count=200):
    """A loss that falls as steps to a power, and an output that grows from quarter to quarter."""
    at = np.arange(count) / count
    sizes = np.stack([np.ones(count), np.where(at == 0, 0.01, grows ** (4 * at))], 1)
    return {
        "loss": low * at**power + 0.1,
        "roles": np.array(["weights", "weights"]),
        "layers": np.array(["body", "mu"]),
        "output_norm": sizes,
        "loss_constant": np.full(count, known),
    }


@pytest.mark.parametrize(
    ("case", "is_told"),
    [
        ({"grows": 1.3}, True),
        ({"grows": 1.1}, False),
        ({"grows": 1.3, "power": 0.9}, False),  # slower and slower, as likelihoods do
        ({"grows": 1.3, "power": 1.1}, True),
        ({"grows": 1.3, "low": -0.1}, False),  # not below 0
        ({"grows": 1.3, "known": 1.0}, False),
        ({"grows": 1.3, "count": 99}, False),
    ],
)
def test_where_a_loss_without_end_begins(case, is_told):
    line = endless(record(**case))
    assert bool(line) == is_told
    if is_told:
        assert "what mu gives grows" in line[1]


@pytest.mark.parametrize("sign", [1, -1])
def test_a_likelihood_with_its_sign_turned(sign):
    torch.manual_seed(0)
    y = torch.sin(X[:, :1])
    model = layers(tn.Linear(8, 32), tn.Tanh(), tn.Linear(32, 2))

    def loss(m, x, i):
        mu, scale = m(x).chunk(2, 1)
        return sign * torch.distributions.Normal(mu, scale.clamp(-4, 3).exp()).log_prob(y[i]).mean()

    found = told(trained(model, loss, steps=300, lr=0.01), "unbounded loss")
    assert bool(found) == (sign > 0)


def test_what_takes_a_loss_without_end_from_its_bound_comes_first():
    wrong = {
        "not log-probabilities": lambda m, x, i: F.nll_loss(m(x), Y[i]),
        "target values": lambda m, x, i: F.binary_cross_entropy_with_logits(
            m(x)[:, :1], X[i, :1].sign()
        ),
    }
    for kind, loss in wrong.items():
        kinds = trained(plain(), loss, steps=300, lr=0.02).findings().kinds
        assert (kinds[0], "unbounded loss" in kinds) == (kind, True)


# Training that goes on as a test has left it


def left_on(before=1, left=20, test=True, differs=True):
    model = tn.Sequential(tn.Linear(2, 2), tn.Dropout(0.5 if differs else 0.0))
    one = Modes(model)
    for _ in range(before):
        one.begins(True)
        one.sent_back()
    model.eval()
    if test:
        one.begins(True)
    for _ in range(left):
        one.begins(True)
        one.sent_back()
    return one.left_on()


@pytest.mark.parametrize(
    ("case", "is_told"),
    [
        ({}, True),
        ({"left": 19}, False),
        ({"before": 20}, False),
        ({"before": 19}, True),
        ({"before": 0}, False),  # from the first step on: told by that
        ({"test": False}, False),
        ({"differs": False}, False),
    ],
)
def test_how_much_of_a_training_is_left_in_evaluation(case, is_told):
    assert bool(left_on(**case)) == is_told


@pytest.mark.parametrize("back", [False, True])
def test_no_train_after_a_test(back):
    model = layers(tn.Linear(8, 32), tn.ReLU(), tn.Dropout(0.5), tn.Linear(32, 4))

    def tests(step):
        if step % 20 == 19:
            model.eval()
            with torch.no_grad():
                model(X)
            model.train(back)

    flow = trained(model, lambda m, x, i: F.cross_entropy(m(x), Y[i]), between=tests)
    found = told(flow, "evaluation mode")
    assert (found is None) == back
    if found:
        assert "After 20 passes in training" in found.sentence


# Sums over examples


@pytest.mark.parametrize(
    ("loss", "adds"),
    [
        (tn.CrossEntropyLoss(reduction="sum"), True),
        (tn.CrossEntropyLoss(), False),
        (lambda z, y: F.cross_entropy(z, y, reduction="none"), False),
        (lambda z, y: (z.logsumexp(1) - z.gather(1, y[:, None])[:, 0]).sum(), True),
        (lambda z, y: F.cross_entropy(z[:24], y[:25]), False),  # it does not take others
    ],
)
def test_a_sum_is_twice_as_much_of_twice_as_many(loss, adds):
    assert adds_up(loss, X[:24, :4], Y[:24]) == adds


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_what_a_constant_answer_costs_is_told_of_a_batch(reduction):
    flow = trained(plain(), lambda m, x, i: F.cross_entropy(m(x), Y[i], reduction=reduction))
    known = flow.to_dict()["loss_constant"]
    constant = known[np.isfinite(known)][-1]
    assert constant == pytest.approx(1.35 * (24 if reduction == "sum" else 1), rel=0.05)
