"""What can be changed in a source file in one place, and which of that is drawn."""

from __future__ import annotations

import ast
import random
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from rules import rules_of

RULES = "rules"  # this area's changes are those of rules.py
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
# How a picture looks is for eyes; how much a quick trial tries is nobody's number.
LOOKS = {
    "alpha", "annotation_clip", "borderpad", "color", "edgecolor", "facecolor", "figsize",
    "fontsize", "fraction", "framealpha", "frameon", "grid", "grid_up", "handlelength",
    "height_ratios", "highlight", "hspace", "indent", "justify", "labelpad", "labelspacing",
    "length", "linewidth", "linewidths", "loc", "lw", "margins", "markerscale", "markersize",
    "min_width", "ms", "ncols", "no_wrap", "pad", "padding", "quick", "rotation", "s",
    "set_axisbelow", "shrink", "soft_wrap", "strict", "tick_params", "width_ratios", "wspace",
    "xytext", "zorder",
}  # fmt: skip
# What a made-up case is made of - how many examples, which numbers, which rate - is nobody's claim:
# files that list cases, functions there that return one of these, lambdas of a `Draw`, and steps.
LISTS_CASES = re.compile(r"Final\[tuple\[(Sick|Healthy), \.\.\.\]\]")
CASES = ("nnscratch/experiments/public/", "nnscratch/experiments/faults/")
MADE_UP, DRAW = {"Data", "Setup", "tuple[Array, Array]"}, "d"


class Change(NamedTuple):
    """Text from `start` to `end` of a file becomes `new`; the name does not say where the line is,
    so that it stays the same while the file changes elsewhere."""

    file: str
    start: int
    end: int
    new: str
    name: str


def changes_of(file: str, text: str) -> list[Change]:
    """Return every change that is known for a source file."""
    if file.startswith(CASES) and LISTS_CASES.search(text):
        return []
    lines = [0]
    for line in text.encode().splitlines(keepends=True):
        lines.append(lines[-1] + len(line))
    data = text.encode()
    found: list[tuple[int, int, str]] = []

    def place(line: int, column: int) -> int:
        return lines[line - 1] + column

    def between(left: ast.expr, right: ast.expr, kind: type[ast.AST]) -> None:
        start = place(left.end_lineno or 0, left.end_col_offset or 0)
        end = place(right.lineno, right.col_offset)
        gap, new = data[start:end].decode(), SWAPS[kind]
        token = re.search(
            r"not in|is not|\*\*|//|<=|>=|==|!=|\band\b|\bor\b|\bin\b|\bis\b|[-+*/%<>]", gap
        )
        if token is not None and "#" not in gap:
            found.append((start + token.start(), start + token.end(), new))

    def makes_up(node: ast.AST) -> bool:
        if not file.startswith(CASES):
            return False
        if isinstance(node, ast.FunctionDef):
            return node.returns is not None and ast.unparse(node.returns) in MADE_UP
        if isinstance(node, ast.keyword):
            return node.arg == "steps"
        return isinstance(node, ast.Lambda) and [a.arg for a in node.args.args][:1] == [DRAW]

    def walk(node: ast.AST) -> Iterator[ast.AST]:
        if makes_up(node):
            return
        if isinstance(node, ast.keyword) and node.arg in LOOKS:
            return
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in LOOKS:
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
            start, end = (place(n.lineno, n.col_offset) for n in (node, node.operand))
            sign = data[start:end].partition(b"(")[0]  # what is in parentheses stays so
            found.append((start, start + len(sign), ""))
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
            found.append((start, end, repr(new)))
        elif isinstance(node, ast.Name | ast.Attribute):
            word = node.id if isinstance(node, ast.Name) else node.attr
            if word in NAMES:
                end = place(node.end_lineno or 0, node.end_col_offset or 0)
                found.append((end - len(word), end, NAMES[word]))
        elif isinstance(node, ast.AugAssign) or (
            isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Call)
            and ast.unparse(node.value.func).rpartition(".")[2] not in LOOKS
        ):
            start = place(node.lineno, node.col_offset)
            found.append((start, place(node.end_lineno or 0, node.end_col_offset or 0), "pass"))
    return named(file, data, sorted(found))


def changes_of_rules(file: str, text: str) -> list[list[Change]]:
    """Return every change of a file's rules, by sort."""
    return [named(file, text.encode(), found) for found in rules_of(text).values()]


def named(file: str, data: bytes, found: list[tuple[int, int, str]]) -> list[Change]:
    """Return changes with their names: the line, what becomes what, and the how many-eth such."""
    known: Counter[str] = Counter()
    made = []
    for start, end, new in found:
        from_line = data[data.rfind(b"\n", 0, start) + 1 :]
        line = " ".join(from_line[: from_line.find(b"\n")].decode().split())
        old = " ".join(data[start:end].decode().split())
        name = f"{file}: {line} | {'' if new == 'pass' else old} -> {' '.join(new.split())}"
        known[name] += 1
        name += f" #{known[name]}" if known[name] > 1 else ""
        made.append(Change(file, start, end, new, name))
    return made


def drawn(root: Path, area: str, files: str, count: int, seed: int) -> list[Change]:
    """Return `count` changes of an area, spread over its files; of rules, also over their sorts."""
    rng = random.Random(f"{area} {seed}")
    by_file = []
    for path in sorted(p for each in files.split() for p in root.glob(each)):
        file, text = str(path.relative_to(root)), path.read_text()
        by_file += changes_of_rules(file, text) if area == RULES else [changes_of(file, text)]
    for found in by_file:
        rng.shuffle(found)
    rng.shuffle(by_file)
    picked: list[Change] = []
    while len(picked) < count and any(by_file):
        picked += [found.pop() for found in by_file if found]
    return picked[:count]
