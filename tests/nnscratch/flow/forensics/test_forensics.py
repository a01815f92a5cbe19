"""Forensics: the step that met NaN or infinity is made again from its file, bit for bit."""

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.files import load_npz
from nnscratch.flow import forensics
from nnscratch.initializers import Normal

from .spoiled import CASES, TARGETS, Spoil, X, Y, noisy, train


@pytest.mark.parametrize("kernels", ["numba", "reference"])
@pytest.mark.parametrize("case", CASES)
def test_the_step_is_made_again_bit_for_bit(tmp_path, case, kernels):
    with nn.use_kernels(kernels), np.errstate(all="ignore"):
        trainer, history, watch, look = train(tmp_path / "new", case)
    found = trainer.nonfinite
    assert history.diverged
    assert watch.path.name == f"nonfinite-step-{found.step}.npz"
    assert f"nnscratch replay {watch.path}" in history.message
    replay = nn.replay_nonfinite(watch.path)
    assert replay.same
    assert replay.found.first.same_place(found.first)
    stage = {"given": "before the pass"}.get(case, case.split(",")[0])
    assert found.first.stage == stage
    made = replay.tensors[-len(look.tensors) :]
    np.testing.assert_equal(list(map(vars_of, made)), list(map(vars_of, look.tensors)))
    assert str(replay.found) == str(replay.saved)
    np.testing.assert_array_equal(load_npz(watch.path)["params"], look.params)


def vars_of(tensor):
    return [getattr(tensor, name) for name in tensor.__dataclass_fields__]


def test_the_backward_pass(tmp_path):
    trainer, _, watch, _ = train(tmp_path, "given", TARGETS, loss=nn.MeanSquaredError())
    assert trainer.nonfinite.first.stage == "before the pass"
    trainer = nn.Trainer(
        nn.Sequential(nn.Dense(6, 8), nn.ReLU(), nn.Dense(8, 3)), nn.MeanSquaredError(), nn.SGD(0.1)
    )
    trainer.fit(
        X * np.float32(1e20), TARGETS, epochs=1, batch_size=20, progress=False, callbacks=[watch]
    )
    assert trainer.nonfinite.first.stage == "backward"
    replay = nn.replay_nonfinite(watch.path)
    assert replay.same
    assert replay.found.first.name == trainer.nonfinite.first.name


def test_the_steps_before(tmp_path):
    trainer, history, watch, _ = train(tmp_path, "forward")
    assert nn.replay_nonfinite(watch.path).before == {}
    assert trainer.nonfinite.losses == history.loss[:4]
    assert trainer.nonfinite.earlier == []
    parts, optimizer, factor = CASES["forward"]
    model = nn.Sequential(*parts(), seed=1)
    flow = nn.GradientFlow(model)
    trainer = nn.Trainer(model, nn.SoftmaxCrossEntropy(), optimizer())
    watch = nn.Forensics(tmp_path, history=3)
    trainer.fit(
        X, Y, epochs=2, batch_size=20, progress=False, callbacks=[flow, Spoil(4, factor), watch]
    )
    before = nn.replay_nonfinite(watch.path).before
    record = flow.to_dict()
    assert before["steps"].tolist() == [1, 2, 3]
    assert before["layers"].tolist() == list(model.layers)
    np.testing.assert_array_equal(before["output_max"], record["output_max"][1:4])
    np.testing.assert_array_equal(before["gradient_max"], record["gradient_max"][1:4])
    found = trainer.nonfinite
    column = list(model.layers).index(found.first.layer)
    assert found.earlier == record["output_max"][1:4, column].tolist()
    assert f"largest of the output of {found.first.layer} in the 3 steps before" in str(found)


def test_a_recorder_sees_what_leaves_no_trace(tmp_path):
    """tanh(inf) = 1 and its derivative 0: loss and gradients stay finite."""
    for with_flow in (False, True):
        model = nn.Sequential(nn.Dense(6, 8, init=Normal(3e37)), nn.Tanh(), nn.Dense(8, 3))
        trainer = nn.Trainer(model, nn.SoftmaxCrossEntropy(), nn.SGD(0.1))
        callbacks = [nn.GradientFlow(model)] if with_flow else []
        x = X * np.float32(10)
        trainer.fit(x, Y, epochs=1, batch_size=20, progress=False, callbacks=callbacks)
        assert (trainer.nonfinite is not None) == with_flow
    assert trainer.nonfinite.first.name == "the output of 0.dense"


def test_going_on_saves_the_first_only(tmp_path):
    with pytest.warns(RuntimeWarning, match=r"Training goes on. Saved for `nnscratch replay") as w:
        _, history, watch, _ = train(tmp_path, "forward", stop_on_nonfinite=False)
    assert len(w) == 1
    assert len(history.loss) == 6
    assert [path.name for path in tmp_path.iterdir()] == [watch.path.name]


def test_a_full_disk_is_said(tmp_path, monkeypatch):
    def full(path, arrays):
        raise nn.FileError(f"cannot write {path}: No space left on device")

    monkeypatch.setattr(forensics, "save_npz", full)
    with pytest.warns(RuntimeWarning, match="the state before step 4 is lost: .*No space left"):
        _, history, watch, _ = train(tmp_path, "forward")
    assert watch.path is None
    assert "not finite at step 4" in history.message
    assert "Saved" not in history.message


def test_watching_changes_no_bit(tmp_path):
    losses = []
    for callbacks in ([], [nn.Forensics(tmp_path)]):
        model = nn.Sequential(*noisy(), seed=1)
        trainer = nn.Trainer(model, nn.SoftmaxCrossEntropy(), nn.Adam(0.01))
        trainer.fit(X, Y, epochs=3, batch_size=20, progress=False, callbacks=callbacks)
        losses.append((trainer.history.loss, model.params.flat.tobytes()))
    assert losses[0] == losses[1]
    assert list(tmp_path.iterdir()) == []


class Doubled(nn.layers.Layer):
    """A layer of the user's own."""

    kind = "doubled"

    def forward(self, x, training=False):
        return 2 * x, None

    def backward(self, dy, cache, accumulate=False, input_gradient=True):
        return 2 * dy


def test_a_layer_of_ones_own(tmp_path):
    def make():
        return nn.Sequential(nn.Dense(6, 8), Doubled(), nn.Dense(8, 3), seed=1)

    watch = nn.Forensics(tmp_path)
    trainer = nn.Trainer(make(), nn.SoftmaxCrossEntropy(), nn.SGD(0.1))
    trainer.fit(X, Y, epochs=1, batch_size=20, progress=False, callbacks=[Spoil(1, 1e25), watch])
    with pytest.raises(nn.ConfigError, match=r"layer 1 is of the class .*Doubled .*model=\.\.\."):
        nn.replay_nonfinite(watch.path)
    assert nn.replay_nonfinite(watch.path, model=make()).same
    with pytest.raises(nn.ShapeError, match="params has 83 values"):
        nn.replay_nonfinite(watch.path, model=nn.Sequential(nn.Dense(6, 3)))
