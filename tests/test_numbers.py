"""Numbers in the README and in docs, against where they come from."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from nnscratch.experiments import public
from nnscratch.experiments.faults import CASES

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SCORECARD = (ROOT / "docs" / "scorecard.md").read_text(encoding="utf-8")
PUBLIC = (ROOT / "docs" / "public-cases.md").read_text(encoding="utf-8")
SIGNS = {
    "✔": "holds",
    "◐": "holds with a condition",
    "✘": "does not hold",
    "?": "cannot be checked here",
}

# The README's row of each workload.
WORKLOADS = {
    "784-300-100-10, batch norm, ELU, batch 200": "mnist-bn-elu",
    "784-8x128-10, ELU, batch 64": "elu-8x128",
    "64-50x100-10, tanh, batch 60": "tanh-50x100",
    "64-200x64-10, tanh, batch 32": "tanh-200x64",
    "784-4x2048-10, ReLU, batch 512": "relu-4x2048",
}


def verdicts():
    files = sorted((ROOT / "docs" / "scorecard").glob("*.json"))
    return {path.stem: json.loads(path.read_text())["verdict"] for path in files}


def test_the_scorecard_counts_its_verdicts():
    said = re.search(r"^(\d+) claims: (.*)\.$", SCORECARD, re.MULTILINE)
    counts = Counter(verdicts().values())
    assert int(said[1]) == len(verdicts())
    found = re.findall(r"(\d+) (\S) ([^,]+)", said[2])
    assert {SIGNS[sign]: int(count) for count, sign, _ in found} == dict(counts)
    assert all(words == SIGNS[sign] for _, sign, words in found)


def test_the_scorecards_table_says_what_was_found():
    rows = re.findall(r"^\| \[([\w-]+)\]\(.*\| (\S) ([^|]+) \|$", SCORECARD, re.MULTILINE)
    assert {name: words for name, _, words in rows} == verdicts()
    assert all(words == SIGNS[sign] for _, sign, words in rows)


# What stands before the README's table of each kind of instructions.
HEADINGS = {None: "With AVX-512:", "avx2": "With AVX2 alone:"}

# Runs before 0.2.0 are told by who is recorded, later ones by who records.
RECORDERS = {"nnscratch-recorded": "nnscratch", "torch-recorded": "torch-eager"}


def latest(isa):
    """The latest full run of the main networks, of each kind of instructions."""
    lines = (ROOT / "benchmarks" / "history.jsonl").read_text().splitlines()
    return [
        run
        for run in map(json.loads, lines)
        if run["mode"] == "full"
        and run["machine"].get("isa") == isa
        and run.get("recording")
        and set(WORKLOADS.values()) <= {each["workload"] for each in run["figures"]}
    ][-1]


def benchmark_cells(run, name):
    """The README's cells of a workload."""
    times = {
        (each["contender"], each["threads"]): (each["min_us"], each["median_us"])
        for each in run["figures"]
        if each["workload"] == name
    }
    overhead = {
        (RECORDERS.get(each["contender"], each["contender"]), each["threads"]): each["overhead"]
        for each in run["recording"]
        if each["workload"] == name
    }
    peers = {who for who, _ in times} - {"nnscratch"}
    cells = []
    for threads in (1, 2):
        ours, median = times["nnscratch", threads]
        best = min(times[who, threads][0] for who in peers if (who, threads) in times)
        cells += [f"{ours:.0f} ({median:.0f})", f"{best / ours:.2f}"]
    for who in ("jax-jit", "torch-eager"):
        cells.append(", ".join("{:.0f} ({:.0f})".format(*times[who, n]) for n in (1, 2)))
    for who, digits in (("nnscratch", 2), ("torch-eager", 1)):
        cells.append(", ".join(f"{overhead[who, n]:.{digits}f}" for n in (1, 2)))
    return cells


@pytest.mark.parametrize("isa", [None, "avx2"])
@pytest.mark.parametrize("row", WORKLOADS)
def test_the_readmes_benchmarks_are_those_of_the_latest_full_runs(row, isa):
    table = README[README.index(HEADINGS[isa]) :].split("\n\n")[1]
    (line,) = re.findall(rf"^\| {re.escape(row)} \|(.*)\|$", table, re.MULTILINE)
    cells = [cell.strip() for cell in line.split("|")]
    assert cells == benchmark_cells(latest(isa), WORKLOADS[row])


def test_the_readme_counts_the_public_cases_as_their_page_does():
    now = PUBLIC[PUBLIC.index("### Sick cases, now") :]
    row = r"^\| (\w+) \((tuned on|not tuned on|not seen)[^)]*\) \| (\d+) .*\| (\d+) \|$"
    rows = re.findall(row, now, re.M)
    rows = rows[: len(public.SICK)]  # those after come from earlier findings
    assert {name for name, *_ in rows} == set(public.SICK)
    for name, _, _, runs in rows:
        assert int(runs) == len(public.SICK[name])
    sums = {
        tuned: [sum(int(row[k]) for row in rows if (row[1] == "tuned on") is tuned) for k in (3, 2)]
        for tuned in (True, False)
    }
    text = " ".join(README.split())
    tuned, fresh = sums[True], sums[False]
    assert f"on {tuned[0] + fresh[0]} that did not train and {len(public.HEALTHY)} pub" in text
    assert (
        f"On the {tuned[0]} on which the findings were tuned the first one named the true" in text
    )
    assert f"cause in {tuned[1]}, on {fresh[0]} on which they were not in {fresh[1]}," in text


def test_the_readme_counts_the_labelled_runs_as_there_are_with_five_seeds():
    text = " ".join(README.split())
    told = re.search(
        r"the cause in \d+ of (\d+) faulty runs, with \d+ findings too many in these and (\d+) "
        r"healthy ones; of held-out cases .* in \d+ of (\d+), with",
        text,
    )
    groups = {
        (held_out, healthy): 5 * sum((c.held_out, c.healthy) == (held_out, healthy) for c in CASES)
        for held_out in (False, True)
        for healthy in (False, True)
    }
    faulty, healthy, held_out = map(int, told.groups())
    assert (faulty, healthy) == (groups[False, False], groups[False, True])
    assert held_out == groups[True, False]
