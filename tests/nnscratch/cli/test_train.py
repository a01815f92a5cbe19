"""``nnscratch train``: what it writes, prints and returns."""

import re

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.cli import main, network
from nnscratch.cli import train as command
from nnscratch.flow.live import LiveTable
from nnscratch.flow.stream import read_stream
from nnscratch_kernels.vector import subnormals

SMALL = ["train", "--depth", "2", "--width", "12", "--epochs", "2", "--batch", "250"]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def made(monkeypatch):
    """The trainers that the command made."""
    trainers = []

    class Trainer(nn.Trainer):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            trainers.append(self)

    monkeypatch.setattr(command, "Trainer", Trainer)
    return trainers


def test_it_trains(capsys, made):
    assert main([*SMALL, "--lr", "0.5", "--epochs", "10"]) == 0
    out, err = capsys.readouterr()
    (trainer,) = made
    assert trainer.steps == 60
    accuracy = float(re.search(r"test accuracy (\d\.\d+) after 10 epochs, 60 steps", out)[1])
    assert accuracy > 0.5
    assert "relu: 2 hidden layers x 12, 1,066 parameters, on digits (1,500 training" in out
    assert "gradient flow: healthy; norm " in out
    assert err.count("epoch ") == 10


def test_the_prediction_comes_before_training_and_beside_the_measurement(capsys):
    sick = ["--activation", "sigmoid", "--init", "glorot_normal", "--depth", "6", "--epochs", "1"]
    assert main([*SMALL, *sick]) == 0
    out = capsys.readouterr().out
    said = re.search(r"predicted: gradient first/last (\S+), vanishing\ntest accuracy", out)[1]
    measured, beside = re.search(r"steps\); first/last (\S+), predicted (\S+)\n", out).groups()
    assert beside == said
    assert float(measured) == pytest.approx(float(said), rel=1)
    assert float(said) < 1e-3


def test_where_there_is_no_prediction_it_says_why(capsys):
    assert main([*SMALL, "--batch", "1", "--epochs", "1", "--width", "2"]) == 0
    out = capsys.readouterr().out
    assert "no prediction: batch_size must be" in out
    assert ", predicted" not in out


def test_every_option_reaches_the_network(made):
    code = main(
        [*SMALL, "--activation", "tanh", "--init", "orthogonal", "--batchnorm", "--optimizer",
         "nesterov", "--momentum", "0.5", "--lr", "0.03", "--clip-norm", "2", "--seed", "7",
         "--epochs", "1"]
    )  # fmt: skip
    assert code == 0
    (trainer,) = made
    assert list(trainer.model.layers) == [
        "0.dense", "1.batchnorm", "2.tanh", "3.dense", "4.batchnorm", "5.tanh", "6.dense",
    ]  # fmt: skip
    assert repr(trainer.model.layers["0.dense"]) == "Dense(64, 12, init=Orthogonal(gain=1.0))"
    assert repr(trainer.optimizer) == (
        "SGD(lr=0.03, momentum=0.5, nesterov=True, clip=ClipByGlobalNorm(max_norm=2.0))"
    )
    assert trainer.run.seed == 7
    assert main([*SMALL, "--residual", "0.5", "--norm", "layer", "--epochs", "1"]) == 0
    around = made.pop()
    assert list(around.model.layers) == [
        "0.dense", "1.branch", "1.0.layernorm", "1.1.relu", "1.2.dense", "1.skip", "1.sum",
        "2.layernorm", "3.dense",
    ]  # fmt: skip
    assert around.model.layers["1.sum"].scale == 0.5
    assert main([*SMALL, "--optimizer", "adam", "--clip-value", "0.1", "--epochs", "1"]) == 0
    optimizer = made[1].optimizer
    assert isinstance(optimizer, nn.Adam)
    assert optimizer.clip == nn.ClipByValue(0.1)
    relu = made[1].model.layers["0.dense"]
    assert relu.init == nn.for_activation("relu")


def test_the_same_seed_gives_the_same_network(made):
    for seed in ("3", "3", "4"):
        assert main([*SMALL, "--epochs", "1", "--seed", seed]) == 0
    first, same, other = (trainer.model.params.flat.tobytes() for trainer in made)
    assert first == same
    assert first != other


@pytest.mark.skipif(not subnormals.CONTROLLED, reason="processor without such a mode")
@pytest.mark.parametrize(
    "options", [[], pytest.param(["--flush-subnormals"], marks=pytest.mark.slow)]
)
def test_subnormal_numbers_are_kept_or_not(made, options):
    sick = ["--depth", "72", "--activation", "sigmoid", "--init", "glorot_uniform"]
    assert main([*SMALL, *sick, "--epochs", "1", *options]) == 0
    gradients = abs(made[0].model.grads.flat)
    vanished = (gradients > 0) & (gradients < np.finfo(np.float32).smallest_normal)
    assert vanished.any() == (not options)


def test_files(folder, capsys, made):
    code = main(
        [*SMALL, "--record", "out/run.flow", "--html", "out/run.html", "--diagnose", "--every", "2"]
    )
    assert code == 0
    out = capsys.readouterr().out
    assert "wrote out/run.flow" in out
    assert "wrote out/run.html" in out
    assert "Read: 6 recorded steps, 0 to 10, of 5 layers." in out
    assert sorted(path.name for path in (folder / "out").iterdir()) == ["run.flow", "run.html"]
    assert len(read_stream("out/run.flow").steps) == 6
    page = (folder / "out/run.html").read_text()
    assert "<html" in page
    assert "predicted before training" in page
    assert "0.dense" in page


def test_a_training_that_runs_away(folder, capsys):
    code = main([*SMALL, "--lr", "1e15", "--forensics", "bad", "--diagnose", "--html", "a.html"])
    assert code == 1
    out, err = capsys.readouterr()
    assert "gradient flow: diverged" in out
    assert "not finite at step" in err
    assert "learning rate too large (fatal)" in out
    assert "It brings non-finite: NaN or infinity since step" in out
    (saved,) = (folder / "bad").iterdir()
    assert f"nnscratch replay bad/{saved.name}" in err
    assert (folder / "a.html").exists()
    assert main(["replay", str(saved)]) == 0
    out = capsys.readouterr().out
    assert "Replayed: the same." in out
    assert "largest finite values in the steps before" in out


def test_going_on(capsys):
    with pytest.warns(RuntimeWarning, match="Training goes on"):
        code = main([*SMALL, "--lr", "1e15", "--go-on"])
    assert code == 0
    assert "12 steps" in capsys.readouterr().out


def test_ctrl_c_still_writes(folder, capsys, monkeypatch):
    class Trainer(nn.Trainer):
        def fit(self, *arguments, callbacks, **options):
            class Interrupt(nn.Callback):
                def on_step(self, trainer, step):
                    if step.step == 3:
                        raise KeyboardInterrupt

            return super().fit(*arguments, callbacks=[*callbacks, Interrupt()], **options)

    monkeypatch.setattr(command, "Trainer", Trainer)
    assert main([*SMALL, "--record", "run.flow", "--html", "run.html"]) == 130
    assert len(read_stream("run.flow").steps) == 4
    assert (folder / "run.html").exists()
    assert "nnscratch train: interrupted" in capsys.readouterr().err


@pytest.mark.parametrize(("many", "said"), [(2, True), (3, False)])
def test_what_takes_seconds_to_be_made_is_said_first(many, said, capsys, monkeypatch):
    monkeypatch.setattr(network, "_MANY", many)
    assert main(SMALL) == 0
    assert ("making 2 hidden layers x 12 ..." in capsys.readouterr().out) == said


def test_live_on_a_terminal_and_elsewhere(capsys, monkeypatch):
    assert main([*SMALL, "--live"]) == 0
    assert capsys.readouterr().err.count("epoch ") == 2  # no terminal: a line an epoch
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert main([*SMALL, "--live"]) == 0
    err = capsys.readouterr().err
    assert "epoch 2/2, done" in err
    assert "samples/s" not in err


def test_the_screen_is_given_back_where_training_fails(monkeypatch):
    closed = []
    monkeypatch.setattr(LiveTable, "close", lambda table: closed.append(table))

    def fail(trainer, *arrays, **options):
        raise RuntimeError("in the middle")

    monkeypatch.setattr("nnscratch.cli.train.Trainer.fit", fail)
    with pytest.raises(RuntimeError, match="in the middle"):
        main([*SMALL, "--live"])
    assert len(closed) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--activation", "rleu"], "did you mean 'relu'?"),
        (["--init", "he"], "unknown initializer 'he'"),
        (["--optimizer", "adm"], "unknown optimizer 'adm'"),
        (["--optimizer", "adam", "--momentum", "0.9"], "--momentum is for sgd"),
        (["--momentum", "1"], "momentum must be"),
        (["--clip-norm", "1", "--clip-value", "1"], "not allowed with"),
        (["--clip-norm", "0"], "clip-norm must be a finite number > 0"),
        (["--depth", "0"], "depth must be"),
        (["--record", "run.npz"], "run.npz must end in .flow"),
        (["--html", "page.pdf"], "page.pdf must end in .html"),
        (["--html", "taken/page.html"], "cannot write taken/page.html: Not a directory"),
        (["--forensics", "taken"], "cannot write into folder"),
        (["--data", "cifar"], "unknown data set"),
    ],
)
def test_bad_input(folder, capsys, arguments, said):
    (folder / "taken").write_text("")
    try:
        code = main([*SMALL, *arguments])
    except SystemExit as error:
        code = error.code
    assert code == 2
    assert said in capsys.readouterr().err


def test_a_record_is_not_written_over_another_file(folder, capsys):
    (folder / "notes.flow").write_text("my notes")
    assert main([*SMALL, "--record", "notes.flow"]) == 2
    assert "notes.flow exists and is no .flow record" in capsys.readouterr().err
    assert (folder / "notes.flow").read_text() == "my notes"


def test_the_reading_and_the_findings_stand_beside_each_other(capsys):
    """What `nnscratch diagnose` fails on is said, whatever the gradient's reading."""
    assert main([*SMALL, "--lr", "1e-7", "--epochs", "20"]) == 0
    out = capsys.readouterr().out
    assert "gradient flow: healthy; norm " in out
    assert re.search(r"\nfindings: learning rate too small.* \(--diagnose says why\)\n", out)
    assert main([*SMALL, "--lr", "0.5", "--epochs", "10"]) == 0
    told = capsys.readouterr().out
    assert "\nfindings: nothing serious; to notice: too few steps (--diagnose says why)\n" in told
