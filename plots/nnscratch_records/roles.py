"""What a layer is to the signal and to the gradient, and what a parameter is to its layer.

A layer says its role itself and a record keeps it: nobody asks a layer's name.
"""

from __future__ import annotations

from typing import Final

# name: what it means
ROLES: Final[dict[str, str]] = {
    "weights": "multiplies by learned weights: dense, convolution",
    "lookup": "gives a row of learned weights for each number: embedding",
    "recurrent": "goes through steps of time with one set of learned weights",
    "activation": "a function of each element",
    "norm": "normalises, by the batch or by the example",
    "noise": "draws at random: dropout",
    "join": "adds what several layers give it",
    "shape": "passes numbers on: identity, flatten, a lane of a branch, the last step of time",
    "mix": "brings several places together: pooling, attention, concatenation",
    "opaque": "does something that nobody said",
}
WEIGHTED: Final = ("weights", "lookup", "recurrent")  # the layers that one counts as depth

UNTOLD: Final = ("mix", "opaque")  # may bend the signal, or not: roles do not say

PARAM_ROLES: Final[dict[str, str]] = {
    "weight": "multiplies the layer's input",
    "recurrent_weight": "multiplies what the layer gave one step of time before",
    "bias": "is added to the products",
    "scale": "gamma of a norm",
    "shift": "beta of a norm",
    "slope": "of an activation, such as PReLU",
    "other": "something else",
}
