"""What to expect of a plan before any training, and how much of it is trouble."""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass

import numpy as np

from nnscratch.arrays import Array
from nnscratch.curing.plan import Plan
from nnscratch.errors import ConfigError, DataError
from nnscratch.layers import Dense
from nnscratch.network.model import Sequential
from nnscratch.theory import Prediction, predict_layers
from nnscratch.theory.recurrent import measure_through_time


@dataclass(frozen=True)
class Forecast:
    """What theory and one pass over one batch say of a plan.

    Attributes
    ----------
    ratio : float
        Norm of dL/dz at the first dense layer over that at the last: by theory, or measured on
        the batch where theory does not know the network.
    growth : float
        Mean square of the last hidden dense layer's output over the first's; 1 where theory is
        silent.
    hidden : int
        Dense layers but the last.
    trainable_depth : float
        Hidden layers up to which such a network trains; infinity where theory is silent.
    promise : float
        ``g . (p_before - p_after) / loss`` for the first step: the share of the loss that the
        step would take away if the loss were a plane. Above 1 it promises more than there is
        (for plain gradient descent: a rate above Polyak's ``loss / ||g||^2``, 1987).
    gradient_norm : float
        Of the whole gradient, before any clipping.
    prediction : Prediction or None
        None where theory does not know the network.
    in_time : float
        Of a network with recurrent layers, the norm of the gradient at the state of the first step
        of time over that of the last, measured on the batch, of the layer that keeps most; 1 where
        time is not gone through, or layers stand in no row.
    cut : float
        Steps of time over those that a truncation lets the gradient go back; at least 1.
    """

    ratio: float
    growth: float
    hidden: int
    trainable_depth: float
    promise: float
    gradient_norm: float
    prediction: Prediction | None
    in_time: float = 1.0
    cut: float = 1.0

    @property
    def strain(self) -> float:
        """How far from a healthy network, in natural logarithms: 0 is best, infinity worst.

        ``|ln ratio| + |ln growth| / 2 + hidden / trainable_depth + max(0, ln promise) +
        |ln in_time| + ln cut``: what the gradient loses or gains on its way down, what the signal
        does on its way up, the share of the depth that can be trained, how much too long the first
        step is, what is lost or gained on the way back through time, and where that is cut.
        """
        return (
            _distance(self.ratio)
            + _distance(self.growth) / 2
            + self.hidden / max(self.trainable_depth, 1e-3)
            + (max(0.0, math.log(self.promise)) if self.promise > 0 else 0.0)
            + _distance(self.in_time)
            + math.log(self.cut)
        )


def forecast(
    plan: Plan, x: Array, y: Array, rows: int, seed: int, mask: Array | None = None
) -> Forecast:
    """Return the `Forecast` of `plan`, for batches of the first `rows` examples of `x`, `y`.

    They are the data as the plan trains on them, and the mask of all examples.
    """
    model, loss = plan.model(seed), plan.new_loss()
    model.keep_gradients = True
    prediction, time = None, (1.0, 1.0)
    mask = None if mask is None else mask[:rows]
    # What theory does not know: a layer, an order of layers, a batch.
    with contextlib.suppress(ConfigError, DataError):
        if plan.recurrent():
            time = _through_time(model, x[:rows], mask), _cut(plan, x.shape[1])
        elif plan.old is None:  # theory knows weights as they are drawn, not what they learned
            prediction = predict_layers(model, x, batch_size=rows if rows > 1 else None)
    optimizer = plan.new_optimizer()
    before = model.params.flat.astype(np.float64)
    with np.errstate(all="ignore"):  # what overflows is what we are looking for
        cut = plan.new_truncate()
        value = model.training_pass(x[:rows], y[:rows], loss, mask=mask, truncate=cut)
        for name in model.frozen:  # as the optimizer would: no clip is to count them
            for values in model.layers[name].grads.values():
                values[...] = 0
        ends = [name for name, layer in model.layers.items() if isinstance(layer, Dense)]
        ends = ends or [name for name, layer in model.layers.items() if layer.role == "recurrent"]
        measured = [_norm(model.last[ends[i]].upstream) for i in (0, -1)]
        gradient = model.grads.flat.astype(np.float64)
        optimizer.step(model.params, model.grads)
        promise = float(gradient @ (before - model.params.flat) / np.float64(value))
        norm = _norm(gradient)
        ratio = float(np.float64(measured[0]) / measured[1])
    if not math.isfinite(promise):
        promise = math.inf
    hidden = len(ends) - 1
    if prediction is None or prediction.regime is None:
        return Forecast(ratio, 1.0, hidden, math.inf, promise, norm, prediction, *time)
    with np.errstate(divide="ignore", invalid="ignore"):  # weights of 0 let nothing through
        growth = float(prediction.second_moment[-2] / prediction.second_moment[0])
    depth = prediction.trainable_depth
    return Forecast(prediction.ratio, growth, hidden, depth, promise, norm, prediction)


def _through_time(model: Sequential, x: Array, mask: Array | None) -> float:
    """Return what is left of a gradient at the first step, of the layer that keeps most."""
    with np.errstate(all="ignore"):
        kept = [norms[-1] / norms[0] for norms in measure_through_time(model, x, mask)]
    return float(min(kept, key=_distance, default=1.0))


def _cut(plan: Plan, steps: int) -> float:
    """Return how many times longer a sequence is than the way back; cut at random it is whole."""
    return steps / min(steps, plan.truncate) if isinstance(plan.truncate, int) else 1.0


def _norm(values: Array | None) -> float:
    return math.nan if values is None else float(np.linalg.norm(values.astype(np.float64)))


def _distance(ratio: float) -> float:
    """Return ``|ln ratio|``, infinite for what is no number or 0."""
    return abs(math.log(ratio)) if 0 < ratio < math.inf else math.inf
