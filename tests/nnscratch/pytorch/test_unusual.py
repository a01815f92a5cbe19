"""Watching goes on through what trainings do besides, and its figures stay right."""

import copy
import pickle

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from torch.utils.checkpoint import checkpoint  # noqa: E402

import nnscratch as nn  # noqa: E402
from nnscratch.pytorch import to_torch, watch  # noqa: E402

tn = torch.nn


def network():
    torch.manual_seed(0)
    return tn.Sequential(tn.Linear(12, 8), tn.Tanh(), tn.Linear(8, 3))


def sgd(model):
    return torch.optim.SGD(model.parameters(), lr=0.1)


def norms(model):
    return [p.grad.norm().item() for p in model.parameters()]


@pytest.mark.parametrize("trained", [False, True])
@pytest.mark.parametrize("twin", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_a_copy_of_a_watched_model_is_not_watched(train, classes, twin, trained):
    model = network()
    optimizer = sgd(model)
    flow = watch(model, optimizer)
    if trained:
        train(model, optimizer, tn.CrossEntropyLoss(), *classes, steps=3)
    other = twin(model)
    assert train(other, sgd(other), tn.CrossEntropyLoss(), *classes, steps=2)
    assert len(flow) == 3 * trained


def test_two_flows_of_one_model_agree(train, classes):
    model = network()
    optimizer = sgd(model)
    flows = [watch(model, optimizer) for _ in range(2)]
    train(model, optimizer, tn.CrossEntropyLoss(), *classes, steps=3)
    np.testing.assert_equal(*(flow.to_dict() for flow in flows))


def assert_whole_gradient(classes, go_back):
    """Watch two steps whose gradients `go_back(model, loss, x, y)` makes: it is all recorded."""
    model = network()
    optimizer = sgd(model)
    flow = watch(model, optimizer)
    for _ in range(2):
        optimizer.zero_grad()
        go_back(model, tn.CrossEntropyLoss(), *classes)
        whole = norms(model)
        optimizer.step()
    record = flow.to_dict()
    np.testing.assert_allclose(record["param_gradient_norm"][-1], whole, rtol=1e-5)
    assert record["clip"] == ""


def test_a_graph_that_is_gone_through_twice_gives_the_sum_of_both(classes):
    def twice(model, loss, x, y):
        value = loss(model(x), y)
        value.backward(retain_graph=True)
        value.backward()

    assert_whole_gradient(classes, twice)


def test_a_penalty_on_the_gradient_is_part_of_it(classes):
    def with_penalty(model, loss, x, y):
        inputs = x.clone().requires_grad_()
        value = loss(model(inputs), y)
        (slope,) = torch.autograd.grad(value, inputs, create_graph=True)
        (value + slope.pow(2).sum()).backward()

    assert_whole_gradient(classes, with_penalty)


def test_layers_without_parameters_are_watched_alone(train, classes):
    model = network()
    optimizer = sgd(model)
    flow = watch(model, optimizer, layers=["1.tanh"])
    train(model, optimizer, tn.CrossEntropyLoss(), *classes, steps=3)
    record = flow.to_dict()
    assert record["params"].size == 0
    assert (record["gradient_norm"] > 0).all()


def test_clipping_that_begins_late_is_known_by_its_norms_at_first(train, classes):
    model = network()
    optimizer, steps, found = sgd(model), [], []
    flow = watch(model, optimizer)

    def clip():
        steps.append(len(steps))
        if len(steps) > 3:
            found.append(tn.utils.clip_grad_norm_(model.parameters(), 0.05).item())

    train(model, optimizer, tn.CrossEntropyLoss(), *classes, steps=6, between=clip)
    record = flow.to_dict()
    assert np.isnan(record["clip_before"][:3]).all()
    np.testing.assert_allclose(record["clip_before"][3:], found, rtol=1e-5)
    np.testing.assert_allclose(record["clip_after"][3:], 0.05, rtol=1e-4)
    assert np.isnan(record["clip_cosine"]).tolist() == [True] * 4 + [False] * 2
    assert record["clip"] == "clip_grad_norm_(0.05)"


def test_gradients_that_processes_exchange_are_no_clipping(train, classes, tmp_path):
    distributed = torch.distributed
    if not distributed.is_available() or not distributed.is_gloo_available():
        pytest.skip("this PyTorch has no gloo")
    file = f"file://{tmp_path / 'meeting'}"
    distributed.init_process_group("gloo", init_method=file, rank=0, world_size=1)
    try:
        model = tn.parallel.DistributedDataParallel(network())
        optimizer = sgd(model)
        flow = watch(model, optimizer)
        losses = train(model, optimizer, tn.CrossEntropyLoss(), *classes, steps=3)
        record = flow.to_dict()
    finally:
        distributed.destroy_process_group()
    np.testing.assert_allclose(record["loss"], losses, rtol=1e-6)
    assert record["layers"].tolist() == ["0.linear", "1.tanh", "2.linear"]
    assert record["clip"] == ""
    assert np.isnan(record["clip_before"]).all()


class Recomputed(tn.Module):
    def __init__(self, reentrant):
        super().__init__()
        torch.manual_seed(0)
        self.a, self.c, self.reentrant = tn.Linear(12, 6), tn.Linear(6, 3), reentrant
        self.b = tn.Sequential(tn.Linear(6, 6), tn.Tanh())

    def forward(self, x):
        h = self.a(x)
        if self.reentrant is None:
            return self.c(self.b(h))
        return self.c(checkpoint(self.b, h, use_reentrant=self.reentrant))


def test_what_is_computed_again_on_the_way_back_is_recorded_once(train, classes):
    records = []
    for reentrant in (None, False):
        model = Recomputed(reentrant)
        optimizer = sgd(model)
        flow = watch(model, optimizer)
        train(model, optimizer, tn.CrossEntropyLoss(), *classes, steps=3)
        records.append(flow.to_dict())
    for name in ("layers", "output_norm", "gradient_norm", "param_gradient_norm"):
        np.testing.assert_array_equal(*(record[name] for record in records), err_msg=name)


def test_batches_of_any_size_follow_each_other(classes):
    model, (x, y) = network(), classes
    optimizer, loss = sgd(model), tn.CrossEntropyLoss()
    flow, expected = watch(model, optimizer), []
    for rows in (100, 7, 100, 1, 33, 100, 64, 8):
        optimizer.zero_grad()
        output = model(x[:rows])
        expected.append(output.norm().item())
        loss(output, y[:rows]).backward()
        optimizer.step()
    record = flow.to_dict()
    np.testing.assert_allclose(record["output_norm"][:, -1], expected, rtol=1e-5)


def test_hooks_of_others_on_the_same_tensors_are_called(classes):
    model, (x, y) = network(), classes
    optimizer, loss, seen = sgd(model), tn.CrossEntropyLoss(), []
    flow = watch(model, optimizer)
    for _ in range(3):
        optimizer.zero_grad()
        output = model(x)
        handle = output.register_hook(lambda dy: seen.append(float(dy.norm())))
        loss(output, y).backward()
        handle.remove()
        optimizer.step()
    np.testing.assert_allclose(flow.to_dict()["gradient_norm"][:, -1], seen, rtol=1e-5)


def recorded(model, classes, between=None, behind=None, every=1):
    """Train for six steps, with something between a pass and its loss, or behind the gradient."""
    x, y = classes
    optimizer = sgd(model)
    flow = watch(model, optimizer, every=every)
    for _ in range(6):
        optimizer.zero_grad()
        outputs = model(x)
        if between is not None:
            between(model)
        tn.functional.cross_entropy(outputs, y).backward()
        if behind is not None:
            behind(model)
        optimizer.step()
    return flow


def apart(model):
    with torch.no_grad():
        model(torch.ones(3, 12))


def evaluated(model):
    model.eval()
    apart(model)
    model.train()


def failing(model):
    with pytest.raises(RuntimeError), torch.no_grad():
        model(torch.ones(3, 7))


@pytest.mark.parametrize("what", [apart, evaluated, failing])
@pytest.mark.parametrize("where", ["between", "behind"])
@pytest.mark.parametrize("every", [1, 2])
def test_a_pass_that_is_not_learned_from_leaves_the_record_as_it_is(classes, what, where, every):
    """As where the targets of Q-learning are made behind the pass that is to meet them."""
    plain = recorded(network(), classes, every=every).to_dict()
    flow = recorded(network(), classes, every=every, **{where: what})
    assert len(flow) == 6 // every
    np.testing.assert_equal(flow.to_dict(), plain)


def test_what_is_computed_of_a_pass_apart_is_no_part_of_the_loss(classes):
    def targets(model):
        with torch.no_grad():
            model(torch.ones(3, 12))
        tn.functional.mse_loss(torch.ones(3), torch.zeros(3))

    plain, flow = recorded(network(), classes), recorded(network(), classes, between=targets)
    np.testing.assert_equal(flow.to_dict()["loss"], plain.to_dict()["loss"])


@pytest.mark.parametrize("where", ["between", "behind"])
def test_a_pass_that_could_be_learned_from_in_between_is_told(classes, where):
    flow = recorded(network(), classes, **{where: lambda model: model(torch.ones(3, 12))})
    told = str(flow.findings())
    assert "the network was called 12 times" in told
    assert "Call it under torch.no_grad()" in told
    with pytest.raises(nn.ConfigError, match="recorded nothing yet: train the model"):
        flow.to_dict()


@pytest.mark.parametrize("given", [None, "adam", torch.optim.SGD])
def test_what_is_no_optimizer_and_no_network_is_named(given):
    name = type(given).__name__
    message = rf"watch takes the torch\.optim\.Optimizer .*, got {name}: watch\(model, optimizer\)"
    if given is not torch.optim.SGD:
        with pytest.raises(nn.ConfigError, match=message):
            watch(network(), given)
    with pytest.raises(nn.ConfigError, match=r"to_torch takes an nn\.Sequential of nnscratch"):
        to_torch(given)
