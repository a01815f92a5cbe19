"""Changes one thing in the source at a time, and asks whether the tests notice: `make mutants`.

It takes hours, so CI does not run it. Changes are drawn from a seed, so many for each area: a
comparison or a sign turned, a number moved, `and` for `or`, `min` for `max`, a statement left out.
For each the test file that mirrors the source runs first, then the area's tests. Results grow in a
file, line by line, and what is there already is not tried again::

    make mutants ARGS="--areas theory losses --count 30"

Everything happens in a copy of the tree.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
GOAL = 0.97

# For each area its sources, and the tests that should notice.
AREAS = {
    "layers": ("nnscratch/layers/*.py", "tests/nnscratch/layers tests/nnscratch/test_model.py"),
    "network": ("nnscratch/[gnrw]*.py", "tests/nnscratch/test_[mnrtw]*.py"),
    "reference": ("kernels/*/reference/*.py", "tests/kernels"),
    "compiled": ("kernels/*/compiled/*.py", "tests/kernels"),
    "stepping": ("kernels/*/compiled/stepping/*.py", "tests/nnscratch/optimizers"),
    "runtime": ("kernels/*/runtime/*.py", "tests/kernels tests/nnscratch/test_replay.py"),
    "losses": ("nnscratch/losses/*.py", "tests/nnscratch/losses"),
    "optimizers": ("nnscratch/optimizers/*.py", "tests/nnscratch/optimizers"),
    "clipping": ("nnscratch/clipping.py", "tests/nnscratch/test_clipping.py"),
    "initializers": ("nnscratch/initializers/*.py", "tests/nnscratch/initializers"),
    "trainer": ("nnscratch/training/*.py", "tests/nnscratch/training"),
    "recorder": ("nnscratch/flow/*.py", "tests/nnscratch/flow"),
    "attribution": ("plots/nnscratch_records/attribution.py", "tests/records tests/nnscratch/flow"),
    "records": ("plots/nnscratch_records/*.py", "tests/records tests/nnscratch/flow"),
    "findings": ("nnscratch/flow/findings/*.py", "tests/nnscratch/flow/findings"),
    "theory": ("nnscratch/theory/**/*.py", "tests/nnscratch/theory"),
    "cure": ("nnscratch/curing/*.py", "tests/nnscratch/curing"),
    "files": ("nnscratch/flow/stream/*.py", "tests/nnscratch/flow tests/nnscratch/test_files.py"),
    "command line": ("nnscratch/cli/*.py", "tests/nnscratch/cli"),
    "plots": ("plots/nnscratch_plots/*.py", "tests/plots"),
    "page": ("plots/nnscratch_plots/report/*.py", "tests/plots/report"),
    "experiments": ("nnscratch/experiments/**/*.py", "tests/nnscratch/experiments"),
    "benchmarks": ("benchmarks/*.py", "tests/benchmarks"),
}

SWAPS = {
    ast.Lt: "<=", ast.LtE: "<", ast.Gt: ">=", ast.GtE: ">", ast.Eq: "!=", ast.NotEq: "==",
    ast.Is: "is not", ast.IsNot: "is", ast.In: "not in", ast.NotIn: "in",
    ast.Add: "-", ast.Sub: "+", ast.Mult: "/", ast.Div: "*", ast.FloorDiv: "*", ast.Pow: "*",
    ast.Mod: "//", ast.And: "or", ast.Or: "and",
}  # fmt: skip
NAMES = {
    "min": "max", "max": "min", "any": "all", "all": "any", "minimum": "maximum",
    "maximum": "minimum", "argmin": "argmax", "argmax": "argmin", "zeros": "ones",
    "ceil": "floor", "floor": "ceil", "mean": "sum", "median": "mean", "append": "copy",
}  # fmt: skip
SAID = (ast.Raise, ast.Assert, ast.JoinedStr, ast.AnnAssign, ast.Import, ast.ImportFrom)


class Change(NamedTuple):
    """Text from `start` to `end` of a file becomes `new`."""

    file: str
    line: int
    column: int
    start: int
    end: int
    old: str
    new: str

    @property
    def name(self) -> str:
        return (
            f"{self.file}:{self.line}:{self.column} {' '.join(self.old.split())[:60]} -> {self.new}"
        )


def changes_of(file: str, text: str) -> list[Change]:
    """Return every change that is known for a source file."""
    lines = [0]
    for line in text.encode().splitlines(keepends=True):
        lines.append(lines[-1] + len(line))
    data = text.encode()
    found: list[Change] = []

    def place(line: int, column: int) -> int:
        return lines[line - 1] + column

    def add(start: int, end: int, new: str) -> None:
        line = data[:start].count(b"\n") + 1
        old = data[start:end].decode()
        found.append(Change(file, line, start - lines[line - 1], start, end, old, new))

    def between(left: ast.expr, right: ast.expr, kind: type[ast.AST]) -> None:
        start = place(left.end_lineno or 0, left.end_col_offset or 0)
        end = place(right.lineno, right.col_offset)
        gap, new = data[start:end].decode(), SWAPS[kind]
        token = re.search(
            r"not in|is not|\*\*|//|<=|>=|==|!=|\band\b|\bor\b|\bin\b|\bis\b|[-+*/%<>]", gap
        )
        if token is not None and "#" not in gap:
            add(start + token.start(), start + token.end(), new)

    def walk(node: ast.AST) -> Iterator[ast.AST]:
        if isinstance(node, ast.keyword) and node.arg == "strict":
            return
        if isinstance(node, ast.AugAssign) and ast.unparse(node.target) == "__all__":
            return
        if isinstance(node, SAID) or (
            isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        ):
            return
        yield node
        for name, value in ast.iter_fields(node):
            if name in ("annotation", "returns", "decorator_list", "slice"):
                continue
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    yield from walk(child)

    for node in walk(ast.parse(text)):
        if isinstance(node, ast.Compare):
            parts = [node.left, *node.comparators]
            for i, operator in enumerate(node.ops):
                between(parts[i], parts[i + 1], type(operator))
        elif isinstance(node, ast.BinOp) and type(node.op) in SWAPS:
            between(node.left, node.right, type(node.op))
        elif isinstance(node, ast.BoolOp):
            between(node.values[0], node.values[1], type(node.op))
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.USub):
            start = place(node.lineno, node.col_offset)
            add(start, place(node.operand.lineno, node.operand.col_offset), "")
        elif isinstance(node, ast.Constant) and isinstance(node.value, bool | int | float):
            start = place(node.lineno, node.col_offset)
            end = place(node.end_lineno or 0, node.end_col_offset or 0)
            value = node.value
            new = (
                not value
                if isinstance(value, bool)
                else value + 1
                if isinstance(value, int)
                else (value * 3 or 1.0)
            )
            add(start, end, repr(new))
        elif isinstance(node, ast.Name | ast.Attribute):
            word = node.id if isinstance(node, ast.Name) else node.attr
            if word in NAMES:
                end = place(node.end_lineno or 0, node.end_col_offset or 0)
                add(end - len(word), end, NAMES[word])
        elif isinstance(node, ast.AugAssign) or (
            isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
        ):
            add(
                place(node.lineno, node.col_offset),
                place(node.end_lineno or 0, node.end_col_offset or 0),
                "pass",
            )
    return found


def drawn(area: str, count: int, seed: int) -> list[Change]:
    """Return `count` changes of an area, spread over its files."""
    rng = random.Random(f"{area} {seed}")
    by_file = []
    for path in sorted(ROOT.glob(AREAS[area][0])):
        found = changes_of(str(path.relative_to(ROOT)), path.read_text())
        rng.shuffle(found)
        by_file.append(found)
    rng.shuffle(by_file)
    picked: list[Change] = []
    while len(picked) < count and any(by_file):
        picked += [found.pop() for found in by_file if found]
    return picked[:count]


def tests_of(area: str, file: str) -> list[list[str]]:
    """Return the tests that mirror a file, if there are some, then those of its area."""
    area_tests = [
        str(p.relative_to(ROOT)) for each in AREAS[area][1].split() for p in sorted(ROOT.glob(each))
    ]
    stem = Path(file).stem
    mirrors = [test for test in area_tests if Path(test).stem == f"test_{stem}"]
    for folder in (test for test in area_tests if not test.endswith(".py")):
        mirrors += [
            str(p.relative_to(ROOT)) for p in sorted((ROOT / folder).rglob(f"test_{stem}.py"))
        ]
    return [mirrors, area_tests] if mirrors else [area_tests]


def notices(copy: Path, tests: list[str], limit: float) -> str:
    """Return how the tests noticed: "failed", "timeout", or "" if they passed."""
    path = os.pathsep.join(str(copy / part) for part in (".", "kernels", "plots"))
    environment = {**os.environ, "PYTHONPATH": path, "MPLBACKEND": "Agg"}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-x",
        "-n",
        "0",
        "-p",
        "no:cacheprovider",
        *tests,
    ]
    with subprocess.Popen(
        command, cwd=copy, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:  # fmt: skip
        try:
            return "failed" if process.wait(limit) not in (0, 5) else ""
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # with whatever the tests have started
            return "timeout"


def attempt(copy: Path, area: str, change: Change, limit: float) -> str:
    """Make the change in the copy, run the tests, put the file back."""
    target, original = copy / change.file, (ROOT / change.file).read_bytes()
    target.write_bytes(original[: change.start] + change.new.encode() + original[change.end :])
    try:
        for tests in tests_of(area, change.file):
            how = notices(copy, tests, limit)
            if how:
                return how
        return ""
    finally:
        target.write_bytes(original)
        shutil.copystat(ROOT / change.file, target)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--areas", nargs="+", default=list(AREAS), choices=list(AREAS))
    parser.add_argument("--count", type=int, default=10, help="changes for each area")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--limit", type=float, default=300, help="seconds for one run of tests")
    parser.add_argument("--out", type=Path, default=ROOT / "runs" / "mutants.jsonl")
    parser.add_argument("--list", action="store_true", help="show the changes and make none")
    options = parser.parse_args()
    chosen = [
        (area, each) for area in options.areas for each in drawn(area, options.count, options.seed)
    ]
    if options.list:
        for area, change in chosen:
            print(f"{area}: {change.name}")
        return 0
    options.out.parent.mkdir(parents=True, exist_ok=True)
    known = (
        [json.loads(line) for line in options.out.read_text().splitlines()]
        if options.out.exists()
        else []
    )
    results = {row["change"]: row for row in known}
    with tempfile.TemporaryDirectory() as folder, options.out.open("a") as out:
        copy = Path(folder)
        for name in subprocess.check_output(["git", "ls-files"], cwd=ROOT, text=True).splitlines():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)
        for area, change in chosen:
            if change.name not in results:
                how = attempt(copy, area, change, options.limit)
                row = {"area": area, "change": change.name, "noticed": how}
                results[change.name] = row
                print(json.dumps(row), file=out, flush=True)
                print(f"{how or 'NOT NOTICED':12} {area}: {change.name}", flush=True)
    tried = [results[change.name] for _, change in chosen]
    noticed = Counter(row["area"] for row in tried if row["noticed"])
    total = Counter(row["area"] for row in tried)
    for area, count in total.items():
        print(f"{area:14} {noticed[area]:3} of {count:3}")
    share = noticed.total() / max(total.total(), 1)
    print(f"{noticed.total()} of {total.total()} changes noticed ({share:.1%}); goal {GOAL:.0%}")
    return 0 if share >= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
