"""Curing: which change of a sick network helps, tried side by side before it is advised."""

from nnscratch.curing.candidates import Candidate
from nnscratch.curing.changes import (
    AddPenalty,
    Change,
    ClassWeights,
    ClipGradient,
    LearningRate,
    Logarithms,
    NewOutput,
    NoPenalty,
    OneHot,
    StandardInputs,
    StandardTargets,
    TargetLogarithms,
    Together,
    UseAdam,
    together,
)
from nnscratch.curing.forecast import Forecast
from nnscratch.curing.network import (
    AddBatchNorm,
    AddDropout,
    AddResidual,
    BlocksAdd,
    LayerNorms,
    LessDropout,
    NewActivation,
    NormMomentum,
    RemoveBatchNorm,
    Weights,
)
from nnscratch.curing.plan import Plan
from nnscratch.curing.reading import read_plan
from nnscratch.curing.report import Cure
from nnscratch.curing.search import cure
from nnscratch.curing.size import AddHidden, Deeper, Wider
from nnscratch.curing.trials import Run, Trial, objection

__all__ = [
    "AddBatchNorm",
    "AddDropout",
    "AddHidden",
    "AddPenalty",
    "AddResidual",
    "BlocksAdd",
    "Candidate",
    "Change",
    "ClassWeights",
    "ClipGradient",
    "Cure",
    "Deeper",
    "Forecast",
    "LayerNorms",
    "LearningRate",
    "LessDropout",
    "Logarithms",
    "NewActivation",
    "NewOutput",
    "NoPenalty",
    "NormMomentum",
    "OneHot",
    "Plan",
    "RemoveBatchNorm",
    "Run",
    "StandardInputs",
    "StandardTargets",
    "TargetLogarithms",
    "Together",
    "Trial",
    "UseAdam",
    "Weights",
    "Wider",
    "cure",
    "objection",
    "read_plan",
    "together",
]
