"""Pictures of gradient flow, drawn from plain records alone.

Every function takes its data first and its options by keyword, draws on `ax` where one is given
and on a figure of its own otherwise, and returns what it drew on: Axes from the single pictures, a
Figure from those named `..._figure`. Nothing is shown, nothing is registered with pyplot, no
display is needed and no setting of matplotlib is left changed.

A record is a mapping of arrays by name, as the table `nnscratch_records.FIELDS` says: what each
layer and parameter is, "steps" (S step numbers), and what was measured, such as "loss" (S,),
"gradient_norm" (S, L) or "update_ratio" (S, P). Nothing is read from the names of layers. Each
picture needs only the keys that it draws. Where a network lacks what a picture is about, such as a
clip or batch norm, the picture says so.
"""

from nnscratch_plots.attribution import attribution_bars, attribution_figure
from nnscratch_plots.batchnorm import batchnorm_figure, batchnorm_statistics
from nnscratch_plots.blocks import block_gradient_figure, block_gradients
from nnscratch_plots.census import dead_unit_figure, dead_units, unit_turnover
from nnscratch_plots.cliff import cliff_figure
from nnscratch_plots.clip import clip_figure, clip_ledger, clip_shares
from nnscratch_plots.comparison import comparison_figure
from nnscratch_plots.cure import cure_figure
from nnscratch_plots.curves import accuracy_curves, loss_curves
from nnscratch_plots.files import save_figure
from nnscratch_plots.flow import gradient_norm_figure, gradient_norms
from nnscratch_plots.heatmap import gradient_norm_heatmap, heatmap_figure, shared_limits
from nnscratch_plots.memory import memory_figure
from nnscratch_plots.overview import overview_figure
from nnscratch_plots.phase import depth_scale, phase_diagram, phase_diagram_figure, trained_map
from nnscratch_plots.prediction import predicted_gradient_norm_figure, predicted_gradient_norms
from nnscratch_plots.prediction_in_time import predicted_gradient_by_lag
from nnscratch_plots.rates import rate_test
from nnscratch_plots.records import Record
from nnscratch_plots.ridges import histogram_figure, histogram_ridges
from nnscratch_plots.saturation import saturation, saturation_figure
from nnscratch_plots.slopes import prelu_slopes
from nnscratch_plots.through_time import (
    criteria,
    gates_in_time,
    gradient_by_lag,
    through_time_figure,
    time_heatmap,
)
from nnscratch_plots.updates import update_ratio_figure, update_ratios

__all__ = [
    "Record",
    "accuracy_curves",
    "attribution_bars",
    "attribution_figure",
    "batchnorm_figure",
    "batchnorm_statistics",
    "block_gradient_figure",
    "block_gradients",
    "cliff_figure",
    "clip_figure",
    "clip_ledger",
    "clip_shares",
    "comparison_figure",
    "criteria",
    "cure_figure",
    "dead_unit_figure",
    "dead_units",
    "depth_scale",
    "gates_in_time",
    "gradient_by_lag",
    "gradient_norm_figure",
    "gradient_norm_heatmap",
    "gradient_norms",
    "heatmap_figure",
    "histogram_figure",
    "histogram_ridges",
    "loss_curves",
    "memory_figure",
    "overview_figure",
    "phase_diagram",
    "phase_diagram_figure",
    "predicted_gradient_by_lag",
    "predicted_gradient_norm_figure",
    "predicted_gradient_norms",
    "prelu_slopes",
    "rate_test",
    "saturation",
    "saturation_figure",
    "save_figure",
    "shared_limits",
    "through_time_figure",
    "time_heatmap",
    "trained_map",
    "unit_turnover",
    "update_ratio_figure",
    "update_ratios",
]
