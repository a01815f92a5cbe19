"""What would make a copy compute something else than the module is refused by name."""

import numpy as np
import pytest

import nnscratch as nn

torch = pytest.importorskip("torch", reason="torch is not installed")

from torch.nn.utils import prune  # noqa: E402

from nnscratch.pytorch import from_torch, read_state_dict, watch  # noqa: E402

tn = torch.nn
F = torch.nn.functional


class Own(tn.Module):
    """Two layers and a forward that a test says."""

    def __init__(self, forward):
        super().__init__()
        self.one, self.two = tn.Linear(6, 6), tn.Linear(6, 6)
        self.relu, self.over = tn.ReLU(), tn.ReLU(inplace=True)
        self.forward_of = forward

    def forward(self, x):
        return self.forward_of(self, x)


class Begun(tn.Module):
    """A GRU that begins with what a test says."""

    def __init__(self, start):
        super().__init__()
        self.gru, self.start = tn.GRU(6, 4, batch_first=True), start

    def forward(self, x):
        return self.gru(x, self.start(x))[0][:, -1]


def same(module, shape=(5, 6)):
    """Return the largest difference between a module in evaluation and its copy."""
    module = module.double()
    x = torch.from_numpy(np.random.default_rng(0).standard_normal(shape))
    made = from_torch(module)
    return float(np.abs(made(x.numpy()) - module.eval()(x).detach().numpy()).max())


def residual(relu):
    return lambda s, x: (lambda h: h + s.two(relu(s, h)))(s.one(x))


@pytest.mark.parametrize(
    "forward",
    [
        lambda s, x: s.two(s.over(s.one(x))),
        lambda s, x: x + s.two(s.over(s.one(x))),
        residual(lambda s, h: s.relu(h)),
        lambda s, x: torch.add(x, s.one(x)),
        lambda s, x: F.dropout(s.one(x), 0.5, s.training),
        lambda s, x: F.dropout(s.one(x), p=0.5, training=False),
        lambda s, x: F.softmax(s.one(x), dim=-1),
    ],
)
@pytest.mark.parametrize("training", [True, False])
def test_what_is_copied_is_equal(forward, training):
    assert same(Own(forward).train(training)) < 1e-12


@pytest.mark.parametrize(
    ("forward", "named"),
    [
        (residual(lambda s, h: s.over(h)), "over, which writes over a tensor that is read again"),
        (residual(lambda s, h: h.relu_()), "relu_, which writes over"),
        (residual(lambda s, h: F.relu(h, inplace=True)), "relu, which writes over"),
        (lambda s, x: (lambda h: (s.over(h), h)[1])(s.one(x)), "over, which writes over"),
        (lambda s, x: torch.add(x, s.one(x), alpha=0.3), "a sum with options, such as alpha"),
        (lambda s, x: torch.add(input=x, other=s.one(x)), "a sum with options"),
        (lambda s, x: s.one(x) + 1, "a sum with a number"),
        (lambda s, x: F.leaky_relu(s.one(x), s.two(x)[0, 0]), "leaky_relu of several tensors"),
        (lambda s, x: F.dropout(s.one(x), 0.5), "a dropout that is on in evaluation too"),
        (lambda s, x: F.dropout(s.one(x), training=True), "on in evaluation too"),
        (lambda s, x: torch.dropout(s.one(x), 0.5, True), "on in evaluation too"),
    ],
)
@pytest.mark.parametrize("training", [True, False])
def test_what_a_forward_does_beside_its_layers_is_named(forward, named, training):
    module = Own(forward).train(training)
    with pytest.raises(nn.ConfigError, match=named):
        from_torch(module)
    assert module.training == module.one.training == training


@pytest.mark.parametrize(
    "start",
    [
        lambda x: None,
        lambda x: torch.zeros(1, x.size(0), 4, dtype=x.dtype).to(x.device),
        lambda x: x.new_zeros(1, x.size(0), 4),
        lambda x: torch.zeros_like(x[:, :1, :4]).transpose(0, 1),
    ],
)
def test_a_state_of_zeros_is_what_a_copy_begins_with(start):
    assert same(Begun(start), (5, 7, 6)) < 1e-12


@pytest.mark.parametrize(
    "start",
    [
        lambda x: torch.ones(1, x.size(0), 4, dtype=x.dtype),
        lambda x: torch.randn(1, x.size(0), 4, dtype=x.dtype).detach(),
        lambda x: x[:, :1, :4].transpose(0, 1),
        lambda x: torch.zeros(1, x.size(0), 4, dtype=x.dtype) + 1,
    ],
)
def test_any_other_state_is_named(start):
    with pytest.raises(nn.ConfigError, match="the call of gru, which begins with more than zeros"):
        from_torch(Begun(start))


def hooked(put):
    module = tn.Sequential(tn.Linear(6, 6), tn.Tanh())
    put(module)
    return module


def by_itself(module):
    forward = module[0].forward
    module[0].forward = lambda x: 2 * forward(x)


@pytest.mark.filterwarnings("ignore:.*weight_norm:FutureWarning")
@pytest.mark.parametrize(
    ("put", "named"),
    [
        (lambda m: m[0].register_forward_hook(lambda m, x, y: 2 * y), "the hook .*lambda> of 0"),
        (lambda m: m.register_forward_pre_hook(lambda m, x: (2 * x[0],)), "lambda> of Sequential"),
        (lambda m: torch.nn.utils.weight_norm(m[0]), "the hook WeightNorm of 0"),
        (lambda m: torch.nn.utils.spectral_norm(m[0]), "the hook SpectralNorm of 0"),
        (by_itself, "the forward that 0 was given by itself"),
        (lambda m: torch.nn.utils.parametrizations.weight_norm(m[0]), r"0 \(ParametrizedLinear"),
        (lambda m: prune.random_unstructured(m[0], "weight", 0.5), "Unstructured"),
    ],
)
def test_what_was_put_on_a_module_is_named(put, named):
    with pytest.raises(nn.ConfigError, match=named):
        from_torch(hooked(put))


def test_hooks_that_only_look_change_nothing():
    module = hooked(lambda m: None)
    watch(module, torch.optim.SGD(module.parameters(), lr=0.1))
    assert same(module) < 1e-12
    with pytest.raises(nn.ConfigError, match=r"from_torch does not know 0 \(LazyLinear"):
        from_torch(tn.Sequential(tn.LazyLinear(6)))


def test_weights_of_two_modules_that_are_one_tensor_are_named():
    twice = tn.Linear(6, 6)
    assert same(tn.Sequential(twice, tn.Tanh(), twice)) < 1e-12
    tied = tn.Sequential(tn.Linear(6, 6), tn.Tanh(), tn.Linear(6, 6))
    assert same(tied) < 1e-12
    tied[2].weight = tied[0].weight
    with pytest.raises(nn.ConfigError, match=r"0\.weight, which is the same tensor as 2\.weight"):
        from_torch(tied)


def test_numbers_that_cannot_be_read_are_named():
    assert from_torch(tn.Sequential(tn.Linear(6, 6)).to(torch.bfloat16)).dtype == "float32"
    with pytest.raises(nn.ConfigError, match=r"0\.weight, which holds complex numbers"):
        from_torch(tn.Sequential(tn.Linear(6, 6, dtype=torch.complex64)))
    with pytest.raises(nn.ConfigError, match=r"0\.weight, which is on the device meta"):
        from_torch(tn.Sequential(tn.Linear(6, 6)).to("meta"))
    with pytest.raises(nn.ConfigError, match="a state dict maps names to tensors, got 5"):
        read_state_dict(nn.Sequential(nn.Dense(2, 3)), 5)


@pytest.mark.parametrize(
    ("module", "needs"),
    [
        (tn.Linear(6, 6, bias=False), "bias=True"),
        (tn.LSTM(6, 4), "batch_first=True"),
        (tn.GRU(6, 4, bias=False), "bias=True and batch_first=True"),
        (tn.LSTM(6, 4, batch_first=True, proj_size=2), "proj_size=0"),
        (tn.GELU("tanh"), "approximate='none'"),
        (tn.BatchNorm1d(6, affine=False), "affine=True"),
        (tn.LayerNorm((6, 6)), "one axis"),
        (tn.Hardtanh(0, 6), "the limits -1 and 1"),
    ],
)
def test_a_setting_that_is_none_here_is_named(module, needs):
    with pytest.raises(nn.ConfigError, match=f", which needs {needs}: watch"):
        from_torch(tn.Sequential(module))
