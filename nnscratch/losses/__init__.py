"""Losses: each returns its value and the gradient with respect to the network's output.

``value, doutput = loss(output, labels)``, or ``loss(output, labels, sample_weights)``. The value is
a Python float, accumulated in float64, and NaN where the output is NaN: a run that diverged says
so. The gradient is that of the *mean* loss and lives in a buffer that the next call with this shape
reuses. Outputs are ``(batch, *positions, n)``: the mean goes over the positions too.

========================= ==================== ===========================================
loss                      the network ends in  answers
========================= ==================== ===========================================
`SoftmaxCrossEntropy`     `Dense`              one class out of several
`CategoricalCrossEntropy` `Softmax`            the same, on probabilities
`SigmoidCrossEntropy`     `Dense`              independent yes/no answers
`BinaryCrossEntropy`      `Sigmoid`            the same, on probabilities
`MeanSquaredError`        `Dense`              numbers
`MeanAbsoluteError`       `Dense`              numbers, with outliers
`Huber`                   `Dense`              numbers, with some outliers
========================= ==================== ===========================================
"""

from nnscratch.losses.base import Loss
from nnscratch.losses.binary import BinaryCrossEntropy, SigmoidCrossEntropy
from nnscratch.losses.classes import CategoricalCrossEntropy, SoftmaxCrossEntropy
from nnscratch.losses.distances import Huber, MeanAbsoluteError, MeanSquaredError

__all__ = [
    "BinaryCrossEntropy",
    "CategoricalCrossEntropy",
    "Huber",
    "Loss",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "SigmoidCrossEntropy",
    "SoftmaxCrossEntropy",
]
