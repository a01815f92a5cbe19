"""Trainings of which no gradient ever comes back to the network."""

import pytest

from nnscratch.errors import ConfigError

torch = pytest.importorskip("torch", reason="torch is not installed")

from nnscratch.pytorch import watch  # noqa: E402

tn = torch.nn
X = torch.randn(20, 4, generator=torch.Generator().manual_seed(1))


def trained(cut, steps=3):
    """Return the watcher of a network whose outputs another one judges."""
    torch.manual_seed(0)
    made, judge = tn.Linear(4, 2), tn.Linear(2, 1)
    optimizer = torch.optim.SGD(made.parameters(), lr=0.1)
    flow = watch(made, optimizer)
    for _ in range(steps):
        optimizer.zero_grad()
        judge(cut(made(X))).mean().backward()
        optimizer.step()
    return flow


@pytest.mark.parametrize("cut", [lambda z: z.detach(), lambda z: torch.tensor(z.tolist())])
def test_outputs_that_are_cut_off(cut):
    found = trained(cut).findings()
    assert [(one.kind, one.severity) for one in found] == [("frozen parameters", "fatal")]
    assert "in 3 steps of its optimizer and 3 passes" in found[0].sentence
    assert str(found).startswith("torch: 1 finding.")


def test_one_gradient_is_enough():
    flow = trained(lambda z: z)
    assert "No gradient came back" not in str(flow.findings())
    with pytest.raises(ConfigError, match="recorded nothing yet"):
        trained(lambda z: z, steps=0).findings()


def test_a_network_that_is_never_called():
    first, second = tn.Linear(4, 1), tn.Linear(4, 1)
    optimizer = torch.optim.SGD(second.parameters(), lr=0.1)
    flow = watch(first, optimizer)
    for _ in range(2):
        second(X).mean().backward()
        optimizer.step()
    assert "was never called" in flow.findings()[0].sentence


class Unused(tn.Module):
    """Has a parameter that this pass does not need, as a mask that words are given at times."""

    def __init__(self, inner=False):
        super().__init__()
        self.first, self.second = tn.Linear(4, 8), tn.Linear(8, 2)
        self.spare = tn.Parameter(torch.zeros(8))
        if inner:
            self.first.spare = tn.Parameter(torch.zeros(8))

    def forward(self, x):
        return self.second(torch.tanh(self.first(x)))


@pytest.mark.parametrize("inner", [False, True])
def test_a_parameter_that_is_not_used_is_not_cut_off(inner):
    torch.manual_seed(0)
    model = Unused(inner)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    flow = watch(model, optimizer)
    for _ in range(3):
        optimizer.zero_grad()
        model(X).square().mean().backward()
        optimizer.step()
    assert "frozen parameters" not in flow.findings().kinds
