"""The weights that suit each activation, and the biases that suit a gate, as advice names them."""

import pytest

from nnscratch import initializers, layers
from nnscratch.initializers import VarianceScaling
from nnscratch.theory.suited import suited_gate_bias, suited_init, suited_scale

HE, LECUN = initializers.get("he_normal"), initializers.get("lecun_normal")
SUITED = {
    "relu": HE,
    "leaky_relu": HE,
    "prelu": HE,
    "rrelu": HE,
    "mish": HE,  # 2.087: within 8 %
    "gelu": VarianceScaling(2.19),  # not within 8 % of 2
    "silu": VarianceScaling(2.64),
    "elu": VarianceScaling(1.5),
    "selu": LECUN,  # 0.933
    "tanh": LECUN,
    "hard_tanh": LECUN,
    "softsign": LECUN,
    "identity": LECUN,
    # Their units would saturate, or the signal would grow for ever.
    "sigmoid": None,
    "hard_sigmoid": None,
    "softplus": None,
    "exponential": None,
}


@pytest.mark.parametrize("name", layers.activation_names())
def test_the_weights_that_suit(name):
    assert suited_init(layers.activation(name).kind) == SUITED[name]


def test_the_scale_of_tanh_is_that_of_small_signals():
    """1 / E phi'^2 at a mean square of 1e-4 is 1 + 2e-4."""
    assert suited_scale("tanh") == pytest.approx(1 + 2e-4, abs=2e-7)


@pytest.mark.parametrize(
    ("steps", "bias"),
    [(0, 1.0), (8, 1.0), (9, 1.1), (41, 2.6), (100, 3.5), (400, 4.9), (500, 5.0), (1e6, 5.0)],
)
def test_a_gate_s_bias_is_the_logarithm_of_a_third_of_the_steps(steps, bias):
    assert suited_gate_bias(steps) == bias
