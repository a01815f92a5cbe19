"""Which layers are seen of networks of any shape, and who reads whom."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from nnscratch.flow import read_flow  # noqa: E402
from nnscratch.flow.findings import find  # noqa: E402
from nnscratch.pytorch import watch  # noqa: E402

tn, F = torch.nn, torch.nn.functional


def seen(model, x, y, loss=None, steps=2):
    """Train for two steps; return the record, and layers by name: kind, role, block, sources."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    loss = loss or tn.CrossEntropyLoss()
    flow = watch(model, optimizer, loss)
    for _ in range(steps):
        optimizer.zero_grad()
        output = model(x)
        loss(output[0] if isinstance(output, tuple) else output, y).backward()
        optimizer.step()
    record = flow.to_dict()
    names = [*record["layers"].tolist(), "input"]
    layers = {
        name: (
            str(record["kinds"][i]),
            str(record["roles"][i]),
            str(record["blocks"][i]),
            [names[source] for source, reader in record["edges"] if reader == i],
        )
        for i, name in enumerate(names[:-1])
    }
    flow.findings(), flow.attribution()
    return record, layers


X = torch.from_numpy(np.random.default_rng(0).standard_normal((10, 6)).astype(np.float32))
Y = torch.arange(10) % 3


class Residual(tn.Module):
    def __init__(self):
        super().__init__()
        self.norm, self.fc, self.act = tn.LayerNorm(6), tn.Linear(6, 6), tn.ReLU(inplace=True)

    def forward(self, x):
        return x + self.act(self.fc(self.norm(x)))


def test_blocks_come_from_nesting_and_sums_are_joins():
    model = tn.Sequential(tn.Linear(6, 6), Residual(), Residual(), tn.Linear(6, 3))
    record, layers = seen(model, X, Y)
    assert layers["1.sum"] == ("sum", "join", "1", ["0.linear", "1.act"])
    assert layers["1.fc"] == ("linear", "weights", "1", ["1.norm"])
    assert layers["2.norm"][3] == ["1.sum"]
    assert layers["3.linear"][3] == ["2.sum"]
    # The gradient of a sum reaches both that it adds.
    at = record["layers"].tolist().index
    whole = record["gradient_norm"][0]
    assert whole[at("1.act")] == pytest.approx(whole[at("1.sum")])
    assert record["depths"].tolist() == [1, 1, 2, 2, 2, 2, 3, 3, 3, 4]


def test_what_was_overwritten_in_place_was_measured_before():
    torch.manual_seed(0)
    records = []
    for inplace in (False, True):
        torch.manual_seed(0)
        model = tn.Sequential(tn.Linear(6, 8), tn.ReLU(inplace), tn.Linear(8, 3))
        records.append(seen(model, X, Y)[0])
    for name in ("output_norm", "gradient_norm", "output_zeros"):
        np.testing.assert_array_equal(*(record[name] for record in records), err_msg=name)


class Functional(tn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.c = tn.Linear(6, 6), tn.Linear(6, 6), tn.Linear(6, 3)

    def forward(self, x):
        h = F.relu(self.a(x))
        h = F.max_pool1d(torch.tanh(self.b(h)), 1) + h
        return F.log_softmax(self.c(h), 1)


def test_functions_are_seen_as_far_as_modules_receive_their_results():
    _, layers = seen(Functional(), X, Y, loss=tn.NLLLoss())
    assert layers["relu()"] == ("relu", "activation", "", ["a"])
    assert layers["b"][3] == ["relu()"]
    pooled = layers["add()"]  # what it adds a module never saw
    assert pooled[1] == "opaque"
    assert sorted(pooled[3]) == ["b", "relu()"]
    assert layers["logsoftmax()"] == ("logsoftmax", "activation", "", ["c"])


@pytest.mark.parametrize(
    ("kind", "mix"),
    [
        ("mean", lambda h: h.mean(1)),
        ("max", lambda h: h.max(1).values),
        ("sum", lambda h: h.sum(1)),
        ("adaptive", lambda h: F.adaptive_avg_pool2d(h[:, None], (1, 6)).flatten(1)),
        ("scaleddotproduct", lambda h: F.scaled_dot_product_attention(*[h[:, None]] * 3)[:, 0, 0]),
        ("cat", lambda h: torch.cat([h[:, 0], h[:, 1]], 1)),
        ("relu", lambda h: F.relu(F.max_pool1d(h, 1)).amax(1).relu()),
    ],
)
def test_functions_that_bring_places_together_are_known(kind, mix):
    class Mixes(tn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = tn.Linear(6, 6), tn.Linear(12 if kind == "cat" else 6, 3)

        def forward(self, x):
            return self.b(mix(self.a(x)))

    _, layers = seen(Mixes(), torch.randn(10, 4, 6), Y)
    (name,) = layers.keys() - {"a", "b"}
    assert layers[name][0].startswith(kind)
    assert layers[name][1] == "mix"


class Shared(tn.Module):
    def __init__(self):
        super().__init__()
        self.fc, self.act, self.head = tn.Linear(6, 6), tn.Tanh(), tn.Linear(6, 3)

    def forward(self, x):
        for _ in range(3):
            x = self.act(self.fc(x))
        return self.head(x), x


def test_calls_of_a_shared_module_are_layers_of_their_own():
    record, layers = seen(Shared(), X, Y)
    assert list(layers) == ["fc", "act", "fc#2", "act#2", "fc#3", "act#3", "head"]
    assert layers["fc#2"][3] == ["act"]
    assert [str(record["layers"][i]) for i in record["param_layers"]] == ["fc"] * 2 + ["head"] * 2
    assert (record["gradient_norm"] > 0).all()


def test_convolutions_are_counted_by_channel():
    model = tn.Sequential(
        *(tn.Conv2d(1, 4, 3, padding=1), tn.BatchNorm2d(4), tn.ReLU(), tn.MaxPool2d(2)),
        *(tn.Flatten(), tn.Linear(4 * 9, 3)),
    )
    record, layers = seen(model, torch.randn(10, 1, 6, 6), Y)
    assert record["features"].tolist() == [4, 4, 4, 4, 36, 3]
    assert layers["1.batchnorm"][1] == "norm"
    assert record["batchnorm_scale"].shape == (2, 1)
    assert record["param_fan_in"].tolist() == [9, 0, 0, 0, 36, 0]
    assert layers["3.maxpool2d"][1] == "mix"


class Attends(tn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.place = tn.Embedding(9, 8), tn.Parameter(torch.zeros(5, 8))
        self.lstm = tn.LSTM(8, 8, batch_first=True)
        layer = tn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        self.encoder = tn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = tn.Linear(8, 3)

    def forward(self, x):
        h, _ = self.lstm(self.embed(x) + self.place)
        return self.head(self.encoder(h)[:, -1])


def test_recurrent_layers_and_attention():
    torch.manual_seed(0)
    record, layers = seen(Attends(), torch.randint(0, 9, (10, 5)), Y)
    assert layers["embed"][3] == ["input"]
    assert layers["lstm"][:2] == ("lstm", "recurrent")
    assert layers["encoder.layers.1.self_attn"][:2] == ("attention", "mix")
    assert layers["embed"][:2] == ("embedding", "lookup")
    assert layers["encoder.layers.0.linear2"][2] == "encoder.layers.0"
    assert layers["encoder.layers.0.norm1"][3] == ["encoder.layers.0.sum"]
    roles = dict(zip(record["params"].tolist(), record["param_roles"].tolist(), strict=True))
    assert roles["lstm.weight_hh_l0"] == "recurrent_weight"
    assert roles["encoder.layers.0.norm1.weight"] == "scale"
    assert roles["encoder.layers.0.self_attn.out_proj.weight"] == "weight"
    assert np.isfinite(record["gradient_norm"]).all()
    assert (record["param_gradient_norm"] >= 0).all()


class Mine(tn.Module):
    def forward(self, x):
        return x.sin()


def test_a_module_that_nobody_knows_is_opaque_and_said_so():
    model = tn.Sequential(tn.Linear(6, 6), Mine(), tn.Linear(6, 3))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    flow = watch(model, optimizer)
    tn.CrossEntropyLoss()(model(X), Y).backward()
    optimizer.step()
    assert flow.to_dict()["roles"].tolist() == ["weights", "opaque", "weights"]
    assert "It is not known what 1.mine does." in str(flow.findings())


class Grows(tn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.calls = tn.Linear(6, 6), tn.Linear(6, 3), 0

    def forward(self, x):
        self.calls += 1
        for _ in range(min(self.calls, 2) if self.calls != 4 else 0):
            x = self.a(x)
        return self.b(x)


def test_calls_that_come_and_go_do_not_end_a_training():
    record, layers = seen(Grows(), X, Y, steps=5)
    assert list(layers) == ["a", "b"]
    assert np.isnan(record["output_norm"][3, 0])
    assert np.isfinite(record["output_norm"][[0, 1, 2, 4]]).all()


def test_frozen_layers_have_outputs_and_no_gradient():
    model = tn.Sequential(tn.Linear(6, 6), tn.ReLU(), tn.Linear(6, 3))
    model[0].requires_grad_(False)
    record, layers = seen(model, X, Y)
    assert layers["1.relu"][3] == ["0.linear"]
    assert layers["2.linear"][3] == ["1.relu"]
    assert np.isnan(record["gradient_norm"][:, :2]).all()
    assert np.isnan(record["param_gradient_norm"][:, :2]).all()
    assert (record["output_norm"] > 0).all()


class Scaled(tn.Embedding):
    def forward(self, x):
        return 4 * super().forward(x)


class Reads(tn.Module):
    """An attention whose queries get hardly any gradient, as at the beginning they do."""

    def __init__(self):
        super().__init__()
        self.embed = Scaled(9, 6)
        self.attend = tn.ModuleDict({name: tn.Linear(6, 6) for name in ("q", "k", "v")})
        self.head = tn.Linear(6, 3)
        for name in ("q", "k"):
            for p in self.attend[name].parameters():
                tn.init.normal_(p, std=1e-5)

    def forward(self, x):
        h = self.embed(x)
        q, k, v = (self.attend[name](h) for name in ("q", "k", "v"))
        return self.head((torch.softmax(q @ k.transpose(1, 2), -1) @ v).mean(1))


def test_what_queries_get_is_not_how_the_gradient_arrives():
    torch.manual_seed(0)
    record, layers = seen(Reads(), torch.randint(0, 9, (10, 5)), Y)
    assert layers["embed"][1] == "opaque"
    norms = dict(zip(layers, np.median(record["gradient_norm"], axis=0), strict=True))
    assert norms["attend.q"] < 1e-3 * norms["attend.v"]
    assert read_flow(record).first == norms["attend.v"]
    assert "vanishing" not in find(record).kinds


class Weighs(Reads):
    """The same, with a softmax that is a module; or with one between its layers."""

    def __init__(self, attends):
        super().__init__()
        self.softmax, self.attends = tn.Softmax(-1), attends

    def forward(self, x):
        h = self.embed(x)
        q, k, v = (self.attend[name](h) for name in ("q", "k", "v"))
        if not self.attends:
            return self.head(self.softmax(v).mean(1))
        return self.head((self.softmax(q @ k.transpose(1, 2)) @ v).mean(1))


@pytest.mark.parametrize("attends", [True, False])
def test_a_softmax_by_which_steps_are_weighed_is_no_hidden_layer(attends):
    torch.manual_seed(0)
    record, layers = seen(Weighs(attends), torch.randint(0, 9, (10, 5)), Y, steps=20)
    assert layers["softmax"][1] == "activation"
    assert any("softmax in a hidden" in str(one) for one in find(record)) != attends
