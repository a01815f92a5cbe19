"""Several steps in one native call are those steps one by one, and only where nobody looks."""

import contextlib
import threading

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.backend import load_module
from nnscratch.schedules import Constant, Cosine, Warmup, is_fixed

pytestmark = pytest.mark.skipif(
    nn.active_kernels() != "numba", reason="only compiled kernels run several steps in a call"
)

RNG = np.random.default_rng(3)
X = RNG.standard_normal((47, 6)).astype(np.float32)
Y = RNG.integers(0, 3, 47)


class Looks(nn.Callback):
    """Somebody who looks at every step."""

    def on_step(self, trainer, step):
        pass


def network(dtype="float32"):
    return nn.Sequential(
        nn.Dense(6, 5), nn.BatchNorm(5), nn.Tanh(), nn.Dense(5, 3), dtype=dtype, seed=1
    )


def trained(optimizer, callbacks=(), dtype="float32", loss=None, y=Y, **options):
    trainer = nn.Trainer(network(dtype), loss or nn.SoftmaxCrossEntropy(), optimizer)
    options = {"epochs": 6, "batch_size": 5, "progress": False} | options
    trainer.fit(X, y, callbacks=callbacks, **options)
    return trainer


@pytest.fixture
def calls(monkeypatch):
    """How many steps each native call made."""
    several, made = load_module("nnscratch_kernels.runtime.several"), []
    train = several.train

    def counted(*arguments):
        losses, whole = train(*arguments)
        made.append(len(losses) if whole else len(losses) - 1)
        return losses, whole

    monkeypatch.setattr(several, "train", counted)
    return made


def assert_same(one, other):
    for a, b in [
        (one.model.params.flat, other.model.params.flat),
        (one.model.statistics.flat, other.model.statistics.flat),
        (one.model.grads.flat, other.model.grads.flat),
        (one.model.output, other.model.output),
        (one.history.loss, other.history.loss),
        (one.history.train_loss, other.history.train_loss),
    ]:
        np.testing.assert_array_equal(a, b)
    assert one.optimizer.steps == other.optimizer.steps
    assert one.model.number == other.model.number
    assert one.history.message == other.history.message


OPTIMIZERS = {
    "sgd": lambda: nn.SGD(0.1),
    "momentum": lambda: nn.SGD(0.1, momentum=0.9, nesterov=True),
    "adam": lambda: nn.Adam(),
    "nadam": lambda: nn.Nadam(Warmup(0.01, 20)),
    "adamax, clipped": lambda: nn.Adamax(clip=nn.ClipByGlobalNorm(0.1)),
    "decay": lambda: nn.RMSProp(Cosine(0.01, 30)),
}


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_the_bits_are_those_of_one_step_after_the_other(kind, calls):
    alone = trained(OPTIMIZERS[kind]())
    assert sum(calls) > 40
    assert max(calls) > 5
    done = len(calls)
    assert_same(alone, trained(OPTIMIZERS[kind](), [Looks()]))
    assert len(calls) == done


def test_in_float64_and_for_targets(calls):
    options = {"dtype": "float64", "loss": nn.MeanSquaredError(), "y": np.tanh(X[:, :3])}
    alone = trained(nn.Adam(), **options)
    assert sum(calls) > 40
    assert_same(alone, trained(nn.Adam(), [Looks()], **options))


def test_max_steps_are_exactly_so_many_and_the_rest_is_resumed(calls):
    made = [trained(nn.Adam(), looks, max_steps=17) for looks in ([], [Looks()])]
    for trainer, looks in zip(made, ([], [Looks()]), strict=True):
        assert trainer.steps == 17
        trainer.resume(X, Y, progress=False, callbacks=looks)
    assert sum(calls) > 40
    assert_same(*made)


@pytest.mark.parametrize("stop", [True, False])
def test_what_becomes_large_or_nan_is_met_at_the_same_step(stop, calls):
    options = {
        "loss": nn.MeanSquaredError(),
        "y": 1e4 * X[:, :3],
        "stop_on_nonfinite": stop,
        "epochs": 12,
    }
    with np.errstate(all="ignore"), contextlib.nullcontext() if stop else pytest.warns():
        alone = trained(nn.SGD(2.0, momentum=0.9), **options)
        made = len(calls)
        looked = trained(nn.SGD(2.0, momentum=0.9), [Looks()], **options)
    assert made
    assert 0 in calls
    assert str(alone.nonfinite) == str(looked.nonfinite) != "None"
    assert_same(alone, looked)


def test_a_schedule_that_may_look_at_the_training_is_asked_step_by_step(calls):
    trainer = nn.Trainer(network(), nn.SoftmaxCrossEntropy(), nn.SGD(0.1))
    seen = []

    def rate(step):
        seen.append(len(trainer.history.loss))
        return 0.1

    trainer.optimizer.lr = rate
    trainer.fit(X, Y, epochs=2, batch_size=5, progress=False)
    assert not calls
    assert set(range(20)) <= set(seen)
    assert is_fixed(0.1)
    assert is_fixed(Warmup(Constant(0.1), 3))
    assert not is_fixed(rate)
    assert not is_fixed(Warmup(rate, 3))


@pytest.mark.parametrize("options", [{"sample_weights": np.ones(47)}, {"batch_size": 40}])
def test_with_weights_or_one_whole_batch_an_epoch_steps_are_single(options, calls):
    trained(nn.Adam(), **options)
    assert not calls


def test_a_recorder_sees_every_step(calls):
    trainer = nn.Trainer(network(), nn.SoftmaxCrossEntropy(), nn.Adam())
    flow = nn.GradientFlow(trainer.model)
    trainer.fit(X, Y, epochs=2, batch_size=5, progress=False, callbacks=[flow])
    assert len(flow) == 20
    assert not calls


def test_what_a_subclass_does_in_a_step_is_done(calls):
    class Counted(nn.Adam):
        made = 0

        def step(self, params, grads):
            self.made += 1
            return super().step(params, grads)

    trainer = trained(Counted())
    assert trainer.optimizer.made == 60
    made, own = [], nn.Adam()
    own.step = lambda params, grads: made.append(nn.Adam.step(own, params, grads))
    trained(own)
    assert len(made) == 60
    assert not calls


def test_answers_that_a_loss_refuses_are_met_in_their_batch(calls):
    y = np.full((47, 3), 1 / 3, np.float32)
    y[40, 0] = 1
    steps = set()
    for looks in ([], [Looks()]):
        trainer = nn.Trainer(network(), nn.SoftmaxCrossEntropy(), nn.Adam())
        with pytest.raises(nn.DataError, match="rows of probabilities"):
            trainer.fit(X, y, epochs=2, batch_size=5, progress=False, callbacks=looks)
        steps.add(trainer.steps)
    assert len(steps) == 1
    assert min(steps) > 1
    assert not calls


def test_frozen_layers_stay(calls):
    model = network()
    model.freeze("0.dense")
    before = model.params["0.weight"].copy()
    nn.Trainer(model, nn.SoftmaxCrossEntropy(), nn.SGD(0.1)).fit(
        X, Y, epochs=2, batch_size=5, progress=False
    )
    assert np.array_equal(before, model.params["0.weight"])
    assert not calls


def test_the_display_counts_them_all(calls, capsys):
    trained(nn.Adam(), progress=True)
    assert calls
    assert capsys.readouterr().err.count("samples/s") == 6


def test_steps_that_several_threads_share_are_single(calls):
    before, flat = nn.get_num_threads(), []
    x = RNG.standard_normal((256, 64)).astype(np.float32)
    try:
        for threads in (1, 2):
            nn.set_num_threads(threads)
            model = nn.Sequential(nn.Dense(64, 256), nn.Tanh(), nn.Dense(256, 3), seed=1)
            trainer = nn.Trainer(model, nn.SoftmaxCrossEntropy(), nn.SGD(0.1))
            trainer.fit(x, np.arange(256) % 3, epochs=1, batch_size=64, progress=False)
            flat.append(model.params.flat)
            assert sum(calls) == 3  # of the one thread
    finally:
        nn.set_num_threads(before)
    np.testing.assert_array_equal(*flat)


def test_answers_that_the_loss_converts_are_converted_batch_by_batch(calls):
    labels = np.eye(3, dtype=np.int64)[Y]
    whole = trained(nn.Adam(), loss=nn.SigmoidCrossEntropy(), y=labels)
    assert_same(whole, trained(nn.Adam(), [Looks()], loss=nn.SigmoidCrossEntropy(), y=labels))


def test_layers_that_may_do_anything_are_called_at_every_step(calls):
    class Own(nn.Tanh):
        passes = 0

        def forward(self, x, training=False):
            self.passes += 1
            return super().forward(x, training)

    model = nn.Sequential(nn.Dense(6, 5), Own(), nn.Dense(5, 3))
    trainer = nn.Trainer(model, nn.SoftmaxCrossEntropy(), nn.Adam())
    trainer.fit(X, Y, epochs=2, batch_size=5, progress=False)
    assert model.layers["1.tanh"].passes == 20
    assert not calls


def test_a_model_at_work_is_not_trained_by_another(calls):
    trainer = nn.Trainer(network(), nn.SoftmaxCrossEntropy(), nn.Adam())
    options = {"epochs": 1, "batch_size": 5, "progress": False}
    trainer.fit(X, Y, **options)
    made = len(calls)
    with (mine := threading.Lock()):
        trainer.model.turn.take(mine)
        with pytest.raises(nn.ConfigError, match="thread"):
            trainer.fit(X, Y, **options)
    assert len(calls) == made


@pytest.mark.parametrize("made", [nn.SGD, nn.Adam])
def test_what_was_frozen_between_two_trainings_stays_as_it_is(calls, made):
    trainer = trained(made(lr=0.1))
    assert max(calls) > 1
    trainer.model.freeze("0.dense")
    names = "0.weight", "3.weight"
    before = {name: trainer.model.params[name].copy() for name in names}
    trainer.fit(X, Y, epochs=2, batch_size=5, progress=False)
    same = [np.array_equal(trainer.model.params[name], before[name]) for name in names]
    assert same == [True, False]
