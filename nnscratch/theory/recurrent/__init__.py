"""Theory of gradients through time: how far back a recurrent layer can learn, before it does.

Plain layers follow the theory of deep networks (`plain`). Gated ones do not: they keep part of
their state, and for them it matters that the weights are the same at every step (`tied` in closed
form, `cells` and `backward` in full).
"""

from nnscratch.theory.recurrent.backward import ByLag, gradient_by_lag
from nnscratch.theory.recurrent.cells import Cell, Units, draw_units
from nnscratch.theory.recurrent.plain import plain_squares
from nnscratch.theory.recurrent.predicting import (
    critical_gain,
    measure_through_time,
    predict_through_time,
)
from nnscratch.theory.recurrent.reading import is_recurrent, read_cell
from nnscratch.theory.recurrent.report import LayerInTime, TimePrediction, horizon_of
from nnscratch.theory.recurrent.tied import tied_rate, tied_square

__all__ = [
    "ByLag",
    "Cell",
    "LayerInTime",
    "TimePrediction",
    "Units",
    "critical_gain",
    "draw_units",
    "gradient_by_lag",
    "horizon_of",
    "is_recurrent",
    "measure_through_time",
    "plain_squares",
    "predict_through_time",
    "read_cell",
    "tied_rate",
    "tied_square",
]
