"""What the recorder keeps of recurrent layers is what their arrays say, however a pass is made."""

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.flow.selection import describe_network
from nnscratch_records import LAGS

CELLS = {
    "rnn": lambda: nn.RNN(3, 7),
    "relu": lambda: nn.RNN(3, 7, activation="relu"),
    "lstm": lambda: nn.LSTM(3, 7),
    "gru": lambda: nn.GRU(3, 7),
    "backward": lambda: nn.LSTM(3, 7, reverse=True),
}
STEPS = (40, 9, 1)
FIELDS = ("hidden_gradient_norm", "cell_gradient_norm", "time_rate", "time_first", "gate_mean")
FIELDS += ("gate_low", "gate_high", "gate_weight_norm", "gate_gradient_norm", "spectral_radius")


def batches():
    rng = np.random.default_rng(0)
    for steps in STEPS:
        yield rng.standard_normal((6, steps, 3)).astype(np.float32), rng.integers(0, 2, 6)


def network(cell, dtype=np.float32, last=True):
    parts = [nn.LastStep()] if last else [nn.MeanOverTime()]
    return nn.Sequential(CELLS[cell](), *parts, nn.Dense(7, 2), seed=1, dtype=dtype)


def trained(model, captured=True):
    """The record of three steps, and copies of the arrays of each."""
    flow, optimizer, loss = nn.GradientFlow(model), nn.SGD(lr=0.5), nn.SoftmaxCrossEntropy()
    left = []
    with flow.attached(optimizer):
        for x, labels in batches():
            x = x.astype(model.dtype)
            if captured:
                model.training_pass(x, labels, loss)
            else:
                model.backward(loss(model.forward(x, training=True), labels)[1])
            layer = next(iter(model.layers.values()))
            inside = model.last[next(iter(model.layers))].copy()
            weights = [
                layer.params["recurrent_weight"].copy(),
                layer.grads["recurrent_weight"].copy(),
            ]
            left.append((inside, weights))
            optimizer.step(model.params, model.grads)
    return flow.to_dict(), left


def expected(inside, weights, layer):
    """Every field, worked out from the arrays alone."""
    turn = slice(None, None, -1) if layer.reverse else slice(None)
    h, above = (a[:, turn].astype(float) for a in (inside.hidden_gradient, inside.upstream))
    gates = inside.hidden if isinstance(layer, nn.RNN) else inside.gates
    norms = np.linalg.norm(h, axis=(0, 2))
    handed, state = [h[:, :-1] - above[:, :-1]], [h[:, 1:]]
    made = {"cell_gradient_norm": np.full(64, np.nan)}
    reached = h.shape[1] > LAGS
    if isinstance(layer, nn.LSTM):
        c, f = inside.cell_gradient[:, turn], layer.gate("f", inside.gates)[:, turn]
        kept = np.concatenate([(f * c)[:, 1:], 0 * c[:, :1]], axis=1)
        handed.append(kept[:, :-1])
        state.append(kept[:, 1:])
        cells = np.linalg.norm(c.astype(float), axis=(0, 2))[::-1]
        made["cell_gradient_norm"][reached] = cells[LAGS[reached]]
    sizes = [np.sqrt((np.array(parts) ** 2).sum(axis=(0, 1, 3))) for parts in (handed, state)]
    there = (sizes[0] > 0) & (sizes[1] > 0)  # no gradient has no factor
    ratio = sizes[0][there] / sizes[1][there]
    by_lag = np.full(64, np.nan)
    by_lag[reached] = norms[::-1][LAGS[reached]]
    with np.errstate(all="ignore"):
        made["time_rate"] = np.exp(np.log(ratio).mean()) if len(ratio) else np.nan
    made |= {"hidden_gradient_norm": by_lag, "time_first": norms[0]}
    parts = [layer.gate(name, gates) for name in layer.gates]
    blocks, grads = ([layer.gate(g, w).astype(float) for g in layer.gates] for w in weights)
    ends = {"h": layer.saturation, "g": (-0.97, 0.97), "n": (-0.97, 0.97)}
    ends = [ends.get(name, (0.015, 0.985)) for name in layer.gates]
    made["gate_mean"] = [part.mean(dtype=float) for part in parts]
    made["gate_low"] = [np.mean(p <= np.float32(a)) for p, (a, _) in zip(parts, ends, strict=True)]
    made["gate_high"] = [
        np.nan if np.isnan(b) else np.mean(p >= np.float32(b))
        for p, (_, b) in zip(parts, ends, strict=True)
    ]
    made["gate_weight_norm"] = [np.linalg.norm(block) for block in blocks]
    made["gate_gradient_norm"] = [np.linalg.norm(block) for block in grads]
    made["spectral_radius"] = [np.abs(np.linalg.eigvals(block)).max() for block in blocks]
    return made


@pytest.mark.parametrize("last", [True, False])
@pytest.mark.parametrize("cell", CELLS)
def test_every_field_is_that_of_the_arrays(cell, last):
    model = network(cell, last=last)
    record, left = trained(model)
    layer = next(iter(model.layers.values()))
    for row, (inside, weights) in enumerate(left):
        assert record["time_steps"][row].tolist() == [STEPS[row]]
        for name, value in expected(inside, weights, layer).items():
            found = record[name][row]
            np.testing.assert_allclose(np.ravel(found), np.ravel(value), rtol=2e-5, err_msg=name)


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_captured_or_layer_by_layer_it_is_the_same_record(cell):
    records = [trained(network(cell), captured)[0] for captured in (True, False)]
    for name in FIELDS:
        np.testing.assert_array_equal(records[0][name], records[1][name], err_msg=name)


def test_the_readable_kernels_record_the_same_to_rounding():
    compiled = trained(network("lstm", np.float64))[0]
    with nn.use_kernels("reference"):
        read = trained(network("lstm", np.float64))[0]
    for name in FIELDS:
        np.testing.assert_allclose(compiled[name], read[name], rtol=1e-9, err_msg=name)


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_a_recorder_given_the_arrays_writes_the_same(cell):
    model = network(cell)
    record, left = trained(model)
    layers, params = describe_network(model, {})
    recorder = nn.Recorder(layers, params)
    name, layer = next(iter(model.layers.items()))
    for inside, weights in left:
        recorder.input(inside.input)
        for info in layers:
            recorder.output(info.name, inside.output if info.name == name else None)
            recorder.gradient(info.name, None)
        for param in params:
            recorder.param(param.name, model.params[param.name])
        recorder.recurrent(
            *(name, inside.hidden_gradient, inside.upstream),
            *(None if cell == "rnn" else inside.gates, *weights),
            cell_gradient=inside.cell_gradient if cell == "lstm" else None,
        )
        recorder.end_step(loss=1.0)
    built = recorder.to_dict()
    for name in (*FIELDS, "gates", "recurrent_layers", "time_steps"):
        np.testing.assert_array_equal(built[name], record[name], err_msg=name)
    assert layer.gates == tuple(text.split()[-1] for text in record["gates"])


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("cuts", ["mask", "truncate"])
def test_masked_and_truncated_sequences_hand_on_what_they_do(cuts, reverse):
    """What a cell gets from the step after it is dL/dc without what came by way of h."""
    lstm = nn.LSTM(3, 7, reverse=reverse)
    model = nn.Sequential(lstm, nn.Dense(7, 2), seed=1, dtype=np.float64)
    rng = np.random.default_rng(3)
    mask = np.arange(9) < rng.integers(4, 10, 6)[:, None]
    given = {"mask": mask} if cuts == "mask" else {"truncate": 4}
    flow, optimizer = nn.GradientFlow(model), nn.SGD(lr=0.1)
    with flow.attached(optimizer):
        x, y = rng.standard_normal((6, 9, 3)), rng.standard_normal((6, 9, 2))
        model.training_pass(x, y, nn.MeanSquaredError(), **given)
        inside = model.last["0.lstm"].copy()
        optimizer.step(model.params, model.grads)
    real = mask[:, :, None] if cuts == "mask" else 1.0
    shown = real * inside.hidden_gradient * lstm.gate("o", inside.gates)
    kept = inside.cell_gradient - shown * (1 - np.tanh(inside.cell) ** 2)
    handed = np.concatenate([inside.hidden_gradient - inside.upstream, kept], axis=2)
    state = np.concatenate([inside.hidden_gradient, kept], axis=2)
    norms = [np.linalg.norm(a[:, :: -1 if reverse else 1], axis=(0, 2)) for a in (handed, state)]
    there = (norms[0][:-1] > 1e-12) & (norms[1][1:] > 1e-12)  # less is a difference's rounding
    expected = np.exp(np.log(norms[0][:-1][there] / norms[1][1:][there]).mean())
    assert flow.to_dict()["time_rate"][0, 0] == pytest.approx(expected, rel=1e-9)


def test_a_recorder_draws_what_it_holds():
    model = network("gru")
    flow, optimizer = nn.GradientFlow(model, label="drawn"), nn.SGD(lr=0.1)
    with flow.attached(optimizer):
        for x, labels in batches():
            model.training_pass(x, labels, nn.SoftmaxCrossEntropy())
            optimizer.step(model.params, model.grads)
    assert len(flow.plot_through_time("0.gru").axes) == 4  # three panels and a colour bar


def test_recording_changes_no_bit_and_threads_change_none_of_the_record():
    plain = network("lstm")
    optimizer, loss = nn.SGD(lr=0.5), nn.SoftmaxCrossEntropy()
    for x, labels in batches():
        plain.training_pass(x, labels, loss)
        optimizer.step(plain.params, plain.grads)
    recorded = network("lstm")
    one = trained(recorded)[0]
    np.testing.assert_array_equal(recorded.params.flat, plain.params.flat)
    before = nn.get_num_threads()
    try:
        nn.set_num_threads(2)
        two = trained(network("lstm"))[0]
    finally:
        nn.set_num_threads(before)
    for name in FIELDS:
        np.testing.assert_array_equal(one[name], two[name], err_msg=name)


def test_a_layer_of_ones_own_that_leaves_nothing_behind_is_nan():
    class Sum(nn.Layer):
        kind, role = "sum", "recurrent"

        def forward(self, x, training=False):
            return x.cumsum(axis=1), None

        def backward(self, dy, cache, accumulate=False, input_gradient=True):
            return dy[:, ::-1].cumsum(axis=1)[:, ::-1]

    model = nn.Sequential(Sum(), nn.LastStep(), nn.Dense(3, 2))
    flow, optimizer = nn.GradientFlow(model), nn.SGD(lr=0.1)
    with flow.attached(optimizer):
        for x, labels in batches():
            model.training_pass(x, labels, nn.SoftmaxCrossEntropy())
            optimizer.step(model.params, model.grads)
    record = flow.to_dict()
    assert record["gates"].tolist() == ["0.sum h"]
    assert np.isnan(record["time_rate"]).all()
