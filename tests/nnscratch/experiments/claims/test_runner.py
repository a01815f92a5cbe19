"""Running, keeping, going on."""

import json
import math

import pytest

import nnscratch as nn
from nnscratch.errors import ListedError
from nnscratch.experiments.claims import Data
from nnscratch.experiments.claims.claim import UNCHECKED, Progress
from nnscratch.experiments.claims.runner import run_claims


class NoMnist(Data):
    def mnist(self):
        raise ListedError("MNIST is not here:\nlook there")


def test_results_and_pictures_are_written(claim_maker, tmp_path):
    (outcome,) = run_claims([claim_maker()], tmp_path, Data())
    assert outcome.verdict.word == "holds"
    assert not outcome.kept
    assert outcome.picture.read_bytes().startswith(b"\x89PNG")
    saved = json.loads((tmp_path / "coin.json").read_text())
    assert saved["verdict"] == "holds"
    assert saved["settings"]["seeds"] == [1000, 1001, 1002, 1003, 1004, 1005]
    assert len(saved["quantities"]["mean"]["values"]) == 6
    assert saved["curves"]["odd"] == ["nan", "inf", 0.333333]


def test_what_is_done_is_not_done_again(claim_maker, tmp_path):
    runs = []
    claim = claim_maker(runs=runs)
    (first,) = run_claims([claim], tmp_path, Data())
    (second,) = run_claims([claim], tmp_path, Data())
    assert len(runs) == 6
    assert second.kept
    assert second.measured["mean"].values == first.measured["mean"].values
    assert second.measured["mean"].expected == 0.5
    odd = second.measured.curves["odd"]
    assert math.isnan(odd[0])
    assert odd[1] == math.inf
    (third,) = run_claims([claim], tmp_path, Data(), fresh=True)
    assert len(runs) == 12
    assert not third.kept


def test_other_settings_are_measured_anew(claim_maker, tmp_path):
    runs = []
    claim = claim_maker(runs=runs)
    list(run_claims([claim], tmp_path, Data()))
    list(run_claims([claim], tmp_path, Data(), seeds=[7, 8]))
    assert runs[6:] == [("coin", 7), ("coin", 8)]
    list(run_claims([claim], tmp_path, Data(), quick=True))
    assert runs[8:] == [("coin", 1000), ("coin", 1001)]


def test_interrupted_and_continued(claim_maker, tmp_path):
    runs = []
    claims = [claim_maker(name, runs=runs) for name in ("one", "two", "three")]

    def stop_in_the_second(claim, fraction, note):
        if claim.name == "two" and fraction > 0.4:
            raise KeyboardInterrupt

    outcomes = run_claims(claims, tmp_path, Data(), show=stop_in_the_second)
    assert next(outcomes).claim.name == "one"
    with pytest.raises(KeyboardInterrupt):
        next(outcomes)
    assert not (tmp_path / "two.json").exists()
    runs.clear()
    outcomes = list(run_claims(claims, tmp_path, Data()))
    assert [outcome.kept for outcome in outcomes] == [True, False, False]
    assert {name for name, _ in runs} == {"two", "three"}


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[]", b'{"key": 1}'])
def test_damaged_results_are_measured_anew(claim_maker, tmp_path, content):
    (tmp_path / "coin.json").write_bytes(content)
    (outcome,) = run_claims([claim_maker()], tmp_path, Data())
    assert not outcome.kept
    assert json.loads((tmp_path / "coin.json").read_text())["verdict"] == "holds"


def test_result_with_the_right_key_but_without_its_numbers(claim_maker, tmp_path):
    list(run_claims([claim_maker()], tmp_path, Data()))
    saved = json.loads((tmp_path / "coin.json").read_text())
    del saved["quantities"]["mean"]["values"]
    (tmp_path / "coin.json").write_text(json.dumps(saved))
    (outcome,) = run_claims([claim_maker()], tmp_path, Data())
    assert not outcome.kept


def test_missing_data_are_said_and_the_rest_runs_on(claim_maker, tmp_path):
    claims = [claim_maker("images", needs=("mnist",)), claim_maker()]
    first, second = run_claims(claims, tmp_path, NoMnist())
    assert first.verdict.word == UNCHECKED
    assert first.verdict.reason == "it needs mnist: MNIST is not here:"
    assert first.measured is None
    assert first.picture is None
    assert second.verdict.word == "holds"


@pytest.mark.parametrize(
    ("seeds", "said"), [([0], "at least 2 seeds"), ([], "at least 2"), ([1, 1], "must differ")]
)
def test_seeds_that_make_no_interval(claim_maker, tmp_path, seeds, said):
    with pytest.raises(nn.ConfigError, match=said):
        list(run_claims([claim_maker()], tmp_path, Data(), seeds=seeds))


def test_folder_that_is_a_file(claim_maker, tmp_path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(nn.FileError, match="cannot write into folder"):
        list(run_claims([claim_maker()], tmp_path / "taken", Data()))


def test_progress_of_nested_loops():
    seen = []
    progress = Progress(lambda fraction, note: seen.append((fraction, note)))
    for _ in progress.over([0, 1], "outer"):
        for _ in progress.over(["a", "b"], "inner"):
            pass
    assert seen == [
        (0.0, "outer 0"),
        (0.0, "inner a"),
        (0.25, "inner b"),
        (0.5, "outer 1"),
        (0.5, "inner a"),
        (0.75, "inner b"),
    ]


def test_claims_that_are_not_named_are_taken_as_they_are(claim_maker, tmp_path):
    runs = []
    names = ("one", "two", "three")
    claims = [claim_maker(name, runs=runs) for name in names]
    list(run_claims(claims[:2], tmp_path, Data(), seeds=[7, 8]))
    del runs[:]
    found = list(run_claims(claims, tmp_path, Data(), only=["two"]))
    assert {name for name, _ in runs} == {"two"}
    assert [outcome.earlier for outcome in found] == [True, False, False]
    assert len(found[0].measured["mean"].values) == 2
    assert found[1].measured is not None
    assert found[2].measured is None
    assert "holds no result of it" in found[2].verdict.reason
