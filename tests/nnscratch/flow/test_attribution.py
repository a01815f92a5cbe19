"""Attribution: the split against finite products of norms taken from raw arrays."""

import numpy as np
import pytest

import nnscratch as nn
from nnscratch_records.attribution import TERMS, attribute

RNG = np.random.default_rng(3)
X = RNG.standard_normal((24, 7))
LABELS = RNG.integers(0, 3, 24)


def network(dtype=np.float64):
    return nn.Sequential(
        nn.Dense(7, 9),
        nn.BatchNorm(9),
        nn.ELU(),
        nn.Dropout(0.25),
        nn.Dense(9, 8),
        nn.Tanh(),
        nn.Dense(8, 6),
        nn.ReLU(),
        nn.Dense(6, 3),
        seed=5,
        dtype=dtype,
    )


def recorded(model, steps=3, **options):
    """Return the record, and a copy of each step's trace and of batch norm's gamma."""
    flow = nn.GradientFlow(model, histograms=False, **options)
    loss, optimizer = nn.SoftmaxCrossEntropy(), nn.SGD(lr=0.3)
    traces = []
    with flow.attached(optimizer):
        for _ in range(steps):
            model.training_pass(X.astype(model.dtype), LABELS, loss)
            traces.append((model.last.copy(), model.params["1.gamma"].copy()))
            optimizer.step(model.params, model.grads)
    return flow.to_dict(), traces


def norm(array):
    return np.sqrt((np.asarray(array, np.float64) ** 2).sum())


def rms(array):
    return np.sqrt((np.asarray(array, np.float64) ** 2).mean())


@pytest.fixture(scope="module")
def made():
    record, traces = recorded(network())
    return record, attribute(record), traces


def test_backward_is_the_ratio_of_raw_norms(made):
    _, attribution, traces = made
    for row, (trace, _) in enumerate(traces):
        layers = list(trace.values())
        assert np.isnan(attribution.backward[row, 0])
        for i in range(1, len(layers)):
            factor = norm(layers[i - 1].upstream) / norm(layers[i].upstream)
            assert 10 ** attribution.backward[row, i] == pytest.approx(factor, rel=1e-12)


def test_forward_is_the_ratio_of_raw_sizes(made):
    _, attribution, traces = made
    for row, (trace, _) in enumerate(traces):
        for i, layer in enumerate(trace.values()):
            factor = rms(layer.output) / rms(layer.input)
            assert 10 ** attribution.forward[row, i] == pytest.approx(factor, rel=1e-12)


def test_batchnorm_splits_into_its_scale_and_the_rest(made):
    _, attribution, traces = made
    for row, (trace, gamma) in enumerate(traces):
        x = trace["1.batchnorm"].input
        scale = rms(gamma / np.sqrt(x.var(axis=0) + 1e-3))
        parts = attribution.between("0.dense", "1.batchnorm", step=row)
        assert 10 ** parts["scale"] == pytest.approx(scale, rel=1e-12)
        projected = norm(trace["0.dense"].upstream) / norm(trace["1.batchnorm"].upstream) / scale
        assert 10 ** parts["projection"] == pytest.approx(projected, rel=1e-12)
        assert parts["weights"] == parts["derivative"] == parts["noise"] == 0


def test_terms_are_those_of_the_layers_and_their_product_is_the_whole(made):
    _, attribution, traces = made
    for row, (trace, _) in enumerate(traces):
        parts = attribution.between("0.dense", "8.dense", step=row)
        factors = {name: 10**value for name, value in parts.items()}
        below = {
            "weights": ("4.dense", "6.dense", "8.dense"),
            "derivative": ("2.elu", "5.tanh", "7.relu"),
            "noise": ("3.dropout",),
        }
        names = list(trace)
        for term, layers in below.items():
            product = np.prod(
                [
                    norm(trace[names[names.index(n) - 1]].upstream) / norm(trace[n].upstream)
                    for n in layers
                ]
            )
            assert factors[term] == pytest.approx(product, rel=1e-12)
        whole = norm(trace["0.dense"].upstream) / norm(trace["8.dense"].upstream)
        assert np.prod(list(factors.values())) == pytest.approx(whole, rel=1e-12)


def test_between_without_a_step_is_the_mean(made):
    _, attribution, _ = made
    rows = [attribution.between("0.dense", "6.dense", step=step) for step in range(3)]
    mean = attribution.between("0.dense", "6.dense")
    for term in TERMS:
        assert mean[term] == pytest.approx(np.mean([row[term] for row in rows]))


def test_float32_records():
    record, traces = recorded(network(np.float32), steps=1)
    attribution = attribute(record)
    trace = traces[0][0]
    factor = norm(trace["5.tanh"].upstream) / norm(trace["6.dense"].upstream)
    assert 10 ** attribution.backward[0, 6] == pytest.approx(factor, rel=1e-6)


def test_layers_that_were_not_recorded_are_a_term_of_their_own():
    record, traces = recorded(network(), layers=["0.dense", "5.tanh", "6.dense", "8.dense"])
    attribution = attribute(record)
    assert attribution.terms == ("weights", "unrecorded", "weights", "unrecorded")
    parts = attribution.between("0.dense", "8.dense", step=0)
    trace = traces[0][0]
    whole = norm(trace["0.dense"].upstream) / norm(trace["8.dense"].upstream)
    assert 10 ** sum(parts.values()) == pytest.approx(whole, rel=1e-12)
    assert parts["scale"] == parts["derivative"] == 0
    assert attribution.notes == ()


def test_a_gradient_of_zero_is_said():
    model = network()
    model.params["6.weight"][...] = 0
    model.params["6.bias"][...] = 0.5  # the ReLU above lets everything through
    record, _ = recorded(model, steps=1)
    attribution = attribute(record)
    assert attribution.backward[0, 6] == -np.inf  # the layer that lost it all
    assert np.isnan(attribution.backward[0, 5])  # nothing there to lose
    assert attribution.notes[0].startswith(
        "the gradient is zero at 0.dense to 5.tanh (6 layers) at step 0"
    )
    assert "no logarithm there" in repr(attribution)


def test_what_is_not_finite_is_said():
    model = network()
    model.params["6.weight"][0, 0] = np.nan
    record, _ = recorded(model, steps=1)
    attribution = attribute(record)
    assert np.isnan(attribution.backward[0, 6])
    assert np.isnan(attribution.forward[0, 6])
    assert np.isfinite(attribution.forward[0, :6]).all()
    assert any("not finite" in note for note in attribution.notes)


def test_bad_questions_are_errors(made):
    _, attribution, _ = made
    with pytest.raises(nn.ConfigError, match="exchange them"):
        attribution.between("8.dense", "0.dense")
    with pytest.raises(nn.ConfigError, match=r"did you mean '5\.tanh'"):
        attribution.between("0.dense", "5.tan")
    with pytest.raises(nn.ConfigError, match="step 7 was not recorded: recorded are 3 steps"):
        attribution.between("0.dense", "8.dense", step=7)


def test_repr_shows_every_layer(made):
    _, attribution, _ = made
    shown = repr(attribution)
    assert all(name in shown for name in attribution.layers)
    assert "scale + projection" in shown


def test_whole_branch_and_skip_gradient_at_a_block_and_what_the_branch_adds():
    inner = nn.LayerNorm(9), nn.Tanh(), nn.Dense(9, 9)
    model = nn.Sequential(
        *(nn.Dense(7, 9), nn.Residual(*inner, scale=0.5), nn.Dense(9, 3)), seed=1, dtype=np.float64
    )
    flow = nn.GradientFlow(model, histograms=False)
    loss, optimizer = nn.SoftmaxCrossEntropy(), nn.SGD(lr=0.3)
    with flow.attached(optimizer):
        model.training_pass(X, LABELS, loss)
        arrived = {name: norm(layer.upstream) for name, layer in model.last.items()}
        optimizer.step(model.params, model.grads)
    attribution = flow.attribution()
    assert attribution.roles.count("join") == 1
    whole = np.log10(arrived["0.dense"] / arrived["2.dense"])
    ways = ([], ["1.skip"], ["1.2.dense"])
    skip, _, branch = parts = [attribution.between("0.dense", "2.dense", path=p) for p in ways]
    for one in parts:
        assert sum(one.values()) == pytest.approx(whole, rel=1e-12)
    surplus = np.log10(arrived["0.dense"] / arrived["1.skip"])
    assert skip["sum"] == pytest.approx(surplus, rel=1e-9)  # nothing is lost on the skip
    scaled = np.log10(arrived["1.2.dense"] / arrived["1.sum"])
    assert scaled == pytest.approx(np.log10(0.5), rel=1e-12)
    surplus = np.log10(arrived["0.dense"] / arrived["1.branch"])
    assert branch["sum"] == pytest.approx(surplus + scaled, rel=1e-9)
    assert branch["norm"] == pytest.approx(
        np.log10(arrived["1.branch"] / arrived["1.0.layernorm"]), rel=1e-9
    )
