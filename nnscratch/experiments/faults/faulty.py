"""Runs with a known fault: what must be found in each, and what may be found besides."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from nnscratch.clipping import ClipByGlobalNorm, ClipByValue
from nnscratch.experiments.faults.setup import STEPS, Case, Draw, Setup
from nnscratch.initializers import Constant, Normal, Uniform, VarianceScaling
from nnscratch.layers import BatchNorm
from nnscratch.optimizers import SGD, Adam, RMSProp
from nnscratch.training import Callback, StepInfo, Trainer

FAULTY: list[Case] = []


def _case(
    expected: str, name: str, also: str = "", steps: int = STEPS
) -> Callable[[Callable[[Draw], Setup]], Callable[[Draw], Setup]]:
    """Register a run: `expected` and `also` list kinds of finding, separated by commas."""

    def register(build: Callable[[Draw], Setup]) -> Callable[[Draw], Setup]:
        wanted, allowed = (frozenset(k for k in ks.split(", ") if k) for ks in (expected, also))
        FAULTY.append(Case(f"{expected}: {name}", name, wanted, allowed, build, steps))
        return build

    return register


# What a gradient that does not arrive brings with it.
_STARVED = "constant output, updates too small, slow layer"
# What steps that are too long end in.
_RUNAWAY = "updates too large, exploding, saturated, dead units, dead layer, constant output"


@_case("vanishing", "sigmoid, Glorot, 8 to 14 layers", _STARVED)
def _(d: Draw) -> Setup:
    return d.classifier("sigmoid", "glorot_normal", (8, 14), SGD(lr=0.1))


@_case("vanishing", "sigmoid, 4 x Glorot, 12 to 18 layers", f"saturated, {_STARVED}")
def _(d: Draw) -> Setup:
    return d.classifier("sigmoid", VarianceScaling(16.0), (12, 18), SGD(lr=0.1))


@_case("vanishing", "tanh, half of LeCun's deviation, 12 to 20 layers", _STARVED)
def _(d: Draw) -> Setup:
    return d.classifier("tanh", VarianceScaling(0.25), (12, 20), SGD(lr=0.1))


@_case("vanishing", "ReLU, Glorot, 20 to 30 layers", f"dead units, dead layer, {_STARVED}")
def _(d: Draw) -> Setup:
    return d.classifier("relu", "glorot_normal", (20, 30), SGD(lr=0.05))


@_case("vanishing", "tanh, the standard uniform weights, 12 to 16 layers", _STARVED)
def _(d: Draw) -> Setup:
    return d.classifier("tanh", VarianceScaling(1 / 3, "fan_in", "uniform"), (12, 16), SGD(lr=0.1))


@_case("exploding", "ReLU, 2 x He, 10 to 14 layers", f"diverged, non-finite, {_RUNAWAY}")
def _(d: Draw) -> Setup:
    return d.classifier("relu", VarianceScaling(8.0), (10, 14), SGD(lr=1e-6))


@_case("exploding", "ReLU, batch norm, small batches, 28 to 32 layers", "updates too large")
def _(d: Draw) -> Setup:
    return d.classifier("relu", "he_normal", (28, 32), SGD(lr=1e-4), norm=True, batch_size=8)


@_case("exploding", "tanh, 3 x LeCun, 24 to 28 layers", f"diverged, {_RUNAWAY}")
def _(d: Draw) -> Setup:
    return d.classifier("tanh", VarianceScaling(9.0), (24, 28), SGD(lr=1e-3))


@_case("exploding", "leaky ReLU, 2 x He, clipped", f"clip always, {_RUNAWAY}")
def _(d: Draw) -> Setup:
    clip = ClipByGlobalNorm(1.0)
    return d.classifier("leaky_relu", VarianceScaling(8.0), (9, 12), SGD(lr=0.01, clip=clip))


@_case("diverged, dead layer", "ReLU, learning rate 5 with momentum", f"non-finite, {_RUNAWAY}")
def _(d: Draw) -> Setup:
    return d.classifier("relu", "he_normal", (3, 8), SGD(lr=5.0, momentum=0.9))


@_case("diverged", "ELU, learning rate 3", f"non-finite, vanishing, {_RUNAWAY}")
def _(d: Draw) -> Setup:
    return d.classifier("elu", "he_normal", (3, 6), SGD(lr=3.0))


@_case("diverged, non-finite", "regression, learning rate 2", f"vanishing, {_RUNAWAY}")
def _(d: Draw) -> Setup:
    return d.regression("leaky_relu", "he_normal", (2, 5), SGD(lr=2.0))


@_case("non-finite", "leaky ReLU, 1e4 x He, 12 layers", f"diverged, {_RUNAWAY}")
def _(d: Draw) -> Setup:
    return d.classifier("leaky_relu", VarianceScaling(2e8), (12, 12), SGD(lr=0.01))


class _Poison(Callback):
    """Writes one value into the weights of a layer after one step."""

    def __init__(self, step: int, value: float) -> None:
        self.step, self.value = step, value

    def on_step(self, trainer: Trainer, step: StepInfo) -> None:
        if step.step == self.step:
            trainer.model.params["2.weight"][0, 0] = self.value


@_case("non-finite", "a NaN among the weights from step 40 on", "diverged")
def _(d: Draw) -> Setup:
    poison = (_Poison(40, np.nan),)
    return d.classifier("tanh", "lecun_normal", (3, 6), SGD(lr=0.05), callbacks=poison)


@_case("non-finite", "an infinity among the weights from step 25 on", "diverged, dead units")
def _(d: Draw) -> Setup:
    poison = (_Poison(25, np.inf),)
    return d.classifier("relu", "he_normal", (3, 6), SGD(lr=0.05), callbacks=poison)


@_case("saturated", "sigmoid, N(0, 1), 3 to 5 layers", "exploding, updates too small")
def _(d: Draw) -> Setup:
    return d.classifier("sigmoid", Normal(1.0), (3, 5), SGD(lr=0.1), data="digits")


@_case("saturated", "tanh, N(0, 1), 3 to 6 layers", "exploding, updates too small")
def _(d: Draw) -> Setup:
    return d.classifier("tanh", Normal(1.0), (3, 6), SGD(lr=0.02))


@_case("saturated", "tanh, biases of 4 in one layer", f"vanishing, {_STARVED}")
def _(d: Draw) -> Setup:
    bias = {1: Constant(4.0)}
    return d.classifier("tanh", "lecun_normal", (3, 5), SGD(lr=0.05), odd_bias=bias)


@_case("saturated", "ELU on its floor: biases of -6", f"vanishing, {_STARVED}")
def _(d: Draw) -> Setup:
    bias = {1: Constant(-6.0)}
    return d.classifier("elu", VarianceScaling(1.5), (3, 5), SGD(lr=0.02), odd_bias=bias)


@_case("dead units", "ReLU, biases from U(-4, 1)", f"vanishing, {_STARVED}")
def _(d: Draw) -> Setup:
    return d.classifier("relu", "he_normal", (2, 4), SGD(lr=0.05), bias=Uniform(-4.0, 1.0))


@_case("dead units, dead layer", "ReLU, the weights of one layer lean to -0.15", _STARVED)
def _(d: Draw) -> Setup:
    lean = {1: Normal(0.1, -0.15)}
    return d.classifier("relu", "he_normal", (3, 5), SGD(lr=0.02), odd=lean, data="digits")


@_case("dead units, dead layer", "ReLU, one huge step", f"updates too large, diverged, {_STARVED}")
def _(d: Draw) -> Setup:
    def rate(step: int) -> float:
        return 30.0 if step == 20 else 0.01

    return d.classifier("relu", "he_normal", (3, 4), SGD(lr=rate, momentum=0.5), data="digits")


@_case("dead layer", "ReLU, biases of -10 in one layer", f"dead units, vanishing, {_STARVED}")
def _(d: Draw) -> Setup:
    bias = {1: Constant(-10.0)}
    return d.classifier("relu", "he_normal", (3, 6), SGD(lr=0.05), odd_bias=bias)


@_case("dead layer, constant output", "all weights zero", f"dead units, vanishing, {_STARVED}")
def _(d: Draw) -> Setup:
    return d.classifier("relu", "zeros", (2, 5), SGD(lr=0.1), last="zeros")


@_case("constant output", "tanh, large biases and small weights", f"vanishing, {_STARVED}")
def _(d: Draw) -> Setup:
    bias = Normal(1.0)
    return d.classifier("tanh", VarianceScaling(0.1), (8, 12), SGD(lr=0.05), bias=bias)


@_case("constant output", "sigmoid, LeCun, 16 to 20 layers", f"vanishing, {_STARVED}")
def _(d: Draw) -> Setup:
    return d.classifier("sigmoid", "lecun_normal", (16, 20), SGD(lr=0.2))


@_case("updates too small", "gradient descent, learning rate 1e-6")
def _(d: Draw) -> Setup:
    return d.classifier("relu", "he_normal", (2, 6), SGD(lr=1e-6))


@_case("updates too small", "Adam, learning rate 1e-7")
def _(d: Draw) -> Setup:
    return d.classifier("elu", VarianceScaling(1.5), (2, 6), Adam(lr=1e-7))


@_case("updates too small", "tanh, learning rate 2e-5 with momentum")
def _(d: Draw) -> Setup:
    return d.classifier("tanh", "lecun_normal", (2, 5), SGD(lr=2e-5, momentum=0.9))


@_case("updates too large", "Adam, learning rate 0.3", f"diverged, vanishing, {_RUNAWAY}")
def _(d: Draw) -> Setup:
    return d.classifier("relu", "he_normal", (2, 5), Adam(lr=0.3))


@_case("updates too large", "RMSProp, learning rate 0.1", f"diverged, vanishing, {_RUNAWAY}")
def _(d: Draw) -> Setup:
    return d.classifier("tanh", "lecun_normal", (2, 5), RMSProp(lr=0.1))


@_case("updates too large", "batch norm, learning rate 5", f"diverged, vanishing, {_RUNAWAY}")
def _(d: Draw) -> Setup:
    return d.classifier("elu", "he_normal", (3, 6), SGD(lr=5.0), norm=True)


@_case("slow layer", "one layer's weights 60 x too large, under batch norm")
def _(d: Draw) -> Setup:
    odd = {1: VarianceScaling(2 * 60.0**2)}
    return d.classifier("relu", "he_normal", (3, 6), SGD(lr=0.05), norm=True, odd=odd)


@_case("slow layer", "the first layer's weights 40 x too large, under batch norm")
def _(d: Draw) -> Setup:
    odd = {0: VarianceScaling(2 * 40.0**2)}
    return d.classifier("elu", "he_normal", (3, 6), SGD(lr=0.05), norm=True, odd=odd)


@_case("batch norm statistics", "momentum 0.9999")
def _(d: Draw) -> Setup:
    return d.classifier("elu", VarianceScaling(8.0), (2, 5), SGD(lr=0.05), norm=0.9999)


@_case("batch norm statistics", "momentum 0.999 for a short run")
def _(d: Draw) -> Setup:
    return d.classifier("relu", "he_normal", (3, 6), SGD(lr=0.05), norm=0.999)


class _Forget(Callback):
    """Puts batch norm's running statistics back to their initial values after every step."""

    def on_step(self, trainer: Trainer, step: StepInfo) -> None:
        for layer in trainer.model.layers.values():
            if isinstance(layer, BatchNorm):
                layer.statistics["running_mean"][...] = 0
                layer.statistics["running_variance"][...] = 1


@_case("batch norm statistics", "running statistics that are never updated")
def _(d: Draw) -> Setup:
    return d.classifier(
        "relu", "he_normal", (2, 5), SGD(lr=0.05), norm=True, callbacks=(_Forget(),)
    )


@_case("clip always", "by global norm, at 1e-3", "updates too small")
def _(d: Draw) -> Setup:
    clip = ClipByGlobalNorm(1e-3)
    return d.classifier("relu", "he_normal", (2, 6), SGD(lr=0.05, clip=clip))


@_case("clip always", "by value, at 1e-5", "updates too small")
def _(d: Draw) -> Setup:
    return d.classifier("tanh", "lecun_normal", (2, 6), SGD(lr=0.05, clip=ClipByValue(1e-5)))


@_case("clip never", "by global norm, at 1e4")
def _(d: Draw) -> Setup:
    clip = ClipByGlobalNorm(1e4)
    return d.classifier("relu", "he_normal", (2, 6), SGD(lr=0.05, clip=clip))


@_case("clip never", "by value, at 100")
def _(d: Draw) -> Setup:
    return d.classifier("elu", VarianceScaling(1.5), (2, 6), SGD(lr=0.05, clip=ClipByValue(100.0)))


_STRONG = f"diverged, non-finite, slow layer, updates too small, vanishing, {_RUNAWAY}"


@_case("input scale", "pixels from 0 to 4080", _STRONG)
def _(d: Draw) -> Setup:
    x, y = d.classes("digits")
    return d.classifier("relu", "he_normal", (2, 5), SGD(lr=0.01), data=(x * np.float32(4080), y))


@_case("input scale", "inputs about 100 with deviation 1", _STRONG)
def _(d: Draw) -> Setup:
    x, y = d.classes("blobs")
    return d.classifier("tanh", "lecun_normal", (2, 5), SGD(lr=0.05), data=(x + np.float32(100), y))


@_case("input scale", "inputs of 1e-4", f"vanishing, dead units, dead layer, {_STARVED}")
def _(d: Draw) -> Setup:
    x, y = d.classes()
    return d.classifier("relu", "he_normal", (2, 5), SGD(lr=0.05), data=(x * np.float32(1e-4), y))


@_case("target scale", "regression on targets of deviation 1000", f"clip always, {_STRONG}")
def _(d: Draw) -> Setup:
    return d.regression("relu", "he_normal", (2, 5), SGD(lr=1e-3), scale=1000.0)


@_case("target scale", "regression on targets of mean 300", f"clip always, {_STRONG}")
def _(d: Draw) -> Setup:
    return d.regression("tanh", "lecun_normal", (2, 5), Adam(lr=1e-3), offset=300.0)
