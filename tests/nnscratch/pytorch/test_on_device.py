"""What lies on a GPU is measured there, as the kernels measure, and fetched once a step."""

import math

import numpy as np
import pytest

import nnscratch as nn
from nnscratch_records import FIELDS

torch = pytest.importorskip("torch", reason="torch is not installed")

from nnscratch.pytorch import watch  # noqa: E402
from nnscratch.pytorch.losses import criterion as criteria  # noqa: E402
from nnscratch.pytorch.measuring import on_device, parameters_on_device, places  # noqa: E402
from nnscratch.pytorch.measuring.on_device import Afar, OnDevice  # noqa: E402

DEVICE = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else ""
STEPS = 9
MEANS = 1e-9  # of gradients that add up to 0 but for rounding
LOOKS = ("output_spread", "output_dead")  # of whole arrays


def pretend(monkeypatch):
    """Measure all tensors as if they lay on a GPU; return the sizes of what is fetched."""
    fetched = []

    def here(flat):
        fetched.append(flat.numel())
        return flat

    for module in (criteria, places, parameters_on_device):
        monkeypatch.setattr(module, "is_afar", lambda tensor: True)
    monkeypatch.setattr(on_device, "here", here)
    return fetched


def one_layer(width=6, saturation=(-0.5, 0.5), axis=-1):
    info = nn.LayerInfo("a", "tanh", width, saturation, "activation", axis=axis)
    return nn.Recorder([info])


def recorded(recorder):
    recorder.rest_unknown()
    recorder.end_step(loss=0.0)
    return recorder.to_dict()


def agree(one, other, close=1e-6, zero=1e-12, but=()):
    for name in FIELDS:
        if name in but:
            continue
        a, b = one.get(name), other.get(name)
        assert (a is None) == (b is None), name
        if a is None or np.asarray(a).dtype.kind not in "fiu":
            continue
        np.testing.assert_allclose(a, b, rtol=close, atol=zero, err_msg=name)


def values(kind):
    rng = np.random.default_rng(3)
    x = rng.standard_normal((32, 6)).astype(np.float32)
    if kind == "far from zero":
        x += 1000
    elif kind == "not finite":
        x[3, 2], x[5, 1], x[0, 0] = math.nan, math.inf, -math.inf
    elif kind == "zeros":
        x[:, ::2] = 0
        x[0, 0] = -0.0
    elif kind == "all zero":
        x[...] = 0
    elif kind == "large":
        x *= 1e30
    elif kind == "small":
        x *= 1e-38
    elif kind == "many rows":
        x = rng.standard_normal((4096, 6)).astype(np.float32)
    elif kind == "few":
        x = x[:1]
    return torch.from_numpy(x)


KINDS = [
    *("plain", "far from zero", "not finite", "zeros", "all zero"),
    *("large", "small", "many rows", "few"),
]


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_tensor_is_measured_as_the_kernels_do(kind, dtype):
    tensor = values(kind).to(getattr(torch, dtype))
    ours, theirs, afar = one_layer(), one_layer(), Afar()
    read = np.float64 if dtype == "float64" else np.float32
    array = tensor.to(torch.float64 if dtype == "float64" else torch.float32).numpy()
    for what in ("output", "gradient"):
        getattr(ours, what)("a", array)
        remote = theirs.remote(what, "a", tuple(tensor.shape), np.dtype(read))
        OnDevice(afar, what, remote, tensor).take(tensor)
    ours.input(array)
    remote = theirs.remote("input", "", tuple(tensor.shape), np.dtype(read))
    OnDevice(afar, "input", remote, tensor).take(tensor)
    theirs.batch(len(tensor))
    afar.fetch()
    agree(recorded(ours), recorded(theirs), but=LOOKS)


@pytest.mark.parametrize("scale", [1e200, 1e-200])
def test_squares_that_leave_the_range_of_float64_are_scaled(scale):
    tensor = values("plain").double() * scale
    ours, theirs, afar = one_layer(), one_layer(), Afar()
    ours.output("a", tensor.numpy())
    OnDevice(afar, 0, theirs.remote("output", "a", (32, 6), np.dtype(float)), tensor).take(tensor)
    afar.fetch()
    ours.input(None)
    theirs.input(None)
    agree(recorded(ours), recorded(theirs), but=LOOKS)


def test_channels_first_and_what_does_not_lie_row_by_row():
    tensor = torch.randn(5, 6, 4, 4, generator=torch.Generator().manual_seed(1))
    tensor = tensor.contiguous(memory_format=torch.channels_last)
    ours, theirs, afar = one_layer(axis=1), one_layer(axis=1), Afar()
    ours.output("a", tensor.numpy())
    remote = theirs.remote("output", "a", (5, 6, 4, 4), np.dtype(np.float32))
    OnDevice(afar, 0, remote, tensor).take(tensor)
    afar.fetch()
    ours.input(None)
    theirs.input(None)
    agree(recorded(ours), recorded(theirs), but=LOOKS)


def train(device="cpu", clips=True, scaler=None, half=None, between=None):
    """Train a small network with all that is recorded, and return what watches it."""
    torch.manual_seed(0)
    tn = torch.nn
    model = tn.Sequential(
        *(tn.Conv2d(2, 4, 3), tn.BatchNorm2d(4), tn.ReLU(), tn.Flatten(), tn.Linear(64, 8)),
        *(tn.Tanh(), tn.Linear(8, 3)),
    )
    model[4].bias.requires_grad_(False)
    x, y = torch.randn(24, 2, 6, 6).to(device), torch.randint(0, 3, (24,)).to(device)
    model = model.to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    loss = tn.CrossEntropyLoss()
    flow = watch(model, optimizer, probe=x[:8], probe_every=4, scaler=scaler)
    for step in range(STEPS):
        optimizer.zero_grad()
        with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=half is not None):
            value = loss(model(x), y)
        (value if scaler is None else scaler.scale(value)).backward()
        if scaler is not None:
            scaler.unscale_(optimizer)
        if clips and step % 2:
            tn.utils.clip_grad_norm_(model.parameters(), 0.3)
        if between is not None:
            between(model, optimizer)
        if scaler is None:
            optimizer.step()
        else:
            scaler.step(optimizer)
            scaler.update()
    return flow


@pytest.mark.parametrize("half", [None, "bfloat16"])
def test_a_training_has_the_same_record(monkeypatch, half):
    ours = train(half=half).to_dict()
    pretend(monkeypatch)
    theirs = train(half=half)
    assert isinstance(theirs._around, parameters_on_device.AroundOnDevice)
    agree(ours, theirs.to_dict(), 2e-6, MEANS)


@pytest.mark.parametrize(
    ("between", "lost"),
    [
        (lambda model, optimizer: optimizer.zero_grad(), 1.0),
        (lambda model, optimizer: optimizer.zero_grad(set_to_none=False), 1.0),
        (lambda model, optimizer: model[0].zero_grad(), 0.5),
    ],
)
def test_gradients_that_are_cleared_are_lost_there_too(monkeypatch, between, lost):
    ours = train(between=between, clips=False).to_dict()
    assert ours["gradient_lost"][0] == pytest.approx(lost, abs=0.4 * (lost < 1))
    pretend(monkeypatch)
    agree(ours, train(between=between, clips=False).to_dict(), 2e-6, 10 * MEANS)


def test_one_transfer_a_step_fetches_all_but_what_is_looked_at_closely(monkeypatch):
    fetched = pretend(monkeypatch)
    flow = train()
    assert len(fetched) == len(flow) == STEPS


def test_scaled_gradients_are_measured_without_the_scale(monkeypatch):
    def scaler():
        return torch.amp.GradScaler("cpu", init_scale=1024.0)

    ours = train(scaler=scaler(), clips=False).to_dict()
    pretend(monkeypatch)
    agree(ours, train(scaler=scaler(), clips=False).to_dict(), 2e-6, MEANS)


def test_nothing_waits_for_a_device_or_mixes_it_with_another():
    from torch._subclasses.fake_tensor import FakeTensorMode

    remote = one_layer().remote("output", "a", (32, 6), np.dtype(np.float32))
    with FakeTensorMode():  # as if there were two GPUs; a look at a number raises
        first, second = (torch.empty(32, 6, device=f"cuda:{i}") for i in range(2))
        afar = Afar()
        OnDevice(afar, "output", remote, second).take(second, 2.0)
        ((numbers, _),) = afar._waiting.values()
        assert numbers.device == second.device
        assert numbers.shape == (9 + len(remote.places),)
        samples = [np.empty(64, np.uint8)] * 2
        given = {"a": first, "b": second}, {id(first), id(second)}, samples
        around = parameters_on_device.AroundOnDevice(*given, afar)
        around.keep_gradients(4.0)
        around.before()
        around.after()
        assert {one.device for one, _ in afar._waiting.values()} == {first.device, second.device}


@pytest.mark.skipif(not DEVICE, reason="there is no GPU that PyTorch can use")
def test_on_a_gpu_it_is_what_the_kernels_measure_of_copies(monkeypatch):
    theirs = train(DEVICE).to_dict()
    for module in (criteria, places, parameters_on_device):
        monkeypatch.setattr(module, "is_afar", lambda tensor: False)
    counted = [name for name, field in FIELDS.items() if field.kind != "real"]
    agree(train(DEVICE).to_dict(), theirs, 1e-4, 1e-6, counted)
