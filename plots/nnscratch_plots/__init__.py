"""Pictures of gradient flow, drawn from plain records alone.

Every function takes its data first and its options by keyword, draws on `ax` where one is given
and on a figure of its own otherwise, and returns what it drew on: Axes from the single pictures, a
Figure from those named `..._figure`. Nothing is shown, nothing is registered with pyplot, no
display is needed and no setting of matplotlib is left changed.

A record is a mapping with the keys "label" (a string), "layers" (L names), "steps" (S step
numbers), "backprop_norm" and "weight_gradient_norm" (both of shape (S, L)) and "loss" (S values);
each picture needs only the keys that it draws.
"""

from nnscratch_plots.cure import cure_figure
from nnscratch_plots.curves import accuracy_curves, loss_curves
from nnscratch_plots.files import save_figure
from nnscratch_plots.flow import gradient_norm_figure, gradient_norms
from nnscratch_plots.heatmap import gradient_norm_heatmap, heatmap_figure, shared_limits
from nnscratch_plots.records import QUANTITIES, Record
from nnscratch_plots.theory import (
    depth_scale,
    phase_diagram,
    phase_diagram_figure,
    predicted_gradient_norm_figure,
    predicted_gradient_norms,
)

__all__ = [
    "QUANTITIES",
    "Record",
    "accuracy_curves",
    "cure_figure",
    "depth_scale",
    "gradient_norm_figure",
    "gradient_norm_heatmap",
    "gradient_norms",
    "heatmap_figure",
    "loss_curves",
    "phase_diagram",
    "phase_diagram_figure",
    "predicted_gradient_norm_figure",
    "predicted_gradient_norms",
    "save_figure",
    "shared_limits",
]
