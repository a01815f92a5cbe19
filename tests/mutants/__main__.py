"""Changes one thing in the source at a time, and asks whether the tests notice: `make mutants`.

It takes hours, so CI does not run it. Changes are drawn from a seed, so many for each area: a
comparison or a sign turned, a number moved, `and` for `or`, `min` for `max`, a statement left out;
in the area `rules` a limit of findings and cures moved by a half, a word or an order turned round,
a cause that explains one thing less, another severity.
After `make reached` the tests that reach the place run, and then those of files that mirror or name
the source; without it, or where it knows of none, such files and then the rest of the area's.
Results grow in a file, line by line, and what is there already is not tried again::

    make mutants ARGS="--areas theory losses --count 30 --jobs 4"

`equivalent.txt` lists changes that nothing could notice, and why; they are neither tried nor
counted. README.md says what came of it. Everything happens in copies of the tree.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import multiprocessing
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.pyplot
import numba  # noqa: F401  like the others imported once, before the forks
import pytest
from changes import RULES, Change, changes_of, changes_of_rules, drawn
from reach import DATA, MOST, Reach

ROOT = Path(__file__).parents[2]
EQUIVALENT = Path(__file__).with_name("equivalent.txt")
GOAL = 0.97
WAITING = (
    6  # so much longer may a run take by the clock: other work, locks that are never given back
)
FIRST = 3  # files of tests that name a source file and are tried before the others

# For each area its sources, and the tests that should notice.
TOP = "tests/nnscratch/test_*.py tests/nnscratch/network"
AREAS = {
    "layers": (
        "nnscratch/layers/*.py",
        "tests/nnscratch/layers tests/nnscratch/network tests/nnscratch/test_[nd]o*.py",
    ),
    "network": ("nnscratch/[!c_]*.py nnscratch/network/*.py", TOP),
    "reference": ("kernels/*/reference/*.py", "tests/kernels"),
    "compiled": ("kernels/*/compiled/**/*.py", "tests/kernels tests/nnscratch/optimizers"),
    "runtime": (
        "kernels/*/[jr][iu]*/*.py",
        "tests/kernels tests/nnscratch/network/test_[cr]*.py",
    ),
    "vector": ("kernels/*/vector/*.py", "tests/kernels"),
    "losses": ("nnscratch/losses/*.py", "tests/nnscratch/losses tests/nnscratch/test_doc*.py"),
    "optimizers": (
        "nnscratch/optimizers/*.py",
        "tests/nnscratch/optimizers tests/nnscratch/test_doc*.py",
    ),
    "clipping": ("nnscratch/c*.py", TOP),
    "initializers": ("nnscratch/initializers/*.py", "tests/nnscratch/initializers"),
    "datasets": ("nnscratch/datasets/*.py", "tests/nnscratch/datasets"),
    "trainer": ("nnscratch/training/*.py", "tests/nnscratch/training tests/nnscratch/test_doc*.py"),
    "recorder": ("nnscratch/flow/*.py", "tests/nnscratch/flow"),
    "records": ("plots/nnscratch_records/*.py", "tests/records tests/nnscratch/flow"),
    "findings": ("nnscratch/flow/findings/**/*.py", "tests/nnscratch/flow/findings"),
    "theory": (
        "nnscratch/theory/**/*.py",
        "tests/nnscratch/theory tests/nnscratch/flow/test_prediction.py",
    ),
    "cure": ("nnscratch/curing/*.py", "tests/nnscratch/curing"),
    RULES: (
        "nnscratch/flow/findings/**/[!_]*.py nnscratch/curing/[!_]*.py plots/*/limits.py",
        "tests/nnscratch/flow/findings tests/nnscratch/curing",
    ),
    "files": ("nnscratch/flow/[es]*/*.py", "tests/nnscratch/flow tests/nnscratch/test_files.py"),
    "pytorch": ("nnscratch/pytorch/**/*.py", "tests/nnscratch/pytorch tests/parity"),
    "estimators": ("nnscratch/sklearn/*.py", "tests/nnscratch/test_sklearn*.py"),
    "sweeps": ("nnscratch/sweeping/*.py", "tests/nnscratch/sweeping"),
    "command line": (
        "nnscratch/cli/*.py",
        "tests/nnscratch/cli tests/nnscratch/sweeping/test_commands.py",
    ),
    "plots": ("plots/nnscratch_plots/*.py", "tests/plots"),
    "page": ("plots/nnscratch_plots/report/*.py", "tests/plots/report"),
    "claims": ("nnscratch/experiments/claims/*.py", "tests/nnscratch/experiments/claims"),
    "cases": ("nnscratch/experiments/[!c]*/*.py", "tests/nnscratch/experiments"),
    "benchmarks": ("benchmarks/*.py", "tests/benchmarks"),
}


def tests_of(area: str, file: str, root: Path) -> list[list[str]]:
    """Return an area's files of tests in a tree: first those that mirror or name a file, then the
    others.
    """
    tests: list[Path] = []
    for each in AREAS[area][1].split():
        found = sorted(root.glob(each))
        tests += [t for p in found for t in (sorted(p.rglob("test_*.py")) if p.is_dir() else [p])]
    stem = Path(file).stem
    names = re.findall(r"^(?:def|class) ([A-Za-z]\w+)", (ROOT / file).read_text(), re.MULTILINE)
    word = re.compile(rf"\b({'|'.join([stem, *names])})\b")
    mentions = {test: len(word.findall(test.read_text())) for test in tests}
    named = sorted((t for t in tests if mentions[t]), key=lambda t: -mentions[t])[:FIRST]
    first = [t for t in tests if t.stem == f"test_{stem}"]
    first += [t for t in named if t not in first]
    rest = [t for t in tests if t not in first]
    return [[str(t.relative_to(root)) for t in part] for part in (first, rest) if part]


def near_first(found: list[str], first: list[str]) -> list[str]:
    """Return tests in the order in which they are tried: those of the files `first`, the others in
    any order, but always the same.
    """
    found = sorted(found, key=lambda test: hashlib.sha256(test.encode()).digest())
    return sorted(found, key=lambda test: test.split("::")[0] not in first)[:MOST]


def run_tests(copy: Path, tests: list[str], limit: int) -> int:
    """Run tests in a copy of the tree, in a process of their own; return pytest's verdict."""
    os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 5))
    os.chdir(copy)
    said = os.open("said.txt", os.O_RDWR | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(said, stream)
    paths = [str(copy / part) for part in (".", "kernels", "plots")]
    sys.path[:1] = paths
    os.environ.update(PYTHONPATH=os.pathsep.join(paths), PYTHONDONTWRITEBYTECODE="1")
    sys.dont_write_bytecode = True
    return int(pytest.main(["-q", "-x", "-n", "0", "-p", "no:cacheprovider", *tests]))


def notices(copy: Path, tests: list[str], limit: int) -> str:
    """Return which test noticed, or "timeout" or what else stopped them; "" if all passed."""
    child = os.fork()
    if not child:
        try:
            os._exit(run_tests(copy, tests, limit))
        except BaseException:
            os._exit(1)
    end, status = time.monotonic() + WAITING * limit, None
    try:
        while status is None and time.monotonic() < end:
            done, found = os.waitpid(child, os.WNOHANG)
            status = found if done else None
            time.sleep(0.1)
    finally:
        if status is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child, signal.SIGKILL)  # with whatever the tests have started
            os.waitpid(child, 0)
    if status is None:
        return "timeout"
    code, text = os.waitstatus_to_exitcode(status), (copy / "said.txt").read_text()
    said = re.search(r"^(?:FAILED|ERROR) (\S+)", text, re.MULTILINE)
    gone = code == 5 or (code == 4 and "not found: " in text)  # else 4 is a conftest that fails
    return "" if code == 0 or gone else said[1] if said else f"exit {code}"


def attempt(copy: Path, area: str, change: Change, limit: int, reach: Reach | None) -> str:
    """Make the change in the copy, run the tests, put the file back."""
    target, original = copy / change.file, (ROOT / change.file).read_bytes()
    target.write_bytes(original[: change.start] + change.new.encode() + original[change.end :])
    parts = tests_of(area, change.file, copy)  # the tree itself may have others by now
    line = original[: change.start].count(b"\n") + 1
    traced = reach is not None and not change.file.startswith("kernels/")  # not machine code
    if traced and (found := reach.tests(change.file, line)):
        parts = [near_first(found, parts[0]), parts[0]]  # these too: the map may be out of date
    try:
        for tests in parts:
            how = notices(copy, tests, limit)
            if how:
                return how
        return ""
    finally:
        target.write_bytes(original)
        shutil.copystat(ROOT / change.file, target)


def try_all(todo: list[tuple[str, Change]], at: Any, out: Path, limit: int) -> None:
    """Try the change at the shared place `at`, the next and so on; add a line for each to `out`."""
    matplotlib.use("Agg")
    reach = Reach(ROOT) if (ROOT / DATA).exists() else None
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # and clean up
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        tracked = subprocess.check_output(["git", "ls-files"], cwd=ROOT, text=True).splitlines()
        compiled = [p.relative_to(ROOT) for p in (ROOT / "kernels").rglob("*.nbc")]
        for name in [*tracked, *compiled]:
            if (ROOT / name).exists():
                (copy / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, copy / name)
        while True:
            with at.get_lock():
                i, at.value = at.value, at.value + 1
            if i >= len(todo):
                return
            area, change = todo[i]
            how = attempt(copy, area, change, limit, reach)
            row = json.dumps({"area": area, "change": change.name, "noticed": how})
            with out.open("a") as file:
                file.write(row + "\n")
            print(f"{'noticed' if how else 'NOT NOTICED':12} {area}: {change.name}", flush=True)


def equivalent() -> set[str]:
    """Return the names of the changes that nothing could notice; say which are out of date."""
    listed = [
        line for line in EQUIVALENT.read_text().splitlines() if re.match(r"[\w/]+\.py: ", line)
    ]
    known: set[str] = set()
    for file in {line.split(":")[0] for line in listed}:
        path = ROOT / file
        text = path.read_text() if path.exists() else ""
        for found in (changes_of(file, text), *changes_of_rules(file, text)):
            known |= {change.name for change in found}
    for line in sorted(set(listed) - known):
        print(f"not in the source any more: {line}")
    return set(listed)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--areas", nargs="+", default=list(AREAS), choices=list(AREAS))
    parser.add_argument("--count", type=int, default=10, help="changes for each area")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--limit", type=int, default=150, help="seconds of computing for one run of tests"
    )
    parser.add_argument("--jobs", type=int, default=1, help="changes tried side by side")
    parser.add_argument("--out", type=Path, default=ROOT / "runs" / "mutants.jsonl")
    parser.add_argument("--list", action="store_true", help="show the changes and make none")
    options = parser.parse_args()
    passed_over = equivalent()
    chosen = [
        (area, change)
        for area in options.areas
        for change in drawn(ROOT, area, AREAS[area][0], options.count, options.seed)
        if change.name not in passed_over
    ]
    if options.list:
        for area, change in chosen:
            print(f"{area}: {change.name}")
        return 0
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.touch()
    known = {json.loads(line)["change"] for line in options.out.read_text().splitlines()}
    todo = [(area, change) for area, change in chosen if change.name not in known]
    context = multiprocessing.get_context("fork")
    at = context.Value("i", 0)
    arguments = todo, at, options.out, options.limit
    workers = [context.Process(target=try_all, args=arguments) for _ in range(options.jobs)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    rows = [json.loads(line) for line in options.out.read_text().splitlines()]
    results = {row["change"]: row["noticed"] for row in rows}
    total = Counter(area for area, change in chosen if change.name in results)
    noticed = Counter(area for area, change in chosen if results.get(change.name))
    for area, count in total.items():
        print(f"{area:14} {noticed[area]:3} of {count:3}")
    share = noticed.total() / max(total.total(), 1)
    print(f"{noticed.total()} of {total.total()} changes noticed ({share:.1%}); goal {GOAL:.0%}")
    return 0 if share >= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
