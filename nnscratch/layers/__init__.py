"""Layers: each with an explicit `forward` and an explicit `backward`, written by hand."""

from nnscratch.layers.activations import (
    GELU,
    Activation,
    Exponential,
    Identity,
    Mish,
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
from nnscratch.layers.hard import HardSigmoid, HardTanh
from nnscratch.layers.joins import Branch, Skip, Sum
from nnscratch.layers.norms import LayerNorm, RMSNorm
from nnscratch.layers.rectifiers import ELU, SELU, LeakyReLU, PReLU, ReLU
from nnscratch.layers.registry import activation, activation_names
from nnscratch.layers.rrelu import RReLU
from nnscratch.layers.softmax import Softmax

__all__ = [
    "ELU",
    "GELU",
    "SELU",
    "Activation",
    "BatchNorm",
    "Branch",
    "Dense",
    "Dropout",
    "Exponential",
    "HardSigmoid",
    "HardTanh",
    "Identity",
    "Layer",
    "LayerNorm",
    "LeakyReLU",
    "Mish",
    "PReLU",
    "RMSNorm",
    "RReLU",
    "ReLU",
    "SiLU",
    "Sigmoid",
    "Skip",
    "Softmax",
    "Softplus",
    "Softsign",
    "Sum",
    "Tanh",
    "activation",
    "activation_names",
]
