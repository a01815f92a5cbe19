"""Weights of recurrent layers as other frameworks lay them out: read and written without loss."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from nnscratch.arrays import Array, as_array, fitted
from nnscratch.errors import ConfigError, ShapeError, require_name, shown
from nnscratch.layers.recurrent import Recurrent

__all__ = ["read_weights", "write_weights"]

# The order of the gates, by our names for them.
_GATES = {
    "pytorch": {"rnn": "h", "lstm": "ifgo", "gru": "rzn"},
    "keras": {"rnn": "h", "lstm": "ifgo", "gru": "zrn"},
    "onnx": {"rnn": "h", "lstm": "iofg", "gru": "zrn"},
}


def write_weights(layer: Recurrent, layout: str) -> dict[str, Array]:
    """Return copies of a layer's weights in another framework's layout, by its names.

    layout : str
        * ``"pytorch"``: ``weight_ih_l0``, ``weight_hh_l0``, ``bias_ih_l0``, ``bias_hh_l0``, of a
          layer that goes from the last step to the first with ``_reverse`` behind: what
          ``torch.nn.LSTM(...).load_state_dict`` takes, as tensors.
        * ``"keras"``: ``kernel``, ``recurrent_kernel``, ``bias``, in the order of
          ``layer.set_weights``; a GRU's with ``reset_after=True``, Keras's default.
        * ``"onnx"``: ``W``, ``R``, ``B`` of the operators RNN, LSTM and GRU, one direction; the
          GRU's attribute ``linear_before_reset`` is 1.

    Where PyTorch and ONNX add up two biases and this layer has one, the second is 0. An initial
    state that was learned has no place in these layouts. Raises `ConfigError` for what is no
    recurrent layer in use, and for an unknown layout.

    >>> import nnscratch as nn
    >>> layer = nn.GRU(6, 50).initialize(0)
    >>> {name: values.shape for name, values in nn.write_weights(layer, "keras").items()}
    {'kernel': (6, 150), 'recurrent_kernel': (50, 150), 'bias': (2, 150)}
    """
    order = _order(layer, layout)
    of = {name: _sorted(layer, values, order) for name, values in _own(layer).items()}
    second = of.get("recurrent_bias", np.zeros_like(of["bias"]))
    if layout == "keras":
        two = "recurrent_bias" in of
        bias = np.stack([of["bias"], second]) if two else of["bias"]
        return {"kernel": of["weight"], "recurrent_kernel": of["recurrent_weight"], "bias": bias}
    weights = (of["weight"].T.copy(), of["recurrent_weight"].T.copy())
    if layout == "onnx":
        biases = np.concatenate([of["bias"], second])
        return dict(zip("WRB", (values[None] for values in (*weights, biases)), strict=True))
    names = _pytorch_names(layer)
    return dict(zip(names, (*weights, of["bias"], second), strict=True))


def read_weights(
    layer: Recurrent, weights: Mapping[str, npt.ArrayLike] | list[npt.ArrayLike], layout: str
) -> None:
    """Set a layer's weights to those of another framework: see `write_weights` for the names.

    Two biases that are added up become one, and where there are none they are 0. Arrays, or what
    NumPy makes arrays of, such as PyTorch's ``lstm.state_dict()``; others in it, of further layers,
    are left. Of Keras the list that ``layer.get_weights()`` gives will do. Nothing is changed
    unless all fit: `ConfigError` names what is missing, `ShapeError` what has another shape.

    >>> import nnscratch as nn
    >>> ours, twin = nn.LSTM(6, 50).initialize(0), nn.LSTM(6, 50).initialize(1)
    >>> nn.read_weights(twin, nn.write_weights(ours, "onnx"), "onnx")
    >>> bool((twin.params["weight"] == ours.params["weight"]).all())
    True
    """
    expected = write_weights(layer, layout)
    if layout == "keras" and isinstance(weights, list) and len(weights) in (2, 3):
        weights = dict(zip(expected, weights, strict=False))
    if not isinstance(weights, Mapping):
        raise ConfigError(f"weights must be a mapping of names to arrays, got {shown(weights)}")
    biases = [*expected][2:]
    none = not any(name in weights for name in biases)  # all three frameworks may leave them out
    missing = [name for name in expected if name not in weights and not (none and name in biases)]
    if missing:
        raise ConfigError(
            f"the weights for {layer!r} in the layout of {layout} lack {', '.join(missing)}; "
            f"got {', '.join(map(str, weights)) or 'none'}"
        )
    given = {}
    for name, like in expected.items():
        values = 0 * like if none and name in biases else as_array(weights[name], name)
        values = fitted(values, like.dtype, name)
        if values.shape != like.shape:
            hint = ""
            if layout == "keras" and layer.kind == "gru" and values.ndim == 1:
                hint = ": a GRU with reset_after=False computes something else"
            raise ShapeError(
                f"{name} for {layer!r} in the layout of {layout} must have shape {like.shape}, "
                f"got {values.shape}{hint}"
            )
        given[name] = values
    matrices, added = [*given.values()][:2], [*given.values()][2:]
    if layout == "keras":
        added = [*np.atleast_2d(given["bias"])]
    else:
        matrices = [values.reshape(values.shape[-2:]).T for values in matrices]
        added = added if layout == "pytorch" else np.split(given["B"][0], 2)
    if "recurrent_bias" not in layer.params:
        added = [np.sum(added, axis=0)]
    order = _order(layer, layout)
    for values, theirs in zip(_own(layer).values(), (*matrices, *added), strict=True):
        n = layer.features
        for k, gate in enumerate(order):
            layer.gate(gate, values)[...] = theirs[..., k * n : (k + 1) * n]


def _own(layer: Recurrent) -> dict[str, Array]:
    names = ("weight", "recurrent_weight", "bias", "recurrent_bias")
    return {name: layer.params[name] for name in names if name in layer.params}


def _sorted(layer: Recurrent, values: Array, order: str) -> Array:
    return np.concatenate([layer.gate(gate, values) for gate in order], axis=-1)


def _pytorch_names(layer: Recurrent) -> list[str]:
    behind = "_l0" + "_reverse" * layer.reverse
    return [f"{name}{behind}" for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]


def _order(layer: Recurrent, layout: str) -> str:
    """Return the gates in the layout's order."""
    if not isinstance(layer, Recurrent):
        raise ConfigError(
            f"weights are read and written of nn.RNN, nn.LSTM and nn.GRU: {shown(layer)}"
        )
    if layer.dtype is None:
        raise ConfigError(
            f"{layer!r} has no parameters yet: put it in a Sequential, or call .initialize(seed)"
        )
    require_name("layout of weights", layout, _GATES)
    return _GATES[layout][layer.kind]
