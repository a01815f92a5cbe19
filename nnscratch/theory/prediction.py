"""`predict`: what theory expects of a model before its first step."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import TypeVar

import numpy as np

from nnscratch.arrays import Array, as_array, as_numbers, fitted
from nnscratch.datasets.checks import check_labels
from nnscratch.errors import ConfigError, DataError, DtypeError, ShapeError, require_count
from nnscratch.layers import BatchNorm, Dense, Identity
from nnscratch.losses import CategoricalCrossEntropy, SoftmaxCrossEntropy
from nnscratch.network.model import Sequential, require_model
from nnscratch.network.nodes import LossFunction
from nnscratch.theory import concerns
from nnscratch.theory.blocks import LINEAR, Block, Network, branch_ends
from nnscratch.theory.ends import (
    InputStatistics,
    LossGradient,
    input_statistics,
    softmax_gradient,
)
from nnscratch.theory.gradient import propagate_gradient
from nnscratch.theory.propagation import forks, propagate_signal, weighted
from nnscratch.theory.reading import read_network
from nnscratch.theory.recurrent import TimePrediction, is_recurrent, predict_through_time
from nnscratch.theory.regime import common_module, cure, regime
from nnscratch.theory.report import BlockFlow, Prediction
from nnscratch.theory.residual import fork_regime
from nnscratch.theory.spectrum import even_spectrum

T = TypeVar("T")


def predict(
    model: Sequential,
    x: Array | None = None,
    y: Array | None = None,
    *,
    batch_size: int | None = None,
) -> Prediction | TimePrediction:
    """Return what mean-field theory expects of `model` in its first training step.

    Of a model with recurrent layers: how far back in time the gradient reaches, a `TimePrediction`
    (`predict_through_time`). Of any other a `Prediction` (`predict_layers`).

    >>> import nnscratch as nn
    >>> found = nn.predict(nn.Sequential(nn.LSTM(6, 50, forget_bias=0), nn.LastStep()))
    >>> found.word, round(found.horizon)    # steps back
    ('vanishing', 8)
    """
    require_model("predict model", model)
    if any(is_recurrent(layer) for layer in model.layers.values()):
        return _within_range(lambda: predict_through_time(model, x, y))
    return predict_layers(model, x, y, batch_size=batch_size)


def predict_layers(
    model: Sequential,
    x: Array | None = None,
    y: Array | None = None,
    *,
    batch_size: int | None = None,
) -> Prediction:
    """Return what mean-field theory expects of a `model` without recurrent layers.

    Nothing is trained and the model is left as it is: only its layers, widths and initializers are
    read, and what the data look like.

    Parameters
    ----------
    model : Sequential
        Dense layers, each followed by activations, dropout, and batch norm before or after them;
        layer norm and RMS norm anywhere; `Residual` blocks with a dense layer in the branch or
        around it, and activations after them. Batch norm needs inputs that are Gaussian over the
        units: those of a dense layer, of a norm of it, of sums of such. Where others come to an
        activation, as in ``relu(x + f(x))``, drawn units are followed (`nnscratch.theory.drawn`).
    x : (rows, features) array, optional
        Data as the model will see them: a batch or all of them. Without it inputs are taken to have
        mean square 1 and to be unrelated to each other, and a note says so.
    y : (rows,) or (rows, outputs) array, optional
        Classes of `x` (integers, where there are several outputs), or targets. With classes the
        gradient is also *measured*, in one pass over `x` with the weights the model has, and kept
        beside the prediction. Targets that the output cannot give, or of another size than it
        gives, are said.
    batch_size : int, optional
        Examples in a training batch: batch norm and the norm of the mean loss's gradient depend on
        it. By default the rows of `x`; without `x` the limit of large batches, and then no absolute
        norms.

    Raises `ConfigError` naming the layer that theory does not know, or where signal or gradient
    leave the range of floating-point numbers, `ShapeError` or `DataError` for data that do not fit
    the model.

    How good it is: rates agree with wide random networks to their statistical error, norms of
    networks of 10 layers x 100 on real images to a few per cent on average over draws. Two things
    of the order of depth / width are left out: the loss's gradient depends on the weights it goes
    through (which lifts ReLU's norms by up to 8 % there), and with batch norm the gradient grows a
    little faster (10 % there). What norms of examples add at finite width is in it to first order,
    in the spread over draws where weights stand before them, not where a branch begins or ends.

    Poole et al. 2016; Schoenholz et al. 2017; Yang et al. 2019 (batch norm); Hanin 2018 (spread);
    Yang & Schoenholz 2017, Xiong et al. 2020 (residual networks).
    """
    return _within_range(lambda: _predict(model, x, y, batch_size))


def _within_range(predicted: Callable[[], T]) -> T:
    """Return what `predicted` does, or raise `ConfigError` where it overflows."""
    try:
        with np.errstate(all="ignore"):
            return predicted()
    except (OverflowError, ZeroDivisionError):
        raise ConfigError(
            "theory cannot follow this model: signal or gradient leave the range of floating-point "
            "numbers; scale its weights or its input"
        ) from None


def _predict(
    model: Sequential, x: Array | None, y: Array | None, batch_size: int | None
) -> Prediction:
    network = read_network(model)
    blocks = network.blocks
    x, y = (
        None if given is None else as_array(given, name) for given, name in ((x, "x"), (y, "y"))
    )
    if batch_size is not None:
        batch_size = require_count("batch_size", batch_size, least=2)
    elif x is not None:
        batch_size = len(np.atleast_1d(x))
    notes = list(network.notes)
    inputs, notes_in = _inputs(model, network, x, batch_size)
    notes += notes_in
    passed = propagate_signal(network.steps, inputs, batch_size)
    signals, output = list(weighted(passed)), passed[-1].outgoing
    last = network.steps[-1]
    phi = last.activation if isinstance(last, Block) else LINEAR
    if y is not None and x is None:
        raise ShapeError("y without x: give both, the data and their answers")
    ends = set(branch_ends(network.steps))
    scales = [] if x is None else concerns.of_codes(x) or concerns.of_inputs(inputs)
    doubts = [*scales, *concerns.of_weights(model, ends)]
    doubts += concerns.of_units(signals)
    classes = last.n_out
    labels = y
    doubts += concerns.of_output(network.probabilities, classes)
    if y is not None and (y.dtype.kind == "f" or y.ndim > 1 or classes == 1):
        targets, size = _checked_targets(y, x, classes), math.sqrt(output.square)
        doubts += concerns.of_targets(targets, phi, network.probabilities, size)
        labels = None
    measured = None
    if labels is not None and x is not None:
        loss_of = CategoricalCrossEntropy if network.probabilities else SoftmaxCrossEntropy
        measured = measure_gradient(model, x, labels, loss_of())
    loss = _no_loss() if classes < 2 else _loss_gradient(output, classes, labels)
    flow = propagate_gradient(passed, loss, batch_size)
    kind, usual = None, fork_regime(passed, {one.name: one for one in flow.splits})
    if usual is None:
        kind = common_module([step for step in network.steps if isinstance(step, Block)])
        usual = None if kind is None else regime(kind, signals, batch_size)
    absolute = math.nan
    if batch_size is not None and classes >= 2:
        absolute = math.sqrt(loss.square / batch_size * math.exp(flow.last))
    with np.errstate(invalid="ignore"):  # of a gradient of exactly 0: minus infinity
        steps = np.exp(-np.diff(flow.log_square))
    return Prediction(
        layers=tuple(block.name for block in blocks),
        widths=np.array([block.n_out for block in blocks]),
        second_moment=np.array([signal.q for signal in signals]),
        correlation=np.array([signal.c for signal in signals]),
        rate=np.append(np.nan_to_num(steps, nan=0.0), 1.0),
        relative_gradient=np.exp(flow.log_square / 2 - flow.variance / 4),
        sd=np.sqrt(flow.variance) / 2,
        last_gradient=absolute,
        batch_size=batch_size,
        regime=usual,
        cure=None if kind is None or usual is None else cure(kind, usual),
        at_initialization=network.at_initialization,
        notes=tuple(notes),
        measured=measured,
        concerns=tuple(doubts),
        blocks=tuple(
            BlockFlow(s.name, f.outgoing.square, math.exp(s.log_square / 2), s.rate, s.branch)
            for f, s in zip(forks(passed), flow.splits, strict=True)
        ),
    )


def _checked_targets(y: Array, x: Array | None, outputs: int) -> Array:
    """Return targets of shape (batch, outputs); those of one output may lack its axis."""
    made = y[:, None] if y.ndim == 1 and outputs == 1 else y
    if made.dtype.kind not in "fiub":
        raise DtypeError(f"y must hold numbers, got {y.dtype}: convert with y.astype(np.float32)")
    if made.shape != (len(x) if x is not None else 0, outputs):
        classes = "; classes are integers: y.astype(np.int64)" if y.ndim == 1 else ""
        raise ShapeError(
            f"y must have shape (batch, {outputs}) as x has rows, got {y.shape}{classes}"
        )
    if not np.isfinite(made).all():
        raise DataError("y holds values that are not finite")
    return made


def _inputs(
    model: Sequential, network: Network, x: Array | None, batch_size: int | None
) -> tuple[InputStatistics, list[str]]:
    """Return what the first dense layer gets, and a note where it is assumed."""
    before = [model.layers[name] for name in network.before]
    if x is None:
        assumed = InputStatistics(1.0, 0.0, even_spectrum(batch_size))
        which = f"the output of {network.before[-1]!r}" if before else "the input"
        return assumed, [
            f"no data given: {which} is taken to have mean square 1 and two inputs to be unrelated"
        ]
    if x.ndim != 2 or (model.features_in or x.shape[1]) != x.shape[1]:
        raise ShapeError(
            f"x must have shape (batch, {model.features_in or 'features'}), got shape {np.shape(x)}"
        )
    entering = fitted(x, model.dtype, "x")
    input_statistics(entering, batch_size)  # refuses bad data before any layer sees them
    for layer in before:
        if isinstance(layer, BatchNorm):
            entering, _ = copy.deepcopy(layer).forward(entering, statistics="batch")
        elif not isinstance(layer, Identity):
            entering, _ = copy.deepcopy(layer).forward(entering, training=True)
    return input_statistics(entering, batch_size), []


def _no_loss() -> LossGradient:
    return LossGradient(1.0, 0.0, 0.0)


def _loss_gradient(logits: InputStatistics, classes: int, labels: Array | None) -> LossGradient:
    alike = None
    if labels is not None:
        labels = check_labels(labels, classes, None, "labels")
        alike = float(np.sum((np.bincount(labels) / len(labels)) ** 2))
    correlation = logits.product / logits.square if logits.square > 0 else 1.0
    return softmax_gradient(logits.square, correlation, classes, alike)


def measure_gradient(
    model: Sequential, x: Array, labels: Array, loss: LossFunction | None = None
) -> Array:
    """Return the norm of dL/dz at each dense layer, in one training pass of a copy of `model`.

    L is `loss`, or the mean softmax cross-entropy over the batch.
    """
    twin = copy.deepcopy(model)
    trace = twin.trace(as_numbers(x, model.dtype, "x"), labels, loss or SoftmaxCrossEntropy())
    gradients = (
        trace[name].upstream for name, layer in twin.layers.items() if isinstance(layer, Dense)
    )
    return np.array([np.linalg.norm(np.asarray(g, dtype=np.float64)) for g in gradients])
