"""The state before a NaN: what is in its file, and how a damaged one is refused."""

import json

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.files import load_npz, save_npz
from nnscratch.initializers import Normal
from nnscratch.nonfinite import first_bad

from .spoiled import CASES, Look, X, Y, train


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
    rng = np.random.default_rng(0)
    x = rng.standard_normal((40, 6, 3)).astype(np.float32)
    y = rng.integers(0, 3, 40)
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
    rng = np.random.default_rng(0)
    x = rng.standard_normal((40, 6, 3)).astype(np.float32)
    y = rng.integers(0, 3, (40,) if at_end else (40, 6))
    mask = np.arange(6) < rng.integers(2, 7, (40, 1))
    truncate = nn.RandomTruncation(0.3, seed=5)
    trainer = nn.Trainer(model, nn.SoftmaxCrossEntropy(), nn.SGD(1e37), truncate=truncate)
    watch, look = nn.Forensics(tmp_path), Look()
    trainer.fit(
        x, y, epochs=1, batch_size=10, progress=False, mask=mask,
        sample_weights=rng.uniform(0.5, 2, 40), callbacks=[look, watch],
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
