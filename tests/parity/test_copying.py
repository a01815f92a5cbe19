"""Copies between PyTorch and this engine give equal outputs and gradients."""

import re

import numpy as np
import pytest

import nnscratch as nn

torch = pytest.importorskip("torch", reason="torch is not installed")

from nnscratch.pytorch import (  # noqa: E402
    first_nonfinite,
    from_torch,
    read_state_dict,
    to_torch,
    watch,
    write_state_dict,
)

tn = torch.nn
ACTIVATIONS = (
    *(tn.Sigmoid, tn.Tanh, tn.ReLU, tn.SELU, tn.Softsign, tn.SiLU, tn.Softplus, tn.Mish),
    *(tn.Identity, tn.Hardsigmoid, tn.ELU, tn.LeakyReLU, tn.GELU, tn.PReLU, tn.Hardtanh),
)
DTYPES = [(torch.float32, 1e-6), (torch.float64, 1e-12)]


def theirs(activation):
    inner = tn.Sequential(tn.Linear(7, 6), tn.LayerNorm(6), activation())
    return tn.Sequential(tn.BatchNorm1d(7), inner, tn.Dropout(0.0), tn.Linear(6, 3))


def agree(module, model, close, shape=(20, 7)):
    """Outputs and gradients are equal, on the scale of the largest."""
    double = next(module.parameters()).dtype == torch.float64
    rng = np.random.default_rng(0)
    x = rng.standard_normal(shape).astype("float64" if double else "float32")
    labels = rng.integers(0, 3, len(x))
    y = module(torch.from_numpy(x))
    tn.CrossEntropyLoss()(y, torch.from_numpy(labels)).backward()
    model.training_pass(x, labels, nn.SoftmaxCrossEntropy())
    np.testing.assert_allclose(model.output, y.detach().numpy(), rtol=0, atol=close * 4)
    twin = from_torch(module)
    twin.params.flat[...] = model.grads.flat
    ours = [v.numpy() for k, v in write_state_dict(twin).items() if k.endswith(PARAMS)]
    theirs = [(name, p.grad.numpy()) for name, p in module.named_parameters()]
    for own, (name, grad) in zip(ours, theirs, strict=True):
        if "bias_hh" in name and "gru" not in name:
            continue  # the two biases of PyTorch's other layers are one here
        np.testing.assert_allclose(own, grad, rtol=0, atol=close, err_msg=name)


PARAMS = ("weight", "bias", "l0", "l0_reverse", "l1", "l1_reverse")


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize(("dtype", "close"), DTYPES)
def test_a_copy_gives_equal_outputs_and_gradients(activation, dtype, close):
    torch.manual_seed(0)
    module = theirs(activation).to(dtype)
    if activation is tn.Hardsigmoid:  # PyTorch computes its slope with a sixth in float32
        close = max(close, 1e-9)
    agree(module, from_torch(module), close)


def test_there_and_back_with_residual_blocks():
    model = nn.Sequential(
        nn.Dense(7, 6),
        nn.Residual(nn.LayerNorm(6), nn.ELU(0.7), nn.Dense(6, 6), scale=0.5),
        nn.Residual(nn.Dense(6, 4), nn.Tanh(), skip=nn.Dense(6, 4)),
        nn.BatchNorm(4),
        nn.Dense(4, 3),
        seed=2,
        dtype="float64",
    )
    module = to_torch(model)
    again = from_torch(module)
    for name, values in model.params.items():
        np.testing.assert_array_equal(again.params[name], values)
    x = np.random.default_rng(1).standard_normal((9, 7))
    module.eval()
    expected = model.predict(x)
    np.testing.assert_allclose(module(torch.from_numpy(x)).detach().numpy(), expected, rtol=1e-12)
    np.testing.assert_array_equal(again.predict(x), expected)


def test_what_is_not_known_is_named():
    module = tn.Sequential(tn.Linear(3, 3), tn.Sequential(tn.Conv1d(1, 1, 1), tn.GLU()))
    with pytest.raises(nn.ConfigError, match=r"1\.0 \(Conv1d.*1\.1 \(GLU"):
        from_torch(module)
    with pytest.raises(nn.ConfigError, match=r"0 \(Linear.*bias=False"):
        from_torch(tn.Sequential(tn.Linear(3, 3, bias=False)))
    for module in (tn.LSTM(3, 4), tn.LSTM(3, 4, proj_size=2, batch_first=True)):
        with pytest.raises(nn.ConfigError, match=r"0 \(LSTM\(3, 4"):
            from_torch(module)
    with pytest.raises(nn.ConfigError, match="to_torch does not know RNN"):
        to_torch(nn.Sequential(nn.RNN(3, 4, "elu"), nn.LastStep(), nn.Dense(4, 2)))


class Recurrent(tn.Module):
    def __init__(self, kind, both=False, **options):
        super().__init__()
        options = {"num_layers": 2, "bidirectional": both, "batch_first": True, **options}
        setattr(self, kind.__name__.lower(), kind(3, 5, **options))
        self.head = tn.Linear(10 if both else 5, 3)
        self.kind = kind

    def forward(self, x):
        y, _ = getattr(self, self.kind.__name__.lower())(x)
        return self.head(torch.relu(y[:, -1]))


class Final(Recurrent):
    def forward(self, x):
        _, state = getattr(self, self.kind.__name__.lower())(x)
        return self.head((state[0] if self.kind is tn.LSTM else state)[-1])


class Mean(Recurrent):
    def forward(self, x):
        return self.head(getattr(self, self.kind.__name__.lower())(x)[0].mean(dim=1))


class Block(tn.Module):
    def __init__(self, n, around=False):
        super().__init__()
        self.norm, self.one, self.two = tn.RMSNorm(n), tn.Linear(n, 2 * n), tn.Linear(2 * n, n)
        self.around = tn.Linear(n, n) if around else tn.Identity()

    def forward(self, x):
        inner = self.two(torch.nn.functional.leaky_relu(self.one(self.norm(x)), 0.2))
        return self.around(x) + 0.5 * inner


@pytest.mark.parametrize(("dtype", "close"), DTYPES)
@pytest.mark.parametrize("kind", [tn.RNN, tn.LSTM, tn.GRU])
def test_recurrent_modules_within_a_forward_of_ones_own(kind, dtype, close):
    torch.manual_seed(0)
    for module in (Recurrent(kind), Recurrent(kind, both=True), Final(kind), Mean(kind)):
        module = module.to(dtype)
        model = from_torch(module)
        agree(module, model, close, shape=(8, 6, 3))
        again = from_torch(to_torch(model))
        np.testing.assert_array_equal(again.params.flat, model.params.flat)


@pytest.mark.parametrize(("dtype", "close"), DTYPES)
def test_residual_blocks_of_ones_own(dtype, close):
    torch.manual_seed(0)
    parts = [Block(6), tn.Sequential(Block(6), tn.Sequential(Block(6, around=True)), tn.PReLU(6))]
    module = tn.Sequential(tn.Linear(7, 6), *parts, tn.Linear(6, 3)).to(dtype)
    model = from_torch(module)
    assert [type(part).__name__ for part in model][1:4] == ["Residual"] * 3
    agree(module, model, close)


def test_a_deep_chain_of_blocks_is_read_in_one_go():
    model = from_torch(tn.Sequential(*[Block(2) for _ in range(150)], tn.Linear(2, 2)))
    assert len(model) == 151


class Forked(tn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two = tn.Linear(3, 3), tn.Linear(3, 3)

    def forward(self, x):
        return torch.cat([self.one(x), self.two(x)], dim=1) + 1


class Looking(Forked):
    def forward(self, x):
        return self.one(x) if x.mean() > 0 else self.two(x)


def test_what_a_forward_does_that_is_none_here_is_named():
    with pytest.raises(nn.ConfigError, match="the function cat, a sum with a number"):
        from_torch(Forked())
    with pytest.raises(nn.ConfigError, match=r"cannot follow the forward of Looking.*watch\("):
        from_torch(Looking())


class Made(tn.Module):
    """A module of one layer whose forward is given."""

    def __init__(self, forward):
        super().__init__()
        self.one, self.weight = tn.Linear(3, 3), tn.Parameter(torch.ones(3))
        self.recurrent = tn.GRU(3, 3, batch_first=True)
        self.does = forward

    def forward(self, x):
        return self.does(self, x)


@pytest.mark.parametrize(
    ("forward", "said"),
    [
        (lambda own, x: (own.one(x), x), "a model of several outputs"),
        (lambda own, x: own.one(own.weight), "the parameter weight"),
        (lambda own, x: own.one(torch.softmax(x, 0)), "the function softmax"),
        (lambda own, x: own.one(torch.mean(x, 0)), "the function mean"),
        (lambda own, x: own.one(x).sin(), "the function sin"),
        (lambda own, x: own.one(x)[0], "the function getitem"),
        (lambda own, x: own.recurrent(x)[1], "the function getitem"),
        (lambda own, x: torch.add(x, own.one(x), alpha=2) * own.one(x), "the function mul"),
        (lambda own, x: 2 * x + own.one(x), "a sum that is no x + scale"),
        (lambda own, x: own.one(x + x), "a sum that is no x + scale"),
        (
            lambda own, x: own.one(own.one(x).tanh()).tanh() + own.one(x).tanh(),
            "a sum that is no x + scale",
        ),
        (lambda own, x: own.one(x) + own.recurrent(x)[0].sin(), "the function sin"),
    ],
)
def test_what_is_none_here_is_named_by_what_it_does(forward, said):
    with pytest.raises(nn.ConfigError, match=f"from_torch does not know .*{re.escape(said)}"):
        from_torch(Made(forward))


class TwoInputs(tn.Module):
    def forward(self, x, y):
        return torch.tanh(y)


def test_a_second_input_is_named():
    with pytest.raises(nn.ConfigError, match="a second input, y"):
        from_torch(TwoInputs())


@pytest.mark.parametrize("function", [from_torch, first_nonfinite])
def test_what_is_no_module_is_refused(function):
    name = function.__name__
    with pytest.raises(nn.ConfigError, match=f"{name} takes a torch.nn.Module, got str"):
        function("model")
    with pytest.raises(nn.ConfigError, match=r"got the class Linear: make one of it"):
        function(tn.Linear)


def test_state_dicts_go_in_and_out_under_any_names(tmp_path):
    torch.manual_seed(0)
    theirs = tn.Sequential(tn.Linear(7, 6), tn.BatchNorm1d(6), tn.Tanh(), tn.Linear(6, 3))
    theirs(torch.randn(30, 7))
    ours = nn.Sequential(nn.Dense(7, 6), nn.BatchNorm(6, epsilon=1e-5), nn.Tanh(), nn.Dense(6, 3))
    read_state_dict(ours, theirs.state_dict())
    x = np.random.default_rng(0).standard_normal((9, 7)).astype("float32")
    expected = theirs.eval()(torch.from_numpy(x)).detach().numpy()
    np.testing.assert_allclose(ours.predict(x), expected, atol=1e-6)
    recurrent = Recurrent(tn.GRU)
    renamed = nn.Sequential(
        nn.GRU(3, 5), nn.GRU(5, 5), nn.LastStep(), nn.ReLU(), nn.Dense(5, 3), seed=3
    )
    read_state_dict(renamed, recurrent.state_dict())
    np.testing.assert_array_equal(renamed.params.flat, from_torch(recurrent).params.flat)
    before = ours.params.flat.copy()
    turned = {**theirs.state_dict(), "3.weight": torch.zeros(6, 3)}
    with pytest.raises(nn.ConfigError, match=r"weight of shape \(6, 3\) \(3.weight\) where the"):
        read_state_dict(ours, turned)
    np.testing.assert_array_equal(ours.params.flat, before)
    safetensors = pytest.importorskip("safetensors.torch", reason="safetensors is not installed")
    safetensors.save_file(write_state_dict(ours), tmp_path / "model.safetensors")
    theirs.load_state_dict(safetensors.load_file(tmp_path / "model.safetensors"), strict=False)
    np.testing.assert_array_equal(theirs[0].weight.detach().numpy().T, ours.params["0.weight"])


@pytest.mark.slow
def test_prediction_cure_and_gradient_check_work_on_a_copy():
    torch.manual_seed(0)
    parts = [part for _ in range(8) for part in (tn.Linear(64, 64), tn.Sigmoid())]
    model = from_torch(tn.Sequential(*parts, tn.Linear(64, 10)))
    assert "vanish" in str(nn.predict(model))
    # PyTorch draws weights of variance 1 / (3 n).
    assert abs(model.layers["0.dense"].init.scale - 1 / 3) < 0.02
    x, y, *_ = nn.datasets.digits()
    found = nn.cure(
        model, nn.SoftmaxCrossEntropy(), nn.SGD(lr=0.02), x[:500], y[:500], batch_size=50
    )
    assert found.lines
    double = from_torch(tn.Sequential(tn.Linear(5, 4), tn.GELU(), tn.Linear(4, 3)).double())
    inputs = np.random.default_rng(0).standard_normal((6, 5))
    assert nn.check_gradients(double, nn.SoftmaxCrossEntropy(), inputs, np.arange(6) % 3) < 1e-6


def test_prediction_follows_residual_blocks_and_norms_of_a_copy():
    torch.manual_seed(0)
    module = tn.Sequential(tn.Linear(64, 60), *(Block(60) for _ in range(6)),
                           tn.LayerNorm(60), tn.Linear(60, 10))  # fmt: skip
    x, y, *_ = nn.datasets.digits()
    found = nn.predict(from_torch(module), x[:200], y[:200])
    assert "a power of the depth" in found.verdict
    assert [block.name for block in found.blocks] == [f"{i}.sum" for i in range(1, 7)]
    np.testing.assert_allclose(found.gradient_norm, found.measured, rtol=0.2)


def test_frozen_layers_stay_frozen_there_and_back():
    model = nn.Sequential(nn.Dense(4, 3), nn.ReLU(), nn.Dense(3, 2))
    model.freeze("0")
    there = to_torch(model)
    assert [p.requires_grad for p in there.parameters()] == [False, False, True, True]
    assert from_torch(there).frozen == ("0.dense",)


def test_what_is_watched_knows_what_is_frozen():
    there = to_torch(nn.Sequential(nn.Dense(4, 3), nn.ReLU(), nn.Dense(3, 2)))
    there[0].requires_grad_(False)
    optimizer = torch.optim.SGD([p for p in there.parameters() if p.requires_grad], lr=0.1)
    flow = watch(there, optimizer)
    for _ in range(3):
        optimizer.zero_grad()
        torch.nn.CrossEntropyLoss()(there(torch.ones(5, 4)), torch.zeros(5, dtype=int)).backward()
        optimizer.step()
    assert flow.to_dict()["param_rate"][0].tolist() == [0.0, 0.0, 1.0, 1.0]
