"""Labels of pixels and of steps of time: what one answer for all gives is known of those too."""

import math

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from nnscratch.pytorch import watch  # noqa: E402
from nnscratch.pytorch.losses.positions import are_positions, labels  # noqa: E402

tn, F = torch.nn, torch.nn.functional


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


class Pixels(tn.Module):
    """Classes of pixels, second axis."""

    def __init__(self, classes=3):
        super().__init__()
        self.a, self.b = tn.Conv2d(2, 8, 3, padding=1), tn.Conv2d(8, classes, 1)

    def forward(self, x):
        return self.b(torch.relu(self.a(x)))


class Steps(tn.Module):
    """Classes of steps of time: last, second, or all rows of all examples."""

    def __init__(self, how="second", classes=3):
        super().__init__()
        self.rnn, self.out, self.how = tn.GRU(2, 12, batch_first=True), tn.Linear(12, classes), how

    def forward(self, x):
        y = self.out(self.rnn(x)[0])
        return y.transpose(1, 2) if self.how == "second" else y.reshape(-1, y.shape[-1])


def classes_of(x, axis, classes=3):
    """Labels that a network can tell: rare, middling and common ones."""
    return torch.bucketize(x.select(axis, 0).contiguous(), torch.tensor([-1.0, 0.2])[: classes - 1])


def trained(model, x, y, loss=None, steps=60, lr=1e-2, batch=8, rows=False, **options):
    torch.manual_seed(0)
    loss = tn.CrossEntropyLoss() if loss is None else loss
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    flow = watch(model, optimizer, histograms=False, **options)
    for step in range(steps):
        at = torch.arange(step * batch, (step + 1) * batch) % len(x)
        optimizer.zero_grad()
        loss(model(x[at]), y[at].reshape(-1) if rows else y[at]).backward()
        optimizer.step()
    return flow


def latest(flow, field):
    values = torch.from_numpy(flow.to_dict()[field])
    known = values[~values.isnan()]
    return float(known[-1]) if len(known) else math.nan


def entropy(y):
    share = torch.bincount(y[y >= 0].flatten()).double() / (y >= 0).sum()
    return float(-(share[share > 0] * share[share > 0].log()).sum())


IMAGES, SERIES = drawn(96, 2, 6, 6), drawn(96, 9, 2)
CASES = {
    "pixels": lambda: (Pixels(), IMAGES, classes_of(IMAGES, 1), False),
    "as many as classes": lambda: (Pixels(), IMAGES[..., :3], classes_of(IMAGES, 1)[..., :3], 0),
    "steps, second": lambda: (Steps(), SERIES, classes_of(SERIES, 2), False),
    "steps, rows": lambda: (Steps("rows"), SERIES, classes_of(SERIES, 2), True),
    "three steps, second": lambda: (Steps(), SERIES[:, :3], classes_of(SERIES, 2)[:, :3], 0),
}


@pytest.mark.parametrize("case", CASES)
def test_one_answer_for_all_is_worth_the_entropy(case):
    model, x, y, rows = CASES[case]()
    flow = trained(model, x, y, rows=rows)
    assert latest(flow, "loss_constant") == pytest.approx(entropy(y), rel=0.1)
    assert latest(flow, "loss_free") == pytest.approx(0, abs=1e-6)
    assert math.isnan(latest(flow, "target_between"))  # pixels of an image are no sample
    found = flow.findings()
    assert "one and the same answer for all examples gives" in found.state
    assert not found.at_least("serious")


@pytest.mark.parametrize("case", CASES)
def test_labels_that_nothing_tells_are_told_as_not_learned(case):
    model, x, y, rows = CASES[case]()
    noise = y.flatten()[torch.randperm(y.numel(), generator=torch.Generator().manual_seed(1))]
    flow = trained(model, x, noise.view(y.shape), rows=rows, steps=120)
    assert "does not learn" in flow.findings().kinds
    assert "gives" in flow.findings().state


def test_what_does_not_count_is_left_out():
    model, x, y, _ = CASES["pixels"]()
    y = y.clone()
    y[:, :2] = -100
    assert latest(trained(model, x, y), "loss_constant") == pytest.approx(entropy(y), rel=0.1)
    y[y < 0] = 2
    flow = trained(Pixels(), x, y, tn.CrossEntropyLoss(ignore_index=2))
    assert latest(flow, "loss_constant") == pytest.approx(
        entropy(torch.where(y == 2, -1, y)), rel=0.1
    )


def test_weights_of_classes_count():
    model, x, y, _ = CASES["pixels"]()
    weight = torch.tensor([4.0, 1.0, 1.0])
    share = torch.bincount(y.flatten()) * weight
    share = share / share.sum()
    flow = trained(model, x, y, tn.CrossEntropyLoss(weight))
    expected = float(-(share * share.log()).sum())
    assert latest(flow, "loss_constant") == pytest.approx(expected, rel=0.15)


def test_log_probabilities_of_pixels():
    class Logs(Pixels):
        def forward(self, x):
            return F.log_softmax(super().forward(x), 1)

    _, x, y, _ = CASES["pixels"]()
    flow = trained(Logs(), x, y, tn.NLLLoss())
    assert latest(flow, "loss_constant") == pytest.approx(entropy(y), rel=0.1)


def test_a_sum_over_pixels_is_no_mean_and_nothing_is_said():
    model, x, y, _ = CASES["pixels"]()
    flow = trained(model, x, y, tn.CrossEntropyLoss(reduction="sum"), lr=1e-3)
    assert math.isnan(latest(flow, "loss_constant"))


@pytest.mark.parametrize(("classes", "known"), [(228, True), (240, False)])
def test_of_many_classes_too_few_are_seen(classes, known):
    """Ten labels of each class are wanted, and no more is kept than memory allows."""
    x = drawn(96, 40, 2)
    y = torch.randint(0, classes, (96, 40), generator=torch.Generator().manual_seed(2))
    flow = trained(Steps("rows", classes), x, y, rows=True, steps=30)
    if known:
        assert latest(flow, "loss_constant") == pytest.approx(math.log(classes), rel=0.03)
    else:
        assert math.isnan(latest(flow, "loss_constant"))


def test_few_positions_say_nothing_of_how_often_classes_come():
    """A batch of 8 examples and 2 steps: 16 labels a step, where 30 are wanted."""
    model, x, y, rows = CASES["steps, rows"]()
    flow = trained(model, x[:, :2], y[:, :2], rows=rows, steps=8)
    constant = flow.to_dict()["loss_constant"]
    assert math.isnan(constant[0])
    assert not math.isnan(constant[1])


def test_labels_of_examples_are_those_of_their_inputs():
    x = drawn(96, 2)
    model = tn.Sequential(tn.Linear(2, 16), tn.ReLU(), tn.Linear(16, 3))
    flow = trained(model, x, classes_of(x, 1))
    assert latest(flow, "guess_neighbours") > 0.3  # which takes inputs
    assert latest(flow, "target_count") == 96


def test_of_many_labels_some_from_all_over_are_taken():
    """A batch of 40 images has 1,440 of them."""
    model, x, y, _ = CASES["pixels"]()
    flow = trained(model, x, y, batch=40, steps=3)
    record = flow.to_dict()
    assert record["target_count"][0] == 1024
    assert record["loss_constant"][0] == pytest.approx(entropy(y[:40]), rel=0.05)


def test_only_labels_are_those_of_positions():
    z, y = drawn(4, 3, 5), torch.ones(4, 5, dtype=torch.long)
    assert are_positions(z, y, 4)
    assert are_positions(z.transpose(1, 2).reshape(20, 3), y.reshape(20), 4)
    assert not are_positions(z[:, :, 0], y[:, 0], 4)  # one a row that went in
    assert not are_positions(z, torch.ones(4, 3, 5), 4)  # shares of classes
    assert not are_positions(None, y, 4)
    assert not are_positions(z, y[:, :4], 4)


def test_a_loss_that_takes_no_rows_says_nothing():
    z, y = drawn(4, 3, 5), torch.ones(4, 5, dtype=torch.long)
    assert len(labels(F.cross_entropy, z, y, -100)) == 20

    def whole(outputs, targets):
        if outputs.ndim != 3:
            raise ValueError("images are asked for")
        return F.cross_entropy(outputs, targets)

    assert labels(whole, z, y, -100) is None
