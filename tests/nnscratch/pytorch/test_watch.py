"""Watching leaves the training as it is, and records it however it is written."""

import copy
import gc
import pickle
import weakref

import numpy as np
import pytest

import nnscratch as nn

torch = pytest.importorskip("torch", reason="torch is not installed")

from nnscratch.flow import load_record  # noqa: E402
from nnscratch.pytorch import watch  # noqa: E402

tn = torch.nn


def network(inner=10):
    torch.manual_seed(0)
    return tn.Sequential(tn.Linear(12, inner), tn.ReLU(), tn.Dropout(0.1), tn.Linear(inner, 3))


def sgd(model, lr=0.1):
    return torch.optim.SGD(model.parameters(), lr=lr)


def test_looking_changes_no_bit(train, classes):
    results = []
    for watched in (False, True):
        model = tn.Sequential(
            *(tn.Linear(12, 8), tn.BatchNorm1d(8), tn.Tanh(), tn.Dropout(0.2), tn.Linear(8, 3))
        )
        model.load_state_dict({k: torch.full_like(v, 0.1) for k, v in model.state_dict().items()})
        optimizer = torch.optim.Adam(model.parameters())
        torch.manual_seed(1)
        if watched:
            watch(model, optimizer, probe=classes[0], probe_every=2)
        train(model, optimizer, tn.CrossEntropyLoss(), *classes)
        results.append([v.clone() for v in model.state_dict().values()])
        assert model.training
    for plain, seen in zip(*results, strict=True):
        assert torch.equal(plain, seen)


def test_how_often_it_looks_may_be_set_later_within_limits():
    model = network()
    flow = watch(model, sgd(model))
    for name, value in (("every", 0), ("probe_every", None), ("label", 3)):
        with pytest.raises(nn.ConfigError, match=f"^{name} of this TorchFlow must be"):
            setattr(flow, name, value)
    flow.every = 3


def test_everything_reads_the_record(train, classes, tmp_path):
    model = network()
    optimizer = sgd(model)
    flow = watch(model, optimizer, probe=classes[0], file=tmp_path / "a.flow", label="mine")
    losses = train(model, optimizer, tn.CrossEntropyLoss(), *classes)
    record = flow.to_dict()
    np.testing.assert_allclose(record["loss"], losses, rtol=1e-6)
    assert record["layers"].tolist() == ["0.linear", "1.relu", "2.dropout", "3.linear"]
    assert record["roles"].tolist() == ["weights", "activation", "noise", "weights"]
    assert record["params"].tolist() == ["0.weight", "0.bias", "3.weight", "3.bias"]
    assert record["optimizer"] == "SGD(lr=0.1)"
    assert record["framework"] == "torch"
    assert record["loss_kind"] == "SoftmaxCrossEntropy"
    assert record["census"].shape == (1, 10)
    assert flow.reading().word == "healthy"
    assert flow.plot().axes
    assert flow.overview().axes
    assert flow.report(tmp_path / "a.html").exists()
    assert len(flow.attribution().terms) == 4
    assert len(pickle.loads(pickle.dumps(flow))) == len(copy.deepcopy(flow)) == 12
    flow.close()
    np.testing.assert_equal(load_record(tmp_path / "a.flow"), record)
    train(model, optimizer, tn.CrossEntropyLoss(), *classes)
    assert len(flow) == 12


def test_nothing_recorded_says_what_to_do():
    model = network()
    flow = watch(model, sgd(model))
    with pytest.raises(nn.ConfigError, match="recorded nothing yet: train the model"):
        flow.to_dict()


def test_one_step_in_three_and_some_layers(train, classes):
    model = network()
    optimizer = sgd(model)
    flow = watch(model, optimizer, every=3, layers=["1.relu", "3.linear"])
    train(model, optimizer, tn.CrossEntropyLoss(), *classes)
    record = flow.to_dict()
    assert record["steps"].tolist() == [0, 3, 6, 9]
    assert record["layers"].tolist() == ["1.relu", "3.linear"]
    assert record["params"].tolist() == ["3.weight", "3.bias"]
    assert record["gaps"].tolist() == [1, 1]


def test_unknown_layers_are_refused_with_the_known_ones(train, classes):
    model = network()
    optimizer = sgd(model)
    watch(model, optimizer, layers=["fc"])
    with pytest.raises(nn.UnknownNameError, match=r"fc.*0\.linear"):
        train(model, optimizer, tn.CrossEntropyLoss(), *classes)


def test_clipping_by_norm_stands_in_the_ledger(train, classes):
    model = network()
    optimizer = sgd(model)
    flow = watch(model, optimizer)
    norms = []
    train(
        *(model, optimizer, tn.CrossEntropyLoss(), *classes),
        between=lambda: norms.append(tn.utils.clip_grad_norm_(model.parameters(), 0.25).item()),
    )
    record = flow.to_dict()
    np.testing.assert_allclose(record["clip_before"], norms, rtol=1e-5)
    np.testing.assert_allclose(record["clip_after"], np.minimum(norms, 0.25), rtol=1e-4)
    np.testing.assert_allclose(record["clip_cosine"], 1, rtol=1e-5)
    assert record["clip"] == "clip_grad_norm_(0.25)"
    whole = np.sqrt((record["param_gradient_norm"] ** 2).sum(axis=1))
    np.testing.assert_allclose(whole, norms, rtol=1e-5)


def test_clipping_by_value_turns_the_gradient(train, classes):
    model = network()
    optimizer = sgd(model)
    flow = watch(model, optimizer)
    train(
        *(model, optimizer, tn.CrossEntropyLoss(), *classes),
        between=lambda: tn.utils.clip_grad_value_(model.parameters(), 0.02),
    )
    record = flow.to_dict()
    assert record["clip"] == "clip_grad_value_()"
    assert (record["clip_cosine"] < 0.999).all()
    assert (record["clip_fraction"] > 0).all()


def test_accumulated_gradients_are_one_step(classes):
    model, (x, y) = network(), classes
    optimizer, loss = sgd(model), tn.CrossEntropyLoss()
    flow = watch(model, optimizer)
    for _ in range(3):
        optimizer.zero_grad()
        for part in range(4):
            rows = slice(part * 30, (part + 1) * 30)
            (loss(model(x[rows]), y[rows]) / 4).backward()
        whole = [p.grad.norm().item() for p in model.parameters()]
        optimizer.step()
    record = flow.to_dict()
    assert len(flow) == 3
    assert "follows 4 passes" in record["note"]
    np.testing.assert_allclose(record["param_gradient_norm"][-1], whole, rtol=1e-5)


def test_evaluation_between_steps_is_no_step(train, classes):
    model = network()
    optimizer = sgd(model)
    flow = watch(model, optimizer)

    def evaluate():
        with torch.no_grad():
            model(classes[0][:7])

    train(model, optimizer, tn.CrossEntropyLoss(), *classes, between=evaluate)
    assert flow.to_dict()["batch_size"].tolist() == [20] * 12


def test_an_optimizer_that_computes_the_gradient_itself(classes):
    model, (x, y) = network(), classes
    optimizer = torch.optim.LBFGS(model.parameters(), lr=0.1, max_iter=3)
    loss = tn.CrossEntropyLoss()
    flow = watch(model, optimizer, loss)

    def closure():
        optimizer.zero_grad()
        value = loss(model(x), y)
        value.backward()
        return value

    for _ in range(3):
        optimizer.step(closure)
    record = flow.to_dict()
    assert len(flow) == 3
    assert (record["param_update_norm"] > 0).all()
    assert record["loss"][-1] < record["loss"][0]


def test_a_loss_that_is_a_function_is_called_by_the_flow(classes):
    model, (x, y) = network(), classes
    optimizer = sgd(model)
    flow = watch(model, optimizer, loss=torch.nn.functional.cross_entropy)
    for _ in range(3):
        optimizer.zero_grad()
        value = flow.loss(model(x), y)
        value.backward()
        optimizer.step()
    record = flow.to_dict()
    assert record["loss_kind"] == "SoftmaxCrossEntropy"
    assert record["loss"][-1] == pytest.approx(value.item())
    assert record["target_count"][0] == 120


def test_a_loss_that_nobody_saw_is_said_and_findings_still_work(classes):
    model, x = network(), classes[0]
    optimizer = sgd(model)
    flow = watch(model, optimizer)
    for _ in range(6):
        optimizer.zero_grad()
        each = model(x).logsumexp(1) - model(x)[:, 0]
        each.backward(torch.ones(len(x)))
        optimizer.step()
    assert np.isnan(flow.to_dict()["loss"]).all()
    assert "the loss was not seen" in str(flow.findings())
    assert "non-finite" not in flow.findings().kinds


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: tn.DataParallel(network()), "DataParallel.*model.module"),
        (lambda: torch.jit.trace(network().eval(), torch.ones(2, 12)), "ScriptModule"),
        (lambda: 3, "takes a torch.nn.Module, got int"),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_what_cannot_be_watched_is_refused_by_name(make, message):
    with pytest.raises(nn.ConfigError, match=message):
        watch(make(), sgd(network()))


def test_a_flow_that_nobody_has_leaves_no_hooks_of_all_modules(train, classes):
    """The garbage may be collected while those are gone through: the next watcher removes them."""
    hooks = tn.modules.module._global_forward_hooks
    model = network()
    optimizer = sgd(model)
    flow = watch(model, optimizer)
    train(model, optimizer, tn.CrossEntropyLoss(), *classes, steps=2)
    gone, count = weakref.ref(flow), len(hooks)
    del flow, model, optimizer
    gc.collect()
    assert gone() is None
    assert len(hooks) == count
    model = network()
    watch(model, sgd(model)).close()
    assert len(hooks) < count


@pytest.mark.filterwarnings("ignore")  # the compiler's own, of graphs that are cut
def test_a_compiled_model_leaves_the_same_record(train, classes):
    records = []
    for compiled in (False, True):
        model = network()
        model[2].p = 0.0
        made = torch.compile(model, backend="eager") if compiled else model
        optimizer = sgd(made)
        loss = tn.CrossEntropyLoss()
        flow = watch(made, optimizer, loss)
        train(made, optimizer, loss, *classes, steps=4)
        records.append(flow.to_dict())
        flow.close()
    torch.compiler.reset()
    for name in ("layers", "loss", "output_norm", "gradient_norm", "param_update_norm"):
        np.testing.assert_array_equal(*(record[name] for record in records), err_msg=name)


def test_sparse_gradients_are_recorded_as_dense_ones():
    def grads(sparse):
        torch.manual_seed(0)
        model = tn.Sequential(tn.EmbeddingBag(20, 6, sparse=sparse, mode="sum"), tn.Linear(6, 3))
        optimizer, loss = sgd(model), tn.CrossEntropyLoss()
        flow = watch(model, optimizer, loss)
        words, labels = torch.randint(0, 9, (16, 4)), torch.randint(0, 3, (16,))
        for _ in range(3):
            optimizer.zero_grad()
            loss(model(words), labels).backward()
            optimizer.step()
        return flow.to_dict()["param_gradient_norm"]

    np.testing.assert_allclose(grads(True), grads(False), rtol=1e-6)
    assert (grads(True) > 0).all()


@pytest.mark.parametrize("first", [False, True])  # nothing is kept for the way back
def test_what_a_norm_goes_by_is_the_batchs_mean_and_variance(first):
    torch.manual_seed(0)
    norm = tn.BatchNorm1d(6, affine=False, track_running_stats=False)
    model = tn.Sequential(*([] if first else [tn.Linear(6, 6)]), norm, tn.Linear(6, 3))
    optimizer, loss = sgd(model, lr=0.0), tn.CrossEntropyLoss()
    flow = watch(model, optimizer, loss)
    x, y = torch.randn(20, 6), torch.randint(0, 3, (20,))
    for _ in range(2):
        optimizer.zero_grad()
        loss(model(x), y).backward()
        optimizer.step()
    received = (x if first else model[0](x).detach()).double().numpy()
    sigma = np.sqrt(received.var(axis=0) + norm.eps)
    scale = np.sqrt(np.mean(1 / sigma**2))
    np.testing.assert_allclose(flow.to_dict()["batchnorm_scale"][:, 0], scale, rtol=1e-5)


class Narrower(tn.Module):
    """Hands a ReLU fewer features from the third call on."""

    def __init__(self):
        super().__init__()
        self.wide, self.relu, self.last = tn.Linear(12, 8), tn.ReLU(), tn.Linear(8, 3)
        self.calls = 0

    def forward(self, x):
        self.calls += 1
        x = self.wide(x)
        if self.calls > 2:
            return self.last(torch.cat([self.relu(x[:, :5]), x[:, 5:]], dim=1))
        return self.last(self.relu(x))


def test_a_tensor_that_no_longer_fits_is_told_and_ends_no_training(train, classes):
    torch.manual_seed(0)
    model = Narrower()
    optimizer = sgd(model)
    flow = watch(model, optimizer)
    train(model, optimizer, tn.CrossEntropyLoss(), *classes, steps=4)
    assert len(flow) == 4
    column = list(flow.to_dict()["layers"]).index("relu")
    known = np.isfinite(flow.to_dict()["output_std"][:, column])
    assert known.tolist() == [True, True, False, False]
    assert "step 2: " in str(flow.to_dict()["note"])
