"""What a pass over sequences is given: masks, states, truncation; by hand and by the trainer."""

import copy
import pickle

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.sequences import joined_weights, step_weights

LOSS = nn.SoftmaxCrossEntropy()
LAYERS = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
TOLERANCE = 1e-7


def model_of(name="gru", everywhere=False, dtype=np.float64, **options):
    parts = [LAYERS[name](3, 6, **options), nn.Bidirectional(LAYERS[name](6, 4))]
    last = [] if everywhere else [nn.MeanOverTime()]
    return nn.Sequential(*parts, *last, nn.Dense(8, 4), dtype=dtype, seed=1)


def data(batch=5, steps=7, everywhere=False, dtype=np.float64, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((batch, steps, 3)).astype(dtype)
    mask = rng.random((batch, steps)) < 0.7
    mask[:, 0] = True
    return x, rng.integers(0, 4, (batch, steps) if everywhere else batch), mask


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("everywhere", [False, True])
def test_gradients_under_any_mask(name, everywhere):
    x, labels, mask = data(everywhere=everywhere)
    model = model_of(name, everywhere, initial="learned")
    model.params.flat[...] += 0.1 * np.random.default_rng(1).standard_normal(model.params.flat.size)
    weights = (step_weights(mask.astype(float), None),) if everywhere else ()
    masked = lambda logits, y: LOSS(logits, y, *weights)  # noqa: E731
    worst = nn.check_gradients(model, masked, x, labels, mask=mask, samples=8, tolerance=TOLERANCE)
    assert worst < TOLERANCE


@pytest.mark.parametrize("name", LAYERS)
def test_gradients_of_a_layer_alone_under_a_mask(name):
    x, _, mask = data()
    mask[1] = False  # an example without any step keeps the state that it began with
    layer = LAYERS[name](3, 4, initial="learned")
    assert nn.check_gradients(layer, x=x, mask=mask, tolerance=TOLERANCE) < TOLERANCE


def test_a_sequence_with_a_mask_is_the_shorter_sequence():
    x, labels, _ = data(steps=7)
    model = model_of("lstm")
    short = model.trace(x[:, :4], labels, LOSS).copy()
    shorter_grads = model.grads.flat.copy()
    long = model.trace(x, labels, LOSS, mask=np.arange(7) < np.full((5, 1), 4)).copy()
    assert long.loss == pytest.approx(short.loss, rel=1e-14)
    np.testing.assert_allclose(model.grads.flat, shorter_grads, rtol=1e-10, atol=1e-14)
    first = long["0.lstm"]
    np.testing.assert_allclose(first.hidden[:, :4], short["0.lstm"].hidden, rtol=1e-12)
    np.testing.assert_array_equal(first.downstream[:, 4:], 0)


def test_steps_that_are_not_there_may_hold_anything():
    x, labels, mask = data(everywhere=True)
    model = model_of("gru", everywhere=True)
    value = model.training_pass(x, labels, LOSS, mask=mask)
    grads = model.grads.flat.copy()
    x[~mask], labels[~mask] = 1e6, 0
    assert model.training_pass(x, labels, LOSS, mask=mask) == pytest.approx(value, rel=1e-13)
    np.testing.assert_allclose(model.grads.flat, grads, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("everywhere", [False, True])
@pytest.mark.parametrize("name", ["lstm", "gru"])
@pytest.mark.parametrize("hidden", [np.nan, -np.inf])
def test_nor_need_it_be_a_number(name, everywhere, hidden):
    """Of NaN something would be left, times 0; and no class is called -100."""
    x, labels, mask = data(everywhere=everywhere)
    padded = np.where(mask[..., None], x, hidden)
    answers = np.where(mask, labels, -100) if everywhere else labels
    models = [model_of(name, everywhere=everywhere) for _ in range(2)]
    options = {"epochs": 2, "batch_size": 3, "progress": False}
    for model, given, told in zip(models, (x, padded), (labels, answers), strict=True):
        model.training_pass(given, told, LOSS, mask=mask)
        model.training_pass(given, told, LOSS, mask=mask)  # once captured
        model.forward(given, mask=mask)
        model.trace(given, told, LOSS, mask=mask)
        trainer = nn.Trainer(model, LOSS, nn.SGD(lr=0.1))
        trainer.fit(given, told, mask=mask, validation=(given, told, mask), **options)
    np.testing.assert_array_equal(models[0].params.flat, models[1].params.flat)
    np.testing.assert_array_equal(models[0].grads.flat, models[1].grads.flat)
    np.testing.assert_array_equal(models[0].output, models[1].output)
    there = mask.copy()
    there[0, 0] = True
    padded[0, 0] = np.nan  # that one counts
    with pytest.raises(nn.DataError, match="nan"):
        trainer.fit(padded, answers, mask=there, **options)
    with pytest.raises(nn.DataError, match="1 masked values"):
        models[0].training_pass(np.ma.array(x, mask=x == x[0, 0, 0]), labels, LOSS, mask=mask)


@pytest.mark.parametrize("loss", [nn.MeanSquaredError(), nn.SigmoidCrossEntropy(), LOSS])
def test_targets_of_steps_that_are_not_there_need_be_no_numbers_either(loss):
    x, labels, mask = data(everywhere=True)
    y = np.eye(4)[labels]  # rows of probabilities
    with pytest.raises(nn.DataError, match=r"finite|between|probabilities"):
        model_of("gru", everywhere=True).training_pass(x, np.nan * y, loss, mask=0 * mask)
    models = [model_of("gru", everywhere=True) for _ in range(2)]
    for model, hidden in zip(models, (0.0, np.nan), strict=True):
        targets = np.where(mask[..., None], y, hidden)
        model.training_pass(x, targets, loss, mask=mask)
        nn.Trainer(model, loss, nn.SGD(lr=0.1)).fit(
            *(x, targets), mask=mask, epochs=1, batch_size=3, progress=False
        )
    np.testing.assert_array_equal(models[0].params.flat, models[1].params.flat)


def test_of_a_batch_in_which_no_step_is_there_nothing_is_left():
    x, labels, mask = data(everywhere=True)
    model = model_of("lstm", everywhere=True)
    for answers in (0 * labels - 100, np.eye(4)[labels]):
        assert model.training_pass(np.nan * x, answers, LOSS, mask=0 * mask) == 0
        np.testing.assert_array_equal(model.grads.flat, 0)


def test_the_loss_is_the_mean_over_the_steps_that_there_are():
    x, labels, mask = data(everywhere=True)
    model = model_of("gru", everywhere=True)
    value = model.training_pass(x, labels, LOSS, mask=mask)
    logits = model.forward(x, mask=mask)
    assert value == pytest.approx(LOSS(logits[mask], labels[mask])[0], rel=1e-12)
    found = nn.evaluate(model, LOSS, x, labels, mask=mask)
    assert found.loss == pytest.approx(value, rel=1e-12)
    assert found.accuracy == (logits[mask].argmax(-1) == labels[mask]).mean()


@pytest.mark.parametrize("name", LAYERS)
def test_captured_passes_take_masks_states_and_truncation(name):
    x, labels, mask = data(dtype=np.float32)
    rng = np.random.default_rng(3)
    model, twin = (model_of(name, dtype=np.float32) for _ in range(2))
    for step in range(4):
        given = {"mask": np.roll(mask, step, axis=1), "truncate": 3}
        if step % 2:
            state = model.state()
            given["state"] = {
                layer: {key: rng.standard_normal(a.shape) for key, a in arrays.items()}
                for layer, arrays in state.items()
            }
        model.training_pass(x, labels, LOSS, **given)
        logits = twin.forward(x, training=True, **given)
        twin.backward(LOSS(logits, labels)[1])
        np.testing.assert_array_equal(model.grads.flat, twin.grads.flat)
        layer = f"0.{name}"
        np.testing.assert_array_equal(
            model.last[layer].hidden_gradient, twin.last[layer].hidden_gradient
        )


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("reverse", [False, True])
def test_going_on_from_a_state_is_to_go_through_the_whole(name, reverse):
    x, _, _ = data(steps=9)
    parts = (LAYERS[name](n, m, reverse=reverse) for n, m in ((3, 6), (6, 4)))
    model = nn.Sequential(*parts, dtype=np.float64)
    whole = model.forward(x).copy()
    pieces, state = [slice(0, 4), slice(4, 5), slice(5, 9)], None
    for piece in reversed(pieces) if reverse else pieces:
        np.testing.assert_allclose(model.forward(x[:, piece], state=state), whole[:, piece])
        state = model.state()


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("every", [1, 3, 4, 30])
def test_truncation_is_to_train_on_pieces_that_take_over_the_state(name, every):
    """The same gradient as by hand, where every piece begins with the state of the one before."""
    x, labels, _ = data(steps=11, everywhere=True)
    parts = LAYERS[name](3, 6), LAYERS[name](6, 4)
    model = nn.Sequential(*parts, nn.Dense(4, 4), dtype=np.float64)
    model.training_pass(x, labels, LOSS, truncate=every)
    truncated = model.grads.flat.copy()
    total, state = np.zeros_like(truncated), None
    for start in range(0, 11, every):
        piece = slice(start, start + every)
        model.training_pass(x[:, piece], labels[:, piece], LOSS, state=state)
        total += model.grads.flat * x[:, piece].shape[1] / 11
        state = model.state()
    np.testing.assert_allclose(truncated, total, rtol=1e-9, atol=1e-13)


def test_random_truncation_is_right_on_average_and_cutting_always_is_not():
    x, labels, _ = data(steps=6)
    model = nn.Sequential(nn.RNN(3, 6), nn.LastStep(), nn.Dense(6, 4), dtype=np.float64)
    model.training_pass(x, labels, LOSS)
    full = model.grads["0.recurrent_weight"].copy()
    truncate, draws = nn.RandomTruncation(0.3, seed=2), []
    for _ in range(4000):
        model.training_pass(x, labels, LOSS, truncate=truncate)
        draws.append(model.grads["0.recurrent_weight"].copy())
    error = np.std(draws, axis=0) / np.sqrt(len(draws))
    assert (np.abs(np.mean(draws, axis=0) - full) < 5 * error + 1e-12).all()
    model.training_pass(x, labels, LOSS, truncate=2)
    assert np.abs(model.grads["0.recurrent_weight"] - full).max() > 0.1 * np.abs(full).max()


def test_a_learned_initial_state_is_that_of_every_example():
    x, labels, _ = data()
    model = model_of("lstm", initial="learned")
    assert model.params["0.initial_hidden"].shape == model.params["0.initial_cell"].shape == (6,)
    model.params["0.initial_hidden"] = np.arange(6.0)
    trace = model.trace(x, labels, LOSS)
    np.testing.assert_array_equal(trace["0.lstm"].initial_hidden, np.tile(np.arange(6.0), (5, 1)))
    np.testing.assert_allclose(
        model.grads["0.initial_hidden"], trace["0.lstm"].initial_hidden_gradient.sum(axis=0)
    )
    model.training_pass(x, labels, LOSS, state=model.state())
    np.testing.assert_array_equal(model.grads["0.initial_hidden"], 0)
    np.testing.assert_array_equal(model.grads["0.initial_cell"], 0)


def test_the_trainer_takes_masks_of_examples_and_of_validation():
    x, labels, mask = data(20, everywhere=True)
    options = {"epochs": 3, "batch_size": 6, "progress": False}
    found = []
    for hidden in (0.0, 1e3):  # what is not there holds this
        trainer = nn.Trainer(model_of(everywhere=True), LOSS, nn.SGD(lr=0.1), truncate=3)
        given = np.where(mask[..., None], x, hidden)
        trainer.fit(given, labels, mask=mask, validation=(given, labels, mask), **options)
        found.append(trainer.model.params.flat.copy())
        assert trainer.history.val_loss[-1] < trainer.history.val_loss[0]
        assert trainer.evaluate(given, labels, mask=mask).loss == trainer.history.val_loss[-1]
    np.testing.assert_allclose(*found, rtol=1e-9)


def test_a_trainer_with_a_mask_resumes_to_the_same_bits():
    x, labels, mask = data(20)
    options = {"epochs": 3, "batch_size": 6, "progress": False, "mask": mask}
    whole, parts = (nn.Trainer(model_of(), LOSS, nn.Adam(lr=0.01)) for _ in range(2))
    whole.fit(x, labels, **options)
    parts.fit(x, labels, **options, max_steps=5)
    parts.resume(x, labels, mask=mask, progress=False)
    np.testing.assert_array_equal(whole.model.params.flat, parts.model.params.flat)


def test_a_block_of_both_directions_is_copied_remade_and_pickled():
    x, _, _ = data()
    model = model_of("lstm", initial="learned")
    assert list(model.layers)[:4] == ["0.lstm", "1.0.lstm", "1.1.lstm", "1.concatenate"]
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        np.testing.assert_array_equal(twin(x), model(x))
    assert repr(list(nn.remake(model))) == repr(list(model))
    from nnscratch.description import describe_model, rebuild_model

    assert repr(list(rebuild_model(describe_model(model)))) == repr(list(model))


@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        ({"mask": np.ones((5, 6), bool)}, nn.ShapeError, r"mask has shape \(5, 6\); .* \(5, 7\)$"),
        ({"mask": np.full(5, 7)}, nn.ShapeError, r"np.arange\(7\) < lengths\[:, None\]$"),
        ({"mask": np.full(7, 5)}, nn.ShapeError, r"is \(5, 7\)$"),
        ({"mask": np.ones((4, 7), bool)}, nn.ShapeError, r"is \(5, 7\)"),
        ({"mask": np.full((5, 7), 0.5)}, nn.DataError, r"True or False, got numbers such as 0\.5"),
        ({"truncate": 0}, nn.ConfigError, r"truncate must be a whole number >= 1, got 0"),
        ({"truncate": 1.5}, nn.ConfigError, r"truncate must be"),
        ({"state": {"0.gru": {}}}, nn.ConfigError, r"must have hidden, got nothing"),
        ({"state": {"0.gru": np.zeros(6)}}, nn.ConfigError, r"must have hidden, got ndarray"),
        ({"state": np.zeros((5, 6))}, nn.ConfigError, r"as model.state\(\) does, got ndarray"),
        ({"state": {"9.gru": {}}}, nn.UnknownNameError, r"recurrent layer of a state"),
        (
            {"state": {"0.gru": {"hidden": np.zeros((4, 6))}}},
            nn.ShapeError,
            r"hidden state of layer '0.gru' has shape \(4, 6\); a batch of 5 begins with "
            r"\(5, 6\): it is that of another batch",
        ),
        ({"state": {"0.gru": {"hidden": np.zeros((5, 3))}}}, nn.ShapeError, r"of another layer"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_computed(given, error, said):
    x, labels, _ = data()
    model = model_of()
    model.training_pass(x, labels, LOSS, **{"truncate": 2} if "truncate" in given else {})
    for call in (model.forward, lambda *a, **k: model.training_pass(a[0], labels, LOSS, **k)):
        with pytest.raises(error, match=said):
            call(x, **given)


def test_a_network_without_time_takes_none_of_it():
    model = nn.Sequential(nn.Dense(3, 4))
    x = np.zeros((5, 3), np.float32)
    for name, value in (("mask", np.ones((5, 1), bool)), ("truncate", 3), ("state", {})):
        with pytest.raises(nn.ConfigError, match=f"no layer of the model takes a {name}"):
            model.forward(x, **{name: value})


def test_other_arguments_that_cannot_be():
    for probability in (1.0, -0.1):
        with pytest.raises(nn.ConfigError, match="RandomTruncation probability"):
            nn.RandomTruncation(probability)
    with pytest.raises(nn.ConfigError, match="truncate must be"):
        nn.Trainer(model_of(), LOSS, nn.SGD(lr=0.1), truncate=0)
    with pytest.raises(nn.ConfigError, match=r"Bidirectional takes a recurrent layer .*got Tanh"):
        nn.Bidirectional(nn.Tanh())
    with pytest.raises(nn.UnknownNameError, match="initial state"):
        nn.GRU(3, 4, initial="random")


@pytest.mark.parametrize("order", [(0, 1, 2, 1), (1, 0, 1, 2), (2, 1, 0, 0)])
def test_batches_with_a_mask_and_without_are_recorded_one_after_the_other(order):
    """Weights are then of examples in some, and of steps in others."""
    x, labels, mask = data(everywhere=True, dtype=np.float32)
    weights = np.linspace(0.5, 2, len(x))
    kinds = [{"sample_weights": weights}, {"mask": mask, "sample_weights": weights}, {"mask": mask}]
    models = [model_of(everywhere=True, dtype=np.float32) for _ in range(2)]
    flow, optimizers = nn.GradientFlow(models[0]), [nn.SGD(lr=0.1) for _ in range(2)]
    with flow.attached(optimizers[0]):
        for kind in order:
            for model, optimizer in zip(models, optimizers, strict=True):
                model.training_pass(x + kind, labels, LOSS, **kinds[kind])
                optimizer.step(model.params, model.grads)
    np.testing.assert_array_equal(models[0].params.flat, models[1].params.flat)
    assert np.isfinite(flow.to_dict()["loss_constant"][-1])


def test_weights_of_examples_count_for_each_of_their_steps():
    joined = joined_weights([np.array([2.0, 3.0]), np.array([[0.0, 1, 5]])])
    np.testing.assert_array_equal(joined, [[2, 2, 2], [3, 3, 3], [0, 1, 5]])
    np.testing.assert_array_equal(joined_weights([np.ones(2), np.zeros(1)]), [1, 1, 0])
