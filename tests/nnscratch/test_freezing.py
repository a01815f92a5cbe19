"""Frozen layers and rates by layer: what optimizers leave alone, what is kept and told of it."""

import copy
import json
import pickle

import numpy as np
import pytest

import nnscratch as nn
from nnscratch import optimizers
from nnscratch.description import describe, describe_model, rebuild, rebuild_model
from nnscratch.errors import ConfigError, DataError, UnknownNameError
from nnscratch.flow.findings import find
from nnscratch.network.freezing import frozen_names, is_frozen, settled_parts

X, Y = np.random.default_rng(0).standard_normal((40, 6)), np.arange(40) % 3
LOSS = nn.SoftmaxCrossEntropy()
CLIPS = [None, nn.ClipByValue(1e-3), nn.ClipByNorm(1e-2), nn.ClipByGlobalNorm(1e-2)]


def network(dtype="float64"):
    layers = nn.Dense(6, 5), nn.BatchNorm(5), nn.ReLU(), nn.Dense(5, 4), nn.Tanh(), nn.Dense(4, 3)
    return nn.Sequential(*layers, dtype=dtype)


def train(model, optimizer, steps=4, **options):
    trainer = nn.Trainer(model, LOSS, optimizer)
    trainer.fit(X.astype(model.dtype), Y, epochs=steps, batch_size=40, progress=False, **options)
    return trainer


@pytest.mark.parametrize("clip", CLIPS, ids=lambda clip: type(clip).__name__)
@pytest.mark.parametrize("name", optimizers.names())
def test_every_optimizer_leaves_what_is_frozen_and_its_state(name, clip):
    model, optimizer = network(), optimizers.optimizer(name, 0.01, clip=clip)
    train(model, optimizer, 2)
    model.freeze("3.dense")
    before = model.params.flat.copy(), copy.deepcopy(optimizer.state)
    train(model, optimizer)
    (start, stop) = model.params.offsets[[4, 6]]
    still = before[0] == model.params.flat
    assert still[start:stop].all()
    assert not still[stop:].all()
    for key, array in optimizer.state.items():
        assert np.array_equal(array[start:stop], before[1][key][start:stop])


@pytest.mark.parametrize("name", [*optimizers.names(), "linf", "l1", "spectral"])
def test_what_is_not_frozen_is_trained_as_if_the_rest_were_constant(name):
    """A network whose first layers are frozen, and one that is given what they make."""
    steepest = {"norm": name} if name in ("linf", "l1", "spectral") else {}

    def optimizer():
        kind = "steepest" if steepest else name
        return optimizers.optimizer(kind, 0.01, clip=nn.ClipByGlobalNorm(1e-2), **steepest)

    model, head = network(), nn.Sequential(nn.Dense(4, 3), dtype="float64")
    model.freeze("0", "1", "3")
    head.params.flat[...] = model.params.flat[model.params.offsets[6] :]
    model.forward(X)
    made = model.last["4.tanh"].output.copy()
    train(model, optimizer())
    nn.Trainer(head, LOSS, optimizer()).fit(made, Y, epochs=4, batch_size=40, progress=False)
    np.testing.assert_allclose(
        model.params.flat[model.params.offsets[6] :], head.params.flat, rtol=1e-12
    )


@pytest.mark.parametrize("kernels", ["numba", "reference"])
@pytest.mark.parametrize("name", ["sgd", "adamw", "rmsprop"])
def test_a_factor_is_that_of_the_rate(name, kernels):
    """With float32 too to the last bit: the same kernel at another rate."""
    with nn.use_kernels(kernels):
        model = network("float32")
        shared = optimizers.optimizer(name, 0.01, rates={"0": 0.5, "3.dense": 0, "3.bias": 2.0})
        own = {"0.weight": 0.5, "0.bias": 0.5, "3.weight": 0.0, "3.bias": 2.0}
        expected, starts = model.params.flat.copy(), model.params.offsets
        model.training_pass(X.astype("float32"), Y, LOSS)
        for i, param in enumerate(model.params.names):
            place = slice(starts[i], starts[i + 1])
            one = optimizers.optimizer(name, 0.01 * own.get(param, 1.0))
            twin = copy.deepcopy(model)
            one.step(twin.params, twin.grads)
            expected[place] = twin.params.flat[place]
        shared.step(model.params, model.grads)
        np.testing.assert_array_equal(model.params.flat, expected)


def test_the_rate_that_names_the_least_counts():
    model = nn.Sequential(nn.Residual(nn.Dense(4, 4), nn.Dense(4, 4)), nn.Dense(4, 2))
    rates = {"0": 1.0, "0.0": 2.0, "0.1.dense": 3.0, "0.1.bias": 4.0, "1.dense": 5.0}
    assert nn.SGD(0.1, rates=rates).factors(model.params) == {
        "0.0.weight": 2.0,
        "0.0.bias": 2.0,
        "0.1.weight": 3.0,
        "0.1.bias": 4.0,
        "1.weight": 5.0,
        "1.bias": 5.0,
    }


def test_a_step_with_nothing_frozen_is_the_one_there_was():
    frozen, plain = network("float32"), network("float32")
    frozen.freeze()
    frozen.unfreeze()
    train(frozen, nn.Adam(rates={"0": 1.0}))
    train(plain, nn.Adam())
    assert np.array_equal(frozen.params.flat, plain.params.flat)


@pytest.mark.parametrize("captured", [True, False])
def test_frozen_batch_norm_takes_its_running_statistics(captured):
    model = network()
    train(model, nn.SGD(0.1), 2)
    model.freeze("1.batchnorm")
    statistics = model.statistics.flat.copy()
    loss = LOSS if captured else lambda z, y: LOSS(z, y)
    value = model.training_pass(X, Y, loss)
    assert value == pytest.approx(LOSS(model.forward(X), Y)[0], rel=1e-13)
    compiled = nn.active_kernels() == "numba"  # others run layer by layer: nothing is captured
    assert (model.captured(X, Y, loss) is not None) is (captured and compiled)
    gradients = model.grads.flat.copy()
    model.backward(LOSS(model.forward(X), Y)[1])
    np.testing.assert_allclose(gradients, model.grads.flat, rtol=1e-12)
    train(model, nn.SGD(0.1))
    assert np.array_equal(statistics, model.statistics.flat)


def test_gradients_of_frozen_layers_are_right_and_go_through():
    model = network()
    model.freeze()
    nn.check_gradients(model, LOSS, X[:8], Y[:8])


def test_what_is_frozen_is_kept_by_copies_pickles_descriptions_and_checkpoints(tmp_path):
    model = network("float32")
    model.freeze("1", "3.dense")
    names = ("1.batchnorm", "3.dense")
    assert copy.deepcopy(model).frozen == pickle.loads(pickle.dumps(model)).frozen == names
    described = json.loads(json.dumps(describe_model(model)))
    assert rebuild_model(described).frozen == names
    trainer = train(model, nn.SGD(0.1, rates={"0": 0.5}))
    nn.save_checkpoint(trainer, tmp_path / "run.npz")
    later = nn.Trainer(network("float32"), LOSS, nn.SGD(0.1, rates={"0": 0.5}))
    nn.load_checkpoint(later, tmp_path / "run.npz")
    assert later.model.frozen == names
    assert "30, frozen" not in str(model.summary())
    assert "24, frozen" in str(model.summary())
    optimizer = rebuild(json.loads(json.dumps(describe(trainer.optimizer))), "it")
    assert optimizer.rates == {"0": 0.5}
    assert repr(optimizer) == "SGD(lr=0.1, rates={'0': 0.5})"


def test_a_copy_of_a_model_is_frozen_by_itself():
    model = network()
    twin = copy.deepcopy(model)
    twin.freeze("0")
    train(twin, nn.SGD(0.1))
    train(model, nn.SGD(0.1))
    assert np.array_equal(twin.params["0.weight"], network().params["0.weight"])
    assert not np.array_equal(model.params["0.weight"], network().params["0.weight"])


def test_freezing_in_the_middle_of_a_training_acts_at_the_next_step():
    model = network()

    class FreezeLater(nn.Callback):
        def on_step(self, trainer, step):
            if step.step == 1:
                model.freeze("0")
                self.then = model.params["0.weight"].copy()

    callback = FreezeLater()
    train(model, nn.Adam(), callbacks=[callback])
    assert np.array_equal(model.params["0.weight"], callback.then)


def test_a_penalty_does_not_move_what_is_frozen():
    model = network()
    model.freeze("3")
    before = model.params["3.weight"].copy()
    train(model, nn.SGD(0.1, clip=nn.ClipByGlobalNorm(1.0)), callbacks=[nn.Penalty(l2=1.0)])
    assert np.array_equal(before, model.params["3.weight"])


def test_a_record_knows_what_is_frozen_and_findings_say_nothing_of_it():
    model = nn.Sequential(*(part for _ in range(3) for part in (nn.Dense(6, 6), nn.ELU())))
    model.freeze("2.dense")
    flow = nn.GradientFlow(model)
    train(model, nn.SGD(0.1, rates={"0.bias": 0.25}), 30, callbacks=[flow])
    record = flow.to_dict()
    assert record["param_rate"][0].tolist() == [1.0, 0.25, 0.0, 0.0, 1.0, 1.0]
    assert (record["param_update_norm"][:, 2] == 0).all()
    assert (record["param_gradient_norm"][:, 2] > 0).all()
    assert not {"frozen parameters", "slow layer"} & {one.kind for one in flow.findings()}
    record["param_rate"][...] = 1.0  # as if nobody had asked for it
    assert "frozen parameters" in {one.kind for one in find(record)}


def test_a_network_that_is_all_frozen_is_told_so():
    model = network("float32")
    model.freeze()
    flow = nn.GradientFlow(model)
    train(model, nn.SGD(0.1), 30, callbacks=[flow])
    finding = next(one for one in flow.findings() if one.kind == "frozen parameters")
    assert "model.unfreeze()" in str(finding)


def test_a_layer_that_is_slow_by_its_own_rate_is_not_called_slow():
    model = nn.Sequential(*(part for _ in range(4) for part in (nn.Dense(6, 6), nn.ELU())))
    kinds = []
    for rates in ({"2": 1e-3}, None):
        flow = nn.GradientFlow(model)
        train(model, nn.SGD(0.1, rates=rates), 30, callbacks=[flow])
        kinds.append({one.kind for one in flow.findings()})
    assert "slow layer" not in kinds[0] | kinds[1]


@pytest.mark.parametrize(
    ("act", "error", "words"),
    [
        (lambda m: m.freeze("9"), UnknownNameError, "unknown layer '9'"),
        (lambda m: train(m, nn.SGD(0.1, rates={"8": 1})), UnknownNameError, "in rates '8'"),
        (lambda m: nn.SGD(0.1, rates={"0": -1}), ConfigError, r"rates\['0'\]"),
        (lambda m: nn.SGD(0.1, rates=[0.1]), ConfigError, "factors by name"),
    ],
)
def test_what_makes_no_sense_is_refused(act, error, words):
    with pytest.raises(error, match=words):
        act(network())


def test_a_checkpoint_with_frozen_layers_that_are_none_is_damaged(tmp_path):
    trainer = train(network(), nn.SGD(0.1))
    path = nn.save_checkpoint(trainer, tmp_path / "run.npz")
    with np.load(path) as saved:
        arrays = dict(saved)
    facts = json.loads(str(arrays["checkpoint"])) | {"frozen": ["7.dense"]}
    np.savez(path, **arrays | {"checkpoint": json.dumps(facts)})
    with pytest.raises(DataError, match="frozen layers"):
        nn.load_checkpoint(trainer, path)


def networks():
    old = nn.Sequential(nn.Dense(4, 3), nn.BatchNorm(3), nn.Dense(3, 2), seed=1)
    old.forward(np.random.default_rng(0).normal(size=(9, 4)).astype("float32"), training=True)
    new = nn.Sequential(nn.LayerNorm(4), nn.Dense(4, 3), nn.BatchNorm(3), nn.Dense(3, 2), seed=2)
    return old, new


def test_weights_and_statistics_are_taken_over_and_frozen():
    old, new = networks()
    head = new.params["3.weight"].copy()
    nn.keep_frozen(old, new, {"0.dense": "1.dense", "1.batchnorm": "2.batchnorm"})
    for there, here in (("0.weight", "1.weight"), ("0.bias", "1.bias"), ("1.gamma", "2.gamma")):
        assert np.array_equal(new.params[here], old.params[there])
        assert not np.shares_memory(new.params[here], old.params[there])
    for name in ("running_mean", "running_variance"):
        assert np.array_equal(new.statistics[f"2.{name}"], old.statistics[f"1.{name}"])
    assert new.statistics["2.running_mean"].any()
    assert new.frozen == ("1.dense", "2.batchnorm")
    assert old.frozen == ()
    assert np.array_equal(new.params["3.weight"], head)


def test_what_does_not_fit_is_refused_by_name_and_nothing_is_changed():
    old, new = networks()
    before = new.params.flat.copy()
    with pytest.raises(nn.ShapeError, match=r"'3.dense' cannot be kept as '0.dense' was.*\(3, 2\)"):
        nn.keep_frozen(old, new, {"1.batchnorm": "2.batchnorm", "0.dense": "3.dense"})
    for names in ({"0.relu": "1.dense"}, {"0.dense": "0.dense"}):
        with pytest.raises(nn.UnknownNameError, match="layer"):
            nn.keep_frozen(old, new, names)
    assert np.array_equal(new.params.flat, before)
    assert new.frozen == ()


def test_a_layer_without_arrays_has_nothing_to_freeze():
    model = nn.Sequential(
        nn.Residual(nn.Dense(3, 3), nn.ReLU()), nn.Residual(nn.Dense(3, 3), skip=nn.Dense(3, 3)),
        nn.PReLU(3), nn.Dropout(0.5), seed=0,
    )  # fmt: skip
    model.freeze()
    assert frozen_names(model.nodes) == ["0.0.dense", "1.0.dense", "1.1.dense", "2.prelu"]
    assert [is_frozen(part) for part in model] == [True, True, True, False]
    model.unfreeze("1.1.dense")
    assert [is_frozen(part) for part in model] == [True, False, True, False]


def test_a_layer_in_two_places_is_named_once():
    tied = nn.Dense(3, 3)
    model = nn.Sequential(tied, nn.Tanh(), tied, seed=0)
    model.freeze("0.dense")
    assert frozen_names(model.nodes) == ["0.dense"]


def test_what_stands_behind_a_frozen_layer_is_settled_until_the_next_weights():
    roles = ["weights", "norm", "activation", "weights", "activation", "", "activation"]
    at = [True, False, False, False, False, True, False]
    assert settled_parts(roles, at) == {0, 1, 2, 5, 6}
    assert settled_parts(roles, [False, True, *[False] * 5]) == {1}
