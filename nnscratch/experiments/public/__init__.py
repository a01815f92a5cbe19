"""Public cases: networks that did not train, with their true cause, and published ones that do.

Collected from question sites, issue trackers, the published benchmarks of faulty programs and the
examples of frameworks, courses and books, each made anew from its description: no text and no code
of theirs is in here, and data that are not free to ship are made up in the described way.
"""

from nnscratch.experiments.public.case import CAUSES, TUNED, UNTOUCHED, Healthy, Sick, half
from nnscratch.experiments.public.cases import HEALTHY, PUT_ASIDE, SICK
from nnscratch.experiments.public.recipe import Data, Outcome, Recipe, run
from nnscratch.experiments.public.verdict import NAMES, VERDICTS, Answer, Tally, answer_all

__all__ = [
    "CAUSES",
    "HEALTHY",
    "NAMES",
    "PUT_ASIDE",
    "SICK",
    "TUNED",
    "UNTOUCHED",
    "VERDICTS",
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
