"""The loss of any loop is seen when it is sent back, and whether another network has its say."""

import math
import threading

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from nnscratch.pytorch import watch  # noqa: E402
from nnscratch.pytorch.losses.sent_back import sent_back  # noqa: E402

tn, F = torch.nn, torch.nn.functional


def network(*last, out=3):
    torch.manual_seed(0)
    return tn.Sequential(tn.Linear(12, 10), tn.ReLU(), tn.Linear(10, out), *last)


def one_hot(y):
    return F.one_hot(y, 3).float()


@pytest.mark.parametrize(
    ("loss", "last", "kind"),
    [
        (F.cross_entropy, (), "SoftmaxCrossEntropy"),
        (lambda z, y: F.cross_entropy(z, y) / 4, (), "SoftmaxCrossEntropy"),
        (F.nll_loss, (tn.LogSoftmax(1),), "SoftmaxCrossEntropy"),
        (lambda z, y: F.mse_loss(z, one_hot(y)), (), "MeanSquaredError"),
        (lambda z, y: F.huber_loss(z, one_hot(y)), (), "Huber"),
        (
            lambda z, y: F.binary_cross_entropy_with_logits(z, one_hot(y)),
            (),
            "SigmoidCrossEntropy",
        ),
        (
            lambda z, y: F.binary_cross_entropy(z, one_hot(y)),
            (tn.Sigmoid(),),
            "BinaryCrossEntropy",
        ),
        (F.nll_loss, (), ""),
        (lambda z, y: F.mse_loss(z, one_hot(y)) + z.square().mean(), (), ""),
    ],
)
def test_a_function_leaves_its_value_and_its_name(train, classes, loss, last, kind):
    model = network(*last)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    flow = watch(model, optimizer)
    losses = train(model, optimizer, loss, *classes)
    record = flow.to_dict()
    assert record["loss"].tolist() == pytest.approx(losses, rel=1e-6)
    assert record["loss_kind"] == kind
    flow.close()
    assert torch.Tensor.backward.__module__ == "torch._tensor"  # nothing of PyTorch's is replaced


def test_the_value_is_without_the_scale_and_of_autograd_grad_too(classes):
    x, y = classes
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    scaler = torch.amp.GradScaler("cpu", init_scale=256.0)
    flow = watch(model, optimizer, scaler=scaler)
    value = F.cross_entropy(model(x), y)
    scaler.scale(value).backward()
    scaler.step(optimizer)
    assert flow.to_dict()["loss"][0] == pytest.approx(value.item(), rel=1e-6)
    seen = []
    z = torch.ones(3, requires_grad=True)
    z.register_hook(lambda g: seen.extend(sent_back()))
    (root,) = [(z * 2).sum()]
    torch.autograd.grad(root, z)
    assert seen == [root]
    assert sent_back() == []


def test_a_pass_that_another_thread_waits_for_is_found():
    """As on a GPU, whose hooks are called on a thread of its own."""
    found = []
    z = torch.ones(3, requires_grad=True)

    def hook(gradient):
        thread = threading.Thread(target=lambda: found.extend(sent_back()))
        thread.start()
        thread.join()

    z.register_hook(hook)
    root = z.sum()
    root.backward()
    assert found == [root]


def adversaries(watched, loss):
    """Train a generator and a discriminator against each other, and watch one of them."""
    torch.manual_seed(0)
    maker, judge = tn.Sequential(tn.Linear(4, 16), tn.ReLU(), tn.Linear(16, 12)), network(out=1)
    optimizers = [torch.optim.Adam(one.parameters(), lr=1e-3) for one in (maker, judge)]
    flow = watch([maker, judge][watched], optimizers[watched])
    for _ in range(300):
        fake = maker(torch.randn(16, 4))
        optimizers[1].zero_grad()
        value = loss(judge(torch.randn(16, 12)), torch.ones(16, 1))
        (value + loss(judge(fake.detach()), torch.zeros(16, 1))).backward()
        optimizers[1].step()
        optimizers[0].zero_grad()
        loss(judge(fake), torch.ones(16, 1)).backward()
        optimizers[0].step()
    return flow


@pytest.mark.slow
@pytest.mark.parametrize("watched", [0, 1])
@pytest.mark.parametrize(
    "loss", [F.binary_cross_entropy_with_logits, tn.BCEWithLogitsLoss()], ids=["function", "module"]
)
def test_of_networks_that_train_against_each_other_none_is_said_not_to_learn(watched, loss):
    flow = adversaries(watched, loss)
    assert flow.to_dict()["loss_kind"] == "against another network"
    assert not {"does not learn", "labels"} & set(flow.findings().kinds)


@pytest.mark.parametrize("together", [True, False])
def test_two_networks_of_one_optimizer_are_one(classes, together):
    """A head that trains with the network below it: labels that are noise are told."""
    y = torch.randint(0, 3, (120,), generator=torch.Generator().manual_seed(1))
    x = torch.randn(120, 12, generator=torch.Generator().manual_seed(2))
    model, head = network(out=8), tn.Linear(8, 3)
    learned = [*model.parameters(), *head.parameters()]
    optimizer = torch.optim.SGD(learned if together else model.parameters(), lr=1e-4)
    flow = watch(model, optimizer)
    for _ in range(60):
        optimizer.zero_grad()
        F.cross_entropy(head(model(x)), y).backward()
        optimizer.step()
    assert "does not learn" in flow.findings().kinds
    assert ("frozen parameters" in flow.findings().kinds) != together  # nobody learns the head
    assert math.isfinite(flow.to_dict()["loss"][-1])
