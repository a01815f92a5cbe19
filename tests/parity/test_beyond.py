"""Parameters that a loss depends on and nobody trains, and those that somebody else does."""

import copy

import pytest

import nnscratch as nn

torch = pytest.importorskip("torch", reason="torch is not installed")

from nnscratch.pytorch import watch  # noqa: E402

tn = torch.nn
X, Y = (torch.from_numpy(part[:400]) for part in nn.datasets.digits()[:2])


class Made(tn.Module):
    """Its last layer is made in every pass, or once."""

    def __init__(self, once=False):
        super().__init__()
        self.first = tn.Linear(64, 32)
        self.made_once = tn.Linear(32, 10) if once else None

    def forward(self, x):
        x = torch.relu(self.first(x))
        return (self.made_once or tn.Linear(32, 10))(x)


def trained(model, loss, steps=60, lr=5e-3, **options):
    """Train, and return the findings: ``loss(model, x, y)``."""
    torch.manual_seed(0)
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    flow = watch(model, optimizer, histograms=False, **options)
    for step in range(steps):
        rows = torch.arange(step * 20, step * 20 + 20) % len(X)
        optimizer.zero_grad()
        loss(model, X[rows], Y[rows]).backward()
        optimizer.step()
    return flow.findings()


def frozen(findings):
    return [one for one in findings if one.kind == "frozen parameters"]


def classes(model, x, y):
    return tn.functional.cross_entropy(model(x), y)


ASKED = tn.CrossEntropyLoss()


@pytest.mark.parametrize("every", [1, 5])
@pytest.mark.parametrize("loss", [classes, lambda m, x, y: ASKED(m(x), y)])
def test_a_layer_that_is_made_in_every_pass(loss, every):
    torch.manual_seed(1)
    model = Made()
    findings = trained(model, loss, 100, every=every)
    seen = findings[0]
    assert (seen.kind, seen.severity) == ("frozen parameters", "serious")
    assert "2 parameters made anew for every pass, of shape (10,), (10, 32)" in seen.sentence
    given = {"torch": torch, "model": model}
    exec(seen.advice[0].line, given)
    assert model.made_once.weight.shape == (10, 32)
    assert len(given["optimizer"].param_groups[0]["params"]) == 4
    assert not frozen(trained(model, loss, 100, every=every))


def test_a_layer_beside_the_network_that_the_optimizer_does_not_have():
    torch.manual_seed(1)
    model, head = Made(once=True), tn.Linear(10, 10)
    last = head.weight

    def loss(m, x, y):
        return ASKED(head(m(x)), y)

    (seen,) = frozen(trained(model, loss))
    assert "(10,), (10, 10): after 8 steps they are what they were" in seen.sentence
    assert last is head.weight
    head.requires_grad_(False)
    assert not frozen(trained(model, loss))


def test_another_network_has_its_own_optimizer():
    """As in a GAN: its parameters are those of the step before, and they change."""
    torch.manual_seed(1)
    model, judge = Made(once=True), tn.Linear(10, 1)
    other = torch.optim.SGD(judge.parameters(), lr=1e-3)
    judge_loss = tn.BCEWithLogitsLoss()

    def loss(m, x, y):
        other.zero_grad()
        judge_loss(judge(m(x).detach()), torch.zeros(20, 1)).backward()
        for p in judge.parameters():  # as some write it, past the counter of versions
            p.data.add_(p.grad, alpha=-1e-3)
        return judge_loss(judge(m(x)), torch.ones(20, 1))

    findings = trained(model, loss)
    assert not frozen(findings)
    assert not any(one.kind == "does not learn" for one in findings)


def test_a_teacher_that_a_pass_does_not_go_through():
    torch.manual_seed(1)
    model = Made(once=True)
    teacher = copy.deepcopy(model)

    def loss(m, x, y):
        with torch.no_grad():
            right = teacher(x)
        return ASKED(m(x), y) + tn.functional.mse_loss(m(x), right)

    assert not frozen(trained(model, loss))


# Terms of a loss

POINT = torch.zeros(1, 1)


def slope(graph):
    def loss(model, x, y):
        t = torch.rand(32, 1, requires_grad=True) * 2
        (made,) = torch.autograd.grad(model(t).sum(), t, retain_graph=True, create_graph=graph)
        return ((made - torch.cos(t)) ** 2).mean() + 3 * (model(POINT) ** 2).mean()

    return loss


def curve():
    torch.manual_seed(1)
    return tn.Sequential(tn.Linear(1, 16), tn.Tanh(), tn.Linear(16, 1))


def test_a_derivative_without_its_graph():
    findings = trained(curve(), slope(False), 200)
    assert [one.kind for one in findings] == ["frozen parameters"]
    assert "1 term of the 2 that the loss adds up depends on no parameter" in findings[0].sentence
    line = findings[0].advice[0].line
    given = {"torch": torch, "model": curve(), "x": torch.rand(5, 1)}
    exec(line, given)
    assert given["dydx"].requires_grad


def test_terms_that_depend_on_parameters_are_none():
    assert not trained(curve(), slope(True), 200)
    scale = tn.Parameter(torch.zeros(()))  # of the network itself

    def penalised(model, x, y):
        decay = sum((p**2).sum() for p in model.parameters())
        return ASKED(model(x), y) + 1e-4 * decay - 0.1 * model.scale**2

    model = Made(once=True)
    model.scale = scale
    assert not frozen(trained(model, penalised))


def test_one_number_of_one_example_has_no_scale_and_may_be_answered_by_zero():
    """The sick loss of before, of which the last pass alone is shown: of one point, 0."""
    kinds = {one.kind for one in trained(curve(), slope(False), 200)}
    assert not kinds & {"input scale", "dead layer"}


# Layers of which nothing is read


class Lines(tn.Module):
    """Calls each layer on what the last one gave, or one of them on its input."""

    def __init__(self, how):
        super().__init__()
        self.how = how
        self.one, self.two = tn.Linear(64, 64), tn.Linear(64, 64)
        self.out, self.side = tn.Linear(64, 10), tn.Linear(64, 10)

    def forward(self, x):
        with torch.set_grad_enabled(self.how != "frozen"):
            h = torch.relu(self.two(torch.relu(self.one(x))))
        if self.how == "again":
            return self.out(x)
        if self.how == "frozen":
            return self.side(x) + self.out(h)
        return self.out(h.detach() if self.how == "cut" else h)


@pytest.mark.parametrize(
    ("how", "kind"), [("again", "unused layers"), ("cut", "frozen parameters"), ("right", "")]
)
def test_a_line_that_starts_from_the_input_again(how, kind):
    findings = trained(Lines(how), lambda m, x, y: ASKED(m(x), y), 60, 1e-5)
    seen = {one.kind: one for one in findings if one.kind in ("unused layers", "frozen parameters")}
    assert list(seen) == ([kind] if kind else [])
    if kind:
        assert "No gradient reaches the parameters of one, two" in seen[kind].sentence


def test_what_is_frozen_by_no_grad_is_read_all_the_same():
    findings = trained(Lines("frozen"), lambda m, x, y: ASKED(m(x), y), 60, 1e-5)
    assert "unused layers" not in findings.kinds
