"""However a recording ends, nothing is held; a training that goes back takes its record along."""

import contextlib
import io
import signal

import numpy as np
import pytest
from rich.console import Console

import nnscratch as nn
from nnscratch.flow import load_record

RNG = np.random.default_rng(0)
X = RNG.standard_normal((60, 8)).astype(np.float32)
LABELS = RNG.integers(0, 3, 60)


def failing(hook, error):
    """Return a callback that raises in one of its calls."""

    def fail(*_):
        raise error

    return type("Fails", (nn.Callback,), {hook: fail})()


def network():
    return nn.Sequential(nn.Dense(8, 6), nn.BatchNorm(6), nn.ReLU(), nn.Dense(6, 3), seed=0)


def trainer_of(model, loss=None):
    return nn.Trainer(model, loss or nn.SoftmaxCrossEntropy(), nn.SGD(lr=0.1))


def fit(trainer, *callbacks, **options):
    settings = {"epochs": 1, "batch_size": 20, "progress": False} | options
    return trainer.fit(X, LABELS, callbacks=callbacks, **settings)


def check_free(model):
    """Another recorder records the model, whole."""
    assert model.tap is None
    again = nn.GradientFlow(model)
    fit(trainer_of(model), again)
    assert again.to_dict()["steps"].tolist() == [0, 1, 2]


HOOKS = ("on_fit_start", "on_step_start", "on_backward", "on_step", "on_epoch_end", "on_fit_end")


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("hook", HOOKS)
def test_a_callback_that_fails_leaves_nothing_attached(hook, first):
    model = network()
    flow, fails = nn.GradientFlow(model), failing(hook, ValueError("a bug of mine"))
    trainer = trainer_of(model)
    with pytest.raises(ValueError, match="a bug of mine"):
        fit(trainer, *([fails, flow] if first else [flow, fails]))
    assert trainer.optimizer.tap is None
    check_free(model)


def test_a_loss_that_fails_leaves_nothing_attached_and_no_half_step():
    class Loss(nn.SoftmaxCrossEntropy):
        calls = 0

        def __call__(self, *arguments):
            self.calls += 1
            if self.calls == 3:
                raise MemoryError("once")
            return super().__call__(*arguments)

    model = network()
    flow, trainer = nn.GradientFlow(model), trainer_of(model, Loss())
    with pytest.raises(MemoryError):
        fit(trainer, flow)
    assert flow.to_dict()["steps"].tolist() == [0, 1]
    fit(trainer, flow)
    assert flow.to_dict()["steps"].tolist() == [0, 1, 2, 3, 4]
    check_free(model)


def test_a_second_ctrl_c_leaves_nothing_attached():
    class Twice(nn.Callback):
        def on_step(self, trainer, step):
            if step.step == 1:
                signal.raise_signal(signal.SIGINT)
                signal.raise_signal(signal.SIGINT)

    model = network()
    with pytest.raises(KeyboardInterrupt):
        # the callbacks' own count as the first: this one comes while a step is made
        fit(trainer_of(model, interrupting()), nn.GradientFlow(model))
    check_free(model)
    history = fit(trainer_of(model), nn.GradientFlow(model), Twice())
    assert history.interrupted
    check_free(model)


def interrupting():
    class Loss(nn.SoftmaxCrossEntropy):
        def __call__(self, *arguments):
            raise KeyboardInterrupt

    return Loss()


def test_a_refused_second_recorder_does_not_keep_the_first_one_attached():
    model = network()
    first, second = nn.GradientFlow(model), nn.GradientFlow(model)
    trainer = trainer_of(model)
    with pytest.raises(nn.ConfigError, match="another GradientFlow records this"):
        fit(trainer, first, second)
    fit(trainer, second)
    assert (len(first), len(second)) == (0, 3)
    check_free(model)


def test_a_refused_recorder_does_not_detach_the_one_that_records():
    model = network()
    optimizer, loss = nn.SGD(lr=0.1), nn.SoftmaxCrossEntropy()
    first, second = nn.GradientFlow(model), nn.GradientFlow(model)
    with first.attached(optimizer):
        with pytest.raises(nn.ConfigError, match="another"):
            fit(trainer_of(model), second)
        model.training_pass(X, LABELS, loss)
        optimizer.step(model.params, model.grads)
    assert len(first) == 1


def test_a_file_that_cannot_be_made_leaves_nothing_attached(tmp_path):
    model = network()
    with pytest.raises(nn.FileError):
        fit(trainer_of(model), nn.GradientFlow(model, file=tmp_path / "no" / "a.flow"))
    check_free(model)


def test_a_loop_of_ones_own_that_fails_lets_go():
    model, optimizer, loss = network(), nn.SGD(lr=0.1), nn.SoftmaxCrossEntropy()
    flow = nn.GradientFlow(model)
    with contextlib.suppress(ValueError), flow.attached(optimizer):
        model.training_pass(X, LABELS, loss)
        raise ValueError("mine")
    with flow.attached(optimizer):
        model.training_pass(X[:20], LABELS[:20], loss)
        optimizer.step(model.params, model.grads)
    record = flow.to_dict()
    assert record["steps"].tolist() == [0]
    assert record["batch_size"].tolist() == [20]  # not the pass that was given up
    check_free(model)


def test_the_live_table_gives_the_screen_back():
    model = network()
    flow = nn.GradientFlow(model)
    table = nn.LiveTable(flow, Console(force_terminal=True, file=io.StringIO()))
    with pytest.raises(ValueError):
        fit(trainer_of(model), flow, table, failing("on_backward", ValueError("mine")))
    assert table._show is None


# Going back


def resumed(tmp_path, **options):
    """Train 4 steps, keep a checkpoint, train to 7, go back to it, and train to the end."""
    model = network()
    trainer = trainer_of(model)
    flow = nn.GradientFlow(model, file=tmp_path / "a.flow", probe=X, probe_every=2, **options)
    settings = {"callbacks": [flow], "progress": False}
    fit(trainer, flow, epochs=3, max_steps=4)
    nn.save_checkpoint(trainer, tmp_path / "a.npz")
    trainer.resume(X, LABELS, max_steps=3, **settings)
    nn.load_checkpoint(trainer, tmp_path / "a.npz")
    trainer.resume(X, LABELS, **settings)
    flow.close()
    return flow


def straight(tmp_path, **options):
    model = network()
    flow = nn.GradientFlow(model, probe=X, probe_every=2, **options)
    fit(trainer_of(model), flow, epochs=3)
    return flow.to_dict()


@pytest.mark.parametrize("every", [1, 2, 3])
def test_a_record_goes_back_with_the_training(tmp_path, every):
    flow = resumed(tmp_path, every=every)
    record, expected = flow.to_dict(), straight(tmp_path, every=every)
    assert "went back to step 4: what was recorded from there on" in record["note"]
    np.testing.assert_equal(record | {"note": ""}, expected)
    kept = load_record(tmp_path / "a.flow")
    assert kept["note"] == record["note"]
    np.testing.assert_equal(kept, record)
    assert flow.findings().label == "run"
    assert flow.report(tmp_path / "a.html").exists()


def test_a_new_trainer_that_resumes_goes_back_and_one_that_begins_goes_on(tmp_path):
    model = network()
    flow, trainer = nn.GradientFlow(model), trainer_of(model)
    fit(trainer, flow, epochs=3, max_steps=4)
    nn.save_checkpoint(trainer, tmp_path / "a.npz")
    trainer.resume(X, LABELS, callbacks=[flow], progress=False)
    other = trainer_of(model)
    nn.load_checkpoint(other, tmp_path / "a.npz")
    other.resume(X, LABELS, callbacks=[flow], progress=False, max_steps=1)
    assert flow.to_dict()["steps"].tolist() == [0, 1, 2, 3, 4]
    fit(trainer_of(model), flow)
    assert flow.to_dict()["steps"].tolist() == list(range(8))
    assert flow.to_dict()["note"].count("went back") == 1


def test_loops_and_trainers_take_turns():
    model, loss, optimizer = network(), nn.SoftmaxCrossEntropy(), nn.SGD(lr=0.1)
    flow, trainer = nn.GradientFlow(model, every=2), trainer_of(model)
    for _ in range(2):
        fit(trainer, flow)
        with flow.attached(optimizer):
            for _ in range(2):
                model.training_pass(X, LABELS, loss)
                optimizer.step(model.params, model.grads)
    record = flow.to_dict()
    assert record["steps"].tolist() == [0, 2, 4, 6, 8]
    assert record["note"] == ""


def test_what_was_thinned_goes_back_too(tmp_path):
    model = network()
    row = nn.GradientFlow(model)._layout.row_bytes
    flow, trainer = nn.GradientFlow(model, memory=4 * row), trainer_of(model)
    fit(trainer, flow, epochs=1)
    nn.save_checkpoint(trainer, tmp_path / "a.npz")
    fit(trainer, flow, epochs=2)
    assert flow.to_dict()["steps"].tolist() == [0, 4, 8]
    nn.load_checkpoint(trainer, tmp_path / "a.npz")
    fit(trainer, flow, epochs=1)
    assert flow.to_dict()["steps"].tolist() == [0, 3]


def test_what_has_recorded_nothing_yet_is_a_recorder_all_the_same():
    """``if flow:`` asks whether there is one."""
    flow = nn.GradientFlow(network())
    assert len(flow) == 0
    assert flow
