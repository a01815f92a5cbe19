"""The verdict: how often the findings name the true cause of the public cases, and cry wolf.

A finding names the causes that `NAMES` says, whatever its sentences say besides. A sick case is
told right *first* if its first finding names a right cause, *later* if another one does; it is
*silent* if nothing is found, and else *wrong*. A healthy set-up, or a case that was mended, is a
false alarm if anything serious or fatal is found though it has learned what it should.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from nnscratch.experiments.public.case import CAUSES, Healthy, Sick
from nnscratch.experiments.public.recipe import Outcome, run
from nnscratch.flow.findings.graph import WIRING

# The causes that each kind of finding names. Symptoms name what usually is behind them; "does not
# learn" names nothing.
_LOST_ON_THE_WAY: Final = frozenset({"initial weights", "activation", "depth"})
NAMES: Final[dict[str, frozenset[str]]] = {
    **{cause: frozenset({cause}) for cause in CAUSES},
    "non-finite": frozenset({"rate too large"}),
    "diverged": frozenset({"rate too large"}),
    "dead layer": frozenset({"initial weights", "activation"}),
    "updates too large": frozenset({"rate too large"}),
    "learning rate too large": frozenset({"rate too large"}),
    "saturated": frozenset({"initial weights", "activation"}),
    "forget bias": frozenset({"initial weights"}),
    "recurrent weights": frozenset({"initial weights"}),
    "truncation": frozenset({"depth"}),  # in time
    "gradient spikes": frozenset({"clip", "rate too large"}),
    "exploding through time": _LOST_ON_THE_WAY,
    "vanishing through time": _LOST_ON_THE_WAY,
    "exploding": _LOST_ON_THE_WAY,
    "vanishing": _LOST_ON_THE_WAY,
    "dead units": frozenset({"initial weights", "activation"}),
    "constant output": _LOST_ON_THE_WAY,
    "clip always": frozenset({"clip"}),
    "updates too small": frozenset({"too slow"}),
    "learning rate too small": frozenset({"too slow"}),
    "epsilon": frozenset({"too slow"}),
    "too few steps": frozenset({"too slow"}),
    "slow layer": frozenset({"initial weights"}),
    "initial biases": frozenset({"initial weights"}),
    "narrow layers": frozenset({"capacity"}),
    "batch norm statistics": frozenset({"batch norm momentum"}),
    "clip never": frozenset({"clip"}),
    "category codes": frozenset({"input scale"}),
    "naive forecast": frozenset({"target scale"}),
    "outliers": frozenset({"loss"}),
    "missing value code": frozenset({"input scale"}),
    "padding read": frozenset({"depth"}),  # in time
    "class weights": frozenset({"labels", "loss"}),
    "small batches": frozenset({"norm"}),
    "norm over one unit": frozenset({"norm"}),
    # Symptoms of anything, and mistakes that only a loop of PyTorch's can make: no case has them.
    **dict.fromkeys(("does not learn", *WIRING), frozenset()),
}

FIRST, LATER, SILENT, WRONG = VERDICTS = ("first", "later", "silent", "wrong")

# DeepFD (Cao et al., ICSE 2022), its table of 52 faulty programs: of how many a tool said that
# something is wrong, and of how many it named one right kind of fault. False alarms: not counted.
PUBLISHED: Final = (
    ("DeepFD", 47, 27),
    ("UMLAUT", 50, 14),
    ("AutoTrainer", 12, 10),
    ("DeepLocalize", 36, 7),
)
PUBLISHED_CASES: Final = 52


@dataclass(frozen=True)
class Answer:
    """What was found in one run of a case; `mended`: of its mended twin."""

    case: Sick | Healthy
    seed: int
    outcome: Outcome
    mended: bool = False

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of finding, in their order."""
        return self.outcome.findings.kinds

    @property
    def verdict(self) -> str:
        """One of `VERDICTS`, of a sick run."""
        assert isinstance(self.case, Sick)
        right = [bool(NAMES[kind] & self.case.causes) for kind in self.kinds]
        if not right:
            return SILENT
        return FIRST if right[0] else LATER if any(right) else WRONG

    @property
    def learned(self) -> bool:
        """Whether the run reached what its case says."""
        return self.outcome.score >= self.case.reach

    @property
    def alarms(self) -> tuple[str, ...]:
        """Kinds of serious and fatal findings of a run that has learned."""
        found = self.outcome.findings.at_least("serious") if self.learned else ()
        return tuple(finding.kind for finding in found)

    def to_dict(self) -> dict[str, Any]:
        """Return the answer as JSON knows it."""
        made = {
            "case": self.case.name,
            "seed": self.seed,
            "mended": self.mended,
            "found": list(self.kinds),
            "score": self.outcome.score,
            "learned": self.learned,
        }
        if isinstance(self.case, Sick) and not self.mended:
            return {**made, "cause": self.case.cause, "verdict": self.verdict}
        return {**made, "alarms": list(self.alarms)}


@dataclass(frozen=True)
class Tally:
    """Sick runs counted. `anywhere` counts the first ones too."""

    runs: int
    first: int
    anywhere: int
    silent: int
    wrong: int

    @classmethod
    def of(cls, answers: Iterable[Answer]) -> Tally:
        """Count the verdicts of sick runs."""
        said = [answer.verdict for answer in answers]
        first = said.count(FIRST)
        anywhere = first + said.count(LATER)
        return cls(len(said), first, anywhere, said.count(SILENT), said.count(WRONG))

    def to_dict(self) -> dict[str, int]:
        """Return the counts by name."""
        return asdict(self)


def answer_all(
    cases: Sequence[Sick | Healthy],
    seeds: Sequence[int] = (0,),
    mended: bool = False,
    watch: Callable[[str], None] = lambda name: None,
) -> list[Answer]:
    """Run every case that can run with every seed; `watch` is told each name as it is done.

    mended : the mended twins of sick cases, instead
    """
    made = []
    for case in cases:
        recipe = case.cured if mended and isinstance(case, Sick) else case.recipe
        if not recipe.needs:
            made += [Answer(case, seed, run(recipe, seed), mended) for seed in seeds]
        watch(case.name)
    return made
