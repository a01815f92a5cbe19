"""Gradient flow: what the gradient does on its way through the layers, recorded step by step."""

from nnscratch.flow.reading import Reading, read_flow
from nnscratch.flow.recorder import GradientFlow
from nnscratch.flow.records import load_record, save_record

__all__ = ["GradientFlow", "Reading", "load_record", "read_flow", "save_record"]
