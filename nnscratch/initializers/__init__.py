"""Initializers: rules for the first values of weights and biases.

``get("he_normal")`` finds one by name, ``for_activation("tanh")`` by activation; each is called as
``initializer((n_in, n_out), rng, dtype)``. `lsuv` initializes a whole model from data.
"""

from nnscratch.initializers.activation_table import for_activation
from nnscratch.initializers.base import Initializer, fans
from nnscratch.initializers.distributions import (
    Constant,
    Normal,
    TruncatedNormal,
    Uniform,
    Zeros,
)
from nnscratch.initializers.lsuv import LSUVResult, lsuv
from nnscratch.initializers.orthogonal import Orthogonal
from nnscratch.initializers.recurrent import ScaledIdentity, SpectralRadius
from nnscratch.initializers.registry import get, names
from nnscratch.initializers.scaling import TF1VarianceScaling, VarianceScaling

__all__ = [
    "Constant",
    "Initializer",
    "LSUVResult",
    "Normal",
    "Orthogonal",
    "ScaledIdentity",
    "SpectralRadius",
    "TF1VarianceScaling",
    "TruncatedNormal",
    "Uniform",
    "VarianceScaling",
    "Zeros",
    "fans",
    "for_activation",
    "get",
    "lsuv",
    "names",
]
