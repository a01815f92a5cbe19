"""``compare`` and ``predict --family recurrent``, small: what is printed and left behind."""

import json

import pytest

from nnscratch.cli import main
from nnscratch.experiments import recurrent_ladder as ladder
from nnscratch.flow import load_record

SMALL = ["--family", "recurrent", "--length", "12", "--width", "12", "--updates", "250"]


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("compare")
    assert main(["compare", *SMALL, "--out", str(folder)]) == 0
    return folder


def test_every_configuration_leaves_a_record_and_its_numbers(compared):
    summary = json.loads((compared / "summary.json").read_text())
    assert summary["settings"]["length"] == 12
    assert summary["settings"]["lr"] == ladder.Settings().lr
    rows = summary["configurations"]
    assert [row["name"] for row in rows] == [rung.name for rung in ladder.LADDER]
    for row in rows:
        record = load_record(compared / "records" / f"{row['name']}.npz")
        assert record["label"] == row["label"]
        assert len(record["steps"]) == 250
        assert len(row["relative_gradient"][0]) == len(row["measured"][0]) == 12
        assert row["updates"] == [250]
        assert 0 <= row["right"][0] <= 1
        assert row["solved_after"] in (None, 250)
    assert (compared / "memory.png").read_bytes().startswith(b"\x89PNG")


def test_the_table_fits_a_terminal(tmp_path, capsys):
    only = ["--only", "lstm-forget-1", "tanh-orthogonal-clipped"]
    assert main(["compare", *SMALL, *only, "--lr", "0.2", "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert "2 recurrent networks of 12 units" in printed
    for name in only[1:]:
        assert f"training {name} ..." in printed
    assert "learning rate 0.2" in printed
    (line,) = [line for line in printed.splitlines() if line.startswith(" LSTM, forget bias 1 ")]
    assert len(line.split()) == 10
    assert "…" not in printed
    assert max(map(len, printed.splitlines()[:-8])) <= 80


def test_predict(tmp_path, capsys):
    small = ["--family", "recurrent", "--length", "15", "--width", "20"]
    assert main(["predict", *small, "--only", "gru", "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert "GRU: vanishing through time: 14 steps back '0.gru' has" in printed
    (row,) = json.loads((tmp_path / "summary.json").read_text())["configurations"]
    assert row["rate"][0] < 1
    assert (tmp_path / "gradient-through-time.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["compare", "--length", "20"], "--length is for --family recurrent"),
        (["compare", "--family", "recurrent", "--depth", "3"], "--depth is for --family layers"),
        (["predict", "--family", "recurrent", "--measure"], "--measure is for --family layers"),
        *(
            ([command, "--family", "recurrent", *option], "makes its own sequences")
            for command, option in (
                ("compare", ("--data", "mnist")),
                ("compare", ("--data-dir", "mnist")),
                ("predict", ("--target", "price")),
                ("cure", ("--standardise",)),
                ("cure", ("--ignore", "id")),
            )
        ),
        *(
            ([command, "--family", "recurrent", *option], "has its own networks")
            for command in ("predict", "cure")
            for option in (
                ("--activation", "relu"),
                ("--init", "he_normal"),
                ("--norm", "layer"),
                ("--batchnorm",),
                ("--residual",),
            )
        ),
        (["compare", "--family", "recurrent", "--only", "lstm"], "did you mean"),
    ],
)
def test_options_of_the_other_family_are_refused(arguments, message, tmp_path, capsys):
    assert main([*arguments, "--out", str(tmp_path / "none")]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


def test_cure(tmp_path, capsys):
    small = ["--family", "recurrent", "--length", "10", "--width", "8", "--only", "lstm-forget-0"]
    assert main(["cure", *small, "--steps", "20", "--tries", "1", "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert "1 recurrent network of 8 units" in printed
    assert "Diagnosis: through time " in printed
    (row,) = json.loads((tmp_path / "summary.json").read_text())["configurations"]
    assert row["name"] == "lstm-forget-0"
    assert (tmp_path / "lstm-forget-0.png").read_bytes().startswith(b"\x89PNG")
