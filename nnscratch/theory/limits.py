"""Where theory holds only in part: what is noted beside a prediction."""

from __future__ import annotations

from nnscratch.initializers import Orthogonal
from nnscratch.layers import Dense, Dropout
from nnscratch.network.model import Sequential
from nnscratch.theory.blocks import BATCH, Network

_NARROW_SUM = 0.05  # of 1/units over the hidden layers
NARROW = 10  # below so many units a layer is far from the Gaussian of wide layers


def limits(model: Sequential, network: Network) -> list[str]:
    """Return notes on what this model has that theory covers only in part."""
    notes, blocks = [], network.blocks
    last = blocks[-1] if network.steps[-1] is blocks[-1] else None
    hidden = [block for block in blocks if block is not last]
    if any(isinstance(layer, Dropout) for layer in model.layers.values()):
        notes.append(
            "dropout: its effect on mean squares is in the rates; that its noise makes two passes "
            "of one input differ, and the spread over draws of it, are not"
        )
    narrow = [block.n_out for block in hidden if block.n_out < NARROW]
    if narrow:
        notes.append(
            f"a layer has only {min(narrow)} units: theory is for wide layers and can be far off"
        )
    beta = sum(1 / block.n_out for block in hidden)
    if any(block.norm == BATCH for block in hidden) and beta > _NARROW_SUM:
        notes.append(
            f"batch norm in layers this narrow for their number (sum of 1/units {beta:.2g}): the "
            "gradient grows a little faster than in the wide layers of theory"
        )
    if any(block.norm_after for block in blocks):
        notes.append(
            "batch norm after an activation: to first order in 1 / batch; batches below 50, or "
            "inputs that are all alike, as raw data often are, can put the first layers off by a "
            "quarter"
        )
    if any(
        isinstance(layer, Dense) and isinstance(layer.init, Orthogonal)
        for layer in model.layers.values()
    ):
        notes.append(
            "orthogonal weights: the rates hold; the spread over draws is computed for independent "
            "weights and is an upper bound"
        )
    return notes
