"""``nnscratch replay``: what it prints and how it ends."""

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.cli import main
from nnscratch.cli.replay import ENDS, _between, chosen
from nnscratch.files import load_npz, save_npz
from nnscratch.initializers import Normal
from nnscratch.nonfinite import FORWARD, summarize

RNG = np.random.default_rng(0)
X = RNG.standard_normal((20, 6)).astype(np.float32)
Y = RNG.integers(0, 3, 20)


@pytest.fixture(autouse=True)
def eighty_columns(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")


def saved(folder, depth=1, record=False, std=1.0, factor=1e25):
    parts = [nn.Dense(6, 8)]
    for _ in range(depth):
        parts += [nn.ReLU(), nn.Dense(8, 8, init=Normal(std))]
    model = nn.Sequential(*parts, nn.Dense(8, 3))
    trainer = nn.Trainer(model, nn.SoftmaxCrossEntropy(), nn.SGD(1e-6))

    class Spoil(nn.Callback):
        def on_step_start(self, trainer, step):
            if step == 2:
                model.params["2.weight"][...] *= np.float32(factor)
                model.params["0.weight"][...] *= np.float32(factor)

    watch = nn.Forensics(folder)
    flow = [nn.GradientFlow(model)] if record else []
    trainer.fit(X, Y, epochs=4, batch_size=20, progress=False, callbacks=[*flow, Spoil(), watch])
    return trainer, watch.path


def test_the_same_again(tmp_path, capsys):
    trainer, path = saved(tmp_path, record=True)
    assert main(["replay", str(path)]) == 0
    out = capsys.readouterr().out
    marked = [line for line in out.splitlines() if line.startswith(" > ")]
    assert len(marked) == 1
    assert marked[0].split()[1:4] == ["forward", "2.dense", "output"]
    assert f"Training met: {trainer.nonfinite}" in out
    assert "Replayed: the same." in out
    assert "step 2 of a training of 4 layers" in out
    # The steps before, around that layer.
    assert "largest finite values in the steps before" in out
    assert "step 0   step 1" in out
    assert "2.dense gradient of output" in out
    lines = [line for line in out.splitlines() if "Training met" not in line]
    assert max(map(len, lines[1:])) <= 80


def test_not_the_same(tmp_path, capsys):
    _, path = saved(tmp_path)
    arrays = load_npz(path)
    arrays["params"][...] = 0.1
    save_npz(path, arrays)
    assert main(["replay", str(path)]) == 1
    out = capsys.readouterr().out
    assert "Replayed, NOT the same: everything is finite" in out
    assert not any(line.startswith(" > ") for line in out.splitlines())
    arrays["params"][0] = np.nan
    save_npz(path, arrays)
    assert main(["replay", str(path)]) == 1
    assert "NOT the same: not finite at step 2 (epoch 3), before" in capsys.readouterr().out


def test_a_deep_network_fits_a_page(tmp_path, capsys):
    _, path = saved(tmp_path, depth=100, std=0.5)
    assert main(["replay", str(path)]) == 0
    short = capsys.readouterr().out.splitlines()
    assert len(short) < 60
    assert any(line.startswith(" > forward") for line in short)
    assert any("more," in line for line in short)
    assert any("0.dense gradient of weight" in line for line in short)
    assert main(["replay", str(path), "--all"]) == 0
    every = capsys.readouterr().out.splitlines()
    assert len(every) > 600
    assert not any("more," in line for line in every)


@pytest.mark.parametrize("first", [0, 3, 50, 97, 100])
def test_chosen_rows(first):
    rows = chosen(100, first, 40)
    assert rows == sorted(set(rows))
    assert len(rows) <= 42
    assert set(range(ENDS)) | set(range(100 - ENDS, 100)) <= set(rows)
    assert first in rows or first == 100
    assert chosen(30, first, 40) == list(range(30))


def test_bad_files(tmp_path, capsys):
    assert main(["replay", str(tmp_path / "none.npz")]) == 2
    assert "nnscratch replay: error: no such file" in capsys.readouterr().err
    (tmp_path / "bad.npz").write_bytes(b"PK12")
    assert main(["replay", str(tmp_path / "bad.npz")]) == 2
    assert "not a complete .npz" in capsys.readouterr().err
    record = tmp_path / "run.flow"
    record.write_bytes(b"of a run")
    assert main(["replay", str(record)]) == 2
    assert "run.flow is the record of a run, which `nnscratch diagnose` reads" in (
        capsys.readouterr().err
    )


def test_what_is_left_out_is_told_by_its_largest_finite_values():
    given = [[1.0, -30.0], [np.nan, 0.5], [np.nan, np.nan]]
    tensors = [summarize(FORWARD, "0.dense", "output", np.array(values)) for values in given]
    assert _between(tensors) == ("  ...", "3 more, 5.0e-01..3.0e+01", "", "", "3")
    assert _between(tensors[2:]) == ("  ...", "1 more, ", "", "", "2")
