"""What ordinary loops of PyTorch do wrong: told where it is so, and not close to it."""

import gc

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from torch.nn.functional import cross_entropy  # noqa: E402  (bound before anybody watches)

from nnscratch.pytorch import watch  # noqa: E402
from nnscratch.pytorch.losses import hearing  # noqa: E402
from nnscratch.pytorch.mistakes import dropped, outweighed  # noqa: E402
from nnscratch.pytorch.mistakes.modes import Tests as Modes  # noqa: E402
from nnscratch.pytorch.mistakes.updates import Updates  # noqa: E402

from .loops import G, X, Y, layers, plain, told, trained  # noqa: E402

tn, F = torch.nn, torch.nn.functional


# Functions that were bound before


@pytest.mark.parametrize(
    ("loss", "kind"),
    [
        (lambda m, x, i: cross_entropy(m(x), Y[i]), "SoftmaxCrossEntropy"),
        (lambda m, x, i: cross_entropy(m(x), Y[i]) / 4, "SoftmaxCrossEntropy"),
        (lambda m, x, i: cross_entropy(m(x), Y[i], reduction="none").mean(), "SoftmaxCrossEntropy"),
        (lambda m, x, i: cross_entropy(m(x), Y[i]) + 0.1 * m[0].weight.square().sum(), ""),
    ],
)
def test_a_function_that_was_bound_before_is_heard(loss, kind):
    flow = trained(plain(), loss, steps=4)
    record = flow.to_dict()
    assert record["loss_kind"] == kind
    constant = record["loss_constant"][-1] if kind else np.nan
    assert np.isfinite(constant) == bool(kind)


def test_while_nobody_watches_backward_is_pytorchs_own():
    flow = trained(plain(), lambda m, x, i: cross_entropy(m(x), Y[i]), steps=2)
    assert flow in hearing._LISTENERS
    assert hasattr(torch.autograd.backward, "__wrapped__")
    gc.collect()
    for one in [*hearing._LISTENERS]:  # of networks that other files of tests keep, too
        one.close()
    assert not hasattr(torch.autograd.backward, "__wrapped__")


@pytest.mark.parametrize(
    ("loss", "name", "settings"),
    [
        (lambda z: F.mse_loss(z, 0 * z.detach()), "mse_loss", {}),
        (lambda z: F.huber_loss(z, 0 * z.detach(), delta=2.0), "huber_loss", {"delta": 2.0}),
        (lambda z: F.nll_loss(z, Y[:6]), "nll_loss", {"ignore_index": -100}),
        (lambda z: cross_entropy(z, Y[:6], ignore_index=2), "cross_entropy", {"ignore_index": 2}),
        (lambda z: F.l1_loss(z, 0 * z.detach()), None, {}),
    ],
)
def test_what_autograd_keeps_of_a_loss(loss, name, settings):
    value = loss(torch.randn(6, 4, generator=G).requires_grad_())
    found = outweighed.asked(value.grad_fn)
    assert (found and found[0].__name__) == name
    if name:
        function, given, outputs, targets = found
        assert given.items() >= settings.items()
        assert function(outputs, targets, **given).item() == pytest.approx(value.item())
        value.backward()
        assert outweighed.asked(value.grad_fn) is None  # it is gone


# Tests in training mode


def modes(*parts, times=2, passes=3, steps=20, evaluates=False, every=True, training=True):
    model = layers(*parts) if parts else layers(tn.Linear(2, 2), tn.Dropout(0.5))
    one = Modes(model)
    for step in range(steps):
        one.begins(every)
        one.sent_back()
        for _ in range(passes if step < times else 0):
            model.train(training and not (evaluates and step == 0))
            one.begins(every)
            model.train()
    return one.told(steps)


@pytest.mark.parametrize(
    ("case", "is_told"),
    [
        ({}, True),
        ({"times": 1}, False),
        ({"steps": 19}, False),
        ({"times": 9}, True),
        ({"times": 10}, False),  # every other step: a part of the training
        ({"evaluates": True}, False),
        ({"training": False}, False),
        ({"every": False}, False),
    ],
)
def test_tests_are_counted_by_their_mode(case, is_told):
    assert bool(modes(**case)) == is_told


@pytest.mark.parametrize(
    ("part", "is_told"),
    [
        (tn.BatchNorm1d(2), True),
        (tn.BatchNorm1d(2, momentum=None), False),  # its statistics are taken anew
        (tn.BatchNorm1d(2, track_running_stats=False), False),
        (tn.Dropout(0.0), False),
        (tn.LayerNorm(2), False),
    ],
)
def test_of_a_network_that_tests_as_it_trains_nothing_is_told(part, is_told):
    assert bool(modes(tn.Linear(2, 2), part)) == is_told


@pytest.mark.parametrize("switched", [False, True])
def test_a_network_that_is_tested_as_it_trains(switched):
    model = layers(tn.Linear(8, 32), tn.ReLU(), tn.Dropout(0.5), tn.Linear(32, 4))

    def tests(step):
        if step % 20 == 19:
            model.train(not switched)
            with torch.no_grad():
                model(X)
            model.train()

    flow = trained(model, lambda m, x, i: F.cross_entropy(m(x), Y[i]), between=tests)
    found = told(flow, "training mode")
    assert (found is None) == switched
    if found:
        assert found.severity == "notice"
        assert "3 times passes follow" in found.sentence
        assert found.advice[0].line == "model.eval()"


# Dropout that is a function


class Drops(tn.Module):
    def __init__(self, share, module=False):
        super().__init__()
        torch.manual_seed(1)
        self.a, self.b, self.share = tn.Linear(8, 64), tn.Linear(64, 4), share
        self.drop = tn.Dropout(share) if module else None

    def forward(self, x):
        h = F.relu(self.a(x))
        return self.b(self.drop(h) if self.drop else F.dropout(h, self.share, self.training))


@pytest.mark.parametrize(("share", "is_told"), [(0.95, True), (0.7, True), (0.6, False)])
def test_dropout_between_modules(share, is_told):
    flow = trained(Drops(share), lambda m, x, i: F.cross_entropy(m(x), Y[i]), steps=6)
    assert ("A function between layers" in flow.to_dict()["mistakes"]) == is_told
    if is_told:
        assert f"takes {100 * share:.0f} %" in flow.to_dict()["mistakes"]


@pytest.mark.parametrize("always", [True, False])
def test_dropout_that_stays_on_after_eval(always):
    class Always(Drops):
        def forward(self, x):
            return self.b(F.dropout(F.relu(self.a(x)), self.share, always or self.training))

    flow = trained(Always(0.5), lambda m, x, i: F.cross_entropy(m(x), Y[i]), steps=14)
    found = told(flow, "training mode")
    assert (found is not None) == always
    if always:
        assert found.severity == "notice"
        assert "still takes 50 % of what" in found.sentence


def test_what_a_module_drops_is_told_of_the_module():
    flow = trained(Drops(0.9, True), lambda m, x, i: F.cross_entropy(m(x), Y[i]), steps=6)
    assert not flow.to_dict()["mistakes"]


@pytest.mark.parametrize(
    ("mask", "share"),
    [
        (2.0 * (torch.arange(200.0) % 2), 0.5),
        (1.0 * (torch.arange(200.0) % 2), None),  # a mask
        (3.0 * (torch.arange(200.0) % 2), None),  # it makes up for more than that
        (2.0 * (torch.arange(90.0) % 2), None),  # too few to say
        (torch.arange(200.0) % 3, None),
    ],
)
def test_a_mask_that_makes_up_for_what_it_takes(mask, share):
    seen = dropped.Dropped()
    seen.sent([(torch.ones(len(mask), requires_grad=True) * mask).sum()])
    assert seen.most == (0.0 if share is None else pytest.approx(share))


# What comes before what


def test_layers_in_a_list_with_a_private_name():
    class Held(tn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(1)
            self.first, self._rest = tn.Linear(8, 16), [tn.ReLU(), tn.Linear(16, 4)]

        def forward(self, x):
            return self._rest[1](self._rest[0](self.first(x)))

    flow = trained(Held(), lambda m, x, i: F.cross_entropy(m(x), Y[i]), steps=220, lr=1e-4)
    found = told(flow, "frozen parameters")
    assert "model._rest is a plain list" in found.cause
    assert "torch.nn.ModuleList(model._rest)" in found.advice[0].line


@pytest.mark.parametrize(("axis", "kind"), [(0, "softmax over the batch"), (1, None)])
def test_log_probabilities_over_the_batch_are_told_as_that(axis, kind):
    model = layers(tn.Linear(8, 4), tn.LogSoftmax(axis))
    found = trained(model, lambda m, x, i: F.nll_loss(m(x), Y[i])).findings()
    assert [one.kind for one in found if one.severity == "serious"] == [kind] * bool(kind)


# Clips of gradients that are scaled


@pytest.mark.parametrize("unscaled", [False, True])
def test_a_clip_before_the_scale_is_taken_away(unscaled):
    model = plain()
    optimizer, scaler = torch.optim.SGD(model.parameters(), lr=0.1), torch.amp.GradScaler("cpu")
    flow = watch(model, optimizer, scaler=scaler, histograms=False)
    for _ in range(6):
        optimizer.zero_grad()
        scaler.scale(F.cross_entropy(model(X), Y)).backward()
        if unscaled:
            scaler.unscale_(optimizer)
        tn.utils.clip_grad_norm_(model.parameters(), 0.01)
        scaler.step(optimizer)
        scaler.update()
    line = flow.to_dict()["mistakes"]
    assert bool(line) != unscaled
    if line:
        assert line.startswith("clipped too soon\tGradients are clipped while they still are")
        assert "clip_grad_norm_(model.parameters(), 0.01); scaler.step" in line


@pytest.mark.parametrize(
    ("norms", "scale", "limit", "is_told"),
    [
        ([0.5e-3] * 3, 1000.0, 0.5, True),
        ([0.502e-3] * 3, 1000.0, 0.5, True),
        ([0.51e-3] * 3, 1000.0, 0.5, False),
        ([0.5e-3] * 2, 1000.0, 0.5, False),
        ([0.5e-3, 0.5e-3, 1.0, 0.5e-3], 1000.0, 0.5, False),
        ([0.5] * 3, 1.0, 0.5, False),  # nothing was scaled
        ([0.5e-3] * 3, 1000.0, None, False),
    ],
)
def test_how_often_and_how_near(norms, scale, limit, is_told):
    seen = Updates(set())
    lines = []
    for norm in norms:
        seen.clips([], limit)
        seen.clipped(norm, scale)
        lines += seen.told()
    assert bool(lines) == is_told
