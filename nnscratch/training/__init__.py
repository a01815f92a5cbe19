"""Training: epochs of shuffled mini-batches, with validation, history and an early end."""

from nnscratch.training.callbacks import Callback, StepInfo
from nnscratch.training.history import History
from nnscratch.training.loop import Run
from nnscratch.training.trainer import Trainer

__all__ = ["Callback", "History", "Run", "StepInfo", "Trainer"]
