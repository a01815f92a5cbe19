"""``nnscratch diagnose --public-cases``: its tables, files and exit codes."""

import json
from types import SimpleNamespace

import pytest

from nnscratch.cli import main, public_cases
from nnscratch.cli.arguments import PUBLIC_GROUPS
from nnscratch.experiments import public
from nnscratch.experiments.public.verdict import FIRST, LATER, SILENT

GROUPS = "tuned", "untouched", "marsh"


@pytest.fixture
def few(monkeypatch):
    """A case of some groups and a healthy set-up, of those that take no time."""
    groups = {n: [c for c in public.SICK[n] if c.recipe.steps <= 300] for n in GROUPS}
    groups = {n: sorted(cases, key=lambda c: c.recipe.steps)[:1] for n, cases in groups.items()}
    monkeypatch.setattr(public, "SICK", groups)
    kept = [c for c in public.HEALTHY if c.recipe.steps <= 200][:1]
    monkeypatch.setattr(public, "HEALTHY", kept)
    return groups


def test_tables_and_files(few, tmp_path, capsys):
    written, told = tmp_path / "cases.md", tmp_path / "cases.json"
    code = main(["diagnose", "--public-cases", "--markdown", str(written), "--json", str(told)])
    printed = capsys.readouterr().out
    content = json.loads(told.read_text())
    assert set(content["tally"]) == set(public.SICK)
    for name, tally in content["tally"].items():
        verdicts = [a["verdict"] for a in content["sick"][name]]
        assert tally["runs"] == len(verdicts)
        assert tally["first"] == verdicts.count("first")
        assert tally["wrong"] == verdicts.count("wrong")
    for text in (printed, written.read_text()):
        assert "Published tools, 52 faulty programs" in text
        assert all(case.name.split()[0] in text for case in few["tuned"])
    assert code in (0, 1)


@pytest.mark.slow
def test_what_was_put_aside_is_shown_one_by_one_to_whom_asks_for_it_alone(few, capsys):
    main(["diagnose", "--public-cases", "all"])
    printed = capsys.readouterr().out
    assert public.PUT_ASIDE == ("marsh",)
    assert not any(f"Sick cases, {name}" in printed for name in public.PUT_ASIDE)
    assert "Sick cases, untouched" in printed
    main(["diagnose", "--public-cases", "marsh"])
    printed = capsys.readouterr().out
    assert "Sick cases, marsh" in printed
    assert "Sick cases, tuned" not in printed


def test_the_command_line_knows_every_group():
    assert tuple(public.SICK) == PUBLIC_GROUPS


@pytest.mark.slow
def test_aims_decide_the_exit_code(few, monkeypatch, capsys):
    monkeypatch.setattr(public_cases, "AIMS", {"first": 0, "anywhere": 0, "alarms": 1})
    assert main(["diagnose", "--public-cases", "tuned"]) == 0
    monkeypatch.setattr(public_cases, "AIMS", {"first": 1.1, "anywhere": 0, "alarms": 1})
    assert main(["diagnose", "--public-cases", "tuned"]) == 1
    monkeypatch.setattr(public_cases, "AIMS", {"first": 0, "anywhere": 1.1, "alarms": 1})
    assert main(["diagnose", "--public-cases", "tuned"]) == 1
    monkeypatch.setattr(public_cases, "AIMS", {"first": 0, "anywhere": 0, "alarms": -1})
    assert main(["diagnose", "--public-cases", "tuned"]) == 1


def test_files_and_public_cases_do_not_go_together(capsys):
    assert main(["diagnose", "--public-cases", "tuned", "run.flow"]) == 2
    assert "--public-cases makes its own runs" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("first", "later", "reached"), [(17, 2, True), (16, 4, False), (17, 1, False)]
)
def test_of_twenty_seventeen_come_first_and_nineteen_are_told(first, later, reached):
    verdicts = [FIRST] * first + [LATER] * later + [SILENT] * (20 - first - later)
    answers = [SimpleNamespace(verdict=verdict) for verdict in verdicts]
    assert public_cases._reached([answers], []) == reached


def test_one_false_alarm_in_forty_is_borne():
    def healthy(alarms, learned=40):
        quiet, loud = (
            SimpleNamespace(learned=True, alarms=alarms) for alarms in ((), ("dead units",))
        )
        return [loud] * alarms + [quiet] * (learned - alarms)

    assert public_cases.AIMS["alarms"] == 1 / 40
    assert public_cases._reached([], healthy(1))
    assert not public_cases._reached([], healthy(2))
    assert public_cases._reached([], healthy(2, learned=80))
