"""Losses that are functions of PyTorch: what they were asked is known where they are sent back."""

import gc
import pickle

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from nnscratch.pytorch import watch  # noqa: E402
from nnscratch.pytorch.losses import hearing  # noqa: E402

tn, F = torch.nn, torch.nn.functional
G = torch.Generator().manual_seed(3)
X = torch.randn(60, 6, generator=G)
Y = (X[:, 0] > 0).long() + (X[:, 1] > 0).long()
VALUES = X[:, :2] * 3
WHERE = VALUES[:, None]


def watched(model, loss, steps=3, **options):
    torch.manual_seed(0)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    flow = watch(model, optimizer, histograms=False, **options)
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        value = loss(model)
        value.backward()
        optimizer.step()
        losses.append(value.item())
    return flow, losses


CLASSES = [
    (lambda m: F.cross_entropy(m(X), Y), 1),
    (lambda m: tn.functional.cross_entropy(input=m(X), target=Y), 1),
    (lambda m: F.cross_entropy(m(X), Y) / 4, 4),
    (lambda m: F.cross_entropy(m(X), Y, reduction="none").mean(), 1),
    (lambda m: F.nll_loss(F.log_softmax(m(X), 1), Y), 1),
]


@pytest.mark.parametrize(("loss", "over"), CLASSES)
def test_what_a_function_was_asked_is_as_of_the_module(loss, over):
    flow, losses = watched(tn.Linear(6, 3), loss)
    module = tn.CrossEntropyLoss()
    same, _ = watched(tn.Linear(6, 3), lambda m: module(m(X), Y))
    mine, its = flow.to_dict(), same.to_dict()
    assert mine["loss"].tolist() == pytest.approx(losses, rel=1e-6)
    assert mine["loss_kind"] == its["loss_kind"] == "SoftmaxCrossEntropy"
    assert mine["loss_constant"][0] * over == pytest.approx(its["loss_constant"][0], rel=1e-6)


UNKNown = [
    lambda m: F.cross_entropy(m(X), Y) + m(X).square().mean(),
    lambda m: F.cross_entropy(m(X), Y, reduction="sum") - F.cross_entropy(m(X), Y),
    lambda m: (F.mse_loss(m(X), X[:, :3]), m(X).square().sum())[1],  # for the log alone
    lambda m: F.mse_loss(m(X), m(X) + 1),  # two of its answers
]


@pytest.mark.parametrize("loss", UNKNown)
def test_a_function_that_is_not_the_loss_tells_nothing(loss):
    flow, losses = watched(tn.Linear(6, 3), loss)
    assert flow.to_dict()["loss"].tolist() == pytest.approx(losses, rel=1e-6)
    assert flow.criterion.targets is None


def test_padding_in_a_function():
    words = torch.zeros(40, 9, dtype=torch.long)
    for row, length in enumerate(torch.randint(2, 5, (40,), generator=G).tolist()):
        words[row, :length] = torch.randint(1, 12, (length,), generator=G)
    x, y = words[:, :-1], words[:, 1:]

    def kinds(**options):
        model = tn.Sequential(tn.Embedding(12, 8), tn.Linear(8, 12))
        flow, _ = watched(
            model, lambda m: F.cross_entropy(m(x).flatten(0, 1), y.flatten(), **options)
        )
        return {one.kind for one in flow.findings()}

    assert "padding counted" in kinds()
    assert "padding counted" not in kinds(ignore_index=0)


def test_what_a_loss_module_calls_is_seen_once():
    module = tn.MSELoss()
    flow, losses = watched(tn.Linear(6, 2), lambda m: module(m(X), VALUES))
    assert flow.criterion.calls == 1
    assert flow.to_dict()["loss"].tolist() == pytest.approx(losses, rel=1e-6)


def test_functions_are_put_back_and_keep_nobody_alive():
    gc.collect()
    hearing._LISTENERS.clear()  # what other tests watch
    hearing._go_home()
    own = {name: getattr(F, name) for name in hearing._FUNCTIONS}
    clip = torch.nn.utils.clip_grad_norm_
    flow, _ = watched(tn.Linear(6, 3), lambda m: F.cross_entropy(m(X), Y))
    other, _ = watched(tn.Linear(6, 3), lambda m: F.cross_entropy(m(X), Y))
    assert F.cross_entropy is not own["cross_entropy"]
    assert pickle.loads(pickle.dumps(F.cross_entropy)) is F.cross_entropy
    flow.close()
    assert F.cross_entropy is not own["cross_entropy"]
    assert torch.nn.utils.clip_grad_norm_ is not clip
    other.close()
    assert torch.nn.utils.clip_grad_norm_ is clip
    assert {name: getattr(F, name) for name in own} == own
    flow, _ = watched(tn.Linear(6, 3), lambda m: F.cross_entropy(m(X), Y))
    del flow
    gc.collect()
    F.cross_entropy(X.requires_grad_(False), Y)  # nobody listens
    assert {name: getattr(F, name) for name in own} == own


def test_a_pass_without_backward_keeps_no_graph():
    flow, _ = watched(tn.Linear(6, 3), lambda m: F.cross_entropy(m(X), Y))
    model = flow._model
    for _ in range(3):
        F.cross_entropy(model(X), Y)
    assert all(not one.requires_grad for told in flow.criterion._heard for one in told[2])
    assert len(flow.criterion._heard) == 1


class Scored(tn.Module):
    def __init__(self):
        super().__init__()
        self.linear = tn.Linear(6, 3)

    def forward(self, x, y):
        return tn.functional.cross_entropy(self.linear(x), y)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_scripts_and_compilers_find_pytorchs_own():
    flow, _ = watched(tn.Linear(6, 3), lambda m: F.cross_entropy(m(X), Y))
    model = Scored()
    expected = model(X, Y)
    assert torch.equal(torch.jit.script(model)(X, Y), expected)
    compiled = torch.compile(model.forward, backend="eager")
    assert torch.equal(compiled(X, Y), expected)
    flow.close()
