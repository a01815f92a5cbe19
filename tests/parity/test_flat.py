"""What cuts off the answers behind a network: no gradient brings back what is out of its range."""

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from nnscratch.pytorch import watch  # noqa: E402

tn, F = torch.nn, torch.nn.functional
G = torch.Generator().manual_seed(5)
X = torch.randn(64, 6, generator=G)
Y = (X[:, :1] > 0).float()
LOW, HIGH = 1e-6, 1 - 1e-6


class Within(tn.Sequential):
    """Cuts off in its own forward."""

    def __init__(self, answers, *parts):
        super().__init__(*parts)
        self.answers = answers

    def forward(self, x):
        return self.answers(super().forward(x))


def findings(answers, bias, loss=F.binary_cross_entropy, steps=60, outputs=1, within=False):
    torch.manual_seed(1)
    parts = tn.Linear(6, 16), tn.Tanh(), tn.Linear(16, outputs)
    tn.init.constant_(parts[-1].bias, bias)
    model = Within(answers, *parts) if within else tn.Sequential(*parts)
    answers = (lambda z: z) if within else answers
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    flow = watch(model, optimizer, histograms=False)
    criterion = getattr(F, loss.__name__)
    for _ in range(steps):
        optimizer.zero_grad()
        criterion(answers(model(X)), Y).backward()
        optimizer.step()
    return {one.kind: one for one in flow.findings()}


CLAMPED = [
    (lambda z: z.clamp(LOW, HIGH), F.binary_cross_entropy),
    (lambda z: z.clamp(2, 3), F.mse_loss),
]


@pytest.mark.parametrize("within", [False, True])
@pytest.mark.parametrize(("answers", "loss"), CLAMPED)
def test_a_clamp_that_leaves_no_gradient(answers, loss, within):
    found = findings(answers, -3.0, loss, within=within)
    first = next(iter(found.values()))
    assert (first.kind, first.severity) == ("loss", "fatal" if within else "serious")
    assert "clamp()" in first.cause
    assert found["does not learn"].because == "loss"


@pytest.mark.parametrize("within", [False, True])
def test_a_clamp_that_leaves_some(within):
    assert "loss" not in findings(lambda z: z.clamp(LOW, HIGH), 0.5, within=within)


def test_one_of_many_answers_is_asked():
    def chosen(z):
        return z[:, :1].clamp(-0.01, 0.01) * 1e-3 + 0.5

    assert "loss" not in findings(chosen, 0.0, F.mse_loss, outputs=40)


def test_a_short_run_is_not_judged():
    assert "loss" not in findings(lambda z: z.clamp(LOW, HIGH), -3.0, steps=40)
