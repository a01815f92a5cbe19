"""Labelled runs: networks with a known fault, and healthy ones, on which findings are measured."""

from nnscratch.experiments.faults.setup import Case, Draw, Setup
from nnscratch.experiments.faults.suite import (
    CASES,
    SEEDS,
    Result,
    Score,
    cut,
    diagnose,
    make_record,
    run_suite,
)

__all__ = [
    "CASES",
    "SEEDS",
    "Case",
    "Draw",
    "Result",
    "Score",
    "Setup",
    "cut",
    "diagnose",
    "make_record",
    "run_suite",
]
