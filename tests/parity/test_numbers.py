"""What the numbers of a few steps tell of a loop."""

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from nnscratch.pytorch import watch  # noqa: E402
from nnscratch.pytorch.losses.criterion import Criterion  # noqa: E402
from nnscratch.pytorch.mistakes.numbers import Numbers, both_zero, each_with_each, rows_of_one  # noqa: E402
from tests.parity.loops import X, Y, layers, plain, told, trained  # noqa: E402

tn = torch.nn
F = torch.nn.functional


def cross_entropy(model, x, rows):
    return F.cross_entropy(model(x), Y[rows])


# A loss that is no number


def of_logarithm(model, x, rows):
    return (model(x)[:, 0].log() + model(x).square().mean(1)).mean()


def test_a_loss_that_is_no_number_while_gradients_are():
    found = told(trained(plain(), of_logarithm, steps=60), "non-finite")
    assert found.sentence.startswith("The loss is NaN, 3 steps in a row, and every gradient")
    assert "softplus" in found.advice[0].what
    fine = lambda model, x, rows: F.softplus(model(x)[:, 0]).log().mean()  # noqa: E731
    assert not told(trained(plain(), fine), "non-finite")


def test_three_steps_in_a_row_and_no_gradient_that_is_none():
    nan = float("nan")
    seen = Numbers()
    assert [bool(seen.loss(nan, True)) for _ in range(4)] == [False, False, True, False]
    seen = Numbers()
    assert not any(seen.loss(v, True) for v in (nan, nan, 1.0, nan, nan))
    assert not any(seen.loss(nan, False) for _ in range(4))


# Tables of each with each


def table(labels, examples=8, classes=None):
    criterion = Criterion()
    z = torch.randn(examples, classes or examples)
    criterion.see(F.cross_entropy, (z, labels), torch.tensor(1.0))
    return each_with_each(criterion, examples)


def test_one_example_that_is_right_for_all():
    found = table(torch.zeros(8, dtype=torch.long))
    assert found[0] == "target values"
    assert found[-1] == "labels = torch.arange(len(x))"
    assert table(torch.full((8,), 3))[1].endswith("number 3.")
    assert not table(torch.arange(8))
    assert not table(torch.zeros(7, dtype=torch.long), 7)
    assert not table(torch.zeros(8, dtype=torch.long), 8, 9)  # one of its own, and a queue


class Pairs(tn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.other = tn.Linear(8, 5), tn.Linear(8, 5)

    def forward(self, x):
        return 5 * F.normalize(self.one(x), dim=1) @ F.normalize(self.other(x), dim=1).T


def test_pairs_in_a_loop():
    wrong = lambda m, x, rows: F.cross_entropy(m(x), torch.zeros(24, dtype=torch.long))  # noqa: E731
    right = lambda m, x, rows: F.cross_entropy(m(x), torch.arange(24))  # noqa: E731
    assert told(trained(Pairs(), wrong), "target values").severity == "serious"
    assert not told(trained(Pairs(), right), "target values")


def test_the_first_of_many_that_an_output_is_compared_with_is_no_label():
    queue = torch.randn(40, 6, generator=torch.Generator().manual_seed(4))

    def contrast(model, x, rows):
        z = model(x)
        own = (z * (z + 0.1)).sum(1, keepdim=True)
        return F.cross_entropy(torch.cat([own, z @ queue.T], 1), torch.zeros(24, dtype=torch.long))

    model = layers(tn.Linear(8, 16), tn.ReLU(), tn.Linear(16, 6))
    assert not told(trained(model, contrast), "labels")
    alike = lambda m, x, rows: F.cross_entropy(m(x), torch.zeros(24, dtype=torch.long))  # noqa: E731
    assert told(trained(plain(), alike), "labels")


# float16


@pytest.mark.parametrize(("half", "epsilon", "seen"), [(1, 1e-8, 1), (1, 1e-4, 0), (0, 1e-8, 0)])
def test_adam_in_float16(half, epsilon, seen):
    torch.manual_seed(0)
    model = plain().half() if half else plain()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, eps=epsilon)
    flow = watch(model, optimizer, histograms=False)
    for _ in range(6):
        optimizer.zero_grad()
        # Of a mean over many the gradients are small.
        F.cross_entropy(model(X[:24].to(model[0].weight.dtype)).float() / 50, Y[:24]).backward()
        optimizer.step()
    found = told(flow, "rounded updates")
    assert (found is not None and "the epsilon of 1e-08 is 0" in found.sentence) == bool(seen)
    if seen:
        assert found.severity in ("serious", "fatal")


# Products of zeros


class Beside(tn.Module):
    """A layer that is learned as a product of two matrices beside it."""

    def __init__(self, first=0.0, second=0.0):
        super().__init__()
        self.base = tn.Linear(8, 4)
        self.base.requires_grad_(False)
        self.A, self.B = (
            tn.Parameter(torch.full(shape, float(fill)))
            for shape, fill in (((2, 8), first), ((4, 2), second))
        )

    def forward(self, x):
        return self.base(x) + x @ self.A.T @ self.B.T


@pytest.mark.parametrize(("first", "second", "seen"), [(0, 0, True), (0.1, 0, False), (0, 0.1, 0)])
def test_two_matrices_of_zeros(first, second, seen):
    flow = trained(tn.Sequential(Beside(first, second)), cross_entropy, steps=60)
    found = told(flow, "symmetric units")
    assert (found is not None) == bool(seen)
    if seen:
        assert "0.A and 0.B are 0 after 12 steps" in found.sentence
        assert "kaiming_uniform_(model.get_parameter('0.A'))" in found.advice[0].line


def test_one_of_them_alone_or_a_layer_that_is_told_otherwise():
    tensors = {"a.A": torch.zeros(2, 2, requires_grad=True)}
    tensors["a.A"].grad = torch.zeros(2, 2)
    own = {id(p) for p in tensors.values()}
    assert not both_zero(tensors, own, ())
    tensors["a.B"] = torch.zeros(2, 2, requires_grad=True)
    tensors["a.B"].grad = torch.zeros(2, 2)
    own = {id(p) for p in tensors.values()}
    assert both_zero(tensors, own, ())
    assert not both_zero(tensors, own, {"a"})
    assert not both_zero(tensors, {id(tensors["a.A"])}, ())
    tensors["a.B"].grad[0, 0] = 1e-9
    assert not both_zero(tensors, own, ())


# Rows of norm 1


def rows(share, wide, count=20):
    """Rows of norm 1 whose first column has this share of each, and which differ so much."""
    g = torch.Generator().manual_seed(6)
    rest = torch.randn(count, 5, generator=g, dtype=torch.float64)
    rest = 1 + wide * (rest - rest.mean(0)) / rest.std(0)
    rest = rest / rest.norm(dim=1, keepdim=True) * (1 - share) ** 0.5
    return torch.cat([torch.full((count, 1), share**0.5, dtype=torch.float64), rest], 1).float()


def test_rows_that_were_divided_by_their_norm():
    found = rows_of_one(rows(0.6, 0.01))
    assert found[0] == "input scale"
    assert "column 0 alone is 60 % or more of each" in found[1]
    assert rows_of_one(rows(0.51, 0.01))
    assert not rows_of_one(rows(0.49, 0.01))
    assert not rows_of_one(rows(0.6, 0.4))  # the others differ all the same
    assert not rows_of_one(1.001 * rows(0.6, 0.01))
    assert not rows_of_one(rows(0.6, 0.01, 7))
    assert not rows_of_one(rows(0.6, 0.01)[:, None])


def test_how_much_the_middle_column_differs():
    x = rows(0.6, 0.05)
    middle = float(x.double().std(0).median())
    for limit, seen in ((0.0199, True), (0.0201, False)):
        y = x.double()
        y[:, 1:] = y[:, 1:].mean(0) + (y[:, 1:] - y[:, 1:].mean(0)) * limit / middle
        y[:, 0] = (1 - y[:, 1:].square().sum(1)).sqrt()
        assert bool(rows_of_one(y)) == seen


# Rates of their own


def test_each_group_has_its_rate():
    model = plain()
    groups = [{"params": model[0].parameters()}, {"params": model[2].parameters(), "lr": 1e-3}]
    optimizer = torch.optim.SGD(groups, lr=0.1)
    flow = watch(model, optimizer, histograms=False)
    for _ in range(2):
        optimizer.zero_grad()
        F.cross_entropy(model(X[:24]), Y[:24]).backward()
        optimizer.step()
    assert flow.to_dict()["param_rate"][0].tolist() == pytest.approx([1, 1, 0.01, 0.01])


# Up in place of down


def climbing(loss, maximize):
    model = plain()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3, maximize=maximize)
    flow = watch(model, optimizer, histograms=False)
    for _ in range(20):
        optimizer.zero_grad()
        loss(model(X[:24]), Y[:24]).backward()
        optimizer.step()
    return told(flow, "steps uphill")


def test_a_loss_that_the_optimizer_makes_large():
    assert "maximize=True" in climbing(F.cross_entropy, True).sentence
    assert not climbing(F.cross_entropy, False)
    reward = lambda z, y: z.softmax(1)[range(24), y].mean()  # noqa: E731
    assert not climbing(reward, True)
