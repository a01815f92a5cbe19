"""Layers: each with an explicit `forward` and an explicit `backward`, written by hand."""

from nnscratch.layers.activations import (
    GELU,
    Activation,
    Identity,
    Sigmoid,
    SiLU,
    Softplus,
    Softsign,
    Tanh,
)
from nnscratch.layers.base import Layer
from nnscratch.layers.batchnorm import BatchNorm
from nnscratch.layers.dense import Dense
from nnscratch.layers.dropout import Dropout
from nnscratch.layers.rectifiers import ELU, SELU, LeakyReLU, PReLU, ReLU
from nnscratch.layers.registry import activation, activation_names
from nnscratch.layers.rrelu import RReLU

__all__ = [
    "ELU",
    "GELU",
    "SELU",
    "Activation",
    "BatchNorm",
    "Dense",
    "Dropout",
    "Identity",
    "Layer",
    "LeakyReLU",
    "PReLU",
    "RReLU",
    "ReLU",
    "SiLU",
    "Sigmoid",
    "Softplus",
    "Softsign",
    "Tanh",
    "activation",
    "activation_names",
]
