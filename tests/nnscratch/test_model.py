import copy
import tracemalloc

import numpy as np
import pytest

import nnscratch as nn

RNG = np.random.default_rng(0)
X = RNG.standard_normal((12, 4)).astype(np.float32)
LABELS = RNG.integers(0, 3, 12)


def make(*extra, seed=0, dtype=np.float32):
    layers = nn.Dense(4, 6), nn.BatchNorm(6), nn.PReLU(), *extra, nn.Dense(6, 3)
    return nn.Sequential(*layers, seed=seed, dtype=dtype)


def step(model, x=X, labels=LABELS, lr=0.1):
    value, dlogits = nn.SoftmaxCrossEntropy()(model.forward(x, training=True), labels)
    model.backward(dlogits)
    model.params.flat[...] -= model.dtype.type(lr) * model.grads.flat
    return value


# Names and memory


def test_layers_and_parameters_are_named_by_position():
    model = make(nn.Dropout(0.1), nn.LeakyReLU(), nn.GELU())
    assert list(model.layers) == [
        "0.dense", "1.batchnorm", "2.prelu", "3.dropout", "4.leakyrelu", "5.gelu", "6.dense",
    ]  # fmt: skip
    assert [layer.name for layer in model.layers.values()] == list(model.layers)
    assert model.params.names == model.grads.names == (
        "0.weight", "0.bias", "1.gamma", "1.beta", "2.slope", "6.weight", "6.bias",
    )  # fmt: skip
    assert model.statistics.names == ("1.running_mean", "1.running_variance")
    assert model.params["0.weight"].shape == (4, 6)
    assert (model.features_in, model.features_out) == (4, 3)


def test_model_layers_and_flat_arrays_share_their_memory():
    model = make()
    layer = model.layers["0.dense"]
    assert np.shares_memory(layer.params["weight"], model.params["0.weight"])
    assert np.shares_memory(layer.grads["bias"], model.grads["0.bias"])
    running = model.layers["1.batchnorm"].statistics["running_mean"]
    assert np.shares_memory(running, model.statistics["1.running_mean"])
    step(model)
    assert np.shares_memory(layer.params["weight"], model.params.flat)
    model.params.flat[...] = 0
    assert not layer.params["weight"].any()
    assert not model.forward(X).any()


@pytest.mark.parametrize("noisy", [False, True])
def test_a_step_reuses_its_buffers_and_allocates_no_arrays(noisy):
    width, rows = 128, 64
    extra = [nn.Dropout(0.1), nn.RReLU()] if noisy else []
    layers = nn.Dense(width, width), nn.BatchNorm(width), nn.ELU(), *extra, nn.Dense(width, width)
    model = nn.Sequential(*layers)
    loss = nn.SoftmaxCrossEntropy()
    x = np.random.default_rng(0).standard_normal((rows, width)).astype(np.float32)
    labels = np.zeros(rows, np.int64)

    def once():
        y = model.forward(x, training=True)
        model.backward(loss(y, labels)[1])
        return y

    with nn.use_kernels("numba"):  # the readable kernels make temporary arrays
        y = once()
        layers_before = model.last
        buffers = [layer.upstream for layer in layers_before.values()]
        once()
        tracemalloc.start()
        again = once()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert again is y
    assert all(a is b.upstream for a, b in zip(buffers, model.last.values(), strict=True))
    assert peak < x.nbytes / 2, f"{peak} bytes; one array of the batch has {x.nbytes}"


def test_nbytes_counts_parameters_and_buffers():
    model = make()
    parameters = 2 * model.params.flat.nbytes + model.statistics.flat.nbytes
    assert model.nbytes == parameters
    model.forward(X)
    assert model.nbytes >= parameters + 4 * 12 * (6 + 6 + 6 + 3)


# Seeds


def test_a_seed_gives_the_same_weights_and_noise():
    a, b, c = make(nn.Dropout(0.5)), make(nn.Dropout(0.5)), make(nn.Dropout(0.5), seed=1)
    assert np.array_equal(a.params.flat, b.params.flat)
    assert not np.array_equal(a.params.flat, c.params.flat)
    assert np.array_equal(a.forward(X, training=True), b.forward(X, training=True))
    assert [step(a) for _ in range(3)] == [step(b) for _ in range(3)]


def test_a_seed_sequence_is_a_seed_and_is_not_used_up():
    seed = np.random.SeedSequence(5).spawn(2)[1]
    a, b = make(seed=seed), make(seed=seed)
    assert np.array_equal(a.params.flat, b.params.flat)
    assert seed.n_children_spawned == 0
    assert not np.array_equal(a.params.flat, make(seed=5).params.flat)


def test_no_seed_is_another_model_every_time():
    assert not np.array_equal(make(seed=None).params.flat, make(seed=None).params.flat)


def test_changing_one_layer_leaves_the_weights_of_the_others():
    a = nn.Sequential(nn.Dense(4, 6), nn.ReLU(), nn.Dense(6, 3))
    b = nn.Sequential(nn.Dense(4, 6, init="he_normal"), nn.PReLU(), nn.Dense(6, 3))
    assert np.array_equal(a.params["2.weight"], b.params["2.weight"])
    assert not np.array_equal(a.params["0.weight"], b.params["0.weight"])


def test_both_dtypes_start_from_the_same_weights():
    single, double = make(), make(dtype=np.float64)
    np.testing.assert_allclose(single.params.flat, double.params.flat, rtol=1e-6)
    assert single.forward(X).dtype == np.float32
    np.testing.assert_allclose(
        single.forward(X), double.forward(X.astype(np.float64)), rtol=1e-4, atol=1e-5
    )


def test_noise_can_be_put_back():
    model = make(nn.Dropout(0.5))
    state = model.noise_state()
    first = model.forward(X, training=True).copy()
    assert not np.array_equal(model.forward(X, training=True), first)
    model.set_noise_state(state)
    assert np.array_equal(model.forward(X, training=True), first)


@pytest.mark.parametrize(
    "spoil", [lambda states: states[:1], lambda states: [states[0], {"bit_generator": "PCG64"}]]
)
def test_a_noise_state_of_another_network_changes_nothing(spoil):
    model = nn.Sequential(nn.Dropout(0.5), nn.Dropout(0.5), seed=0)
    states = nn.Sequential(nn.Dropout(0.5), nn.Dropout(0.5), seed=1).noise_state()
    before = model.noise_state()
    with pytest.raises(nn.DataError, match="no state of noise of this network"):
        model.set_noise_state(spoil(states))
    assert model.noise_state() == before


# Passes


def test_evaluation_takes_the_statistics_asked_for():
    model = make()
    for _ in range(3):
        step(model)
    outputs = {
        name: model.forward(X, statistics=name).copy() for name in ("running", "initial", "batch")
    }
    assert np.array_equal(model.forward(X), outputs["running"])
    assert np.array_equal(model.predict(X, statistics="initial"), outputs["initial"])
    np.testing.assert_allclose(model.forward(X, training=True), outputs["batch"], rtol=1e-6)
    model.statistics["1.running_mean"][...] = 0
    model.statistics["1.running_variance"][...] = 1
    assert np.array_equal(model.forward(X), outputs["initial"])


def test_accumulated_halves_are_the_whole_batch():
    model = nn.Sequential(nn.Dense(4, 6), nn.Tanh(), nn.Dense(6, 3), dtype=np.float64)
    loss, x = nn.SoftmaxCrossEntropy(), X.astype(np.float64)
    model.backward(loss(model.forward(x), LABELS)[1])
    whole = model.grads.flat.copy()
    for half in (slice(0, 6), slice(6, 12)):
        _, dlogits = loss(model.forward(x[half]), LABELS[half])
        model.backward(dlogits / 2, accumulate=half.start > 0)
    np.testing.assert_allclose(model.grads.flat, whole, rtol=1e-12, atol=1e-15)


def test_the_input_gradient_is_given_on_request():
    model = make()
    _, dlogits = nn.SoftmaxCrossEntropy()(model.forward(X, training=True), LABELS)
    assert model.backward(dlogits) is None
    grads = model.grads.flat.copy()
    assert model.backward(dlogits, input_gradient=True).shape == X.shape
    assert np.array_equal(model.grads.flat, grads)


def test_training_lowers_the_loss():
    model = make()
    values = [step(model) for _ in range(50)]
    assert values[-1] < 0.5 * values[0]


@pytest.mark.parametrize("batch_size", [1, 5, 12, 100])
def test_predictions_do_not_depend_on_the_batch_size(batch_size):
    model = make(nn.Dropout(0.5))
    step(model)
    expected = model.forward(X).copy()
    predicted = model.predict(X, batch_size=batch_size)
    np.testing.assert_allclose(predicted, expected, rtol=1e-5, atol=1e-6)
    model.forward(np.zeros_like(X))
    np.testing.assert_allclose(predicted, expected, rtol=1e-5, atol=1e-6)  # a copy


def test_input_in_column_order_and_with_strides_gives_the_same():
    model = make()
    expected = model.forward(X).copy()
    assert np.array_equal(model.forward(np.asfortranarray(X)), expected)
    assert np.array_equal(model.forward(np.repeat(X, 2, axis=0)[::2]), expected)


def test_not_a_number_in_the_input_passes_through_to_its_row_alone():
    x = X.copy()
    x[3, 1] = np.nan
    y = make().forward(x)
    assert np.isnan(y[3]).all()
    assert np.isfinite(np.delete(y, 3, axis=0)).all()


# Wrong use


@pytest.mark.parametrize(
    ("make_layers", "error", "message"),
    [
        (list, nn.ConfigError, "needs at least one layer"),
        (
            lambda: [nn.Dense(4, 3), "relu"],
            nn.ConfigError,
            "layer 1 must be a Layer, or a block .*, got 'relu'",
        ),
        (lambda: [nn.Dense(4, 3), nn.ReLU], nn.ConfigError, "layer 1 must be .*, got <cl"),
        (lambda: make().layers.values(), nn.ConfigError, "layer '0.dense' .* is in use already"),
        (
            lambda: [nn.Dense(4, 3), nn.Tanh(), nn.Dense(4, 2)],
            nn.ShapeError,
            r"layer '2\.dense' expects 4 features, but '1\.tanh' gives 3",
        ),
        (
            lambda: [nn.Dense(4, 3), nn.BatchNorm(4)],
            nn.ShapeError,
            r"layer '1\.batchnorm' expects 4 features, but '0\.dense' gives 3",
        ),
        (
            lambda: [nn.PReLU(5), nn.Dense(4, 3)],
            nn.ShapeError,
            r"layer '1\.dense' expects 4 features, but '0\.prelu' gives 5",
        ),
    ],
)
def test_layers_that_do_not_fit_are_refused(make_layers, error, message):
    with pytest.raises(error, match=message):
        nn.Sequential(*make_layers())


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"seed": -1}, nn.ConfigError, "seed must be a whole number >= 0, got -1"),
        ({"seed": 0.5}, nn.ConfigError, "seed must be a whole number >= 0, got 0.5"),
        ({"dtype": np.float16}, nn.DtypeError, "float32 or float64"),
    ],
)
def test_wrong_options_are_refused(options, error, message):
    with pytest.raises(error, match=message):
        nn.Sequential(nn.Dense(4, 3), **options)


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (X[:0], nn.ShapeError, r"the batch is empty: input of shape \(0, 4\)"),
        (X[0], nn.ShapeError, r"'0\.dense' expects .*\(batch, 4\), got shape \(4,\)"),
        (X[:, :3], nn.ShapeError, r"'0\.dense' expects 4 features, got 3"),
        (X.astype(np.float64), nn.DtypeError, r"computes in float32, got input of float64"),
        (X.tolist(), nn.ShapeError, "got list"),
        (None, nn.ShapeError, "got NoneType"),
    ],
)
def test_wrong_inputs_are_refused(x, error, message):
    with pytest.raises(error, match=message):
        make().forward(x)


def test_wrong_calls_are_refused():
    model = make()
    with pytest.raises(nn.ConfigError, match="backward needs a forward pass first"):
        model.backward(np.zeros((12, 3), np.float32))
    with pytest.raises(nn.ConfigError, match="did you mean 'running'"):
        model.forward(X, statistics="runing")
    model.forward(X)
    with pytest.raises(nn.ShapeError, match=r"shape of the output, \(12, 3\), got \(12, 4\)"):
        model.backward(X)
    with pytest.raises(nn.ShapeError, match="got float"):
        model.backward(1.0)
    with pytest.raises(nn.ConfigError, match="batch_size must be a whole number >= 1, got 0"):
        model.predict(X, batch_size=0)
    with pytest.raises(nn.ShapeError, match=r"nothing to predict: input of shape \(0, 4\)"):
        model.predict(X[:0])


def test_a_refused_input_leaves_no_pass_behind():
    model = nn.Sequential(nn.Identity(), nn.Dense(4, 3))
    model.forward(X)
    with pytest.raises(nn.ShapeError, match="expects 4 features, got 3"):
        model.forward(X[:, :3])
    with pytest.raises(nn.ConfigError, match="backward needs a forward pass first"):
        model.backward(X)
    with pytest.raises(nn.ConfigError, match="made no pass yet"):
        _ = model.last


def test_layers_that_were_refused_can_be_used_again():
    layer = nn.Dense(4, 3)
    with pytest.raises(nn.ShapeError):
        nn.Sequential(layer, nn.Dense(5, 2))
    assert nn.Sequential(layer, nn.Dense(3, 2)).forward(X).shape == (12, 2)


# Copies


def test_a_deep_copy_is_an_independent_whole_model():
    model = make(nn.Dropout(0.5))
    step(model)
    twin = copy.deepcopy(model)
    before = model.params.flat.copy()
    assert np.shares_memory(twin.layers["0.dense"].params["weight"], twin.params["0.weight"])
    assert np.shares_memory(twin.params["0.weight"], twin.params.flat)
    assert np.shares_memory(twin.layers["1.batchnorm"].grads["gamma"], twin.grads.flat)
    values = [step(twin) for _ in range(3)]
    assert np.array_equal(model.params.flat, before)
    assert [step(model) for _ in range(3)] == values
    assert np.array_equal(model.params.flat, twin.params.flat)
    assert np.array_equal(model.statistics.flat, twin.statistics.flat)


# Weights


@pytest.fixture
def saved(tmp_path):
    model = make()
    for _ in range(3):
        step(model)
    model.save_weights(tmp_path / "weights.npz")
    return model, tmp_path / "weights.npz"


def test_weights_come_back_bit_for_bit(saved):
    model, path = saved
    other = make(seed=9)
    flat = other.params.flat
    other.load_weights(path)
    assert np.shares_memory(other.params.flat, flat)
    assert np.array_equal(other.params.flat, model.params.flat)
    assert np.array_equal(other.statistics.flat, model.statistics.flat)
    assert np.array_equal(other.forward(X), model.forward(X))


def test_weights_can_be_loaded_into_the_other_dtype(saved):
    model, path = saved
    other = make(dtype=np.float64)
    other.load_weights(path)
    assert other.params.flat.dtype == np.float64
    assert np.array_equal(other.params.flat, model.params.flat)


def test_the_saved_names_are_those_of_the_model(saved):
    with np.load(saved[1], allow_pickle=False) as archive:
        assert set(archive) == {*saved[0].params, *saved[0].statistics}


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (
            lambda: [nn.Dense(4, 6), nn.Dense(6, 3)],
            r"weights\.npz does not fit this model: missing",
        ),
        (
            lambda: [nn.Dense(4, 7), nn.BatchNorm(7), nn.PReLU(), nn.Dense(7, 3)],
            r"\(4, 6\), the mo",
        ),
        (lambda: [nn.Dense(4, 6), nn.BatchNorm(6), nn.PReLU(6), nn.Dense(6, 3)], r"'2\.slope'"),
    ],
)
def test_weights_of_another_model_are_refused_and_change_nothing(saved, layers, message):
    model = nn.Sequential(*layers())
    before = model.params.flat.copy(), model.statistics.flat.copy()
    with pytest.raises(nn.ShapeError, match=message):
        model.load_weights(saved[1])
    assert np.array_equal(model.params.flat, before[0])
    assert np.array_equal(model.statistics.flat, before[1])


def test_missing_and_damaged_weights_are_refused_and_change_nothing(saved, tmp_path):
    model = make(seed=9)
    before = model.params.flat.copy()
    with pytest.raises(nn.FileError, match="no such file"):
        model.load_weights(tmp_path / "nothing.npz")
    saved[1].write_bytes(saved[1].read_bytes()[:-100])
    with pytest.raises(nn.DataError, match="is not a complete"):
        model.load_weights(saved[1])
    assert np.array_equal(model.params.flat, before)
    with pytest.raises(nn.FileError, match="cannot write"):
        model.save_weights(tmp_path / "no folder" / "weights.npz")


def test_representation_lists_the_layers():
    lines = repr(make()).splitlines()
    assert lines[0] == "Sequential(float32, 64 parameters)"
    assert lines[2] == "  1.batchnorm  BatchNorm(6, momentum=0.9, epsilon=0.001)"


MODEL_FIRST = {
    "GradientFlow": nn.GradientFlow,
    "predict": nn.predict,
    "remake": nn.remake,
    "evaluate": lambda model: nn.evaluate(model, nn.SoftmaxCrossEntropy(), [[0.0]], [0]),
    "Trainer": lambda model: nn.Trainer(model, nn.SoftmaxCrossEntropy(), nn.SGD(lr=0.1)),
}


@pytest.mark.parametrize("what", MODEL_FIRST)
def test_what_is_no_model_is_named_and_what_to_give_instead(what):
    trainer = nn.Trainer(nn.Sequential(nn.Dense(1, 2)), nn.SoftmaxCrossEntropy(), nn.SGD(lr=0.1))
    with pytest.raises(nn.ConfigError, match=f"^{what} model must be a .*: give its .model$"):
        MODEL_FIRST[what](trainer)
    for other in ("model.pt", None, [nn.Dense(2, 2)], nn.Sequential, nn.Dense(2, 2)):
        with pytest.raises(nn.ConfigError, match=f"^{what} model must be a Sequential, got "):
            MODEL_FIRST[what](other)


@pytest.mark.parametrize("what", MODEL_FIRST)
def test_a_network_or_loss_of_pytorch_is_told_the_way_in(what):
    torch = pytest.importorskip("torch")
    with pytest.raises(nn.ConfigError, match=r"nnscratch\.pytorch\.watch\(model, optimizer\)"):
        MODEL_FIRST[what](torch.nn.Linear(1, 2))
    with pytest.raises(nn.ConfigError, match=r"a loss such as .*, got CrossEntropyLoss\(\)"):
        nn.Trainer(nn.Sequential(nn.Dense(1, 2)), torch.nn.CrossEntropyLoss(), nn.SGD(lr=0.1))
