"""The fast kernels: Numba, the same names and signatures as `reference`."""

from nnscratch_kernels import announce
from nnscratch_kernels.compiled.activations import (
    gelu_backward,
    gelu_forward,
    sigmoid_backward,
    sigmoid_forward,
    silu_backward,
    silu_forward,
    softplus_backward,
    softplus_forward,
    softsign_backward,
    softsign_forward,
    tanh_backward,
    tanh_forward,
)
from nnscratch_kernels.compiled.batchnorm import (
    batchnorm_backward,
    batchnorm_fixed_backward,
    batchnorm_fixed_forward,
    batchnorm_forward,
    batchnorm_update_running,
)
from nnscratch_kernels.compiled.clipping import (
    clip_by_norm,
    clip_by_value,
)
from nnscratch_kernels.compiled.losses import (
    mean_squared_error,
    sigmoid_cross_entropy,
    softmax_cross_entropy,
    softmax_cross_entropy_soft,
)
from nnscratch_kernels.compiled.matmul import (
    dense_backward_input,
    dense_backward_parameters,
    dense_forward,
    matmul,
    matmul_a_bt,
    matmul_at_b,
)
from nnscratch_kernels.compiled.measures import (
    finish_measures,
    measure_batchnorm,
    measure_tensor,
    sample_bins,
)
from nnscratch_kernels.compiled.noise import (
    dropout_backward,
    dropout_forward,
    rrelu_backward,
    rrelu_forward,
)
from nnscratch_kernels.compiled.rectifiers import (
    elu_backward,
    elu_forward,
    leaky_relu_backward,
    leaky_relu_forward,
    prelu_backward,
    prelu_forward,
    relu_backward,
    relu_forward,
    selu_backward,
    selu_forward,
)
from nnscratch_kernels.compiled.statistics import (
    count_nonfinite,
    norm,
    segment_norms,
)
from nnscratch_kernels.compiled.updates import (
    adam_update,
    gradient_descent_update,
    momentum_update,
    nesterov_update,
    rmsprop_update,
)

announce.listen()

__all__ = [
    "adam_update",
    "batchnorm_backward",
    "batchnorm_fixed_backward",
    "batchnorm_fixed_forward",
    "batchnorm_forward",
    "batchnorm_update_running",
    "clip_by_norm",
    "clip_by_value",
    "count_nonfinite",
    "dense_backward_input",
    "dense_backward_parameters",
    "dense_forward",
    "dropout_backward",
    "dropout_forward",
    "elu_backward",
    "elu_forward",
    "finish_measures",
    "gelu_backward",
    "gelu_forward",
    "gradient_descent_update",
    "leaky_relu_backward",
    "leaky_relu_forward",
    "matmul",
    "matmul_a_bt",
    "matmul_at_b",
    "mean_squared_error",
    "measure_batchnorm",
    "measure_tensor",
    "momentum_update",
    "nesterov_update",
    "norm",
    "prelu_backward",
    "prelu_forward",
    "relu_backward",
    "relu_forward",
    "rmsprop_update",
    "rrelu_backward",
    "rrelu_forward",
    "sample_bins",
    "segment_norms",
    "selu_backward",
    "selu_forward",
    "sigmoid_backward",
    "sigmoid_cross_entropy",
    "sigmoid_forward",
    "silu_backward",
    "silu_forward",
    "softmax_cross_entropy",
    "softmax_cross_entropy_soft",
    "softplus_backward",
    "softplus_forward",
    "softsign_backward",
    "softsign_forward",
    "tanh_backward",
    "tanh_forward",
]
