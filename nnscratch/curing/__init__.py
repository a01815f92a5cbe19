"""Curing: which change of a sick network helps, tried side by side before it is advised."""

from nnscratch.curing.candidates import Candidate
from nnscratch.curing.changes import (
    AddBatchNorm,
    Change,
    ClipGradient,
    LearningRate,
    NewActivation,
    RemoveBatchNorm,
    Together,
    Weights,
)
from nnscratch.curing.forecast import Forecast
from nnscratch.curing.plan import Plan, read_plan
from nnscratch.curing.report import Cure
from nnscratch.curing.search import cure
from nnscratch.curing.trials import Trial, objection

__all__ = [
    "AddBatchNorm",
    "Candidate",
    "Change",
    "ClipGradient",
    "Cure",
    "Forecast",
    "LearningRate",
    "NewActivation",
    "Plan",
    "RemoveBatchNorm",
    "Together",
    "Trial",
    "Weights",
    "cure",
    "objection",
    "read_plan",
]
