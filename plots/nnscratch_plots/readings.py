"""How to read each kind of panel: said once, for the figures, the overview and the page."""

from __future__ import annotations

from nnscratch_records import FIELDS, field_named
from nnscratch_records.limits import FACTOR

_LIKE = "healthy where it is of one colour from bottom to top"
_MAPS = {
    "gradient_norm": f"{_LIKE}; where the bottom is darker by a factor of more than {FACTOR:.0f} "
    "the gradient vanishes, where it is as much brighter it explodes",
    "output_std": f"{_LIKE}; where the top is darker the signal dies out, where it is brighter it "
    "blows up",
}

READING: dict[str, str] = {
    "loss": "it should fall and then level off; where it stays as it began nothing is learned, "
    "where it leaves the top it diverges",
    "gradient_norm": FIELDS["gradient_norm"].sentence,
    "attribution": "each bar is what happens to the gradient on its way down to that layer: a part "
    "down to -1 is a factor of ten lost, one up to 1 a factor of ten gained, and all parts add up "
    "exactly to the whole change",
    "updates": f"line and band: {FIELDS['update_ratio'].sentence}",
    "outputs": "histograms to both sides of 0 on log axes; alike from bottom to top is healthy, "
    "piled up at -1 or 1 is saturated, at 0 silent",
    "saturation": "where an activation sits at an end of its range hardly any gradient passes; for "
    "ReLU the low end is its zero, and about half is usual",
    "census": f"pale units are alive; {field_named('dead_units').sentence}",
    "clip": FIELDS["clip_before"].sentence,
    "batchnorm": f"{FIELDS['batchnorm_mean_gap'].sentence} (line: 1)",
    "signal": FIELDS["output_std"].sentence,
    "weight_gradients": FIELDS["param_gradient_norm"].sentence,
    "blocks": "the gradient that arrives at each block goes down through its branch and its skip "
    "connection, and adds up below it; where the branch's is much smaller, the layers inside are "
    "taught little and the skip connection alone carries it",
    "slopes": "the slope of a PReLU on the negative side is learned: at 0 it is a ReLU, at 1 a "
    "straight line through which the gradient passes whole; a line that ends has met NaN or "
    "infinity",
    "ridges": "each ridge is a histogram on a log axis, its height the square root of the share of "
    "the values; alike above each other the flow is kept, wandering to the left it vanishes, to "
    "the right it explodes; a spike at 0 holds what is almost 0, at -1 and 1 saturated units",
    "through_time": "rows are steps of time, the last one at the top; where the bottom is darker "
    "the gradient vanishes on its way back, and nothing is learned of what was so long ago. The "
    "measured factor per step is what decides: the spectral radius and the largest singular value "
    "of the recurrent weights (line: 1) know nothing of the activation's derivative or the gates",
    "time": "on the left the norm of the gradient at the state over the steps of time, of which "
    "the last comes first; a line that falls is a gradient that vanishes on its way back, one that "
    "rises explodes, and a level one still teaches what was long ago. The sliders choose the "
    "training step and the step of time",
    "cliff": "where the colour changes within a hair's breadth the loss has a wall, and its "
    "gradient there is as large as the wall is steep; a step along it throws the weights far "
    "away, unless the gradient is clipped to a norm: then the way goes on along the foot",
    "turnover": "how many units stopped being alive since the census before, and how many came "
    "back",
    "shares": "each layer's share of the squared norm: one that holds most of it decides when the "
    "clip fires",
    "angle": "between the gradient before and after: clipping by norm keeps the direction, by "
    "value it turns it",
}


def map_reading(quantity: str) -> str:
    """How to read layers by steps of a quantity, as colours."""
    field = field_named(quantity)
    said = _MAPS.get(quantity, field.sentence) or "the brighter, the larger"
    return f"rows are layers (input at the bottom), columns are steps, brighter is larger; {said}"
