"""What a signal handler raises between any two calls leaves the old state or the new one."""

import copy
import sys

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.training.stretch import Stretch

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((40, 6)).astype(np.float32), np.arange(40) % 3
LOSS = nn.SoftmaxCrossEntropy()


class Stop(Exception):
    pass


def raised_at(number, work):
    """Whether `work` came as far as the call `number` within this package, and was stopped there.

    Python looks for signals where a function begins, and after one that is not written in Python.
    """
    seen = 0

    def look(frame, event, argument):
        nonlocal seen
        if event in ("call", "c_return") and "nnscratch" in frame.f_code.co_filename:
            seen += 1
            if seen == number:
                raise Stop

    sys.setprofile(look)
    try:
        work()
    except Stop:
        return True
    finally:
        sys.setprofile(None)
    return False


def trained(seed, epochs):
    layers = nn.Dense(6, 8), nn.BatchNorm(8), nn.Tanh(), nn.Dropout(0.2), nn.Dense(8, 3)
    trainer = nn.Trainer(nn.Sequential(*layers, seed=seed), LOSS, nn.Adam(lr=0.01))
    trainer.fit(X, Y, epochs=epochs, batch_size=20, progress=False)
    if seed:
        trainer.model.freeze("0.dense")
    return trainer


def of_model(model):
    return model.params.flat.tobytes(), model.statistics.flat.tobytes()


def state(trainer):
    model, optimizer = trainer.model, trainer.optimizer
    kept = {name: array.tobytes() for name, array in optimizer.state_dict().items()}
    return *of_model(model), str(model.noise_state()), model.frozen, kept, trainer.run


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """Two trainers of the same kind, and the files of the second."""
    folder = tmp_path_factory.mktemp("two")
    one, other = trained(0, 1), trained(1, 2)
    nn.save_checkpoint(other, folder / "checkpoint.npz")
    other.model.save_weights(folder / "weights.npz")
    return one, other, folder


def stopped_everywhere(work, what, possible, every=1):
    """Stop what `work` makes at one call after the other; return how many calls it makes."""
    number = 1
    while True:
        made, moment = work()
        if not raised_at(number, moment):
            return number
        assert what(made) in possible, number
        number += every


# Stopped before `with` has it, a file is closed as it is dropped; Python 3.14 stops there, too.
@pytest.mark.filterwarnings(
    "ignore:.*unclosed file", "ignore::pytest.PytestUnraisableExceptionWarning"
)
@pytest.mark.parametrize("name", ["checkpoint", "weights", "state"])
def test_what_is_loaded_is_there_as_a_whole_or_not_at_all(two, name):
    one, other, folder = two

    def work():
        trainer = copy.deepcopy(one)
        return trainer, {
            "checkpoint": lambda: nn.load_checkpoint(trainer, folder / "checkpoint.npz"),
            "weights": lambda: trainer.model.load_weights(folder / "weights.npz"),
            "state": lambda: trainer.optimizer.load_state_dict(other.optimizer.state_dict()),
        }[name]

    what = {
        "checkpoint": state,
        "weights": lambda trainer: of_model(trainer.model),
        "state": lambda trainer: state(trainer)[4],
    }[name]
    every = 5 if name == "checkpoint" else 2  # a file's reading makes thousands of calls
    assert stopped_everywhere(work, what, [what(one), what(other)], every=every) > 10


def test_a_trace_changes_nothing_wherever_it_is_stopped(two):
    model = two[0].model
    before = of_model(model), str(model.noise_state())
    tries = stopped_everywhere(
        lambda: (model, lambda: model.trace(X, Y, LOSS)),
        lambda model: (of_model(model), str(model.noise_state())), [before], every=2,
    )  # fmt: skip
    assert tries > 10
    model.training_pass(X, Y, LOSS)  # no lock is held


@pytest.mark.parametrize("looked_at", [False, True])
def test_no_step_is_made_twice_that_was_stopped_after_its_update(looked_at, monkeypatch):
    def made():
        model = nn.Sequential(nn.Dense(6, 8), nn.Tanh(), nn.Dense(8, 3), seed=0)
        return nn.Trainer(model, LOSS, nn.Adam(lr=0.01))

    whole, trainer = made(), made()
    whole.fit(X, Y, epochs=2, batch_size=5, progress=False)
    place, name = (trainer.optimizer, "step") if looked_at else (Stretch, "run")
    real = getattr(place, name)

    def stopped(*arguments):
        found = real(*arguments)
        if trainer.steps > 3:
            monkeypatch.undo()
            raise Stop
        return found

    monkeypatch.setattr(place, name, stopped)
    callbacks = [nn.GradientFlow(trainer.model)] * looked_at
    with pytest.raises(Stop):
        trainer.fit(X, Y, epochs=2, batch_size=5, callbacks=callbacks, progress=False)
    trainer.resume(X, Y, progress=False)
    assert (trainer.steps, len(trainer.history.loss)) == (16, 16)
    assert trainer.model.params.flat.tobytes() == whole.model.params.flat.tobytes()
