"""What is wrong before step 0 with sequences, their targets, and the output of a network."""

from __future__ import annotations

import copy
import math

import numpy as np

from nnscratch.arrays import Array, as_array, as_numbers
from nnscratch.layers import Activation, Dense, Softmax
from nnscratch.network.model import Sequential
from nnscratch.theory import concerns
from nnscratch.theory.blocks import LINEAR
from nnscratch.theory.ends import InputStatistics
from nnscratch.theory.nonlinearity import nonlinearity
from nnscratch.theory.spectrum import even_spectrum
from nnscratch_records import WEIGHTED

_ROWS = 64  # sequences that are looked at


def of_sequences(model: Sequential, x: Array | None, y: Array | None) -> tuple[str, ...]:
    """Return what is wrong with data and output of a model with recurrent layers, as `concerns`.

    x, y : as for `predict_through_time`
    """
    *_, last = model.layers.values()
    dense = [layer for layer in model.layers.values() if isinstance(layer, Dense)]
    softmax = isinstance(last, Softmax)
    found = concerns.of_output(softmax, dense[-1].n_out) if dense else []
    if x is None:
        return tuple(found)
    inputs = as_numbers(x, model.dtype, "x")
    found = [*_of_inputs(_entering(model, inputs[:_ROWS])), *found]
    targets = None if y is None else as_array(y, "y")
    if targets is None or targets.dtype.kind != "f" or not np.isfinite(targets).all():
        return tuple(found)
    given = np.asarray(copy.deepcopy(model).predict(inputs[:_ROWS]), np.float64)
    size = math.sqrt(float(np.square(given).mean()))
    phi = nonlinearity(last) if isinstance(last, Activation) and not softmax else LINEAR
    return (*found, *concerns.of_targets(targets, phi, softmax, size))


def _entering(model: Sequential, x: Array) -> Array:
    """Return what the first layer of weights gets: a norm before it makes up for any scale."""
    for layer in model.layers.values():
        if layer.role in WEIGHTED:
            break
        x, _ = copy.deepcopy(layer).forward(x, training=True)
    return x


def _of_inputs(x: Array) -> list[str]:
    """Return what is wrong with the scale of sequences, each step counted as one input."""
    square = float(np.mean(np.square(x, dtype=np.float64)))
    if not square > 0:
        return []
    # Of two sequences, at the same step: what their common mean makes of the product.
    product = float(np.mean(np.square(x.mean(axis=0, dtype=np.float64))))
    return concerns.of_inputs(InputStatistics(square, product, even_spectrum(None)))
