"""`Finding` and `Findings`: what is wrong with a run, in sentences and numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, overload

SEVERITIES: Final = ("fatal", "serious", "notice")

# Every kind of finding, causes before their consequences: the order within one severity.
KINDS: Final = (
    "non-finite",
    "diverged",
    "dead layer",
    "input scale",
    "target scale",
    "updates too large",
    "saturated",
    "exploding",
    "vanishing",
    "dead units",
    "constant output",
    "clip always",
    "updates too small",
    "slow layer",
    "batch norm statistics",
    "clip never",
)

# What each kind brings with it: a consequence that began no sooner is not reported once more.
EXPLAINS: Final[dict[str, frozenset[str]]] = {
    "dead layer": frozenset(
        {"vanishing", "constant output", "dead units", "updates too small", "slow layer"}
    ),
    "vanishing": frozenset({"updates too small", "slow layer"}),
    "exploding": frozenset({"slow layer"}),
    "saturated": frozenset({"updates too small", "slow layer"}),
    "clip always": frozenset({"updates too small"}),
    "input scale": frozenset({"slow layer"}),
}


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    Attributes
    ----------
    kind : str
        One of `KINDS`.
    severity : str
        ``"fatal"``: the run cannot come to anything. ``"serious"``: it is held up or misled.
        ``"notice"``: good to know.
    layers : tuple of str
        Where; empty if it is the run as a whole.
    step : int
        The recorded step since which it is so.
    sentence, cause : str
        What is seen, and why as far as the record shows (may be empty).
    cures : tuple of str
        What to change, the likeliest first, each with its line of Python.
    numbers : dict
        The numbers in the sentences.
    """

    kind: str
    severity: str
    layers: tuple[str, ...]
    step: int
    sentence: str
    cause: str = ""
    cures: tuple[str, ...] = ()
    numbers: dict[str, float] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON knows it; numbers that are not finite become text."""
        numbers = {
            name: value if abs(value) < float("inf") else str(value)
            for name, value in self.numbers.items()
        }
        return {
            "kind": self.kind,
            "severity": self.severity,
            "layers": list(self.layers),
            "step": self.step,
            "sentence": self.sentence,
            "cause": self.cause,
            "cures": list(self.cures),
            "numbers": numbers,
        }

    def __str__(self) -> str:
        rows = [f"{self.kind} ({self.severity}): {self.sentence}"]
        rows += [f"  Why: {self.cause}"] if self.cause else []
        rows += [f"  Cure: {cure}" for cure in self.cures]
        return "\n".join(rows)


@dataclass(frozen=True)
class Findings(Sequence[Finding]):
    """The findings of one record, most serious first; empty when nothing is wrong.

    Attributes
    ----------
    findings : tuple of Finding
    label : str
        Of the run.
    scope : str
        What was looked at, and what the record does not hold.
    """

    findings: tuple[Finding, ...]
    label: str
    scope: str

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds that were found."""
        return tuple(finding.kind for finding in self.findings)

    def at_least(self, severity: str) -> tuple[Finding, ...]:
        """Return those of this severity or a worse one."""
        limit = SEVERITIES.index(severity)
        return tuple(f for f in self.findings if SEVERITIES.index(f.severity) <= limit)

    def told(self) -> tuple[Finding, ...]:
        """Return the findings as a text tells them: each cure where it is named first only."""
        said: set[str] = set()
        made = []
        for finding in self.findings:
            new = tuple(cure for cure in finding.cures if cure not in said)
            said.update(new)
            made.append(replace(finding, cures=new))
        return tuple(made)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON knows it."""
        return {
            "label": self.label,
            "scope": self.scope,
            "findings": [finding.to_dict() for finding in self.findings],
        }

    @overload
    def __getitem__(self, index: int) -> Finding: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Finding]: ...

    def __getitem__(self, index: int | slice) -> Finding | Sequence[Finding]:
        return self.findings[index]

    def __len__(self) -> int:
        return len(self.findings)

    def __str__(self) -> str:
        if not self.findings:
            return f"{self.label}: nothing wrong was found. {self.scope}"
        count = "1 finding" if len(self) == 1 else f"{len(self)} findings"
        rows = [f"{self.label}: {count}. {self.scope}"]
        rows += [f"{i}. {finding}" for i, finding in enumerate(self.told(), 1)]
        return "\n".join(rows)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from nnscratch.display import findings_html

        return findings_html(self)


def arrange(found: Sequence[Finding]) -> tuple[Finding, ...]:
    """Return the findings most serious first, without what another one brings with it."""
    explained = [(kind, cause.step) for cause in found for kind in EXPLAINS.get(cause.kind, ())]
    kept = [f for f in found if not any(f.kind == k and f.step >= step for k, step in explained)]
    return tuple(sorted(kept, key=lambda f: (SEVERITIES.index(f.severity), KINDS.index(f.kind))))
