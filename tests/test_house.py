"""The house: imports run downward, without circles, for types and inside functions too."""

import ast
import graphlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PLACES = {
    "nnscratch_kernels": ROOT / "kernels",
    "nnscratch_records": ROOT / "plots",
    "nnscratch_plots": ROOT / "plots",
    "nnscratch_start": ROOT,
    "nnscratch": ROOT,
    "benchmarks": ROOT,
}
# What each package may import of the others.
MAY = {
    "nnscratch_kernels": set(),
    "nnscratch_records": set(),
    "nnscratch_plots": {"nnscratch_records"},
    "nnscratch_start": {"nnscratch"},  # the command, once it is asked for
    "nnscratch": {"nnscratch_kernels", "nnscratch_records", "nnscratch_plots", "nnscratch_start"},
    "benchmarks": set(PLACES),
}


def modules():
    """Return the file of every module by its name."""
    found = {}
    for package, root in PLACES.items():
        for path in sorted((root / package).rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imported(path, known):
    """Return the modules of ours that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, path
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                if inner in known or node.module in known:
                    yield inner if inner in known else node.module


@pytest.fixture(scope="module")
def graph():
    known = modules()
    return {name: set(imported(path, known)) - {name} for name, path in known.items()}


def test_no_circle_of_imports(graph):
    order = list(graphlib.TopologicalSorter(graph).static_order())  # raises where there is one
    assert len(order) == len(graph) > 400


def test_no_two_folders_that_lie_side_by_side_import_each_other(graph):
    known = modules()
    reads = {(known[name].parent, known[other].parent) for name in graph for other in graph[name]}
    beside = {(a, b) for a, b in reads if a.parent == b.parent and a != b}
    assert len(beside) > 20
    assert [pair for pair in beside if pair[::-1] in beside] == []


def test_packages_import_what_lies_below_them_alone(graph):
    for name, others in graph.items():
        package = name.partition(".")[0]
        reached = {other.partition(".")[0] for other in others} - {package}
        assert reached <= MAY[package], name


def test_kernels_and_records_need_no_other_file_of_the_engine_to_be_imported(graph):
    lowest = {"nnscratch_kernels", "nnscratch_records"}
    for name in graph:
        if name.partition(".")[0] in lowest:
            assert {other.partition(".")[0] for other in graph[name]} <= {name.partition(".")[0]}


def test_the_readme_says_which_files_to_read_and_how_long_they_are():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = text.partition("## Read it in an afternoon")[2]
    said = int(re.search(r"about ([\d,]+) lines", section)[1].replace(",", ""))
    files = re.findall(r"\]\(([\w/]+\.py)\)", section)
    lines = sum(len((ROOT / name).read_text(encoding="utf-8").splitlines()) for name in files)
    assert 16 <= len(files) <= 18
    assert lines == pytest.approx(said, abs=100)


def test_no_file_is_longer_than_350_lines():
    """About 300 can be held in the head."""
    folders = ("benchmarks", "docs", "kernels", "nnscratch", "nnscratch_start", "plots", "tests")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    assert len(files) > 500
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    assert [str(path) for path, lines in lengths.items() if lines > 350] == []
