"""Networks that fork: gradients, names and traces, also of captured passes and copies."""

import copy

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.network.network import Network

from .forks import LABELS, LOSS, X, nested, residual, with_batchnorm


def test_gradients_are_right(parts):
    model = nn.Sequential(*parts(), dtype=np.float64, seed=3)
    assert nn.check_gradients(model, LOSS, X, LABELS) < 1e-6


@pytest.mark.parametrize("norm", [nn.LayerNorm, nn.RMSNorm])
@pytest.mark.parametrize("place", range(4))
def test_norms_in_every_position(norm, place):
    parts = [nn.Dense(6, 6), nn.Tanh(), nn.Dense(6, 6), nn.ELU()]
    parts.insert(place, norm(6))
    model = nn.Sequential(*parts, dtype=np.float64, seed=1)
    model.params.flat[...] += 0.2 * np.random.default_rng(1).standard_normal(model.params.flat.size)
    assert nn.check_gradients(model, x=X) < 1e-6
    assert nn.check_gradients(norm(6), x=X) < 1e-6


def test_gradients_by_position(parts):
    if parts is with_batchnorm:
        pytest.skip("the batch's statistics tell rows and positions apart by nothing")
    rng = np.random.default_rng(1)
    x = rng.standard_normal((3, 2, 2, 6))
    labels = rng.integers(0, 4, (3, 2, 2))
    model, flat = (nn.Sequential(*parts(), dtype=np.float64) for _ in range(2))
    assert nn.check_gradients(model, x=x) < 1e-6
    logits = model.forward(x, training=True)
    assert logits.shape == (3, 2, 2, 4)
    np.testing.assert_array_equal(
        logits.reshape(-1, 4), flat.forward(x.reshape(-1, 6), training=True)
    )
    _, dlogits = LOSS(flat.output, labels.ravel())
    flat.backward(dlogits)
    model.backward(dlogits.reshape(logits.shape))
    np.testing.assert_array_equal(model.grads.flat, flat.grads.flat)


def test_names_say_where_a_layer_stands():
    model = nn.Sequential(*nested(), dtype=np.float64)
    assert list(model.layers) == [
        *("0.branch", "0.0.branch", "0.0.0.layernorm", "0.0.1.tanh", "0.0.2.dense", "0.0.skip"),
        *("0.0.sum", "0.1.rmsnorm", "0.2.gelu", "0.skip", "0.sum"),
        *("1.branch", "1.0.dense", "1.1.elu", "1.skip", "1.2.dense", "1.sum", "2.dense"),
    ]
    assert "0.0.2.weight" in model.params
    assert model.owners["0.0.0.gamma"] == "0.0.0.layernorm"
    assert [node.block for node in model.nodes][:3] == ["0", "0.0", "0.0"]


def test_the_trace_of_a_block_adds_up():
    model = nn.Sequential(nn.Dense(6, 6), residual(scale=0.7), nn.Dense(6, 4), dtype=np.float64)
    trace = model.trace(X, LABELS, LOSS)
    np.testing.assert_allclose(
        trace["1.sum"].output, trace["0.dense"].output + 0.7 * trace["1.2.dense"].output, rtol=1e-14
    )
    branch, skip = trace["1.branch"].upstream, trace["1.skip"].upstream
    np.testing.assert_array_equal(skip, trace["1.sum"].upstream)
    np.testing.assert_array_equal(trace["1.2.dense"].upstream, 0.7 * trace["1.sum"].upstream)
    np.testing.assert_allclose(trace["0.dense"].upstream, branch + skip, rtol=1e-14)
    assert len(trace["1.sum"].inputs) == len(trace["1.sum"].downstreams) == 2


def test_a_tensor_of_four_consumers_sums_their_gradients():
    dense = [nn.Dense(6, 6) for _ in range(4)]

    def write(writer):
        source = writer.put(nn.Tanh(), -1)
        ends = [writer.put(layer, source) for layer in dense]
        total = ends[0]
        for end in ends[1:]:
            total = writer.put(nn.layers.Sum(), end, total)

    model = Network(write, dtype=np.float64)
    assert nn.check_gradients(model, x=X) < 1e-6
    dy = np.random.default_rng(1).standard_normal((12, 6))
    model.forward(X)
    model.backward(dy)
    expected = sum(dy @ layer.params["weight"].T for layer in dense)
    np.testing.assert_allclose(model.last["0.tanh"].upstream, expected, rtol=1e-13)


def test_tied_weights_are_one_parameter_with_the_sum_of_the_gradients():
    shared = nn.Dense(6, 6)
    model = nn.Sequential(shared, nn.Tanh(), shared, nn.Tanh(), shared, dtype=np.float64)
    assert model.params.names == ("0.weight", "0.bias")
    untied = nn.Sequential(
        *(part for _ in range(3) for part in (nn.Dense(6, 6), nn.Tanh())), dtype=np.float64
    )
    for i in (0, 2, 4):
        untied.params[f"{i}.weight"] = model.params["0.weight"]
    dy = np.random.default_rng(1).standard_normal((12, 6))
    y = model.forward(X)
    expected = untied.forward(X)
    np.testing.assert_allclose(np.tanh(y), expected, rtol=1e-14)
    untied.backward(dy / (1 - expected**2))
    for accumulate in (False, True):
        model.backward(dy, accumulate=accumulate)
        total = sum(untied.grads[f"{i}.weight"] for i in (0, 2, 4))
        np.testing.assert_allclose(
            model.grads["0.weight"], total * (1 + accumulate), rtol=1e-10, atol=1e-14
        )


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_a_captured_pass_is_the_pass_layer_by_layer(parts, threads, request):
    if nn.active_kernels() != "numba":
        pytest.skip("only compiled kernels are captured")
    before = nn.get_num_threads()
    request.addfinalizer(lambda: nn.set_num_threads(before))
    nn.set_num_threads(threads)
    model, expected = (nn.Sequential(*parts(), seed=5) for _ in range(2))
    optimizers = nn.SGD(lr=0.1), nn.SGD(lr=0.1)
    rng = np.random.default_rng(1)
    for _ in range(4):
        x, labels = rng.standard_normal((64, 6), np.float32), rng.integers(0, 4, 64)
        assert model.captured(x, labels, LOSS) is not None
        value = model.training_pass(x, labels, LOSS)
        want, dlogits = LOSS(expected.forward(x, training=True), labels)
        expected.backward(dlogits)
        assert value == want
        np.testing.assert_array_equal(model.grads.flat, expected.grads.flat)
        for name, layer in model.last.items():
            np.testing.assert_array_equal(layer.upstream, expected.last[name].upstream)
        for one, optimizer in zip((model, expected), optimizers, strict=True):
            optimizer.step(one.params, one.grads)
    text = str(model.captured(x, labels, LOSS))
    assert "add_scaled" in text


def test_a_twin_is_independent(parts):
    model = nn.Sequential(*parts(), dtype=np.float64)
    twin = copy.deepcopy(model)
    twin.params.flat[...] = 0
    assert np.any(model.params.flat != 0)
    for node in twin.nodes:
        for values in node.layer.params.values():
            assert np.shares_memory(values, twin.params.flat)
    assert nn.check_gradients(twin, LOSS, X, LABELS) < 1e-6


@pytest.mark.parametrize(
    "block",
    [nn.Residual(nn.Tanh(), skip=nn.Dense(6, 4)), nn.Residual(nn.Dense(6, 4), skip=nn.Tanh())],
)
def test_a_sum_is_as_wide_as_what_is_known_of_either_side(block):
    with pytest.raises(nn.ShapeError, match=r"'1.dense' .*5.*4"):
        nn.Sequential(block, nn.Dense(5, 2))


def test_what_lies_side_by_side_is_as_wide_as_both_where_both_are_known():
    join = nn.Concatenate()
    assert join.output_shape((None, 3), (None, 4)) == (None, 7)
    assert join.output_shape((2, 5, None), (2, 5, 4)) == (2, 5, None)
    assert join.output_shape((2, 5, 3), (2, 5, None)) == (2, 5, None)


def test_what_is_wrong_is_named():
    with pytest.raises(nn.ShapeError, match=r"'0.sum' adds .*, got 5 features .* and 6 from the"):
        nn.Sequential(nn.Residual(nn.Dense(6, 5)))
    with pytest.raises(nn.ShapeError, match=r"'1.sum' adds .*, got 5 features .* and 6 from the"):
        nn.Sequential(nn.Dense(4, 6), nn.Residual(nn.ReLU(), nn.Dense(6, 5)), nn.Dense(5, 2))
    join = nn.Sum()
    join.initialize(0)
    with pytest.raises(nn.ShapeError, match=r"adds arrays of one shape.*\(12, 5\).*\(12, 6\)"):
        join.forward(np.zeros((12, 5), np.float32), np.zeros((12, 6), np.float32))
    with pytest.raises(nn.ConfigError, match=r"theory cannot follow layer '0.1.tanh' there"):
        nn.predict(nn.Sequential(residual(), nn.Dense(6, 4)))
    with pytest.raises(nn.ConfigError, match=r"nobody takes the output of '0.dense'"):
        Network(lambda writer: [writer.put(nn.Dense(6, 2), -1) for _ in range(2)])
    with pytest.raises(nn.ConfigError, match="at least one layer in its branch"):
        nn.Residual()

    class Odd(nn.Identity):
        role = "magic"

    with pytest.raises(nn.ConfigError, match=r"'0.identity' says that its role is 'magic'"):
        nn.Sequential(Odd())
