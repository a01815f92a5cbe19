"""Forensics: the step that met NaN or infinity is made again from its file, bit for bit."""

import json

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.files import load_npz, save_npz
from nnscratch.flow import forensics
from nnscratch.initializers import Normal
from nnscratch.nonfinite import first_bad, tensors_of_pass, tensors_of_update

RNG = np.random.default_rng(0)
X = RNG.standard_normal((60, 6)).astype(np.float32)
Y = RNG.integers(0, 3, 60)
TARGETS = np.eye(3, dtype=np.float32)[Y]


def noisy():
    return (
        nn.Dense(6, 8, init="he_normal"), nn.BatchNorm(8), nn.Dropout(0.2), nn.RReLU(),
        nn.Dense(8, 8), nn.PReLU(8), nn.Dense(8, 3),
    )  # fmt: skip


def plain():
    return nn.Dense(6, 8), nn.ReLU(), nn.Dense(8, 8), nn.ReLU(), nn.Dense(8, 3)


def huge():
    return nn.Dense(6, 8, init=Normal(1e10)), nn.ReLU(), nn.Dense(8, 3, init=Normal(1e10))


class Spoil(nn.Callback):
    """Multiplies the parameters before a step, once."""

    def __init__(self, at, factor):
        self.at, self.factor = at, factor

    def on_step_start(self, trainer, step):
        if step == self.at:
            with np.errstate(over="ignore"):
                trainer.model.params.flat[...] *= np.float32(self.factor)


class Look(nn.Callback):
    """Keeps what the training itself met."""

    def on_nonfinite(self, trainer, found):
        self.tensors = list(tensors_of_pass(trainer.model, found.loss))
        if found.kept:  # the parameters are no longer those of the pass
            self.tensors = list(tensors_of_update(trainer.model, trainer.optimizer.state))
        self.params = (found.kept[0] if found.kept else trainer.model.params.flat).copy()


CASES = {
    "forward": (plain, lambda: nn.SGD(0.1, momentum=0.9), 1e15),
    "forward, noise": (noisy, lambda: nn.Adam(0.01), 1e25),
    "given": (plain, lambda: nn.SGD(0.1), np.inf),
    "update": (huge, lambda: nn.SGD(1e37, momentum=0.9), 1),
    "update, clipped": (
        huge, lambda: nn.SGD(1e37, clip=nn.ClipByGlobalNorm(1e8)), 1,
    ),
}  # fmt: skip


def train(folder, case, targets=Y, **options):
    parts, optimizer, factor = CASES[case]
    trainer = nn.Trainer(
        nn.Sequential(*parts(), seed=1), options.pop("loss", nn.SoftmaxCrossEntropy()), optimizer()
    )
    watch, look = nn.Forensics(folder), Look()
    extra = options.pop("callbacks", [])
    history = trainer.fit(
        X, targets, epochs=2, batch_size=20, progress=False,
        callbacks=[*extra, Spoil(4, factor), look, watch], **options,
    )  # fmt: skip
    return trainer, history, watch, look


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


def test_everything_is_from_before_the_step(tmp_path):
    _, _, watch, _ = train(tmp_path, "forward, noise")
    saved = load_npz(watch.path)
    parts, optimizer, factor = CASES["forward, noise"]
    other = nn.Trainer(nn.Sequential(*parts(), seed=1), nn.SoftmaxCrossEntropy(), optimizer())
    other.fit(X, Y, epochs=2, batch_size=20, progress=False, max_steps=4)
    np.testing.assert_array_equal(saved["statistics"], other.model.statistics.flat)
    np.testing.assert_array_equal(saved["params"], other.model.params.flat * np.float32(factor))
    noise = json.loads(str(saved["nonfinite"]))["noise"]
    assert noise == other.model.noise_state()
    for name, array in other.optimizer.state_dict().items():
        np.testing.assert_array_equal(saved[f"optimizer/{name}"], array)
    rows = nn.training.examples.Examples(other.model, X, Y).order(0, 1)[20:40]
    np.testing.assert_array_equal(saved["x"], X[rows])
    np.testing.assert_array_equal(saved["y"], Y[rows])


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


def test_another_step_is_not_the_same(tmp_path):
    _, _, watch, _ = train(tmp_path, "forward")
    arrays = load_npz(watch.path)
    arrays["params"][...] = 0.1
    save_npz(watch.path, arrays)
    replay = nn.replay_nonfinite(watch.path)
    assert replay.found is None
    assert not replay.same
    assert first_bad(iter(replay.tensors)) is None


def test_bad_folders_and_files(tmp_path):
    file = tmp_path / "file"
    file.write_text("x")
    with pytest.raises(nn.FileError, match="choose another folder"):
        nn.Forensics(file)
    with pytest.raises(nn.ConfigError, match="history"):
        nn.Forensics(tmp_path, history=0)
    with pytest.raises(nn.FileError, match="no such file"):
        nn.replay_nonfinite(tmp_path / "none.npz")
    with pytest.raises(nn.DataError, match="not a complete"):
        nn.replay_nonfinite(file)
    save_npz(tmp_path / "other.npz", {"a": X})
    with pytest.raises(nn.DataError, match="not a state before a NaN"):
        nn.replay_nonfinite(tmp_path / "other.npz")


def test_damage_is_told(tmp_path):
    _, _, watch, _ = train(tmp_path, "forward")
    arrays = load_npz(watch.path)
    facts = json.loads(str(arrays["nonfinite"]))

    def refused(match, error=nn.DataError, drop=(), **changes):
        changed = {name: array for name, array in arrays.items() if name not in drop}
        changed["nonfinite"] = np.array(json.dumps({**facts, **changes}))
        save_npz(tmp_path / "bad.npz", changed)
        with pytest.raises(error, match=match):
            nn.replay_nonfinite(tmp_path / "bad.npz")

    refused("version 7, this program reads", version=7)
    refused("lacks x, y", drop=("x", "y"))
    refused("damaged", found={"step": 3})
    refused("description of a model is damaged: 3 is no list", model=3)
    refused("description of layer 0 is damaged", model=[1, 2])
    refused("no layer", model=[{"class": "SoftmaxCrossEntropy", "options": {}}])
    refused("unknown kernel set", nn.ConfigError, kernels="cuda")
    refused("state of noise", noise=[{}] * 5)
    refused("params has", nn.ShapeError, dtype="float64")
    (tmp_path / "cut.npz").write_bytes(watch.path.read_bytes()[:-300])
    with pytest.raises(nn.DataError, match="not a complete"):
        nn.replay_nonfinite(tmp_path / "cut.npz")


def added(which):
    return {
        "omega": [nn.Omega(1e9)],
        "omega as in the program, and a penalty": [nn.Omega(form="code"), nn.Penalty(l2=1e9)],
    }[which]


@pytest.mark.parametrize("which", ["omega", "omega as in the program, and a penalty"])
def test_what_is_added_to_the_gradient_is_part_of_the_step(tmp_path, which):
    x = RNG.standard_normal((40, 6, 3)).astype(np.float32)
    y = RNG.integers(0, 3, 40)
    parts = nn.RNN(3, 5), nn.LastStep(), nn.Dense(5, 3, init=Normal(1e10))
    trainer = nn.Trainer(nn.Sequential(*parts, seed=1), nn.SoftmaxCrossEntropy(), nn.SGD(1e37))
    watch, look = nn.Forensics(tmp_path), Look()
    options = {"epochs": 1, "batch_size": 10, "progress": False}
    trainer.fit(x, y, **options, callbacks=[*added(which), look, watch])
    assert trainer.nonfinite.first.stage == "update"
    again = nn.replay_nonfinite(watch.path)
    assert again.same
    assert repr(again.tensors[-len(look.tensors) :]) == repr(look.tensors)
    arrays = load_npz(watch.path)
    facts = json.loads(str(arrays["nonfinite"]))
    assert [name for name, _ in facts["added"]] == [type(one).__name__ for one in added(which)]
    for wrong in ([["Omega", {"weight": 1.0}]], []):  # it counts
        path = save_npz(
            tmp_path / "other.npz", arrays | {"nonfinite": json.dumps(facts | {"added": wrong})}
        )
        other = nn.replay_nonfinite(path).model.grads
        name = "0.recurrent_weight"
        assert not np.array_equal(other[name], again.model.grads[name])
    for wrong in (3, [1], [["Adam", {}]], [["Omega", {"no": 1}]], [["Omega", None]]):
        path = save_npz(
            tmp_path / "bad.npz", arrays | {"nonfinite": json.dumps(facts | {"added": wrong})}
        )
        with pytest.raises(nn.DataError, match="added to the gradient"):
            nn.replay_nonfinite(path)


@pytest.mark.parametrize("answers", ["last", "every step"])
def test_a_step_through_time_with_mask_weights_and_truncation(tmp_path, answers):
    at_end = answers == "last"
    parts = [nn.LSTM(3, 5), *([nn.LastStep()] if at_end else [])]
    parts.append(nn.Dense(5, 3, init=Normal(1e10)))
    model = nn.Sequential(*parts, seed=1)
    x = RNG.standard_normal((40, 6, 3)).astype(np.float32)
    y = RNG.integers(0, 3, (40,) if at_end else (40, 6))
    mask = np.arange(6) < RNG.integers(2, 7, (40, 1))
    truncate = nn.RandomTruncation(0.3, seed=5)
    trainer = nn.Trainer(model, nn.SoftmaxCrossEntropy(), nn.SGD(1e37), truncate=truncate)
    watch, look = nn.Forensics(tmp_path), Look()
    trainer.fit(
        x, y, epochs=1, batch_size=10, progress=False, mask=mask,
        sample_weights=RNG.uniform(0.5, 2, 40), callbacks=[look, watch],
    )  # fmt: skip
    assert trainer.nonfinite.first.stage == "update"
    kept = load_npz(watch.path)
    assert kept["mask"].shape == (10, 6)
    assert kept["through"].shape == (6,)
    assert kept["weights"].shape == (10,)
    again = nn.replay_nonfinite(watch.path)
    assert again.same
    assert repr(again.tensors[-len(look.tensors) :]) == repr(look.tensors)
    gradients = {name: np.array(values) for name, values in again.model.grads.items()}
    for name in ("mask", "through", "weights"):  # each of them counts
        save_npz(tmp_path / "less.npz", {key: kept[key] for key in kept if key != name})
        less = nn.replay_nonfinite(tmp_path / "less.npz").model.grads
        assert not np.array_equal(less["0.recurrent_weight"], gradients["0.recurrent_weight"])
