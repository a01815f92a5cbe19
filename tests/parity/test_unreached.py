"""Trainings of which no gradient ever comes back to the network."""

import numpy as np
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


@pytest.mark.parametrize(("clears", "is_told"), [(True, True), (False, False)])
def test_steps_in_front_of_their_gradients(clears, is_told):
    model = tn.Linear(4, 2)
    optimizer = torch.optim.Adam(model.parameters())
    flow = watch(model, optimizer)
    for _ in range(6):
        if clears:  # else each step follows the gradient of the one before
            optimizer.zero_grad()
        loss = model(X).square().mean()
        optimizer.step()
        loss.backward()
    found = flow.findings()
    assert [one.kind for one in found] == ["gradients cleared too soon"] * is_told
    if is_told:
        assert "In 6 steps the gradients came when optimizer.step() was over" in found[0].sentence
        assert found[0].severity == "fatal"


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


# One example at a time, and episodes of another length each time


class Policy(tn.Module):
    """Policy and value of a state, as one network."""

    def __init__(self):
        super().__init__()
        self.hidden, self.acts, self.worth = tn.Linear(4, 16), tn.Linear(16, 2), tn.Linear(16, 1)

    def forward(self, x):
        h = torch.relu(self.hidden(x))
        return torch.log_softmax(self.acts(h), -1), self.worth(h)


def played(lengths, batched=True, sign=-1.0):
    """Return the watcher of a policy whose losses are sums over episodes of such lengths."""
    torch.manual_seed(0)
    model = Policy()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    flow = watch(model, optimizer)
    for length in lengths:
        states = torch.randn(length, 4)
        loss = torch.zeros(())
        for i, state in enumerate(states):
            logs, worth = model(state[None] if batched else state)
            paid = (length - i) / 10.0
            loss = loss + sign * paid * logs.flatten()[int(state[0] > 0)]
            loss = loss + (worth.flatten()[0] - paid) ** 2
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return flow


def test_an_example_without_a_batch_is_recorded_as_a_batch_of_one():
    alone, batched = (played([5] * 4, batched=b).to_dict() for b in (False, True))
    for field in ("loss", "batch_size", "output_norm", "gradient_norm", "param_gradient_norm"):
        np.testing.assert_allclose(alone[field], batched[field], rtol=1e-5, err_msg=field)
    assert alone["layers"].tolist() == batched["layers"].tolist()
    assert alone["features"].tolist() == batched["features"].tolist()
    assert played([5] * 4, batched=False).findings().kinds == played([5] * 4).findings().kinds


class Vector(tn.Module):
    """A linear function of single examples that no module computes."""

    def __init__(self):
        super().__init__()
        self.weight = tn.Parameter(torch.ones(4))

    def forward(self, x):
        return (self.weight * x).sum()


def test_what_has_neither_layers_nor_a_batch_is_not_recorded_and_not_wrong():
    model = Vector()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    flow = watch(model, optimizer)
    for x in X[:4]:
        optimizer.zero_grad()
        model(x).square().backward()
        optimizer.step()
    found = flow.findings()
    assert found.kinds == ()
    assert "nothing of 4 steps, though gradients came" in str(found)
    assert "x[None]" in str(found)


@pytest.mark.parametrize("single", [True, False])
def test_targets_of_single_examples_are_known(single):
    """Four points of which no line tells the classes: a constant answer's loss is known."""
    torch.manual_seed(0)
    model = tn.Sequential(tn.Linear(2, 4), tn.Tanh(), tn.Linear(4, 1), tn.Sigmoid())
    optimizer, loss = torch.optim.SGD(model.parameters(), lr=0.001), tn.MSELoss()
    flow = watch(model, optimizer)
    for step in range(400):
        x = torch.tensor([float(step // 2 % 2), float(step % 2)])
        y = (x[0] != x[1]).float()[None]
        optimizer.zero_grad()
        loss(*((model(x), y) if single else (model(x[None]), y[None]))).backward()
        optimizer.step()
    assert np.nanmax(flow.to_dict()["loss_constant"]) == pytest.approx(0.25, abs=0.01)
    assert flow.findings()[0].kind == "learning rate too small"


@pytest.mark.parametrize(("passes", "told"), [(20, True), (19, False)])
def test_a_network_that_answers_and_is_never_trained(passes, told):
    """What would train it waits for a count of what it would do."""
    model = tn.Linear(4, 1)
    flow = watch(model, torch.optim.SGD(model.parameters(), lr=0.1))
    with torch.no_grad():
        for _ in range(passes):
            model(X)
    if not told:
        with pytest.raises(ConfigError, match="nothing yet"):
            flow.findings()
        return
    (found,) = flow.findings()
    assert (found.kind, found.severity) == ("frozen parameters", "fatal")
    assert "no gradient came" in found.sentence
    assert "a condition before them" in found.cause


@pytest.mark.parametrize(("most", "uneven"), [(60, True), (7, False)])
def test_sums_over_episodes_of_any_length_are_not_compared(most, uneven):
    lengths = [min(5 + step, most) for step in range(60)]
    flow = played(lengths)
    assert (flow.to_dict()["loss_kind"] == "of another number of passes each time") == uneven
    if uneven:
        assert flow.to_dict()["loss"][-1] > 5 * flow.to_dict()["loss"][0]
        assert not {"learning rate too large", "does not learn", "diverged"} & set(
            flow.findings().kinds
        )


@pytest.mark.parametrize(("passes", "every"), [(40, 64), (19, 64), (40, 8)])
def test_gradients_that_no_step_follows(passes, every):
    model = torch.nn.Linear(3, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    flow = watch(model, optimizer)
    for number in range(passes):
        model(torch.ones(4, 3)).square().mean().backward()
        if (number + 1) % every == 0:
            optimizer.step()
    if passes < 20:
        with pytest.raises(ConfigError, match="nothing yet"):
            flow.findings()
        return
    found = flow.findings()
    told = [one for one in found if "made no step" in one.sentence]
    assert bool(told) == (every > passes)
    if told:
        assert (told[0].kind, told[0].severity) == ("frozen parameters", "fatal")
        assert "40 passes" in str(found)
