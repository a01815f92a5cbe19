"""Runs whose data, batch norm, clip, penalty or dropout are at fault."""

from __future__ import annotations

import numpy as np

from nnscratch.clipping import ClipByGlobalNorm, ClipByValue
from nnscratch.experiments.faults.register import faulty
from nnscratch.experiments.faults.setup import Draw, Setup
from nnscratch.initializers import VarianceScaling
from nnscratch.layers import BatchNorm
from nnscratch.optimizers import SGD, Adam, AdamW
from nnscratch.training import Callback, StepInfo, Trainer

faulty("batch norm statistics", "momentum 0.9999")(
    lambda d: d.classifier("elu", VarianceScaling(8.0), (2, 5), SGD(lr=0.05), norm=0.9999)
)
faulty("batch norm statistics", "momentum 0.999 for a short run")(
    lambda d: d.classifier("relu", "he_normal", (3, 6), SGD(lr=0.05), norm=0.999)
)


class _Forget(Callback):
    """Puts batch norm's running statistics back to their initial values after every step."""

    def on_step(self, trainer: Trainer, step: StepInfo) -> None:
        for layer in trainer.model.layers.values():
            if isinstance(layer, BatchNorm):
                layer.statistics["running_mean"][...] = 0
                layer.statistics["running_variance"][...] = 1


faulty("batch norm statistics", "running statistics that are never updated")(
    lambda d: d.classifier(
        "relu", "he_normal", (2, 5), SGD(lr=0.05), norm=True, callbacks=(_Forget(),)
    )
)
faulty("clip always", "by global norm, at 1e-3")(
    lambda d: d.classifier("relu", "he_normal", (2, 6), SGD(lr=0.05, clip=ClipByGlobalNorm(1e-3)))
)
faulty("clip always", "by value, at 1e-5")(
    lambda d: d.classifier("tanh", "lecun_normal", (2, 6), SGD(lr=0.05, clip=ClipByValue(1e-5)))
)
faulty("clip never, too few steps", "by global norm, at 1e4", "clip never")(
    lambda d: d.classifier("relu", "he_normal", (2, 6), SGD(lr=0.05, clip=ClipByGlobalNorm(1e4)))
)
faulty("clip never, too few steps", "by value, at 100", "clip never")(
    lambda d: d.classifier(
        "elu", VarianceScaling(1.5), (2, 6), SGD(lr=0.05, clip=ClipByValue(100.0))
    )
)


@faulty("input scale", "pixels from 0 to 4080")
def _(d: Draw) -> Setup:
    x, y = d.classes("digits")
    return d.classifier("relu", "he_normal", (2, 5), SGD(lr=0.01), data=(x * np.float32(4080), y))


@faulty("input scale", "inputs about 100 with deviation 1")
def _(d: Draw) -> Setup:
    x, y = d.classes("blobs")
    return d.classifier("tanh", "lecun_normal", (2, 5), SGD(lr=0.05), data=(x + np.float32(100), y))


@faulty("input scale", "inputs of 1e-4")
def _(d: Draw) -> Setup:
    x, y = d.classes()
    return d.classifier("relu", "he_normal", (2, 5), SGD(lr=0.05), data=(x * np.float32(1e-4), y))


faulty("target scale", "regression on targets of deviation 1000")(
    lambda d: d.regression("relu", "he_normal", (2, 5), SGD(lr=1e-3), scale=1000.0)
)
faulty("target scale", "regression on targets of mean 300")(
    lambda d: d.regression("tanh", "lecun_normal", (2, 5), Adam(lr=1e-3), offset=300.0)
)


@faulty("target scale, outliers", "regression with one target in eighty a hundred times too large")
def _(d: Draw) -> Setup:
    x, y = d.waves()
    y[::80] = 100 * np.abs(y[::80]) + 100
    return d.regression("relu", "he_normal", (2, 3), SGD(lr=1e-3), data=(x, y))


@faulty("inputs alike", "one and the same example, beside all answers")
def _(d: Draw) -> Setup:
    x, y = d.classes("digits")
    return d.classifier("relu", "he_normal", (2, 4), SGD(lr=0.05), data=(0 * x + x[:1], y))


faulty("small batches", "batch norm on two examples at a time", also="slow layer")(
    lambda d: d.classifier("relu", "he_normal", (2, 4), SGD(lr=0.1), norm=True, batch_size=2)
)
faulty("penalty", "a decay that takes half of the weights away in each step")(
    lambda d: d.classifier("relu", "he_normal", (2, 4), AdamW(lr=0.01, weight_decay=50.0))
)
faulty("dropout", "nine of ten units dropped behind every layer")(
    lambda d: d.classifier("relu", "he_normal", (2, 4), Adam(lr=1e-3), dropout=0.9)
)
