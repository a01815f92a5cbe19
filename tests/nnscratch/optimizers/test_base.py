"""What all optimizers share: rate, schedule, layout, clip, state, registry."""

import math

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.optimizers import Optimizer, names, optimizer
from nnscratch.parameters import Parameters
from nnscratch.schedules import StepDecay

MAKERS = {
    "sgd": lambda **k: nn.SGD(0.1, **k),
    "momentum": lambda **k: nn.SGD(0.1, momentum=0.9, **k),
    "nesterov": lambda **k: nn.SGD(0.1, momentum=0.9, nesterov=True, **k),
    "rmsprop": lambda **k: nn.RMSProp(0.1, **k),
    "adam": lambda **k: nn.Adam(0.1, **k),
    "adamw": lambda **k: nn.AdamW(0.1, **k),
    "adagrad": lambda **k: nn.Adagrad(0.1, **k),
    "adadelta": lambda **k: nn.Adadelta(0.1, **k),
    "adamax": lambda **k: nn.Adamax(0.1, **k),
    "nadam": lambda **k: nn.Nadam(0.1, **k),
    "steepest": lambda **k: nn.SteepestDescent(0.1, "linf", **k),
}
each = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)


@each
def test_schedule_is_followed(make, run):
    """A schedule gives the same as setting the rate by hand before every step."""
    scheduled, by_hand = make(), make()
    scheduled.lr = StepDecay(0.1, 0.5, every=4)
    path = run(scheduled)
    assert scheduled.steps == 12
    assert scheduled.lr == pytest.approx(0.1 / 8)

    class Manual:
        def step(self, params, grads):
            by_hand.lr = 0.1 * 0.5 ** (by_hand.steps // 4)
            by_hand.step(params, grads)

    np.testing.assert_array_equal(path, run(Manual()))


@each
def test_clip_comes_before_the_update_and_reports(make, parameters):
    params, grads = parameters(0), parameters(1)
    expected, clipped = parameters(0), parameters(1)
    np.clip(clipped.flat, -0.5, 0.5, out=clipped.flat)
    assert make().step(expected, clipped) is None
    report = make(clip=nn.ClipByValue(0.5)).step(params, grads)
    assert report.fired
    np.testing.assert_array_equal(grads.flat, clipped.flat)
    np.testing.assert_array_equal(params.flat, expected.flat)


@each
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_saved_state_goes_on_with_the_same_bits(make, dtype, run, parameters):
    whole = run(make(), steps=6, dtype=dtype)
    params, grads, first = parameters(0, dtype), parameters(1, dtype), make()
    for step in range(3):
        grads.flat[...] = parameters(100 + step, dtype).flat
        first.step(params, grads)
    state = first.state_dict()
    grads.flat[...] = parameters(103, dtype).flat
    first.step(parameters(0, dtype), grads)  # what was saved is a copy
    second = make()
    second.load_state_dict(state)
    assert second.steps == 3
    for step in range(3, 6):
        grads.flat[...] = parameters(100 + step, dtype).flat
        second.step(params, grads)
    assert params.flat.tobytes() == whole[-1].tobytes()


@each
def test_state_of_an_optimizer_that_has_not_started(make, run):
    fresh = make()
    state = make().state_dict()
    assert list(state) == ["steps"]
    fresh.load_state_dict(state)
    np.testing.assert_array_equal(run(fresh), run(make()))


@each
def test_another_layout_is_refused(make, parameters):
    optimizer = make()
    optimizer.step(parameters(0), parameters(1))
    other = Parameters({"0.weight": (58,)}, np.float64)
    for params, grads in ((other, other), (parameters(0, np.float32), parameters(1, np.float32))):
        with pytest.raises(nn.ShapeError, match="make a new optimizer"):
            optimizer.step(params, grads)
    with pytest.raises(nn.ShapeError, match="do not belong to the parameters"):
        optimizer.step(parameters(0), other)
    assert optimizer.steps == 1
    optimizer.step(parameters(2), parameters(3))  # the same layout in other arrays is fine


def test_loaded_state_of_another_layout_is_refused(parameters):
    optimizer = nn.Adam()
    optimizer.step(parameters(0), parameters(1))
    fresh = nn.Adam()
    fresh.load_state_dict(optimizer.state_dict())
    small = Parameters({"0.weight": (3, 3)}, np.float64)
    with pytest.raises(nn.ShapeError, match="58 values"):
        fresh.step(small, small)


@pytest.mark.parametrize("other", ["sgd", "momentum", "rmsprop"])
def test_state_of_another_optimizer_is_refused(other, parameters):
    source, target = MAKERS[other](), nn.Adam()
    source.step(parameters(0), parameters(1))
    with pytest.raises(nn.ConfigError, match="keeps steps, first_moment, second_moment"):
        target.load_state_dict(source.state_dict())
    assert target.steps == 0
    assert not target.state


@pytest.mark.parametrize("steps", [-3, 2.5, 1e300, math.nan, "x", None, True, 2**63, [1, 2]])
def test_a_count_of_steps_that_is_none_is_refused(steps):
    optimizer = nn.SGD(0.1)
    with pytest.raises(nn.ConfigError, match="SGD steps must be a whole number"):
        optimizer.steps = steps
    with pytest.raises(nn.ConfigError, match="SGD steps must be a whole number"):
        optimizer.load_state_dict({"steps": np.array(steps)})
    assert optimizer.steps == 0


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("lr", [-0.1, math.nan, math.inf, "fast", None])
def test_nonsense_rates_are_refused(name, lr):
    with pytest.raises(nn.ConfigError, match=r"lr must be a"):
        optimizer(name, lr)


@pytest.mark.parametrize(
    "make",
    [
        lambda: nn.SGD(0.1, momentum=1.0),
        lambda: nn.SGD(0.1, momentum=-0.1),
        lambda: nn.SGD(0.1, nesterov=True),
        lambda: nn.RMSProp(0.1, decay=1.5),
        lambda: nn.RMSProp(0.1, epsilon=0),
        lambda: nn.Adam(beta1=1.0),
        lambda: nn.Adam(beta2=-1),
        lambda: nn.Adam(epsilon=math.nan),
        lambda: nn.AdamW(weight_decay=-0.1),
        lambda: nn.SteepestDescent(0.1, norm="l3"),
        lambda: nn.SGD(0.1, clip=1.0),
    ],
)
def test_nonsense_settings_are_refused(make):
    with pytest.raises(nn.ConfigError):
        make()


@pytest.mark.parametrize("rate", [-1.0, math.nan, math.inf])
def test_a_schedule_that_gives_no_rate_is_refused(rate, parameters):
    optimizer = nn.SGD(lambda step: rate if step == 2 else 0.1)
    params, grads = parameters(0), parameters(1)
    for _ in range(2):
        optimizer.step(params, grads)
    before = params.flat.copy()
    with pytest.raises(nn.ConfigError, match="for step 2; a rate must be finite"):
        optimizer.step(params, grads)
    np.testing.assert_array_equal(params.flat, before)


def test_registry(run):
    for name, make in MAKERS.items():
        if name == "steepest":
            found = optimizer(name, 0.1, norm="linf")
        else:
            found = optimizer(name, 0.1)
        assert repr(found) == repr(make())
        np.testing.assert_array_equal(run(found, 3), run(make(), 3))
    assert set(names()) == set(MAKERS)
    assert optimizer("momentum", 0.1, momentum=0.5).momentum == 0.5
    with pytest.raises(nn.ConfigError, match="unknown optimizer 'adm': did you mean 'adam"):
        optimizer("adm", 0.1)
    with pytest.raises(nn.ConfigError, match=r"optimizer 'adam': .*'momentum'"):
        optimizer("adam", 0.1, momentum=0.9)


def test_repr_shows_the_settings():
    made = nn.SGD(0.1, momentum=0.9, nesterov=True, clip=nn.ClipByValue(1.0))
    assert repr(made) == "SGD(lr=0.1, momentum=0.9, nesterov=True, clip=ClipByValue(threshold=1.0))"
    assert repr(nn.SGD(StepDecay(1, 0.5, 3))) == (
        "SGD(lr=StepDecay(initial=1, factor=0.5, every=3))"
    )


def test_the_base_class_says_what_to_use(parameters):
    with pytest.raises(TypeError, match="Optimizer has no update"):
        Optimizer(0.1).step(parameters(0), parameters(1))
