"""Training: epochs of shuffled mini-batches, with validation, history and an early end."""

from nnscratch.training.callbacks import Callback, StepInfo
from nnscratch.training.early_stopping import EarlyStopping
from nnscratch.training.evaluation import Evaluation, evaluate
from nnscratch.training.history import History
from nnscratch.training.loop import Run
from nnscratch.training.omega import Omega
from nnscratch.training.penalty import Penalty
from nnscratch.training.rate_test import RateTest, find_rate
from nnscratch.training.trainer import Trainer

__all__ = [
    "Callback",
    "EarlyStopping",
    "Evaluation",
    "History",
    "Omega",
    "Penalty",
    "RateTest",
    "Run",
    "StepInfo",
    "Trainer",
    "evaluate",
    "find_rate",
]
