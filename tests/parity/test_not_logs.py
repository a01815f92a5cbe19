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
