"""What can be changed in rules: limits, words, orders, what causes what, how serious it is."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator

WORDS = {
    "large": "small", "before": "after", "below": "above", "first": "last", "began": "ended",
    "more": "fewer", "longer": "shorter", "higher": "lower", "inputs": "outputs", "low": "high",
    "never": "always", "rises": "falls", "every": "no", "larger": "smaller", "too": "not",
    "behind": "before", "least": "most", "new": "old", "most": "few", "than": "then",
}  # fmt: skip
WORDS |= {there: here for here, there in WORDS.items() if there not in WORDS}
MILDER = {"fatal": "serious", "serious": "notice", "notice": "serious"}
Found = tuple[int, int, str]


def rules_of(text: str) -> dict[str, list[Found]]:
    """Return every change of a source file's rules by its sort: from, to (bytes), and new text."""
    data, tree = text.encode(), ast.parse(text)
    starts = [0]
    for line in data.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))

    def span(node: ast.AST) -> tuple[int, int]:
        at = [getattr(node, name) for name in ("lineno", "col_offset", "end_lineno")]
        return starts[at[0] - 1] + at[1], starts[at[2] - 1] + node.end_col_offset  # type: ignore[attr-defined]

    def said(node: ast.AST) -> str:
        start, end = span(node)
        return data[start:end].decode()

    asked = {  # in which the order says nothing
        id(inner)
        for node in ast.walk(tree)
        for inner in (*getattr(node, "comparators", []), getattr(node, "slice", None))
    }
    made: dict[str, list[Found]] = {"limits": [], "orders": [], "members": [], "severities": []}
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Tuple | ast.List)
            and isinstance(node.ctx, ast.Load)
            and id(node) not in asked
        ):
            for one, other in zip(node.elts, node.elts[1:], strict=False):
                if said(one) != said(other) and not isinstance(one, ast.Starred | ast.Name):
                    (start, a), (b, end) = span(one), span(other)
                    between = data[a:b].decode()
                    made["orders"].append((start, end, said(other) + between + said(one)))
        if isinstance(node, ast.Set):
            for one in node.elts:
                if not isinstance(one, ast.Starred):
                    made["members"].append((*span(one), '"-"'))
        if isinstance(node, ast.Constant) and node.value in MILDER:
            made["severities"].append((*span(node), f'"{MILDER[node.value]}"'))
        if isinstance(node, ast.Attribute) and node.attr == "harm":
            made["severities"].append((*span(node), '"serious"'))
    for constant in _limits(tree):
        value = constant.value
        assert isinstance(value, int | float)
        other = value + 1 if isinstance(value, int) else float(f"{1.5 * value or 0.1:.6g}")
        made["limits"].append((*span(constant), repr(other)))
    made["words"] = list(_words(text, tree, starts))
    return made


def _limits(tree: ast.Module) -> Iterator[ast.Constant]:
    """Yield the numbers of constants: what stands at the top of a file in capitals."""
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        names = [ast.unparse(target) for target in targets if target is not None]
        value = getattr(node, "value", None)
        if names and value is not None and names[0].replace("(", "").lstrip("_")[:1].isupper():
            for inner in ast.walk(value):
                number = isinstance(inner, ast.Constant) and type(inner.value) in (int, float)
                if number:
                    assert isinstance(inner, ast.Constant)
                    yield inner


def _words(text: str, tree: ast.Module, starts: list[int]) -> Iterator[Found]:
    """Yield words of what is said, in strings that are no docstrings, with their opposite."""
    docs: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            docs.update(range(node.lineno, (node.end_lineno or 0) + 1))
    lines = text.splitlines(keepends=True)
    strings = {tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        row, column = token.start
        if token.type not in strings or row in docs or token.end[0] != row:
            continue
        for word in re.finditer(r"(?<![\w{.])[a-z]+(?![\w}.(])", token.string):
            if word[0] in WORDS:
                start = starts[row - 1] + len(lines[row - 1][:column].encode())
                start += len(token.string[: word.start()].encode())
                yield start, start + len(word[0].encode()), WORDS[word[0]]
