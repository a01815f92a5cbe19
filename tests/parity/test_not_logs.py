"""Losses of log-probabilities that are given others, and those that are given what they take."""

import pytest

import nnscratch as nn

torch = pytest.importorskip("torch", reason="torch is not installed")

from nnscratch.pytorch import watch  # noqa: E402

tn, F = torch.nn, torch.nn.functional
KIND = "not log-probabilities"
X, Y = (torch.from_numpy(part[:400]) for part in nn.datasets.digits()[:2])
SHARES = torch.softmax(torch.randn(400, 10, generator=torch.Generator().manual_seed(1)), 1)


def trained(last, loss, y=Y, steps=20, function=False):
    torch.manual_seed(0)
    model = tn.Sequential(tn.Linear(64, 32), tn.ReLU(), tn.Linear(32, 10), *last)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    flow = watch(model, optimizer, histograms=False, **({"loss": loss} if function else {}))
    for step in range(steps):
        rows = torch.arange(step * 20, step * 20 + 20) % 400
        optimizer.zero_grad()
        (flow.loss if function else loss)(model(X[rows]), y[rows]).backward()
        optimizer.step()
    return model, flow


@pytest.mark.parametrize("function", [False, True])
def test_probabilities_where_their_logarithms_belong(function):
    model, flow = trained(
        [tn.Softmax(1)], F.nll_loss if function else tn.NLLLoss(), function=function
    )
    first = flow.findings()[0]
    assert (first.kind, first.severity) == (KIND, "serious")
    assert first.sentence.endswith("what it is given are probabilities.")
    exec(first.advice[0].line, {"torch": torch, "model": model})
    assert torch.logsumexp(model(X), 1).abs().max() < 1e-5


def test_scores_where_logarithms_belong():
    _, flow = trained([], tn.NLLLoss())
    first = flow.findings()[0]
    assert (first.kind, first.severity) == (KIND, "serious")
    assert first.sentence.endswith("what it is given are any numbers.")
    assert first.advice[0].line == "loss = torch.nn.CrossEntropyLoss()"


def test_divergence_from_shares():
    loss = tn.KLDivLoss(reduction="batchmean")
    assert trained([tn.Softmax(1)], loss, SHARES)[1].findings()[0].kind == KIND
    right = trained([tn.LogSoftmax(1)], loss, SHARES)[1]
    assert KIND not in [one.kind for one in right.findings()]


@pytest.mark.parametrize(
    ("last", "loss"),
    [
        ([tn.LogSoftmax(1)], tn.NLLLoss()),
        ([tn.LogSoftmax(1)], tn.NLLLoss(reduction="none")),
        ([], tn.CrossEntropyLoss()),
        ([tn.Softmax(1)], tn.CrossEntropyLoss()),  # another mistake, told by another name
    ],
)
def test_what_is_right_is_not_told(last, loss):
    def mean(z, y):
        return loss(z, y).mean()

    _, flow = trained(last, mean)
    assert KIND not in [one.kind for one in flow.findings()]


def test_logarithms_of_rounded_probabilities_are_right():
    class Logs(tn.Module):
        def forward(self, x):
            return torch.log(torch.softmax(x, 1) + 1e-3)

    _, flow = trained([Logs()], tn.NLLLoss())
    assert KIND not in [one.kind for one in flow.findings()]


# Targets that a loss is not made for

YES = (SHARES > 0.1).float()
MEANT = "target values"
WRONG = [
    (255 * YES, "0 to 255", "0 to 1"),
    (4 * YES - 3, "-3 to 1", "0 to 1"),
    (YES / 255, "0 and 0.00392157", "0 and 1"),
    (0.09 * YES, "0 and 0.09", "0 and 1"),
]
RIGHT = [YES, SHARES, 0.9 * YES + 0.05, torch.zeros(400, 10), 0.11 * YES, 0.05 * SHARES]


@pytest.mark.parametrize(("y", "seen", "takes"), WRONG)
def test_targets_that_are_no_shares_of_one(y, seen, takes):
    _, flow = trained([], tn.BCEWithLogitsLoss(), y)
    first = flow.findings()[0]
    assert (first.kind, first.severity) == (MEANT, "serious")
    assert f"The targets are {seen}, and BCEWithLogitsLoss takes {takes}" in first.sentence
    names = {"y": y}
    exec(first.advice[0].line, names)
    assert torch.allclose(names["y"], YES)


@pytest.mark.parametrize("y", RIGHT)
def test_targets_that_are(y):
    _, flow = trained([], tn.BCEWithLogitsLoss(), y)
    assert MEANT not in flow.findings().kinds


def test_other_losses_take_other_targets():
    _, flow = trained([], tn.MSELoss(), 255 * YES)
    assert MEANT not in flow.findings().kinds


@pytest.mark.parametrize(
    "loss", [tn.CosineEmbeddingLoss(), tn.MarginRankingLoss(), tn.HingeEmbeddingLoss()]
)
@pytest.mark.parametrize("signs", [False, True])
def test_pairs_are_alike_or_not_by_the_sign(loss, signs):
    alike = (Y[:200] == Y[200:]).float()
    alike = 2 * alike - 1 if signs else alike

    def of_pairs(z, rows):
        rows = rows % 200
        one, other = z, z.roll(1, 0)
        if isinstance(loss, tn.CosineEmbeddingLoss):
            return loss(one, other, alike[rows])
        if isinstance(loss, tn.MarginRankingLoss):
            return loss(one[:, 0], other[:, 0], alike[rows])
        return loss((one - other).square().sum(1), alike[rows])

    _, flow = trained([], of_pairs, torch.arange(400))
    assert (MEANT in flow.findings().kinds) != signs
    if not signs:
        names = {"y": alike.clone()}
        exec(flow.findings()[0].advice[0].line, names)
        assert set(names["y"].tolist()) == {-1.0, 1.0}
