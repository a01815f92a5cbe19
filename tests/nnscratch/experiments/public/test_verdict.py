"""The suite's structure, and the verdict's arithmetic worked out another way."""

import hashlib
from collections import Counter

import numpy as np
import pytest

from nnscratch.experiments import public
from nnscratch.experiments.public.recipe import Outcome
from nnscratch.experiments.public.tables import (
    alarms,
    counts,
    healthy_answers,
    published,
    sick_answers,
)
from nnscratch.experiments.public.verdict import FIRST, LATER, SILENT, WRONG
from nnscratch.flow.findings import KINDS, Finding, Findings
from nnscratch.flow.findings.graph import WIRING

HALVES = (public.TUNED, public.UNTOUCHED)
SICK = [case for cases in public.SICK.values() for case in cases]


# Halves that were collected together, and how many cases they have at least.
COLLECTED = {
    ("tuned", "untouched"): 30,
    ("autumn", "winter"): 32,
    ("spring", "summer"): 30,
    ("dawn", "dusk"): 40,
    ("east", "west"): 24,
    ("north", "south"): 20,
    ("harbour", "island"): 28,
    ("meadow", "moor"): 24,
    ("brook", "delta"): 44,
    ("lake", "marsh"): 40,
    ("sedge", "reed"): 30,
}


@pytest.mark.parametrize("halves", COLLECTED)
def test_enough_cases(halves):
    one, other = (len(public.SICK[half]) for half in halves)
    assert one + other >= COLLECTED[halves]
    assert abs(one - other) <= {HALVES: 4, ("sedge", "reed"): 6}.get(halves, 1)


def test_enough_kinds():
    assert len(public.HEALTHY) >= 40
    assert len({case.cause for case in SICK}) >= 12
    names = [case.name for case in (*SICK, *public.HEALTHY)]
    assert [name for name, n in Counter(names).items() if n > 1] == []


@pytest.mark.parametrize("half", HALVES)
def test_the_name_decides_the_half(half):
    assert {public.half(case.name) for case in public.SICK[half]} == {half}


def test_names_decide_what_is_put_aside():
    def place(case):
        return hashlib.sha256(case.name.encode()).hexdigest()

    for one, other in set(COLLECTED) - {HALVES}:
        assert max(map(place, public.SICK[one])) < min(map(place, public.SICK[other]))


@pytest.mark.parametrize("case", [*SICK, *public.HEALTHY], ids=lambda case: case.name)
def test_a_case_is_whole(case):
    assert case.source.startswith(("https://", "http://"))
    assert 0 <= case.reach <= 1
    assert case.recipe.steps <= 10_000
    data = case.recipe.data(np.random.default_rng(0))
    assert data.x.ndim in (2, 3)  # with sequences: examples, time, features
    assert len(data.x) == len(data.y)
    assert np.isfinite(data.x).all()
    assert case.recipe.net.startswith(f"{data.x.shape[-1]},")
    if isinstance(case, public.Sick):
        assert case.causes <= set(public.CAUSES)
        assert case.cause not in case.also
        assert case.truth
        assert case.mended
        assert case.cured != case.recipe


def test_every_kind_of_finding_names_causes():
    assert set(KINDS) <= set(public.NAMES)
    assert all(causes <= set(public.CAUSES) for causes in public.NAMES.values())
    assert all(public.NAMES[kind] for kind in set(KINDS) - {"does not learn", *WIRING})


def found(*kinds, severity="serious"):
    return Findings(tuple(Finding(kind, severity, (), 0, "x.") for kind in kinds), "run", "")


def sick(cause, *kinds, score=0.0, also=()):
    case = next(c for c in SICK)
    made = public.Sick("made up", "https://x", "t", cause, case.recipe, {}, 0.9, also)
    return public.Answer(made, 0, Outcome(score, 1.0, found(*kinds)))


@pytest.mark.parametrize(
    ("kinds", "also", "verdict"),
    [
        (("input scale",), (), FIRST),
        (("input scale", "diverged"), (), FIRST),
        (("saturated", "input scale"), (), LATER),
        (("saturated", "diverged"), (), WRONG),
        (("saturated", "diverged"), ("rate too large",), LATER),
        (("saturated",), ("activation",), FIRST),
        ((), ("activation",), SILENT),
    ],
)
def test_verdict(kinds, also, verdict):
    assert sick("input scale", *kinds, also=also).verdict == verdict


def test_tally():
    """Counted by hand: 3 first, 2 later, 1 silent, 4 wrong."""
    answers = [
        *[sick("clip", "clip always")] * 3,
        *[sick("clip", "vanishing", "clip never")] * 2,
        sick("clip"),
        *[sick("clip", "vanishing")] * 4,
    ]
    tally = public.Tally.of(answers)
    assert (tally.runs, tally.first, tally.anywhere) == (10, 3, 5)
    assert (tally.silent, tally.wrong) == (1, 4)
    rows = counts({"a": answers, "b": []}).rows
    assert rows[0] == ("a", "3 (30%)", "5 (50%)", "1 (10%)", "4 (40%)", "10")
    assert rows[1] == ("b", "-", "-", "-", "-", "0")


def test_every_verdict_is_one_of_four_and_they_add_up():
    rng = np.random.default_rng(0)
    answers = []
    for _ in range(200):
        kinds = rng.choice(KINDS, rng.integers(0, 4), replace=False)
        answers.append(sick(str(rng.choice(public.CAUSES)), *map(str, kinds)))
    tally, said = public.Tally.of(answers), Counter(a.verdict for a in answers)
    assert set(said) == set(public.VERDICTS)
    assert tally.first == said[FIRST]
    assert tally.anywhere == said[FIRST] + said[LATER]
    assert tally.anywhere + tally.silent + tally.wrong == tally.runs == 200
    for a in answers:  # the rule once more, by sets of causes
        right = [len(public.NAMES[k] & {a.case.cause}) for k in a.kinds]
        want = SILENT if not right else FIRST if right[0] else LATER if sum(right) else WRONG
        assert a.verdict == want


def healthy(score, *kinds, severity="serious"):
    case = next(c for c in public.HEALTHY if c.reach == 0.9)
    return public.Answer(case, 0, Outcome(score, 1.0, found(*kinds, severity=severity)))


def test_false_alarms_need_a_run_that_learned():
    answers = [
        healthy(0.95),
        healthy(0.9, "clip always"),
        healthy(0.89, "clip always"),
        healthy(1.0, "clip never", severity="notice"),
        healthy(1.0, "diverged", severity="fatal"),
    ]
    assert [bool(a.alarms) for a in answers] == [False, True, False, False, True]
    assert alarms({"healthy": answers}).rows == (("healthy", "2", "4", "1"),)


def test_tables_name_every_case_also_those_that_cannot_run():
    case, other = public.SICK[public.TUNED][:2]
    answer = public.Answer(case, 0, Outcome(0.1, 1.0, found("diverged", "saturated")))
    rows = sick_answers("t", [case, other], [answer]).rows
    assert rows[0][0] == f"[{case.name}]({case.source})"
    assert rows[0][2:] == ("diverged, saturated", answer.verdict)
    assert rows[1][3] == "not run"
    set_up = public.HEALTHY[0]
    said = public.Answer(set_up, 0, Outcome(0.5, 1.0, found()))
    table = healthy_answers("t", [set_up], [said])
    assert table.rows[0][1:] == ("0.500", "nothing", "no")
    assert table.markdown().splitlines()[:3] == [
        "### t",
        "",
        "| set-up | reached | found | false alarm |",
    ]
    assert published().rows[0] == ("DeepFD", "27 (52%)", "47 (90%)")


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("a line through 0 to 6", "rate too large"),
        ("a made-up regression as it comes", "target scale"),
        ("clouds through fifteen ReLUs", "activation"),
    ],
)
def test_a_case_from_end_to_end(name, cause):
    case = next(c for c in public.SICK[public.TUNED] if c.name == name)
    (answer,) = public.answer_all([case])
    (mended,) = public.answer_all([case], mended=True)
    assert not answer.learned
    assert mended.learned
    assert cause in {c for kind in answer.kinds for c in public.NAMES[kind]}
    assert answer.verdict in (FIRST, LATER)
    assert answer.to_dict()["cause"] == cause
    assert "alarms" in mended.to_dict()


def test_a_healthy_set_up_from_end_to_end():
    case = next(c for c in public.HEALTHY if c.name == "XOR by tanh and Adam")
    (answer,) = public.answer_all([case])
    assert answer.learned
    assert answer.to_dict()["score"] == 1


def test_cases_that_cannot_run_are_left_out(monkeypatch):
    import nnscratch as nn

    monkeypatch.delattr(nn, "Tanh")
    case = next(c for c in public.HEALTHY if c.name == "XOR by tanh and Adam")
    told = []
    assert public.answer_all([case], watch=told.append) == []
    assert told == [case.name]


def by_chance(case):
    """Whether chance decides if the fault is there: narrow layers die by it."""
    return case.name in ("thirty layers of four ReLUs for a bend", "XOR by two ReLUs")


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_sick_are_sick_the_mended_learn_and_so_do_the_healthy(seed):
    """What each case is about holds for its network, its data and this seed.

    A quarter of the cases is tried, with the two other seeds an eighth, and each time others: all
    of them take five minutes (`nnscratch diagnose --public-cases all`).
    """
    wrong, part = [], slice(seed, None, 8 if seed else 4)
    for case in SICK[part]:
        for mended in (False, True):
            for answer in public.answer_all([case], (seed,), mended):
                if answer.learned != mended and not (seed and not mended and by_chance(case)):
                    wrong.append((case.name, mended, answer.outcome.score))
    wrong += [
        (answer.case.name, answer.outcome.score)
        for answer in public.answer_all(public.HEALTHY[part], (seed,))
        if not answer.learned
    ]
    # The tables are of seed 0. With another, one of them all may learn by luck: seen were a sine
    # whose tanh units did not all saturate, and running statistics that came near in time.
    assert len(wrong) <= (1 if seed else 0), wrong
