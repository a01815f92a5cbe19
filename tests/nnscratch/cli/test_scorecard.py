"""``nnscratch reproduce`` with claims, as a user meets it."""

import json

import pytest

from nnscratch.cli import main
from nnscratch.cli import scorecard as command
from nnscratch.experiments.claims import Measured, Picture, Quantity, Verdict, registry

CLAIM = registry.select(["table-rows"])[0]


@pytest.fixture
def two_claims(monkeypatch, tmp_path):
    """Let the registry hold two claims that cost nothing, one of which needs MNIST."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NNSCRATCH_DATA", raising=False)
    monkeypatch.setenv("NNSCRATCH_CACHE", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def run(trial):
        values = [float(seed) for seed in trial.seeds("seed")]
        return Measured({"mean": Quantity("mean [x]", values, 1.0, "theory")})

    def picture(measured):
        return Picture(lambda ax: None, width=2, height=1)

    def made(name, needs=()):
        return type(CLAIM)(
            name=name,
            sentence=f"The {name} [holds].",
            source="somebody",
            configuration="{seeds} seeds",
            rule="Holds if it does; does not hold otherwise.",
            full={"seeds": 3},
            quick={"seeds": 2},
            run=run,
            verdict=lambda measured: Verdict.holds(f"the mean is {measured['mean'].mean:g}"),
            picture=picture,
            needs=needs,
        )

    monkeypatch.setattr(registry, "CLAIMS", (made("first"), made("second", ("mnist",))))


def test_list(two_claims, capsys):
    assert main(["reproduce"]) == 0
    printed = capsys.readouterr().out
    for word in ("first", "second", "mnist-bn-elu", "[holds]"):
        assert word in printed


def test_all_writes_the_page_and_runs_on_without_mnist(two_claims, capsys, tmp_path):
    assert main(["reproduce", "all", "--out", "made", "--json", "numbers.json"]) == 0
    printed = capsys.readouterr().out
    assert "1/2  first: ✔ holds" in printed
    assert "2/2  second: ? cannot be checked here (not run)" in printed
    text = (tmp_path / "made" / "scorecard.md").read_text("utf-8")
    assert "it needs mnist: MNIST is not in" in text
    assert (tmp_path / "made" / "scorecard.html").is_file()
    assert (tmp_path / "made" / "scorecard" / "first.png").is_file()
    numbers = json.loads((tmp_path / "numbers.json").read_text())["claims"]
    assert [one["verdict"] for one in numbers] == ["holds", "cannot be checked here"]
    assert main(["reproduce", "all", "--out", "made"]) == 0
    assert "kept" in capsys.readouterr().out
    assert main(["reproduce", "all", "--page", "--fresh", "--out", "made"]) == 0
    assert "kept" not in capsys.readouterr().out  # each is run again


def test_one_by_name(two_claims, capsys, tmp_path):
    assert main(["reproduce", "first", "--quick", "--seeds", "3", "4", "5"]) == 0
    printed = capsys.readouterr().out
    for word in ("✔ holds (quick)", "mean [x]", "the mean is 4", "1 (theory)", "Rule: Holds if"):
        assert word in printed
    assert "measured mean [95 % interval] expected" in " ".join(printed.split())
    assert (tmp_path / "runs" / "scorecard-quick" / "first.png").is_file()
    assert not (tmp_path / "runs" / "scorecard-quick.md").exists()


def test_missing_mnist_is_an_error_where_it_was_asked_for(two_claims, capsys):
    assert main(["reproduce", "second"]) == 2
    error = capsys.readouterr().err
    assert "claim 'second' needs mnist: MNIST is not in" in error
    assert "\n  1. data_dir=..." in error
    assert "--download" in error


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["frist"], "unknown claim 'frist': did you mean 'first'?"),
        (["first", "alll"], "unknown claim 'alll'"),
        (["all", "--seeds", "1"], "at least 2 seeds"),
        (["all", "--seeds", "1", "1"], "seeds must differ"),
        (["first", "--epochs", "3"], "--epochs is for mnist-bn-elu"),
        (["mnist-bn-elu", "--quick"], "--quick is for claims"),
        (["mnist-bn-elu", "--fresh"], "--fresh is for claims"),
        (["mnist-bn-elu", "first"], "run by itself"),
    ],
)
def test_bad_input(two_claims, capsys, arguments, said):
    assert main(["reproduce", *arguments]) == 2
    assert said in capsys.readouterr().err


def test_ctrl_c_keeps_what_is_done(two_claims, capsys, monkeypatch, tmp_path):
    first, second = registry.CLAIMS

    def interrupted(trial):
        raise KeyboardInterrupt

    stopped = type(first)(**{**vars(second), "run": interrupted, "needs": ()})
    monkeypatch.setattr(registry, "CLAIMS", (first, stopped))
    assert main(["reproduce", "all"]) == 130
    printed = capsys.readouterr()
    assert "1 of 2 claims are kept" in printed.out
    assert "goes on from there" in printed.out
    assert "interrupted" in printed.err
    assert not (tmp_path / "runs" / "scorecard.md").exists()
    monkeypatch.setattr(registry, "CLAIMS", (first,))
    assert main(["reproduce", "all"]) == 0
    assert "kept" in capsys.readouterr().out


def test_progress_on_a_terminal(two_claims, monkeypatch, capsys):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    with command._progress(2, []) as show:
        show(registry.CLAIMS[0], 0.5, "seed 1")


def test_one_claim_and_the_page(two_claims, tmp_path, capsys):
    assert main(["reproduce", "first", "--page", "--out", "made"]) == 0
    text = (tmp_path / "made" / "scorecard.md").read_text("utf-8")
    assert "## first" in text
    assert "## second" in text
    assert "holds no result of it" in text
    assert "1/2  first" in capsys.readouterr().out
