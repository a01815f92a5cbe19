"""What ordinary loops of PyTorch do wrong: told where it is so, and not close to it."""

import gc
from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from torch.nn.functional import cross_entropy  # noqa: E402  (bound before anybody watches)

from nnscratch.pytorch import bounds, dropped, outweighed, watch  # noqa: E402
from nnscratch.pytorch.modes import Tests as Modes  # noqa: E402
from nnscratch.pytorch.padding import padded, padding_read  # noqa: E402

tn, F = torch.nn, torch.nn.functional
G = torch.Generator().manual_seed(3)
X = torch.randn(240, 8, generator=G)
Y = (X @ torch.randn(8, 4, generator=G)).argmax(1)


def trained(model, loss, steps=60, x=X, between=None, lr=3e-3):
    torch.manual_seed(0)
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    flow = watch(model, optimizer, histograms=False)
    for step in range(steps):
        rows = torch.arange(step * 24, step * 24 + 24) % len(x)
        optimizer.zero_grad()
        loss(model, x[rows], rows).backward()
        optimizer.step()
        if between is not None:
            between(step)
    return flow


def told(flow, kind):
    return next((one for one in flow.findings() if one.kind == kind), None)


def layers(*parts):
    torch.manual_seed(1)
    return tn.Sequential(*parts)


def plain():
    return layers(tn.Linear(8, 16), tn.ReLU(), tn.Linear(16, 4))


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
    assert hasattr(torch.autograd.backward, "__wrapped__")
    gc.collect()  # what others left
    flow.close()
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


# Outputs that have an end


class Cosines(tn.Module):
    def __init__(self, scale, classes=4):
        super().__init__()
        torch.manual_seed(1)
        self.body, self.scale = tn.Linear(8, 16), scale
        self.heads = tn.Parameter(torch.randn(classes, 16))

    def forward(self, x):
        return self.scale * F.linear(F.normalize(self.body(x)), F.normalize(self.heads))


@pytest.mark.parametrize(
    ("model", "is_told"),
    [
        (Cosines(1.0), True),
        (Cosines(3.0), False),
        (Cosines(torch.nn.Parameter(torch.ones(()))), False),  # it learns to be as large as need be
        (plain(), False),
    ],
)
def test_a_loss_that_asks_for_more_than_the_network_can_give(model, is_told):
    flow = trained(model, lambda m, x, i: F.cross_entropy(m(x), Y[i]), steps=20, lr=1e-4)
    line = flow.to_dict()["mistakes"]
    assert line.startswith("output activation\tWhatever its weights") == is_told
    if is_told:
        assert "lies between -1 and 1" in line
        assert "fall below 0.341" in line  # ln(1 + 3 / e^2)


@pytest.mark.parametrize(
    ("answers", "targets", "is_told"),
    [
        (lambda times: torch.tensor([[0.1], [0.9]]), [[0.0], [1.8]], True),
        (lambda times: torch.tensor([[0.1], [0.9]]), [[0.0], [1.25]], False),  # 8 % are missed
        (lambda times: times * torch.tensor([[0.1], [0.9]]), [[0.0], [1.8]], False),
        (lambda times: torch.tensor([[0.9], [0.9]]), [[0.0], [1.8]], False),  # the same for all
    ],
)
def test_targets_beyond_the_end(answers, targets, is_told):
    targets = torch.tensor(targets)
    seen = SimpleNamespace(
        outputs=torch.zeros_like(targets), targets=targets, calls=1, function=F.mse_loss
    )
    assert bool(bounds.bounded(answers, seen)) == is_told


# Targets that the model is given too


class WithLoss(tn.Module):
    def __init__(self, causal):
        super().__init__()
        torch.manual_seed(1)
        self.emb, self.at = tn.Embedding(9, 16), tn.Parameter(0.1 * torch.randn(10, 16))
        self.qkv, self.out, self.causal = tn.Linear(16, 48), tn.Linear(16, 9), causal

    def forward(self, x, y=None):
        q, k, v = self.qkv(self.emb(x) + self.at).chunk(3, -1)
        h = F.scaled_dot_product_attention(q, k, v, is_causal=self.causal)
        scores = self.out(h)
        return scores, None if y is None else F.cross_entropy(scores.flatten(0, 1), y.flatten())


@pytest.mark.parametrize("causal", [False, True])
def test_a_model_that_is_given_the_targets_beside_the_words(causal):
    words = torch.randint(0, 9, (96, 11), generator=G)
    flow = trained(
        WithLoss(causal), lambda m, x, i: m(x[:, :-1], x[:, 1:])[1], steps=20, x=words, lr=1e-3
    )
    assert (told(flow, "looks ahead") is None) == causal


# Terms of a loss


def with_terms(factor, steps=160):
    target = torch.sigmoid(X @ torch.randn(8, 6, generator=torch.Generator().manual_seed(0)))
    model = layers(tn.Linear(8, 32), tn.Tanh(), tn.Linear(32, 6))

    def loss(m, x, i):
        z = m(x)
        return factor * F.mse_loss(z, target[i]) + (z - 3).square().sum()

    return trained(model, loss, steps=steps, lr=1e-2)


@pytest.mark.parametrize(("factor", "is_told"), [(1.0, True), (3e4, False)])
def test_a_term_of_which_nothing_is_learned(factor, is_told):
    found = told(with_terms(factor), "term outweighed")
    assert (found is not None) == is_told
    if is_told:
        assert "mse_loss stands at" in found.sentence


@pytest.mark.parametrize(
    ("share", "now", "looks", "is_told"),
    [
        (0.01, 0.4, 4, True),
        (0.03, 0.4, 4, False),
        (0.01, 0.6, 4, False),  # the whole has not fallen by half either
        (0.01, 0.4, 3, False),
    ],
)
def test_how_long_and_how_little(share, now, looks, is_told):
    one = outweighed.Outweighed()
    one._first, one._count = 1.0, 2
    one._looks[0] = [
        outweighed._Look(64 + i, now, "mse_loss", 1.0, 1.0, share) for i in range(looks)
    ]
    assert bool(one.told()) == is_told


# Padding that is read


@pytest.mark.parametrize(
    ("of_words", "is_told"), [(0.0, True), (5e-4, True), (2e-3, False), (1.0, False)]
)
def test_answers_that_depend_on_padding_alone(of_words, is_told):
    ids = torch.tensor([[3, 4, 0, 0, 0, 0], [5, 6, 7, 0, 0, 0], [8, 3, 4, 5, 0, 0]])
    places = padded(ids)
    slope = torch.where(places.tail, (1 - of_words) / 9, of_words / 9)
    slope = slope * torch.where(
        places.tail, 9 / places.tail.sum(1, True), 9 / (ids > 0).sum(1, True)
    )
    assert bool(padding_read(slope, places)) == is_told


@pytest.mark.parametrize(("ends", "is_told"), [(2, True), (1, False)])
def test_what_few_sequences_end_with_may_be_a_word(ends, is_told):
    ids = torch.arange(1, 25).view(4, 6)
    ids[:ends, 3:] = 0
    places = padded(ids)
    assert bool(padding_read(places.tail.float(), places)) == is_told


def test_sequences_that_all_end_alike_have_no_padding():
    assert padded(torch.tensor([[3, 4, 0, 0], [5, 6, 0, 0]])) is None


class Reads(tn.Module):
    """Reads the last step, the last word, or every step."""

    def __init__(self, where):
        super().__init__()
        torch.manual_seed(1)
        self.emb, self.rnn = tn.Embedding(20, 8, padding_idx=0), tn.RNN(8, 16, batch_first=True)
        self.out, self.where = tn.Linear(16, 4), where

    def forward(self, x):
        h = self.rnn(self.emb(x))[0]
        if self.where == "word":
            h = h[torch.arange(len(x)), (x > 0).sum(1) - 1]
        return self.out(h[:, -1] if self.where == "step" else h)


@pytest.mark.parametrize(
    ("where", "is_told"), [("step", True), ("word", False), ("everywhere", False)]
)
def test_a_state_that_is_read_behind_the_padding(where, is_told):
    ids = torch.randint(1, 20, (240, 40), generator=G)
    ids[torch.arange(40) >= torch.randint(4, 9, (240, 1), generator=G)] = 0

    def loss(m, x, i):
        answers = m(x)
        return F.cross_entropy(answers if answers.ndim == 2 else answers.mean(1), Y[i])

    assert bool(told(trained(Reads(where), loss, x=ids, lr=1e-4), "padding read")) == is_told


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
