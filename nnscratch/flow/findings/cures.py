"""Cures, each an instruction with its line of Python."""

from __future__ import annotations

import math
from typing import Final

from nnscratch.flow.findings.words import called, number

# n_in Var(w) at which a layer hands the squared gradient on as large as it came, for a signal of
# mean square 1 (tanh, softsign: a small signal), and how such weights are drawn. From
# `nnscratch.theory.gradient_rate`, with which a test compares them. Sigmoid and softplus have none
# that would help: their edge lies where units saturate or the signal grows.
SUITS: Final[dict[str, tuple[float, str]]] = {
    "relu": (2.0, '"he_normal"'),
    "leakyrelu": (2.0, '"he_normal"'),
    "rrelu": (1.92, "nn.initializers.VarianceScaling(1.92)"),
    "prelu": (1.88, "nn.initializers.VarianceScaling(1.88)"),
    "tanh": (1.0, '"lecun_normal"'),
    "softsign": (1.0, '"lecun_normal"'),
    "identity": (1.0, '"lecun_normal"'),
    "elu": (1.5, "nn.initializers.VarianceScaling(1.5)"),
    "selu": (1.0, '"lecun_normal"'),
    "gelu": (2.3, "nn.initializers.VarianceScaling(2.3)"),
    "silu": (2.6, "nn.initializers.VarianceScaling(2.6)"),
}


def suits(kind: str, scale: float) -> bool:
    """Return whether weights of this ``n_in Var(w)`` suit an activation (or nothing is known)."""
    return kind not in SUITS or not (scale < 0.8 * SUITS[kind][0] or scale > 1.25 * SUITS[kind][0])


def suitable_init(kind: str, began: float = math.nan) -> tuple[str, ...]:
    """Return the cure by weights of the scale that suits an activation, where there is one.

    began : ``n_in Var(w)`` of the weights that were drawn, where that is known
    """
    if kind not in SUITS or (not math.isnan(began) and suits(kind, began)):
        return ()
    scale, init = SUITS[kind]
    return (
        f"draw the weights so that n_in Var(w) = {number(scale)}, which suits {called(kind)}: "
        f"nn.Dense(n_in, n_out, init={init})",
    )


def batch_norm(present: bool) -> tuple[str, ...]:
    """Return batch norm as a cure, unless it is there."""
    if present:
        return ()
    return (
        "normalise each layer's input to the activation: put nn.BatchNorm(n) between each hidden "
        "nn.Dense and its activation",
    )


def other_activation(kind: str) -> tuple[str, ...]:
    """Return an activation that does not saturate."""
    if kind not in ("sigmoid", "tanh", "softsign", "softplus"):
        return ()
    return (
        f"replace {called(kind)} by an activation that does not saturate: nn.ELU() with "
        f"nn.Dense(n_in, n_out, init={SUITS['elu'][1]})",
    )


ZERO_BIASES: Final = 'begin with biases of zero: nn.Dense(n_in, n_out, bias_init="zeros")'
LEAK: Final = "use a rectifier with a slope on the negative side: nn.LeakyReLU(0.01) or nn.ELU()"


def learning_rate(lr: float) -> tuple[str, ...]:
    """Return a change of the learning rate to `lr`; none where it was not recorded."""
    return (f"change the learning rate: optimizer.lr = {lr:.2g}",) if lr > 0 else ()


def clip(present: bool) -> tuple[str, ...]:
    """Return clipping as a cure, unless it is done."""
    if present:
        return ()
    return (
        "clip the gradient, so that one bad batch cannot throw the weights: "
        "nn.SGD(lr=..., clip=nn.ClipByGlobalNorm(1.0))",
    )
