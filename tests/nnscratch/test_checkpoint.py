"""Checkpoints: stopped and resumed gives the same bits; foreign and damaged files are refused."""

import json

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from nnscratch.schedules import Cosine

RNG = np.random.default_rng(0)
X = RNG.standard_normal((70, 6)).astype(np.float32)
LABELS = RNG.integers(0, 3, 70)
SETTINGS = {"epochs": 3, "batch_size": 20, "progress": False, "seed": 4}

OPTIMIZERS = {
    "gradient descent": lambda: nn.SGD(0.1),
    "momentum": lambda: nn.SGD(Cosine(0.1, 10), momentum=0.9, nesterov=True),
    "RMSProp": lambda: nn.RMSProp(0.01, clip=nn.ClipByNorm(0.1)),
    "Adam": lambda: nn.Adam(Cosine(0.1, 10)),
    "Nadam": lambda: nn.Nadam(0.01),
}


def make(optimizer="Adam", dtype=np.float32, seed=0):
    model = nn.Sequential(
        nn.Dense(6, 9), nn.BatchNorm(9), nn.RReLU(), nn.Dense(9, 9), nn.PReLU(), nn.Dropout(0.3),
        nn.Dense(9, 3), seed=seed, dtype=dtype,
    )  # fmt: skip
    return nn.Trainer(model, nn.SoftmaxCrossEntropy(), OPTIMIZERS[optimizer]())


def state(trainer):
    """Everything that may matter, the clock's readings left out."""
    history = trainer.history.to_dict()
    for name in ("seconds", "epoch_seconds", "interrupted", "message"):
        del history[name]
    return (
        trainer.model.params.flat.tobytes(),
        trainer.model.statistics.flat.tobytes(),
        trainer.model.noise_state(),
        {name: array.tobytes() for name, array in trainer.optimizer.state_dict().items()},
        repr(history),
        repr(trainer.run),
    )


class InterruptAt(nn.Callback):
    def __init__(self, number):
        self.number = number

    def on_step(self, trainer, step):
        if step.step == self.number:
            raise KeyboardInterrupt


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_stopped_and_resumed_gives_the_same_bits(optimizer, dtype, tmp_path):
    path = tmp_path / "run.npz"
    validation = (X[:11], LABELS[:11])
    whole = make(optimizer, dtype)
    whole.fit(X, LABELS, **SETTINGS, validation=validation)

    stopped = make(optimizer, dtype)
    stopped.fit(X, LABELS, **SETTINGS, validation=validation, callbacks=[InterruptAt(5)])
    assert stopped.history.interrupted
    assert save_checkpoint(stopped, path) == path
    saved = state(stopped)
    stopped.resume(X, LABELS, progress=False)  # what was saved is a copy

    resumed = make(
        optimizer, dtype, seed=99
    )  # other weights and noise: all must come from the file
    load_checkpoint(resumed, path)
    assert state(resumed) == saved
    resumed.resume(X, LABELS, progress=False, validation=validation)
    assert state(resumed) == state(whole)


@pytest.mark.parametrize("steps", [1, 3, 4, 11, 12])
def test_wherever_it_stops(steps, tmp_path):
    whole, stopped, resumed = make(), make(), make(seed=9)
    whole.fit(X, LABELS, **SETTINGS)
    stopped.fit(X, LABELS, **SETTINGS, max_steps=steps)
    save_checkpoint(stopped, tmp_path / "run.npz")
    load_checkpoint(resumed, tmp_path / "run.npz")
    resumed.resume(X, LABELS, progress=False)
    assert state(resumed) == state(whole)


@pytest.mark.parametrize("number", [3, 6, 7])
def test_saved_by_a_callback_in_the_middle(number, tmp_path):
    class SaveAt(nn.Callback):
        def on_step(self, trainer, step):
            if step.step == number:
                save_checkpoint(trainer, tmp_path / "run.npz")

    whole, resumed = make("momentum"), make("momentum", seed=9)
    whole.fit(X, LABELS, **SETTINGS, callbacks=[SaveAt()])
    load_checkpoint(resumed, tmp_path / "run.npz")
    assert resumed.steps == number + 1
    resumed.resume(X, LABELS, progress=False)
    assert state(resumed) == state(whole)


def cut_at_random(seed=5, truncate=True):
    model = nn.Sequential(nn.LSTM(3, 5), nn.LastStep(), nn.Dense(5, 3), seed=0)
    cut = nn.RandomTruncation(0.3, seed=seed) if truncate else None
    return nn.Trainer(model, nn.SoftmaxCrossEntropy(), nn.Adam(0.01), truncate=cut)


SEQUENCES = X[:, None, :3] + RNG.standard_normal((70, 8, 3)).astype(np.float32)


def test_a_random_truncation_goes_on_where_it_stood(tmp_path):
    path = tmp_path / "run.npz"
    whole, stopped, resumed, plain = (
        *(cut_at_random(), cut_at_random()),
        *(cut_at_random(seed=99), cut_at_random(truncate=False)),
    )
    whole.fit(SEQUENCES, LABELS, **SETTINGS)
    stopped.fit(SEQUENCES, LABELS, **SETTINGS, max_steps=5)
    save_checkpoint(stopped, path)
    load_checkpoint(resumed, path)
    resumed.resume(SEQUENCES, LABELS, progress=False)
    assert state(resumed) == state(whole)
    load_checkpoint(plain, path)  # how far the gradient goes back is the trainer's own setting
    assert plain.truncate is None


def test_a_truncation_that_stands_nowhere_is_refused(tmp_path):
    path, trainer = tmp_path / "run.npz", cut_at_random()
    save_checkpoint(trainer, path)
    with np.load(path) as opened:
        arrays = dict(opened)
    facts = json.loads(str(arrays["checkpoint"]))
    trainer.fit(SEQUENCES, LABELS, **SETTINGS)
    before, drawn = state(trainer), trainer.truncate.noise_state()
    for damaged in ({}, {**facts["cuts"], "state": {"state": -1, "inc": 3}}, "x"):
        arrays["checkpoint"] = np.array(json.dumps({**facts, "cuts": damaged}))
        np.savez(path, **arrays)
        with pytest.raises(nn.DataError, match=r"damaged: that is no state of a RandomTruncation"):
            load_checkpoint(trainer, path)
        assert state(trainer) == before
        assert trainer.truncate.noise_state() == drawn
    facts.pop("cuts")  # as older ones are
    arrays["checkpoint"] = np.array(json.dumps(facts))
    np.savez(path, **arrays)
    load_checkpoint(trainer, path)
    assert trainer.truncate.noise_state() == drawn


def test_before_the_first_step(tmp_path):
    fresh, other = make(), make(seed=9)
    save_checkpoint(fresh, tmp_path / "run.npz")
    load_checkpoint(other, tmp_path / "run.npz")
    for trainer in (fresh, other):
        trainer.fit(X, LABELS, **SETTINGS)
    assert state(fresh) == state(other)


def test_another_rate_may_be_chosen(tmp_path):
    trainer = make("gradient descent")
    trainer.fit(X, LABELS, **SETTINGS, max_steps=5)
    save_checkpoint(trainer, tmp_path / "run.npz")
    other = make("gradient descent")
    other.optimizer.lr = 0.001
    load_checkpoint(other, tmp_path / "run.npz")
    assert other.optimizer.lr == 0.001
    assert other.resume(X, LABELS, progress=False).lr == [0.1, 0.001, 0.001]


def test_checkpoint_callback(tmp_path):
    path = tmp_path / "run.npz"
    steps = []

    class Look(nn.Callback):
        def on_epoch_end(self, trainer, history):
            other = make()
            if path.exists():
                load_checkpoint(other, path)
            steps.append(other.steps)

    whole, stopped, resumed = make(), make(), make()
    whole.fit(X, LABELS, **{**SETTINGS, "epochs": 5}, callbacks=[Checkpoint(path, every=2), Look()])
    assert steps == [0, 8, 8, 16, 16]
    stopped.fit(
        X, LABELS, **{**SETTINGS, "epochs": 5}, callbacks=[Checkpoint(path), InterruptAt(9)]
    )
    load_checkpoint(resumed, path)
    assert resumed.steps == 10
    resumed.resume(X, LABELS, progress=False)
    assert state(resumed) == state(whole)
    with pytest.raises(nn.ConfigError, match="Checkpoint every"):
        Checkpoint(path, every=0)


# What is refused


def other_activation():
    model = nn.Sequential(
        nn.Dense(6, 9), nn.BatchNorm(9), nn.ReLU(), nn.Dense(9, 9), nn.PReLU(), nn.Dropout(0.3),
        nn.Dense(9, 3),
    )  # fmt: skip
    return nn.Trainer(model, nn.SoftmaxCrossEntropy(), nn.Adam())


def other_width():
    model = nn.Sequential(
        nn.Dense(6, 8), nn.BatchNorm(8), nn.RReLU(), nn.Dense(8, 9), nn.PReLU(), nn.Dropout(0.3),
        nn.Dense(9, 3),
    )  # fmt: skip
    return nn.Trainer(model, nn.SoftmaxCrossEntropy(), nn.Adam())


def no_momentum():
    trainer = make("momentum")
    trainer.optimizer = nn.SGD(0.1)
    return trainer


@pytest.mark.parametrize(
    ("saved", "other", "error", "match"),
    [
        ("Adam", other_activation, nn.ConfigError, "its layers .*2.rrelu.* the trainer's .*2.relu"),
        ("Adam", other_width, nn.ShapeError, "'0.weight' has shape"),
        ("Adam", lambda: make("RMSProp"), nn.ConfigError, "its optimizer 'Adam', .*'RMSProp'"),
        ("momentum", no_momentum, nn.ConfigError, "belongs to another optimizer"),
        ("gradient descent", lambda: make("momentum"), nn.ConfigError, "another optimizer"),
        ("Adam", lambda: make(dtype=np.float64), nn.ConfigError, "its dtype 'float32'"),
    ],
)
def test_another_training_is_refused(saved, other, error, match, tmp_path):
    trainer, target = make(saved), other()
    trainer.fit(X, LABELS, **SETTINGS, max_steps=2)
    save_checkpoint(trainer, tmp_path / "run.npz")
    target.fit(X, LABELS, **SETTINGS, max_steps=3)
    before = state(target)
    with pytest.raises(error, match=match):
        load_checkpoint(target, tmp_path / "run.npz")
    assert state(target) == before


@pytest.fixture
def tampered(tmp_path):
    """Save a checkpoint, let a function change its arrays and facts, and return the path."""

    def tamper(change):
        path = tmp_path / "run.npz"
        trainer = make()
        trainer.fit(X, LABELS, **SETTINGS, max_steps=2)
        save_checkpoint(trainer, path)
        with np.load(path) as archive:
            arrays = dict(archive)
        facts = json.loads(str(arrays.pop("checkpoint")))
        change(arrays, facts)
        if facts:
            arrays["checkpoint"] = np.array(json.dumps(facts))
        np.savez(path, **arrays)
        return path

    return tamper


def without(key):
    return lambda arrays, facts: (arrays if key in arrays else facts).pop(key)


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        (lambda arrays, facts: facts.update(version=2), nn.DataError, "version 2, .* version 1"),
        (lambda arrays, facts: facts.update(format="x"), nn.DataError, "'x' version 1"),
        (lambda arrays, facts: facts.clear(), nn.DataError, "is not a checkpoint"),
        (
            lambda arrays, facts: (facts.clear(), arrays.update(checkpoint=np.array("{"))),
            nn.DataError,
            "damaged checkpoint",
        ),
        (without("format"), nn.DataError, "damaged checkpoint: .*format"),
        (without("noise"), nn.DataError, "it lacks noise"),
        (without("params/0.weight"), nn.ShapeError, "missing .*0.weight"),
        (without("statistics/1.running_mean"), nn.ShapeError, "missing .*1.running_mean"),
        (without("optimizer/steps"), nn.DataError, "lacks the optimizer's steps"),
        (without("optimizer/first_moment"), nn.ConfigError, "keeps steps, first_moment"),
        (
            lambda arrays, facts: arrays.update({"optimizer/first_moment": np.zeros(3)}),
            nn.ShapeError,
            "first_moment has 3 values of float64",
        ),
        (without("history/loss"), nn.DataError, "damaged checkpoint: .*loss"),
        (lambda arrays, facts: facts["run"].pop("seed"), nn.DataError, "damaged .*seed"),
        (lambda arrays, facts: facts["noise"].pop(), nn.DataError, "state of noise"),
        (lambda arrays, facts: facts["noise"][3].clear(), nn.DataError, "state of noise"),
    ],
)
def test_damaged_files_are_refused(change, error, match, tampered):
    path, trainer = tampered(change), make(seed=9)
    before = state(trainer)
    with pytest.raises(error, match=match):
        load_checkpoint(trainer, path)
    assert state(trainer) == before


def test_missing_and_truncated_files(tmp_path):
    trainer = make()
    with pytest.raises(nn.FileError, match="no such file"):
        load_checkpoint(trainer, tmp_path / "nothing.npz")
    path = save_checkpoint(trainer, tmp_path / "run.npz")
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(nn.DataError, match="not a complete"):
        load_checkpoint(trainer, path)
    with pytest.raises(nn.FileError, match="cannot write"):
        save_checkpoint(trainer, tmp_path / "no folder" / "run.npz")


def test_weights_are_no_checkpoint(tmp_path):
    trainer = make()
    trainer.model.save_weights(tmp_path / "weights.npz")
    with pytest.raises(nn.DataError, match="is not a checkpoint"):
        load_checkpoint(trainer, tmp_path / "weights.npz")
