"""`Finding`, `Advice` and `Findings`: what is wrong with a run, in sentences and numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, overload

from nnscratch.errors import require_name
from nnscratch_records.words import printable_lines

SEVERITIES: Final = ("fatal", "serious", "notice")


NOT_YET = "nothing is learned so far"  # how the state of a run ends that has not begun to learn
GOES_ON = frozenset({"too few steps", "clip never"})  # notices that ask for nothing but time
UNREAD = "Read: nothing"  # how the scope begins where nothing could be looked at


@dataclass(frozen=True)
class Advice:
    """One change.

    Attributes
    ----------
    what : str
        To do, as an imperative.
    line : str
        The line of Python that does it, where `x`, `y`, `model`, `loss` and `optimizer` are those
        of the training; empty where no line can.
    expect : str
        What it will do, as far as the record lets one say; a sentence, or empty.
    """

    what: str
    line: str = ""
    expect: str = ""

    def __str__(self) -> str:
        return f"{self.what}: {self.line}" if self.line else self.what


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    Attributes
    ----------
    kind : str
        One of `KINDS` of `nnscratch.flow.findings.graph`.
    severity : str
        ``"fatal"``: as it is, the run cannot come to anything. ``"serious"``: it is held up or
        misled. ``"notice"``: good to know; the run learns all the same, or it may be the cause.
    layers : tuple of str
        Where; empty if it is the run as a whole.
    step : int
        The recorded step since which it is so.
    sentence, cause : str
        What is seen, and why as far as the record shows (may be empty).
    advice : tuple of Advice
        What to change, the likeliest first.
    numbers : dict
        The numbers in the sentences.
    explains : frozenset of str
        The kinds that it brings with it.
    because : str
        The kind of the finding that it is a consequence of; empty for a cause.
    first : bool
        Whether it comes before causes that are usually looked at sooner.
    """

    kind: str
    severity: str
    layers: tuple[str, ...]
    step: int
    sentence: str
    cause: str = ""
    advice: tuple[Advice, ...] = ()
    numbers: dict[str, float] = field(default_factory=dict)
    explains: frozenset[str] = frozenset()
    because: str = ""
    first: bool = False

    @property
    def cures(self) -> tuple[str, ...]:
        """The advice, each as one text."""
        return tuple(str(one) for one in self.advice)

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
            "because": self.because,
            "numbers": numbers,
        }

    def __str__(self) -> str:
        rows = [f"{self.kind} ({self.severity}): {self.sentence}"]
        rows += [f"  Why: {self.cause}"] if self.cause else []
        rows += [f"  Cure: {cure}" for cure in self.cures]
        return printable_lines("\n".join(rows))


@dataclass(frozen=True)
class Findings(Sequence[Finding]):
    """The findings of one record: each cause, the one to begin with first, and what it brings.

    Attributes
    ----------
    findings : tuple of Finding
        A finding whose `because` is empty stands by itself; those after it that name its kind there
        are its consequences. Empty when nothing is wrong.
    label : str
        Of the run.
    scope : str
        What was looked at, and what the record does not hold.
    state : str
        Whether the run learns, in a sentence.
    """

    findings: tuple[Finding, ...]
    label: str
    scope: str
    state: str = ""

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds that were found."""
        return tuple(finding.kind for finding in self.findings)

    @property
    def unread(self) -> bool:
        """Whether nothing could be looked at: then nothing is wrong, nor right."""
        return self.scope.startswith(UNREAD)

    @property
    def causes(self) -> tuple[Finding, ...]:
        """The findings that are no consequence of another."""
        return tuple(finding for finding in self.findings if not finding.because)

    def consequences(self, kind: str) -> tuple[Finding, ...]:
        """Return what the finding of a kind brings with it."""
        return tuple(finding for finding in self.findings if finding.because == kind)

    @property
    def first(self) -> Advice | None:
        """The one change to begin with; None where nothing was found."""
        return next((one.advice[0] for one in self.causes if one.advice), None)

    def at_least(self, severity: str) -> tuple[Finding, ...]:
        """Return those of this severity or a worse one."""
        limit = SEVERITIES.index(require_name("severity", severity, SEVERITIES))
        return tuple(f for f in self.findings if SEVERITIES.index(f.severity) <= limit)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON knows it."""
        first = self.first
        return {
            "label": self.label,
            "scope": self.scope,
            "state": self.state,
            "first": None if first is None else {**first.__dict__},
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

    def told(self) -> Iterator[tuple[Finding, tuple[Finding, ...], list[str]]]:
        """Yield each cause, what it brings, and its cures that were not told before."""
        said: set[str] = set()
        for finding in self.causes:
            new = [cure for cure in finding.cures if cure not in said]
            said.update(new)
            yield finding, self.consequences(finding.kind), new

    def begin_with(self) -> tuple[str, str, str]:
        """Return what to do first, its line of Python, and why that comes first.

        Empty texts where nothing is to be done.
        """
        first = self.first
        if first is None:
            return "", "", ""
        noticed = [one.kind for one in self.causes if one.kind not in GOES_ON]
        if self.at_least("serious"):
            begin = "Do this first"
        elif noticed:
            begin = f"To be noticed: {', '.join(noticed)}. What may help most"
        elif self.state.endswith(f"{NOT_YET}."):
            begin = "What may help most"
        else:
            begin = "Nothing has to be changed; what may help most"
        cause = next(one for one in self.causes if one.advice)
        brought = ", ".join(one.kind for one in self.consequences(cause.kind))
        why = [f"It is told first because it explains: {brought}."] if brought else []
        why += [first.expect] if first.expect else []
        return f"{begin}: {first.what}", first.line, " ".join(why)

    def __str__(self) -> str:
        count = len(self.causes)
        what = "1 finding" if count == 1 else f"{count} findings"
        if not count:
            what = "nothing could be looked at" if self.unread else "nothing wrong was found"
        told = (what, self.state, self.scope)
        rows = [f"{self.label}: " + " ".join(f"{one.rstrip('.')}." for one in told if one)]
        begin, line, why = self.begin_with()
        rows += [f"{begin}." if not line else f"{begin}:"] if begin else []
        rows += [f"    {line}"] if line else []
        rows += [f"  {why}"] if why else []
        for i, (finding, brought, cures) in enumerate(self.told(), 1):
            rows.append(f"{i}. {finding.kind} ({finding.severity}): {finding.sentence}")
            rows += [f"   Why: {finding.cause}"] if finding.cause else []
            rows += [f"   It brings {one.kind}: {one.sentence}" for one in brought]
            rows += [f"   Cure: {cure}" for cure in cures]
        return printable_lines("\n".join(rows))

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from nnscratch.display import findings_html

        return findings_html(self)


Shown = dict[str, Finding]  # what was found, by its kind
