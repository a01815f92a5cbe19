"""What PyTorch lets a loop do without a word, and the loops beside it that are right."""

import copy

import pytest

import nnscratch as nn
from nnscratch.flow import load_record
from nnscratch.flow.findings import find

torch = pytest.importorskip("torch", reason="torch is not installed")

from nnscratch.pytorch import watch  # noqa: E402

tn, F = torch.nn, torch.nn.functional
X, Y = (torch.from_numpy(part[:400]) for part in nn.datasets.digits()[:2])
ROWS = X.view(-1, 8, 8)
LINE = torch.randn(400, 10, generator=torch.Generator().manual_seed(5))


def net(*last, width=64, out=10):
    return tn.Sequential(tn.Linear(width, 32), tn.ReLU(), tn.Linear(32, out), *last)


def trained(model, x, y, loss=None, lr=0.1, optimizer=None, clear=True, steps=30, **options):
    torch.manual_seed(0)
    loss = tn.CrossEntropyLoss() if loss is None else loss
    optimizer = optimizer or torch.optim.SGD(model.parameters(), lr=lr)
    flow = watch(model, optimizer, histograms=False, **options)
    for step in range(steps):
        rows = torch.arange(step * 20, step * 20 + 20) % len(x)
        if clear:
            optimizer.zero_grad()
        loss(model(x[rows]), y[rows]).backward()
        optimizer.step()
    return flow


def told(flow, kind):
    return next((one for one in flow.findings() if one.kind == kind), None)


def test_gradients_that_nobody_clears():
    torch.manual_seed(0)
    flow = trained(net(), X, Y, clear=False)
    assert flow.findings()[0].kind == "gradients not cleared"
    kept = flow.to_dict()["gradient_kept"]
    assert torch.tensor(kept[1:4]).min() > 0.1
    assert not told(trained(net(), X, Y), "gradients not cleared")


@pytest.mark.parametrize("to_none", [True, False])
def test_accumulated_gradients_are_cleared_once_a_step(to_none):
    model = net()
    optimizer, loss = torch.optim.SGD(model.parameters(), lr=0.1), tn.CrossEntropyLoss()
    flow = watch(model, optimizer)
    for step in range(12):
        for part in range(4):
            rows = slice(40 * part + step, 40 * part + step + 10)
            (loss(model(X[rows]), Y[rows]) / 4).backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=to_none)
    record = flow.to_dict()
    assert record["gradient_kept"][1] == 0
    assert not told(flow, "gradients not cleared")


def test_what_another_loss_leaves_is_cleared_before_the_own_one():
    model, judge = net(out=4), net(width=4, out=1)
    mine, other = (torch.optim.Adam(m.parameters(), lr=1e-3) for m in (model, judge))
    loss = tn.BCEWithLogitsLoss()
    flow = watch(model, mine)
    for _ in range(12):
        made = model(X[:20])
        other.zero_grad()
        loss(judge(made), torch.zeros(20, 1)).backward(retain_graph=True)
        other.step()
        mine.zero_grad()
        loss(judge(made.detach()) + 0 * made.sum(), torch.ones(20, 1)).backward()
        mine.step()
    assert not told(flow, "gradients not cleared")


@pytest.mark.parametrize("loss", [tn.MSELoss(), tn.L1Loss(), tn.SmoothL1Loss()])
@pytest.mark.filterwarnings("ignore:Using a target size")
def test_a_loss_of_every_output_with_every_target(loss):
    y = LINE @ torch.arange(10.0)
    seen = told(trained(net(width=10, out=1), LINE, y, loss, lr=1e-3), "broadcast loss")
    assert "(20, 1), targets (20,)" in seen.sentence
    assert seen.severity == "serious"
    right = trained(net(width=10, out=1), LINE, y[:, None], loss, lr=1e-3)
    assert not told(right, "broadcast loss")


@pytest.mark.filterwarnings("ignore:Using a target size")
def test_a_function_that_squeezes_its_outputs_is_no_broadcast():
    y = LINE @ torch.arange(10.0)
    for loss, wrong in (
        (lambda z, y: F.mse_loss(z.squeeze(-1), y), False),
        (lambda z, y: ((z - y) ** 2).mean(), True),
        (lambda z, y: ((z[:, 0] - y) ** 2).mean(), False),
    ):
        model = net(width=10, out=1)
        optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
        flow = watch(model, optimizer, loss)
        for _ in range(3):
            optimizer.zero_grad()
            flow.loss(model(LINE), y).backward()
            optimizer.step()
        assert bool(told(flow, "broadcast loss")) == wrong


class Listed(tn.Module):
    def __init__(self):
        super().__init__()
        self.parts = [tn.Linear(64, 32), tn.Linear(32, 32)]
        self.out = tn.Linear(32, 10)

    def forward(self, x):
        for part in self.parts:
            x = torch.relu(part(x))
        return self.out(x)


def test_layers_in_a_plain_list_are_seen_and_told():
    flow = trained(Listed(), X, Y)
    record = flow.to_dict()
    assert {"parts[0]", "parts[1]", "out"} <= set(record["layers"].tolist())
    seen = flow.findings()[0]
    assert seen.kind == "frozen parameters"
    assert "parts[0].weight" in seen.sentence
    assert "plain list" in seen.cause
    model = Listed()
    names = {"torch": torch, "model": model}
    exec(seen.advice[0].line, names)
    assert len(names["optimizer"].param_groups[0]["params"]) == 6
    assert names["optimizer"].defaults["lr"] == 0.1
    assert not told(trained(model, X, Y), "frozen parameters")


def test_a_teacher_that_is_hidden_on_purpose_is_no_mistake():
    class Student(tn.Module):
        def __init__(self):
            super().__init__()
            self.own, self.teacher = net(), [net()]

        def forward(self, x):
            with torch.no_grad():
                self.soft = self.teacher[0](x)
            return self.own(x)

    assert not told(trained(Student(), X, Y), "frozen parameters")


def test_parameters_that_the_optimizer_does_not_have():
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    model[2] = tn.Linear(32, 10)
    seen = trained(model, X, Y, optimizer=optimizer).findings()[0]
    assert seen.kind == "frozen parameters"
    assert "2.weight, 2.bias: of 4 parameters 2 get a gradient and never change" in seen.sentence
    model[0].requires_grad_(False)  # frozen on purpose: no gradient
    fine = trained(model, X, Y, optimizer=torch.optim.SGD(model[2].parameters(), lr=0.1))
    assert not told(fine, "frozen parameters")


@pytest.mark.parametrize("cut", [True, False])
def test_a_gradient_that_is_cut_off(cut):
    class Cut(tn.Module):
        def __init__(self):
            super().__init__()
            self.below, self.above = tn.Linear(64, 32), tn.Linear(32, 10)

        def forward(self, x):
            h = torch.relu(self.below(x))
            return self.above(h.detach() if cut else h)

    seen = told(trained(Cut(), X, Y), "frozen parameters")
    assert bool(seen) == cut
    if cut:
        assert "parameters of below" in seen.sentence
        assert "above behind them" in seen.sentence


class Reads(tn.Module):
    def __init__(self, reader):
        super().__init__()
        self.reader, self.head = reader, tn.Linear(8, 10)

    def forward(self, x):
        y = (
            self.reader(x, x, x)
            if isinstance(self.reader, tn.MultiheadAttention)
            else self.reader(x)
        )
        return self.head(y[0][:, -1])


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN", "MultiheadAttention"])
def test_a_batch_that_is_taken_for_time(kind, first):
    reader = getattr(tn, kind)(8, 8 if kind != "MultiheadAttention" else 2, batch_first=first)
    seen = told(trained(Reads(reader), ROWS, Y), "batch taken for time")
    assert bool(seen) != first
    if seen:
        assert "reader takes the 20 examples" in seen.sentence
        model = Reads(reader)
        exec(seen.advice[0].line, {"model": model})
        assert model.reader.batch_first


def test_time_first_on_purpose_is_right():
    class Last(tn.Module):
        def __init__(self):
            super().__init__()
            self.reader, self.head = tn.LSTM(8, 8), tn.Linear(8, 10)

        def forward(self, x):
            return self.head(self.reader(x.transpose(0, 1))[0][-1])

    assert not told(trained(Last(), ROWS, Y), "batch taken for time")


@pytest.mark.parametrize(
    ("last", "wrong"),
    [
        (tn.LogSoftmax(dim=0), True),
        (tn.LogSoftmax(dim=-2), True),
        (tn.LogSoftmax(dim=1), False),
        (tn.LogSoftmax(dim=-1), False),
    ],
)
def test_a_softmax_over_the_batch(last, wrong):
    flow = trained(net(last), X, Y, tn.NLLLoss())
    assert bool(told(flow, "softmax over the batch")) == wrong

    class Function(tn.Module):
        def __init__(self):
            super().__init__()
            self.net = net()

        def forward(self, x):
            return F.log_softmax(self.net(x), dim=last.dim)

    assert bool(told(trained(Function(), X, Y, tn.NLLLoss()), "softmax over the batch")) == wrong


def test_what_is_frozen_is_noted_and_no_mistake():
    model = net()
    model[0].requires_grad_(False)
    flow = trained(model, X, Y)
    assert "2 of 4 parameters, 86 % of all numbers: 0.weight, 0.bias" in str(flow.to_dict()["note"])
    assert not told(flow, "frozen parameters")
    assert "frozen" not in str(trained(net(), X, Y).to_dict()["note"])


def test_a_softmax_over_the_first_axis_inside_a_network_is_meant():
    class Pooled(tn.Module):
        """Attention over steps of time, which stand first."""

        def __init__(self, rest):
            super().__init__()
            self.score, self.head = tn.Linear(8, 1), tn.Linear(8, 10)
            self.softmax, self.rest = tn.Softmax(dim=0), rest

        def forward(self, x):
            steps = x.transpose(0, 1)
            return self.rest(self.head((self.softmax(self.score(steps)) * steps).sum(0)))

    assert not told(trained(Pooled(tn.Identity()), ROWS, Y), "softmax over the batch")
    flow = trained(Pooled(tn.LogSoftmax(dim=0)), ROWS, Y, tn.NLLLoss())
    assert "The softmax of rest" in str(told(flow, "softmax over the batch"))


@pytest.mark.parametrize(("axis", "steps", "wrong"), [(0, 5, True), (-1, 5, False), (0, 20, False)])
def test_attention_over_the_batch(axis, steps, wrong):
    """Of as many steps as examples it is not known which of them an axis stands for."""

    class Attends(tn.Module):
        def __init__(self):
            super().__init__()
            self.values, self.head = tn.Linear(8, 8), tn.Linear(8, 10)

        def forward(self, x):
            steps = self.values(x)
            weights = torch.softmax(steps @ x.transpose(1, 2), dim=axis)
            return self.head((weights @ steps).mean(1))

    x = torch.randn(len(Y), steps, 8, generator=torch.Generator().manual_seed(1))
    found = told(trained(Attends(), x, Y), "softmax over the batch")
    assert bool(found) == wrong
    assert not wrong or "not over the steps of each" in found.sentence


def test_log_probabilities_have_a_least_loss():
    """The best constant answer is worth ln 10, as for a cross-entropy: no more than that."""
    record = trained(net(tn.LogSoftmax(dim=1)), X, Y, tn.NLLLoss()).to_dict()
    plain = trained(net(), X, Y).to_dict()
    assert record["loss_constant"][3] == pytest.approx(plain["loss_constant"][3], rel=1e-5)
    assert record["loss_free"][3] == pytest.approx(0, abs=1e-6)
    assert record["loss_kind"] == "SoftmaxCrossEntropy"
    raw = trained(net(), X, Y, tn.NLLLoss()).to_dict()
    assert raw["loss_kind"] == ""  # what it can come to says nothing: it is a mistake


def test_training_in_evaluation_mode():
    model = net()
    model.insert(1, tn.BatchNorm1d(32))
    flow = trained(copy.deepcopy(model).eval(), X, Y)
    assert told(flow, "evaluation mode")
    assert not flow.to_dict()["batchnorm_layers"].size  # it goes by what it kept
    assert not told(trained(model, X, Y), "evaluation mode")
    assert not told(trained(net().eval(), X, Y), "evaluation mode")  # nothing in it cares


def test_mistakes_stand_in_the_file(tmp_path):
    file = tmp_path / "run.flow"
    flow = trained(Listed(), X, Y, file=file)
    flow.close()
    assert find(load_record(file)).kinds[0] == "frozen parameters"
    assert load_record(file)["mistakes"] == flow.to_dict()["mistakes"]
