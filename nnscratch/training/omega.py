"""Pascanu's regularizer: let the gradient keep its norm on its way back through time."""

from __future__ import annotations

import numpy as np

from nnscratch.arrays import Array
from nnscratch.backend import kernels
from nnscratch.errors import ConfigError, require_name, require_number
from nnscratch.layers.rnn import RNN
from nnscratch.network.network import Network, require_network
from nnscratch.training.penalty import Regularizer

# Of the authors' program: steps of a smaller squared norm are left out; a gradient of a larger
# norm, or of none, is not believed, and the recurrent weights shrink by this part of the rate.
_BOUND, _LARGEST, _SHRINKS = 1e-20, 1e10, 0.02


class Omega(Regularizer):
    """Add the gradient of Omega to that of the recurrent weights, before any clipping.

    With d_t = dL/dh_t and J_t = diag(f'(a_t)) recurrent_weight.T, which takes d_t to the step
    before, Omega is made of how the norm changes at every step:

    * ``form="paper"``: the sum over t of ``(|d_t J_t| / |d_t| - 1)^2``;
    * ``form="code"``: what the authors' program computes: squares of the norms in the ratio, steps
      with ``|d_t|^2 < 1e-20`` left out, and the mean over the others instead of the sum. Where
      the norm of the whole gradient is no number, infinite or above 1e10, training with it goes
      on as theirs does: the gradient of the recurrent weights becomes 0.02 times these and every
      other 0, a step that shrinks them. (With ``fit(stop_on_nonfinite=False)``; else a training
      ends at what is not finite.)

    Both are means over the examples. As there, d and h are held fixed: only the recurrent weight
    in J is differentiated. For plain `RNN` layers; a clip that the optimizer has comes after.
    Pascanu, Mikolov & Bengio, "On the difficulty of training recurrent neural networks", 2013.

    Parameters
    ----------
    weight : float, default 4
        What the paper takes; the program 2 by default.
    form : "paper" or "code"

    Attributes
    ----------
    values : list of float
        Omega, summed over the layers, at every step.

    >>> import nnscratch as nn
    >>> omega = nn.Omega(weight=4.0)
    >>> model = nn.Sequential(nn.RNN(6, 50), nn.LastStep(), nn.Dense(50, 4))
    >>> optimizer = nn.SGD(lr=0.01, clip=nn.ClipByGlobalNorm(1.0))
    >>> trainer = nn.Trainer(model, nn.SoftmaxCrossEntropy(), optimizer)
    >>> x, y = np.random.default_rng(0).standard_normal((40, 10, 6)), np.arange(40) % 4
    >>> history = trainer.fit(x, y, epochs=1, batch_size=20, callbacks=[omega], progress=False)
    >>> len(omega.values)
    2
    """

    def __init__(self, weight: float = 4.0, form: str = "paper") -> None:
        self.weight = require_number("Omega weight", weight, least=0)
        require_name("form of Omega", form, ("paper", "code"))
        self.form = form
        self.values = []

    def __repr__(self) -> str:
        return f"Omega(weight={self.weight:g}, form={self.form!r})"

    @np.errstate(over="ignore", invalid="ignore")
    def add(self, model: Network) -> float:
        """Add the gradient to ``model.grads``, after a backward pass; return Omega.

        Raises `ConfigError` for a model without an `RNN`, or with gated layers.
        """
        require_network("Omega", model)
        layers = [name for name, layer in model.layers.items() if layer.role == "recurrent"]
        if not layers or not all(isinstance(model.layers[name], RNN) for name in layers):
            raise ConfigError(
                f"Omega is defined for plain recurrent layers, nn.RNN; the model has "
                f"{', '.join(layers) or 'no recurrent layer'}"
            )
        total = 0.0
        for name in layers:
            layer, inside = model.layers[name], model.last[name].inside
            gradient, through = inside["hidden_gradient"], inside["gates_gradient"]
            if gradient is None or through is None:
                raise ConfigError("Omega needs a backward pass first: model.backward(dlogits)")
            weight = layer.params["recurrent_weight"]
            value, slope = self.of(gradient, through, weight)
            layer.grads["recurrent_weight"][...] += self.weight * slope
            total += value
        if self.form == "code":
            _shrink_instead(model)
        return total

    def of(self, dhidden: Array, da: Array, weight: Array) -> tuple[float, Array]:
        """Return Omega and its gradient with respect to `weight`.

        dhidden, da : (batch, time, n), the gradients of the states and of what f is taken of
        """
        batch, n = len(dhidden), dhidden.shape[-1]
        d, v = (values.reshape(-1, n).astype(np.float64) for values in (dhidden, da))
        # Products of our own: OpenBLAS's threads wait for each other where others are at work.
        back, slopes, scratch = np.empty_like(v), np.empty((n, n)), np.empty((n, n))
        kernels.matmul_a_bt(back, v, weight.astype(np.float64), scratch)
        before, after = (np.square(values).sum(axis=1) for values in (d, back))
        counts = before >= (_BOUND if self.form == "code" else np.finfo(np.float64).tiny)
        if not counts.any():
            return 0.0, np.zeros_like(weight)
        ratio = np.divide(after, before, out=np.ones_like(after), where=counts)
        if self.form == "code":
            share = 1 / counts.sum()
            slope = 4 * (ratio - 1) / np.where(counts, before, 1) * share
            value = float(np.square(ratio - 1).sum() * share)
        else:
            root = np.sqrt(ratio)
            norms = np.sqrt(before * after)
            slope = 2 * (root - 1) / batch
            slope = np.divide(slope, norms, out=np.zeros_like(norms), where=counts & (norms > 0))
            value = float(np.square(root - 1).sum() / batch)
        kernels.matmul_at_b(slopes, slope[:, None] * back, v)
        return value, slopes.astype(weight.dtype)


def _shrink_instead(model: Network) -> None:
    """Where the gradient is not to be believed, put one in its place that shrinks what exploded."""
    if np.linalg.norm(model.grads.flat.astype(np.float64)) <= _LARGEST:  # false of NaN
        return
    model.grads.flat[...] = 0
    for layer in model.layers.values():
        if layer.role == "recurrent":
            layer.grads["recurrent_weight"][...] = _SHRINKS * layer.params["recurrent_weight"]
