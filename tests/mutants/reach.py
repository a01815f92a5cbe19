"""Which tests reach a place in the source, as the contexts that `make reached` leaves say it."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import Any

DATA = ".coverage"
MOST = 250  # of the tests that reach a place, so many are run


class Reach:
    """What a finished `make reached` knows of the lines of each file."""

    def __init__(self, root: Path) -> None:
        from coverage import CoverageData

        self.root = root
        self.data: Any = CoverageData(str(root / DATA))
        self.data.read()
        self.contexts = cache(self._contexts)
        self.sources = sorted(self.data.measured_files())

    def tests(self, file: str, line: int) -> list[str]:
        """Return the tests, as pytest names them, that run a line of a file: `file::function`.

        Of what runs once, when a file is imported - limits, defaults -, those that run lines in
        which its name stands.
        """
        text = (self.root / file).read_text()
        first, last, names = _statement(text, line)
        found = self._reaching(file, set(range(first, last + 1)))
        if not found and names:
            word = re.compile(rf"\b({'|'.join(map(re.escape, names))})\b")
            for source in self.sources:
                lines = (self.root / source).read_text().splitlines()
                at = {i for i, said in enumerate(lines, 1) if word.search(said)}
                found |= self._reaching(source, at) if at else set()
        return sorted(self._named(found))

    def _contexts(self, file: str) -> dict[int, list[str]]:
        found: dict[int, list[str]] = self.data.contexts_by_lineno(file)
        return found

    def _reaching(self, file: str, lines: set[int]) -> set[str]:
        known = self.contexts(file)
        return {name for line in lines for name in known.get(line, ()) if name}

    def _named(self, contexts: set[str]) -> set[str]:
        """Return `file::function` of each `package.module.function`, where there is such a file."""
        made = set()
        for context in contexts:
            module, _, function = context.rpartition(".")
            path = module.replace(".", "/") + ".py"
            # Functions of the source that are called test... are contexts too.
            if path.startswith("tests/") and (self.root / path).exists():
                made.add(f"{path}::{function}")
        return made


def _statement(text: str, line: int) -> tuple[int, int, set[str]]:
    """Return the lines of the innermost statement at a line, and what asks for its value by name:
    the constants it sets, or the function whose default it is."""
    best: ast.stmt | None = None
    for node in ast.walk(ast.parse(text)):
        inside = isinstance(node, ast.stmt) and node.lineno <= line <= (node.end_lineno or 0)
        if inside and (best is None or node.lineno >= best.lineno):
            best = node
    if best is None:
        return line, line, set()
    last = best.end_lineno or line
    if isinstance(best, ast.FunctionDef | ast.ClassDef):  # in its head
        return best.lineno, line, {best.name}
    if isinstance(body := getattr(best, "body", None), list) and body:
        last = max(best.lineno, min(last, body[0].lineno - 1))
    targets = best.targets if isinstance(best, ast.Assign) else [getattr(best, "target", None)]
    names = {
        inner.id for target in targets if target for inner in ast.walk(target)
        if isinstance(inner, ast.Name)
    }  # fmt: skip
    return best.lineno, last, names
