"""Networks of nodes: branches, tied weights, any number of positions."""

import copy

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.network import Network

RNG = np.random.default_rng(0)
X = RNG.standard_normal((12, 6))
LABELS = RNG.integers(0, 4, 12)
LOSS = nn.SoftmaxCrossEntropy()


def residual(**options):
    return nn.Residual(nn.LayerNorm(6), nn.Tanh(), nn.Dense(6, 6), **options)


def nested():
    return [
        nn.Residual(residual(scale=0.5), nn.RMSNorm(6), nn.GELU(), scale=2.0),
        nn.Residual(nn.Dense(6, 5), nn.ELU(), skip=nn.Dense(6, 5)),
        nn.Dense(5, 4),
    ]


def tied():
    shared = nn.Dense(6, 6)
    return [
        shared,
        nn.Tanh(),
        nn.Residual(nn.Tanh(), shared),
        nn.Softsign(),
        shared,
        nn.Dense(6, 4),
    ]


def first_and_last():
    return [residual(), nn.Dense(6, 4), nn.Residual(nn.Sigmoid(), nn.Dense(4, 4), scale=-0.3)]


def with_batchnorm():
    return [nn.Residual(nn.BatchNorm(6), nn.ReLU(), nn.Dense(6, 6)), nn.Dense(6, 4)]


NETWORKS = {f.__name__: f for f in (nested, tied, first_and_last, with_batchnorm)}


@pytest.fixture(params=NETWORKS)
def parts(request):
    return NETWORKS[request.param]


def test_gradients_are_right(parts):
    model = nn.Sequential(*parts(), dtype=np.float64, seed=3)
    assert nn.check_gradients(model, LOSS, X, LABELS) < 1e-6


@pytest.mark.parametrize("norm", [nn.LayerNorm, nn.RMSNorm])
@pytest.mark.parametrize("place", range(4))
def test_norms_in_every_position(norm, place):
    parts = [nn.Dense(6, 6), nn.Tanh(), nn.Dense(6, 6), nn.ELU()]
    parts.insert(place, norm(6))
    model = nn.Sequential(*parts, dtype=np.float64, seed=1)
    model.params.flat[...] += 0.2 * RNG.standard_normal(model.params.flat.size)
    assert nn.check_gradients(model, x=X) < 1e-6
    assert nn.check_gradients(norm(6), x=X) < 1e-6


def test_gradients_by_position(parts):
    if parts is with_batchnorm:
        pytest.skip("the batch's statistics tell rows and positions apart by nothing")
    x = RNG.standard_normal((3, 2, 2, 6))
    labels = RNG.integers(0, 4, (3, 2, 2))
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
    dy = RNG.standard_normal((12, 6))
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
    dy = RNG.standard_normal((12, 6))
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


def test_what_is_wrong_is_named():
    with pytest.raises(nn.ShapeError, match=r"'0.sum' adds .*, got 5 features .* and 6 from the"):
        nn.Sequential(nn.Residual(nn.Dense(6, 5)))
    with pytest.raises(nn.ShapeError, match=r"'1.sum' adds .*, got 5 features .* and 6 from the"):
        nn.Sequential(nn.Dense(4, 6), nn.Residual(nn.ReLU(), nn.Dense(6, 5)), nn.Dense(5, 2))
    join = nn.Sum()
    join.initialize(0)
    with pytest.raises(nn.ShapeError, match=r"adds arrays of one shape.*\(12, 5\).*\(12, 6\)"):
        join.forward(np.zeros((12, 5), np.float32), np.zeros((12, 6), np.float32))
    with pytest.raises(nn.ConfigError, match=r"theory can follow layers in a row only.*'0.skip'"):
        nn.predict(nn.Sequential(residual(), nn.Dense(6, 4)))
    with pytest.raises(nn.ConfigError, match=r"nobody takes the output of '0.dense'"):
        Network(lambda writer: [writer.put(nn.Dense(6, 2), -1) for _ in range(2)])
    with pytest.raises(nn.ConfigError, match="at least one layer in its branch"):
        nn.Residual()

    class Odd(nn.Identity):
        role = "magic"

    with pytest.raises(nn.ConfigError, match=r"'0.identity' says that its role is 'magic'"):
        nn.Sequential(Odd())


class Hands(nn.Layer):
    """The identity, which hands down what `change` makes of the gradient."""

    kind, role = "hands", "shape"

    def __init__(self, change):
        super().__init__()
        self.change = change

    def forward(self, x, training=False):
        return x, None

    def backward(self, dy, cache, accumulate=False, input_gradient=True):
        return self.change(dy)


PLACES = {
    "dense": lambda layer: [nn.Dense(6, 6), layer],
    "activation": lambda layer: [nn.Dense(6, 6), nn.Tanh(), layer],
    "fork": lambda layer: [nn.Dense(6, 6), nn.Residual(layer)],
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        (lambda dy: dy[:2], nn.ShapeError, r"hands'.* of shape \(12, 6\), got shape \(2, 6\)"),
        (lambda dy: None, nn.ShapeError, r"hands'.* got None"),
        (lambda dy: dy * np.float64(2), nn.DtypeError, "hands' must return float32, got float64"),
    ],
    ids=["shape", "none", "dtype"],
)
def test_a_gradient_that_does_not_fit_is_refused_by_the_layers_name(place, change, error, match):
    model = nn.Sequential(*PLACES[place](Hands(change)), nn.Dense(6, 4))
    with pytest.raises(error, match=match):
        model.training_pass(X.astype(np.float32), LABELS, LOSS)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    "change",
    [np.asfortranarray, lambda dy: np.broadcast_to(dy.mean(axis=0), dy.shape)],
    ids=["columns", "broadcast"],
)
def test_a_gradient_may_lie_anyhow_in_memory(place, change):
    made = []
    for layer in (Hands(change), Hands(lambda dy: np.array(change(dy), order="C"))):
        model = nn.Sequential(*PLACES[place](layer), nn.Dense(6, 4))
        model.training_pass(X.astype(np.float32), LABELS, LOSS)
        made.append(model.grads.flat)
    np.testing.assert_array_equal(*made)


def test_a_join_returns_a_gradient_for_each_input():
    class Half(nn.layers.Sum):
        def backward(self, dy, cache, accumulate=False, input_gradient=True):
            return np.stack([dy, dy])  # two of them, but no tuple

    def write(writer):
        dense = writer.put(nn.Dense(6, 4), -1)
        writer.put_own(Half(), dense, dense)

    with pytest.raises(nn.ShapeError, match="'sum' must return a tuple of 2 gradients"):
        Network(write).training_pass(X.astype(np.float32), LABELS, LOSS)


def test_the_width_of_the_input_is_not_that_of_a_wider_layer():
    class Beside(nn.Layer):
        kind, role = "beside", "shape"

        def output_features(self, features):
            return None if features is None else 2 * features

        def forward(self, x, training=False):
            return np.concatenate([x, -x], axis=-1), None

        def backward(self, dy, cache, accumulate=False, input_gradient=True):
            return dy[..., :6] - dy[..., 6:]

    model = nn.Sequential(Beside(), nn.Dense(12, 4), dtype=np.float64)
    assert (model.features_in, model.features_out) == (None, 4)
    assert nn.check_gradients(model, LOSS, X, LABELS) < 1e-6


def test_a_block_cannot_give_two_layers_one_name():
    class Twice:
        def write(self, writer, source):
            dense = writer.put(nn.Dense(6, 6), source)
            first = writer.put_own(nn.layers.Sum(), dense, source)
            return writer.put_own(nn.layers.Sum(), first, dense)

    with pytest.raises(nn.ConfigError, match=r"two layers would be called '1.sum'.* put, which"):
        nn.Sequential(nn.Dense(6, 6), Twice())


class Gives:
    """A block that says it gives the output of another node than its last."""

    def __init__(self, given):
        self.given = given

    def write(self, writer, source):
        first = writer.put(nn.Dense(6, 6), source)
        writer.put(nn.Tanh(), first)
        return self.given

    def __repr__(self):
        return "Gives()"


@pytest.mark.parametrize("given", [None, 77, "0.dense", -2])
def test_what_a_block_gives_is_a_node(given):
    with pytest.raises(nn.ConfigError, match=r"write of block 0 \(Gives\(\)\) must return.* got"):
        nn.Sequential(Gives(given))


def test_the_last_part_gives_the_output_of_the_last_node():
    with pytest.raises(nn.ConfigError, match=r"output of '0.0.dense', but writes '0.1.tanh'"):
        nn.Sequential(Gives(0))
    assert len(nn.Sequential(Gives(1)).nodes) == 2


def test_the_scale_of_a_block_is_that_of_its_sum():
    block = residual(scale=0.5)
    model = nn.Sequential(block, nn.Dense(6, 4))
    half = model(X.astype(np.float32)).copy()
    block.scale = 2.0
    twice = model(X.astype(np.float32)).copy()
    assert model.layers["0.sum"].scale == 2
    assert not np.array_equal(half, twice)
    again = nn.Sequential(residual(scale=2.0), nn.Dense(6, 4))
    np.testing.assert_array_equal(again(X.astype(np.float32)), twice)
    with pytest.raises(nn.ConfigError, match="Residual scale must be a finite number"):
        block.scale = np.nan


def test_a_model_is_a_sequence_of_its_parts(parts):
    given = parts()
    model = nn.Sequential(*given, dtype=np.float64)
    assert len(model) == len(given)
    assert list(model) == given
    assert model[0] is given[0]
    assert (model[-1], model[-len(given)]) == (given[-1], given[0])
    np.testing.assert_array_equal(model(X).copy(), model.forward(X))
    for wrong in (len(given), -len(given) - 1):
        with pytest.raises(IndexError, match=f"has {len(given)} parts"):
            model[wrong]
    with pytest.raises(nn.ConfigError, match=r"takes a whole number, got '0.dense'"):
        model["0.dense"]
    text = str(model.summary())
    assert all(name in text for name in model.layers)
    assert f"{model.params.flat.size:,} parameters" in text


def test_the_input_may_be_the_target():
    """An autoencoder's batch is its own target at the first step, and another array at the next."""
    rng = np.random.default_rng(0)
    x, other, target = rng.standard_normal((3, 32, 6)).astype(np.float32)
    found, expected = (nn.Sequential(nn.Dense(6, 6), nn.Tanh(), seed=1) for _ in range(2))
    loss = nn.MeanSquaredError()
    for given, wanted in ((x, x), (other, target), (target, target), (x, other)):
        value = found.training_pass(given, wanted, loss)
        want, doutput = loss(expected.forward(given, training=True), wanted)
        expected.backward(doutput)
        assert value == want
        np.testing.assert_array_equal(found.grads.flat, expected.grads.flat)


def test_a_parameter_that_is_set_is_copied_into_its_place():
    model = nn.Sequential(nn.Dense(6, 4), nn.LeakyReLU(0.1), dtype=np.float64)
    layer = model[0]
    weight = RNG.standard_normal((6, 4))
    layer.params["weight"] = weight
    np.testing.assert_array_equal(model.params["0.weight"], weight)
    model.params["0.bias"] = np.arange(4)
    np.testing.assert_array_equal(layer.params["bias"], np.arange(4))
    before = LOSS(model.forward(X), LABELS)[0]
    model[1].slope = 0.9
    assert LOSS(model.forward(X), LABELS)[0] != before
    expected = X @ weight + np.arange(4)
    np.testing.assert_allclose(model.output, np.where(expected > 0, expected, 0.9 * expected))
    for name, values, error, message in (
        ("weight", weight.T, nn.ShapeError, r"'weight' has shape \(6, 4\), got .*\(4, 6\)"),
        (
            "weight",
            weight.astype(str),
            nn.DtypeError,
            "'weight' must hold numbers that float64 can be",
        ),
        ("wait", weight, nn.UnknownNameError, "wait"),
    ):
        with pytest.raises(error, match=message):
            layer.params[name] = values


def test_sequences_train_are_recorded_and_evaluated(tmp_path):
    """Labels for every position, through the trainer, in a captured pass where there are some."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((40, 5, 6))
    labels = (x[..., 0] > 0).astype(int) + 2 * (x[..., 1] > 0)
    model, flat = (nn.Sequential(*first_and_last(), seed=2) for _ in range(2))
    flow = nn.GradientFlow(model)
    trainer = nn.Trainer(model, LOSS, nn.Adam(lr=0.03))
    trainer.fit(x, labels, epochs=40, batch_size=10, callbacks=[flow], progress=False)
    assert model.last["1.dense"].output.shape == (10, 5, 4)
    record = flow.to_dict()
    for i, layer in enumerate(model.last.values()):
        norm = np.linalg.norm(layer.upstream.astype(np.float64))
        assert record["gradient_norm"][-1, i] == pytest.approx(norm, rel=1e-5)
    loss, accuracy = trainer.evaluate(x, labels)
    assert loss < 0.5
    assert accuracy > 0.8
    flat.params.flat[...] = model.params.flat
    given = x.astype(np.float32)
    value = model.training_pass(given, labels, LOSS)
    assert value == flat.training_pass(
        given.reshape(-1, 6), labels.ravel(), nn.SoftmaxCrossEntropy()
    )
    np.testing.assert_array_equal(model.grads.flat, flat.grads.flat)
    with pytest.raises(nn.ShapeError, match=r"y has shape \(40, 4\), expected \(40, 5\)"):
        trainer.fit(x, labels[:, :4], epochs=1, batch_size=10, progress=False)
    x[1, 2, 3] = np.nan
    with pytest.raises(nn.DataError, match=r"not finite: nan"):
        trainer.fit(x, labels, epochs=1, batch_size=10, progress=False)


def test_layers_of_a_network_are_not_exchanged():
    model = nn.Sequential(nn.Dense(6, 4), seed=0)
    with pytest.raises(nn.ConfigError, match=r"layers\['0\.dense'\] = ReLU\(\) would change none"):
        model.layers["0.dense"] = nn.ReLU()
    twin = copy.deepcopy(model)
    assert twin.layers["0.dense"] is twin.nodes[0].layer is not model.layers["0.dense"]
