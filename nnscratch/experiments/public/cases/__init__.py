"""The public cases by when they were collected: which are sick, and which learn."""

from typing import Final

from nnscratch.experiments.public.case import TUNED, UNTOUCHED, Healthy, Sick
from nnscratch.experiments.public.cases.autumn import AUTUMN, WINTER
from nnscratch.experiments.public.cases.books import BOOKS, SKLEARN
from nnscratch.experiments.public.cases.brook import BROOK, DELTA
from nnscratch.experiments.public.cases.courses import COURSES
from nnscratch.experiments.public.cases.dawn import DAWN, DUSK
from nnscratch.experiments.public.cases.demos import DEMOS
from nnscratch.experiments.public.cases.east import EAST, WEST
from nnscratch.experiments.public.cases.frameworks import KERAS, TORCH_AND_OTHERS
from nnscratch.experiments.public.cases.fresh import CASES as FRESH_CASES
from nnscratch.experiments.public.cases.guides import GUIDES
from nnscratch.experiments.public.cases.harbour import HARBOUR, ISLAND
from nnscratch.experiments.public.cases.kinds import ASIDE as ASIDE_CASES
from nnscratch.experiments.public.cases.kinds import OPENED as OPENED_CASES
from nnscratch.experiments.public.cases.known import CASES as KNOWN_CASES
from nnscratch.experiments.public.cases.lake import LAKE, MARSH
from nnscratch.experiments.public.cases.later import CASES as LATER_CASES
from nnscratch.experiments.public.cases.lessons import LESSONS
from nnscratch.experiments.public.cases.manuals import MANUALS
from nnscratch.experiments.public.cases.meadow import MEADOW, MOOR
from nnscratch.experiments.public.cases.north import NORTH, SOUTH
from nnscratch.experiments.public.cases.primers import PRIMERS
from nnscratch.experiments.public.cases.sedge import REED, SEDGE
from nnscratch.experiments.public.cases.spring import SPRING, SUMMER
from nnscratch.experiments.public.cases.tuned import CASES as TUNED_CASES
from nnscratch.experiments.public.cases.unlike import CASES as UNLIKE_CASES
from nnscratch.experiments.public.cases.untouched import CASES as UNTOUCHED_CASES

# Groups of sick cases: what was known before, two halves of what was collected, and later ones.
# Whoever works on findings looks at all of them but those that are put aside.
PUT_ASIDE: Final = ("marsh",)
SICK: dict[str, tuple[Sick, ...]] = {
    "known": KNOWN_CASES,
    TUNED: TUNED_CASES,
    "fresh": FRESH_CASES,
    "opened": OPENED_CASES,
    "aside": ASIDE_CASES,
    "unlike": UNLIKE_CASES,
    "later": LATER_CASES,
    UNTOUCHED: UNTOUCHED_CASES,
    "autumn": AUTUMN,
    "winter": WINTER,
    "spring": SPRING,
    "summer": SUMMER,
    "dawn": DAWN,
    "dusk": DUSK,
    "east": EAST,
    "west": WEST,
    "north": NORTH,
    "south": SOUTH,
    "harbour": HARBOUR,
    "island": ISLAND,
    "meadow": MEADOW,
    "moor": MOOR,
    "brook": BROOK,
    "delta": DELTA,
    "lake": LAKE,
    "marsh": MARSH,
    "sedge": SEDGE,
    "reed": REED,
}
HEALTHY: tuple[Healthy, ...] = (
    *(*KERAS, *TORCH_AND_OTHERS, *SKLEARN),
    *(*BOOKS, *COURSES, *GUIDES, *MANUALS, *LESSONS, *DEMOS, *PRIMERS),
)

__all__ = ["HEALTHY", "PUT_ASIDE", "SICK"]
