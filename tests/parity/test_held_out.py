"""Tests that a loop makes between its steps: their loss, as it is computed, is recorded."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from nnscratch.pytorch import watch  # noqa: E402

tn, F = torch.nn, torch.nn.functional
DRAW = torch.Generator().manual_seed(1)
X, Y = torch.randn(40, 6, generator=DRAW), torch.randint(0, 3, (40,), generator=DRAW)
HELD, ASKED = torch.randn(30, 6, generator=DRAW), torch.randint(0, 3, (30,), generator=DRAW)
MODULE = tn.CrossEntropyLoss()


def trained(loss, test, steps=6, every=2, x=X, y=Y, lr=0.1, batch=40):
    """Train; every few steps ``test(model)`` is called, as evaluation."""
    torch.manual_seed(0)
    model = tn.Sequential(tn.Linear(x.shape[1], 12), tn.ReLU(), tn.Linear(12, 3))
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    flow = watch(model, optimizer)
    for step in range(steps):
        optimizer.zero_grad()
        rows = torch.arange(step * batch, (step + 1) * batch) % len(x)
        loss(model(x[rows]), y[rows]).backward()
        optimizer.step()
        if (step + 1) % every == 0:
            model.eval()
            with torch.no_grad():
                test(model)
            model.train()
    return flow


def looks(flow, field="validation_loss"):
    values = flow.to_dict()[field]
    return np.flatnonzero(~np.isnan(values)).tolist(), values[~np.isnan(values)]


@pytest.mark.parametrize("times", [1.0, 0.25])
@pytest.mark.parametrize("loss", [MODULE, F.cross_entropy], ids=["module", "function"])
def test_the_loss_of_tests_is_that_of_all_their_batches(loss, times):
    expected, right = [], []

    def test(model):
        for rows in (slice(0, 20), slice(20, 30)):
            loss_of = tn.CrossEntropyLoss() if loss is MODULE else F.cross_entropy
            loss_of(model(HELD[rows]), ASKED[rows])
        z = torch.log_softmax(model[2](torch.relu(model[0](HELD))), 1)
        expected.append(float(F.nll_loss(z, ASKED)))
        right.append(float((z.argmax(1) == ASKED).float().mean()))

    flow = trained(lambda z, y: times * loss(z, y), test)
    # A module is the loss itself; of a function it is known what is sent back.
    factor = times if loss is not MODULE else 1.0
    rows, found = looks(flow)
    assert rows == [2, 4, 5]  # behind the last step there is no other row
    np.testing.assert_allclose(found, factor * np.array(expected), rtol=1e-5)
    np.testing.assert_allclose(looks(flow, "validation_accuracy")[1], right, rtol=1e-6)


def test_in_a_record_that_is_read_midway_nothing_is_lost():
    def test(model):
        MODULE(model(HELD), ASKED)
        if len(flows) == 0:
            return
        flows[0].to_dict()

    flows = []
    flow = trained(MODULE, test)
    assert len(looks(flow)[1]) == 3
    again = looks(flow)[1]
    np.testing.assert_array_equal(again, looks(flow)[1])


@pytest.mark.parametrize(
    "test",
    [
        lambda model: F.mse_loss(model(HELD)[:, 0], torch.zeros(30)),  # another loss
        lambda model: F.cross_entropy(model(HELD), ASKED, reduction="sum"),
        lambda model: F.cross_entropy(model(HELD), ASKED, reduction="none"),
        lambda model: F.cross_entropy(torch.zeros(30, 3), ASKED),  # of no pass
        lambda model: model(HELD).argmax(1) == ASKED,
        lambda model: F.cross_entropy(model(HELD) * torch.nan, ASKED),
    ],
)
def test_what_is_no_loss_of_a_test(test):
    assert looks(trained(F.cross_entropy, test))[0] == []


def test_a_loss_that_adds_up_over_the_batch_is_not_compared():
    loss = tn.CrossEntropyLoss(reduction="sum")
    flow = trained(loss, lambda model: loss(model(HELD), ASKED))
    assert looks(flow)[0] == []


@pytest.mark.parametrize("loss", [tn.BCEWithLogitsLoss(), tn.MSELoss()])
def test_of_numbers_no_accuracy_is_known_and_of_two_classes_it_is(loss):
    y = (X[:, :3] > 0).float()

    def test(model):
        loss(model(HELD), (HELD[:, :3] > 0).float())

    flow = trained(loss, test, y=y, steps=30)
    accuracy = looks(flow, "validation_accuracy")[1]
    assert len(looks(flow)[1]) == 15
    if isinstance(loss, tn.MSELoss):
        assert len(accuracy) == 0
    else:
        assert 0.5 < accuracy[-1] <= 1


@pytest.mark.parametrize("tests", [True, False])
def test_what_is_learned_by_heart_is_told_by_tests(tests):
    """Labels are noise: the training's own can be learned, others not."""

    def test(model):
        if tests:
            MODULE(model(HELD), ASKED)

    found = trained(MODULE, test, steps=200, every=10, lr=0.05).findings()
    assert ("overfitting" in found.kinds or "labels" in found.kinds) == tests


def test_classes_that_only_tests_have_are_told():
    draw = np.random.default_rng(0)
    centres = 3 * draw.standard_normal((4, 6))
    classes = draw.integers(0, 2, 200)
    x = torch.from_numpy((centres[classes] + draw.standard_normal((200, 6))).astype(np.float32))
    other = torch.from_numpy((centres[2] + draw.standard_normal((60, 6))).astype(np.float32))

    def run(held, asked):
        flow = trained(
            MODULE,
            lambda model: MODULE(model(held), asked),
            steps=200,
            every=20,
            x=x[:150],
            y=torch.from_numpy(classes[:150]),
            lr=0.003,
            batch=15,
        )
        return flow.findings()

    found = run(other, torch.full((60,), 2))
    assert found[0].kind == "labels"
    assert "rows sorted by class, and split then" in found[0].cause
    assert "torch.unique(y_held, return_counts=True)" in str(found)
    assert "labels" not in run(x[150:], torch.from_numpy(classes[150:])).kinds
