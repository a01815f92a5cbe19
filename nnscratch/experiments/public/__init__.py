"""Public cases: networks that did not train, with their true cause, and published ones that do.

Collected from question sites, issue trackers, the published benchmarks of faulty programs and the
examples of frameworks, courses and books, each made anew from its description: no text and no code
of theirs is in here, and data that are not free to ship are made up in the described way.
"""

from typing import Final

from nnscratch.experiments.public.autumn import AUTUMN as AUTUMN_CASES
from nnscratch.experiments.public.autumn import WINTER as WINTER_CASES
from nnscratch.experiments.public.books import BOOKS, SKLEARN
from nnscratch.experiments.public.brook import BROOK as BROOK_CASES
from nnscratch.experiments.public.brook import DELTA as DELTA_CASES
from nnscratch.experiments.public.case import CAUSES, TUNED, UNTOUCHED, Healthy, Sick, half
from nnscratch.experiments.public.courses import COURSES
from nnscratch.experiments.public.dawn import DAWN as DAWN_CASES
from nnscratch.experiments.public.dawn import DUSK as DUSK_CASES
from nnscratch.experiments.public.demos import DEMOS
from nnscratch.experiments.public.east import EAST as EAST_CASES
from nnscratch.experiments.public.east import WEST as WEST_CASES
from nnscratch.experiments.public.frameworks import KERAS, TORCH_AND_OTHERS
from nnscratch.experiments.public.fresh import CASES as FRESH_CASES
from nnscratch.experiments.public.guides import GUIDES
from nnscratch.experiments.public.harbour import HARBOUR as HARBOUR_CASES
from nnscratch.experiments.public.harbour import ISLAND as ISLAND_CASES
from nnscratch.experiments.public.kinds import ASIDE as ASIDE_CASES
from nnscratch.experiments.public.kinds import OPENED as OPENED_CASES
from nnscratch.experiments.public.known import CASES as KNOWN_CASES
from nnscratch.experiments.public.lake import LAKE as LAKE_CASES
from nnscratch.experiments.public.lake import MARSH as MARSH_CASES
from nnscratch.experiments.public.later import CASES as LATER_CASES
from nnscratch.experiments.public.lessons import LESSONS
from nnscratch.experiments.public.manuals import MANUALS
from nnscratch.experiments.public.meadow import MEADOW as MEADOW_CASES
from nnscratch.experiments.public.meadow import MOOR as MOOR_CASES
from nnscratch.experiments.public.north import NORTH as NORTH_CASES
from nnscratch.experiments.public.north import SOUTH as SOUTH_CASES
from nnscratch.experiments.public.primers import PRIMERS
from nnscratch.experiments.public.recipe import Data, Outcome, Recipe, run
from nnscratch.experiments.public.sedge import REED as REED_CASES
from nnscratch.experiments.public.sedge import SEDGE as SEDGE_CASES
from nnscratch.experiments.public.spring import SPRING as SPRING_CASES
from nnscratch.experiments.public.spring import SUMMER as SUMMER_CASES
from nnscratch.experiments.public.tuned import CASES as TUNED_CASES
from nnscratch.experiments.public.unlike import CASES as UNLIKE_CASES
from nnscratch.experiments.public.untouched import CASES as UNTOUCHED_CASES
from nnscratch.experiments.public.verdict import NAMES, VERDICTS, Answer, Tally, answer_all

# Groups of sick cases: what was known before, two halves of what was collected, and later ones.
# Whoever works on findings looks at all of them but those that are put aside.
MARSH: Final = "marsh"
PUT_ASIDE: Final = (MARSH,)
SICK: dict[str, tuple[Sick, ...]] = {
    "known": KNOWN_CASES,
    TUNED: TUNED_CASES,
    "fresh": FRESH_CASES,
    "opened": OPENED_CASES,
    "aside": ASIDE_CASES,
    "unlike": UNLIKE_CASES,
    "later": LATER_CASES,
    UNTOUCHED: UNTOUCHED_CASES,
    "autumn": AUTUMN_CASES,
    "winter": WINTER_CASES,
    "spring": SPRING_CASES,
    "summer": SUMMER_CASES,
    "dawn": DAWN_CASES,
    "dusk": DUSK_CASES,
    "east": EAST_CASES,
    "west": WEST_CASES,
    "north": NORTH_CASES,
    "south": SOUTH_CASES,
    "harbour": HARBOUR_CASES,
    "island": ISLAND_CASES,
    "meadow": MEADOW_CASES,
    "moor": MOOR_CASES,
    "brook": BROOK_CASES,
    "delta": DELTA_CASES,
    "lake": LAKE_CASES,
    MARSH: MARSH_CASES,
    "sedge": SEDGE_CASES,
    "reed": REED_CASES,
}
HEALTHY: tuple[Healthy, ...] = (
    *(*KERAS, *TORCH_AND_OTHERS, *SKLEARN),
    *(*BOOKS, *COURSES, *GUIDES, *MANUALS, *LESSONS, *DEMOS, *PRIMERS),
)

__all__ = [
    "ASIDE_CASES",
    "AUTUMN_CASES",
    "BROOK_CASES",
    "CAUSES",
    "DAWN_CASES",
    "DELTA_CASES",
    "DUSK_CASES",
    "EAST_CASES",
    "FRESH_CASES",
    "HARBOUR_CASES",
    "HEALTHY",
    "ISLAND_CASES",
    "KNOWN_CASES",
    "LAKE_CASES",
    "LATER_CASES",
    "MARSH_CASES",
    "MEADOW_CASES",
    "MOOR_CASES",
    "NAMES",
    "NORTH_CASES",
    "OPENED_CASES",
    "PUT_ASIDE",
    "REED_CASES",
    "SEDGE_CASES",
    "SICK",
    "SOUTH_CASES",
    "SPRING_CASES",
    "SUMMER_CASES",
    "TUNED",
    "TUNED_CASES",
    "UNLIKE_CASES",
    "UNTOUCHED",
    "UNTOUCHED_CASES",
    "VERDICTS",
    "WEST_CASES",
    "WINTER_CASES",
    "Answer",
    "Data",
    "Healthy",
    "Outcome",
    "Recipe",
    "Sick",
    "Tally",
    "answer_all",
    "half",
    "run",
]
