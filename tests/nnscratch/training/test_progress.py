"""What training shows on a terminal and elsewhere."""

import io
import re
import sys
from types import SimpleNamespace

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.training import progress

RNG = np.random.default_rng(0)
X = RNG.standard_normal((50, 4)).astype(np.float32)
LABELS = RNG.integers(0, 3, 50)


def fit(y=LABELS, loss=None, lr=0.1, callbacks=(), **options):
    model = nn.Sequential(nn.Dense(4, 3), seed=0)
    trainer = nn.Trainer(model, loss or nn.SoftmaxCrossEntropy(), nn.SGD(lr))
    settings = {"epochs": 3, "batch_size": 20, "callbacks": callbacks, **options}
    return trainer.fit(X, y, **settings)


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def terminal(monkeypatch):
    """A terminal of 120 columns in place of standard error, redrawn at every step."""
    stream = Terminal()
    monkeypatch.setattr(progress, "progress_stream", lambda: stream)
    monkeypatch.setattr(progress, "REFRESH_SECONDS", 0.0)
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("TERM", "xterm")
    for variable in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(variable, raising=False)
    return stream


def test_one_line_per_epoch(capsys):
    history = fit(validation=(X, LABELS))
    out, err = capsys.readouterr()
    assert out == ""
    lines = [line for line in err.splitlines() if "compiling kernels" not in line]
    assert len(lines) == 3
    for number, line in enumerate(lines):
        assert re.fullmatch(
            rf"epoch {number + 1}/3  loss {history.train_loss[number]:.4f}  "
            rf"validation accuracy {history.val_accuracy[number]:.4f}  "
            r"[\d,]+ samples/s  0:00:\d\d left",
            line,
        )


def test_validation_without_classes(capsys):
    targets = X[:, :3]
    history = fit(targets, nn.MeanSquaredError(), validation=(X, targets))
    assert f"validation loss {history.val_loss[-1]:.4f}" in capsys.readouterr().err
    assert np.isnan(history.val_accuracy).all()


def test_no_validation(capsys):
    fit()
    assert "validation" not in capsys.readouterr().err


def test_silent(capsys):
    fit(progress=False)
    fit(progress=False, lr=1e38)
    assert capsys.readouterr() == ("", "")


def test_early_end_is_said(capsys):
    history = fit(max_steps=4)
    assert capsys.readouterr().err.splitlines()[1:] == ["stopped after max_steps = 4 steps"]
    assert history.message == "stopped after max_steps = 4 steps"


def test_a_later_fit_counts_on(capsys):
    model = nn.Sequential(nn.Dense(4, 3))
    trainer = nn.Trainer(model, nn.SoftmaxCrossEntropy(), nn.SGD(0.1))
    trainer.fit(X, LABELS, epochs=2, batch_size=20, progress=False)
    trainer.fit(X, LABELS, epochs=2, batch_size=20, max_steps=1)
    trainer.resume(X, LABELS)
    lines = capsys.readouterr().err.splitlines()
    assert [line.split("  ")[0] for line in lines] == [
        "stopped after max_steps = 1 steps",
        "epoch 3/4",
        "epoch 4/4",
    ]


def test_bar(terminal):
    history = fit(validation=(X, LABELS))
    shown = terminal.getvalue()
    for number in (1, 2, 3):
        assert f"epoch {number}/3" in shown
    assert re.search(r"loss \d\.\d{4}  batch accuracy \d\.\d{3}  [\d,]+ samples/s", shown)
    last = shown.rpartition("epoch 3/3")[2]
    assert f"loss {history.train_loss[-1]:.4f}" in last
    assert f"validation accuracy {history.val_accuracy[-1]:.4f}" in last
    assert "0:00:00 left" in last


def test_bar_says_why_it_ended_early(terminal):
    history = fit(max_steps=4)
    assert "epoch 2/3" in terminal.getvalue()
    assert terminal.getvalue().rstrip().endswith(history.message)


def test_bar_ends_where_the_training_ended(terminal, monkeypatch):
    """Not where it was drawn last: the last steps may have gone by too quickly for that."""
    monkeypatch.setattr(progress, "REFRESH_SECONDS", 1000.0)
    fit(max_steps=4)
    assert "epoch 2/3" in terminal.getvalue()


def test_bar_is_put_away_when_training_fails(terminal):
    class Broken(nn.Callback):
        def on_step(self, trainer, step):
            raise RuntimeError("broken callback")

    with pytest.raises(RuntimeError, match="broken callback"):
        fit(callbacks=[Broken()])
    assert terminal.getvalue().rstrip().endswith("\x1b[?25h")  # the cursor is visible again


def test_time_left():
    display = progress.Lines(first=0, last=4, steps=10, position=0)
    display.count(5)
    for _ in range(9):
        display.count(5)
    display.clock -= 9 * 500  # as if each step had taken 500 s
    assert display.time_left() == "4:10:00"
    assert display.speed() == pytest.approx(5 / 500, rel=1e-3)
    assert display.epoch_number() == 1
    display.count(5)
    assert display.epoch_number() == 2


def test_a_notebook_gets_its_lines_on_standard_output(capsys, monkeypatch):
    """What comes on standard error is shown there as an error."""
    monkeypatch.setitem(sys.modules, "ipykernel", SimpleNamespace())
    fit()
    out, err = capsys.readouterr()
    assert out.count("epoch ") == 3
    assert "epoch " not in err
