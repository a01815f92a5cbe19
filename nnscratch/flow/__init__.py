"""Gradient flow: what the gradient does on its way through the layers, recorded step by step."""

from nnscratch.flow.builder import Recorder
from nnscratch.flow.forensics import Forensics, Replay, replay_nonfinite
from nnscratch.flow.infos import LayerInfo, ParamInfo
from nnscratch.flow.live import LiveTable
from nnscratch.flow.logging import CsvLog
from nnscratch.flow.reading import Reading, read_flow
from nnscratch.flow.recorder import GradientFlow
from nnscratch.flow.records import load_record, save_record
from nnscratch.flow.through_time import ThroughTime, gradient_by_lag, through_time
from nnscratch_records.attribution import Attribution, attribute

__all__ = [
    "Attribution",
    "CsvLog",
    "Forensics",
    "GradientFlow",
    "LayerInfo",
    "LiveTable",
    "ParamInfo",
    "Reading",
    "Recorder",
    "Replay",
    "ThroughTime",
    "attribute",
    "gradient_by_lag",
    "load_record",
    "read_flow",
    "replay_nonfinite",
    "save_record",
    "through_time",
]
