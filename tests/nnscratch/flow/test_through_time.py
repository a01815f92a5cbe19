"""Attribution through time against Jacobians of single steps, by derivatives along the imaginary
axis, which are exact (Squire & Trapp 1998), of cells that are written anew here."""

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.flow.through_time import ThroughTime, through_time

N, BATCH, STEPS = 4, 3, 6
KINDS = {
    "tanh": lambda: nn.RNN(2, N),
    "softplus": lambda: nn.RNN(2, N, activation="softplus"),
    "lstm": lambda: nn.LSTM(2, N, initial="learned"),
    "gru": lambda: nn.GRU(2, N, update_bias=1.0),
    "backward": lambda: nn.LSTM(2, N, reverse=True),
}
NAMES = {
    "rnn": ("recurrent weights",),
    "lstm": ("cell", "candidate", "input gate", "forget gate", "output gate"),
    "gru": ("kept state", "candidate", "update gate", "reset gate"),
}


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def step(layer, x, copies):
    """One step of time; each path from the state before has a copy of it for its own."""
    kind = layer.kind
    u = {g: layer.gate(g, layer.params["recurrent_weight"]) for g in layer.gates}
    a = {g: x @ layer.gate(g, layer.params["weight"]) for g in layer.gates}
    a = {g: a[g] + layer.gate(g, layer.params["bias"]) for g in layer.gates}
    if kind == "rnn":
        z = a["h"] + copies["recurrent weights"] @ u["h"]
        return np.tanh(z) if layer.activation == "tanh" else np.log(1 + np.exp(z))
    if kind == "lstm":
        i = sigmoid(a["i"] + copies["input gate"] @ u["i"])
        f = sigmoid(a["f"] + copies["forget gate"] @ u["f"])
        g = np.tanh(a["g"] + copies["candidate"] @ u["g"])
        o = sigmoid(a["o"] + copies["output gate"] @ u["o"])
        c = f * copies["cell"] + i * g
        return np.concatenate([o * np.tanh(c), c])
    b = {g: layer.gate(g, layer.params["recurrent_bias"]) for g in layer.gates}
    r = sigmoid(a["r"] + copies["reset gate"] @ u["r"] + b["r"])
    z = sigmoid(a["z"] + copies["update gate"] @ u["z"] + b["z"])
    n = np.tanh(a["n"] + r * (copies["candidate"] @ u["n"] + b["n"]))
    return (1 - z) * n + z * copies["kept state"]


def jacobians(layer, x, h, c):
    """By path, d(state after) / d(state before), (N or 2 N, N): the exact derivative."""
    made = {}
    for name in NAMES[layer.kind]:
        columns = []
        for j in range(N):
            copies = {
                other: (c if other == "cell" else h).astype(complex) for other in NAMES[layer.kind]
            }
            copies[name][j] += 1e-30j
            columns.append(step(layer, x, copies).imag / 1e-30)
        made[name] = np.array(columns).T
    return made


def traced(kind, last=False, **given):
    parts = [nn.LastStep()] if last else []
    model = nn.Sequential(KINDS[kind](), *parts, nn.Dense(N, 3), seed=2, dtype=np.float64)
    rng = np.random.default_rng(1)
    for values in model.params.values():
        values += 0.3 * rng.standard_normal(values.shape)
    x = rng.standard_normal((BATCH, STEPS, 2))
    shape = (BATCH,) if last else (BATCH, STEPS)
    model.trace(x, rng.standard_normal((*shape, 3)), nn.MeanSquaredError(), **given)
    return model


# Sequences of 6, 4 and 5 steps, one with a hole.
MASK = np.array([[1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 0, 0], [1, 0, 1, 1, 1, 1]], bool)
# What a pass is given, and by what the gradient that goes back from each step is multiplied.
GIVEN = {
    "whole": ({}, np.ones(STEPS)),
    "mask": ({"mask": MASK}, np.ones(STEPS)),
    "cut": ({"truncate": 4}, np.array([1, 1, 1, 1, 0, 1])),
    "at random": (
        {"mask": MASK, "truncate": nn.RandomTruncation(0.4, seed=3)},
        nn.RandomTruncation(0.4, seed=3).factors(STEPS),
    ),
}


def walk(model, mask, through):
    """By step back from the last: the state's gradient, and what each path hands on."""
    layer, trace = next(iter(model.layers.values())), next(iter(model.last.values()))
    turn = slice(None, None, -1) if layer.reverse else slice(None)
    x, h, up = trace.input[:, turn], trace.hidden[:, turn], trace.upstream[:, turn]
    has_cell = layer.kind == "lstm"
    start = trace.inside["initial_hidden"]
    starts = trace.inside["initial_cell"] if has_cell else start
    c = trace.cell[:, turn] if has_cell else h
    kept = np.zeros((BATCH, 2 * N if has_cell else N))
    for t in range(STEPS - 1, -1, -1):
        own = kept.copy()
        own[:, :N] += up[:, t]
        before = h[:, t - 1] if t else start
        cell = c[:, t - 1] if t else starts
        handed = {name: np.zeros_like(own) for name in NAMES[layer.kind]}
        for b in range(BATCH):
            for name, jacobian in jacobians(layer, x[b, t], before[b], cell[b]).items():
                at = slice(N, 2 * N) if name == "cell" else slice(N)
                handed[name][b, at] = own[b] @ jacobian
        if not mask.all():
            handed["carried over"] = np.zeros_like(own)
        for b in np.flatnonzero(~mask[:, turn][:, t]):  # what is not there hands on what it got
            for values in handed.values():
                values[b] = 0
            handed["carried over"][b] = own[b]
        kept = through[t] * sum(handed.values())
        yield own, handed, up[:, t]


@pytest.mark.parametrize("last", [True, False])
@pytest.mark.parametrize("given", GIVEN)
@pytest.mark.parametrize("kind", KINDS)
def test_every_term_is_that_of_the_jacobians_and_they_add_up(kind, given, last):
    options, through = GIVEN[given]
    if given == "at random":
        options = {**options, "truncate": nn.RandomTruncation(0.4, seed=3)}  # which draws anew
    mask = options.get("mask", np.ones((BATCH, STEPS), bool))
    model = traced(kind, last and kind != "backward", **options)
    found = through_time(model)
    layer = next(iter(model.layers.values()))
    states = list(walk(model, mask, through))
    norms = np.array([np.linalg.norm(own) for own, _, _ in states])
    with np.errstate(divide="ignore"):
        np.testing.assert_allclose(found.gradient, np.log10(norms), rtol=1e-9)
    alive = norms[1:] > 0  # a cut leaves nothing where the loss stands at the last step only
    change = np.diff(np.log10(norms[norms > 0]))
    np.testing.assert_allclose(found.changes.sum(axis=1)[alive], change, atol=1e-10)
    assert found.paths == NAMES[layer.kind] + ("carried over",) * (not mask.all())
    truncated = bool((through != 1).any())
    assert found.terms[-1] == ("truncation" if truncated else "above")
    for lag in np.flatnonzero(norms[:-1] > 0):
        own, handed, _ = states[lag]
        whole = sum(handed.values())
        shares = [np.sum(part * whole) / np.sum(whole**2) for part in handed.values()]
        np.testing.assert_allclose(found.shares[lag], shares, atol=1e-10)
        assert found.shares[lag].sum() == pytest.approx(1)
        levels, so_far = [np.linalg.norm(own)], 0
        for part in handed.values():
            so_far = so_far + part
            levels.append(np.linalg.norm(so_far))
        if truncated:
            joined = whole.copy()
            joined[:, :N] += states[lag + 1][2]
            levels.append(np.linalg.norm(joined))
        levels.append(norms[lag + 1])
        with np.errstate(divide="ignore"):
            terms = np.diff(np.log10(levels))
        if layer.kind == "rnn":
            assert found.terms[:3] == ("derivative", "recurrent weights", "above")
            after = len(handed)
            assert found.changes[lag, :2].sum() == pytest.approx(terms[:after].sum(), abs=1e-10)
            np.testing.assert_allclose(found.changes[lag, 2:], terms[after:], atol=1e-10)
        else:
            assert found.terms[: len(handed) + 1] == (*found.paths, "above")
            np.testing.assert_allclose(found.changes[lag], terms, atol=1e-10)


@pytest.mark.parametrize("given", ["whole", "mask"])
def test_of_a_plain_layer_derivative_and_weights_are_told_apart(given):
    model = traced("tanh", last=True, **GIVEN[given][0])
    found, trace = through_time(model), model.last["0.rnn"]
    there = GIVEN[given][0].get("mask", np.ones((BATCH, STEPS), bool))[:, :, None]
    slopes = trace.hidden_gradient * np.where(there, 1 - trace.hidden**2, 1.0)
    norms = [np.linalg.norm(part, axis=(0, 2)) for part in (slopes, trace.hidden_gradient)]
    expected = np.log10(norms[0] / norms[1])[::-1][:-1]
    np.testing.assert_allclose(found.changes[:, 0], expected)
    assert abs(found.changes[:, 2]).max() < 1e-12  # the loss stands at the last step only


def test_between_two_lags_and_as_text():
    model = traced("lstm", last=True)
    found = through_time(model)
    sums = found.between(1, 4)
    assert sum(sums.values()) == pytest.approx(found.gradient[4] - found.gradient[1])
    assert sum(found.between().values()) == pytest.approx(found.gradient[-1] - found.gradient[0])
    assert "carried by cell" in repr(found)
    with pytest.raises(ValueError, match="went through 6 steps: expected lags 0 <= late < early"):
        found.between(3, 3)


def test_shares_are_those_of_the_steps_that_hand_anything_on():
    gradient, changes = np.array([0.0, -1.0, -3.0]), np.array([[-1.0, 0.0], [-2.0, 0.0]])
    shares = np.array([[0.75, 0.25], [np.nan, np.nan]])
    found = ThroughTime("0.lstm", ("cell", "above"), gradient, changes, ("cell", "f"), shares)
    assert repr(found).endswith("carried by cell 75%, f 25%")


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("kind", KINDS)
def test_where_no_gradient_arrives_it_says_so(kind):
    model = traced(kind, last=True)
    model.params["2.weight"][...] = 0
    x, y = np.ones((2, 6, model.features_in)), [0, 1]
    model.trace(x, y, nn.SoftmaxCrossEntropy())
    none = "  none goes back from any step to the one before"
    assert repr(through_time(model)).endswith(none)
    model.params["2.weight"][0, 0] = 1e-9  # a little does, but where the last step is the first
    model.trace(x, y, nn.SoftmaxCrossEntropy())
    assert (none in repr(through_time(model))) == (kind == "backward")


@pytest.mark.parametrize("given", GIVEN)
@pytest.mark.parametrize("kind", KINDS)
def test_the_gradient_is_the_sum_of_its_lags(kind, given):
    model = traced(kind, **GIVEN[given][0])
    grads = next(iter(model.layers.values())).grads
    norms = nn.gradient_by_lag(model)
    whole = np.concatenate([grads["weight"], grads["recurrent_weight"]])
    assert norms.shape == (STEPS, 2)
    assert norms[-1, 1] == pytest.approx(np.linalg.norm(whole))
    assert norms[0, 0] == norms[0, 1]


@pytest.mark.parametrize("kind", KINDS)
def test_the_parts_up_to_a_lag_are_what_truncation_sees(kind):
    """With the loss at the last step alone, K steps back give the sum of the lags below K."""
    model = traced(kind, last=kind != "backward")
    norms = nn.gradient_by_lag(model)
    for lags in (1, 3, STEPS):
        np.testing.assert_allclose(nn.gradient_by_lag(model, lags=lags), norms[:lags])
    if kind == "backward":
        return
    trace = next(iter(model.last.values()))
    rows = [trace.input.reshape(-1, 2), trace.previous.reshape(-1, N)]
    steps = np.tile(np.arange(STEPS), BATCH)
    da = trace.gates_gradient.reshape(len(steps), -1)
    du = trace.inside.get("recurrent_gradient", trace.gates_gradient).reshape(len(steps), -1)
    for lag in range(STEPS):
        at = steps == STEPS - 1 - lag
        parts = [rows[0][at].T @ da[at], rows[1][at].T @ du[at]]
        assert norms[lag, 0] == pytest.approx(np.linalg.norm(np.concatenate(parts)))


def test_what_cannot_be_told_is_said():
    model = nn.Sequential(nn.RNN(2, N), nn.LastStep(), nn.Dense(N, 3))
    x = np.ones((2, 3, 2), np.float32)
    model.forward(x)
    with pytest.raises(ValueError, match=r"no backward pass went through '0\.rnn'"):
        nn.through_time(model)
    with pytest.raises(ValueError, match=r"unknown recurrent layer '1\.laststep'"):
        nn.through_time(model, "1.laststep")
    with pytest.raises(ValueError, match="the model has no recurrent layer"):
        nn.through_time(nn.Sequential(nn.Dense(2, 3)))
