"""Theory: what becomes of signal and gradient in wide random networks, before any training."""

from nnscratch.theory import batchnorm
from nnscratch.theory.criticality import (
    best_scale,
    critical_scale,
    critical_scales,
    phase_diagram,
)
from nnscratch.theory.finite_width import log_norm_moments
from nnscratch.theory.meanfield import (
    FixedPoint,
    chi_1,
    correlation_map,
    depth_scale,
    fixed_point,
    gradient_rate,
    variance_fixed_point,
    variance_map,
)
from nnscratch.theory.nonlinearity import Nonlinearity, nonlinearity
from nnscratch.theory.prediction import measure_gradient, predict, predict_layers
from nnscratch.theory.recurrent import TimePrediction, measure_through_time
from nnscratch.theory.regime import Cure, Regime
from nnscratch.theory.report import Prediction

__all__ = [
    "Cure",
    "FixedPoint",
    "Nonlinearity",
    "Prediction",
    "Regime",
    "TimePrediction",
    "batchnorm",
    "best_scale",
    "chi_1",
    "correlation_map",
    "critical_scale",
    "critical_scales",
    "depth_scale",
    "fixed_point",
    "gradient_rate",
    "log_norm_moments",
    "measure_gradient",
    "measure_through_time",
    "nonlinearity",
    "phase_diagram",
    "predict",
    "predict_layers",
    "variance_fixed_point",
    "variance_map",
]
