"""`remake`: a network like another one, with new weights and what is named changed."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Sequence
from typing import Any

from nnscratch import layers
from nnscratch.arguments import arguments
from nnscratch.blocks import Bidirectional, Residual
from nnscratch.errors import ConfigError, require_count
from nnscratch.initializers import Initializer
from nnscratch.layers import BatchNorm, Dense, Layer
from nnscratch.layers.recurrent import Recurrent
from nnscratch.model import Sequential
from nnscratch.nodes import Block

Part = Layer | Block
_OF_DENSE = ("init", "bias_init")


def remake(
    model: Sequential,
    *,
    init: str | Initializer | None = None,
    bias_init: str | Initializer | None = None,
    activation: str | None = None,
    output: str | None = None,
    norm: bool = False,
    momentum: float | None = None,
    recurrent_init: str | Initializer | None = None,
    forget_bias: float | None = None,
    update_bias: float | None = None,
    dropout: float | None = None,
    width: int | None = None,
    seed: int = 0,
) -> Sequential:
    """Return a new network like `model`, with weights drawn anew and what is named changed.

    ``model = nn.remake(model, activation="elu", norm=True)`` is the line that findings print.

    Parameters
    ----------
    model : Sequential
        It is left as it is.
    init, bias_init : initializer or its name
        Of every dense layer; recurrent ones have `recurrent_init`, and their input weights stay.
    activation : str
        In place of every hidden activation, and behind every hidden dense layer that has none; see
        `nnscratch.layers.activation_names`. Weights are drawn as theory says they suit it, unless
        `init` says otherwise.
    output : str
        The activation at the output; ``"identity"`` for none.
    norm : bool
        Batch norm behind every hidden dense layer, where there is no norm before the next one.
    momentum : float
        Of every batch norm.
    recurrent_init : initializer or its name
        Of the recurrent weights of every recurrent layer.
    forget_bias, update_bias : float
        Of every LSTM; of every GRU. Layers drawn as a framework does, or by `chrono`, are drawn as
        layers of this package are where one of these three is named for them.
    dropout : float
        The rate of every dropout.
    width : int
        Hidden dense layers of fewer units get so many.
    seed : int
        Of the weights.

    Raises `ConfigError` for a model with parts that cannot be made anew, unknown names, and for a
    `width` where layers are as wide as their blocks ask.
    """
    parts = [_again(part) for part in model]
    dense = [i for i, part in enumerate(parts) if isinstance(part, Dense)]
    if width is not None:
        parts = _widened(parts, dense, require_count("remake width", width))
    if activation is not None:
        from nnscratch.theory.suited import suited_init

        new = layers.activation(activation)
        init = init if init is not None else suited_init(new.kind)
    changes = {"init": init, "bias_init": bias_init, "momentum": momentum}
    changes |= {"recurrent_init": recurrent_init}
    changes |= {"forget_bias": forget_bias, "update_bias": update_bias, "rate": dropout}
    given = {name: value for name, value in changes.items() if value is not None}
    made: list[Part] = []
    last = dense[-1] if dense else len(parts)
    for i, part in enumerate(parts):
        hidden = i < last
        if _role(part) == "activation" and (activation if hidden else output) is not None:
            if hidden:
                made.append(layers.activation(str(activation)))
            continue
        made.append(_changed(part, given))
        if isinstance(part, Dense) and hidden:
            made += _behind(parts, i, norm, activation)
    if output is not None and output != "identity":
        made.append(layers.activation(output))
    return Sequential(*made, seed=seed, dtype=model.dtype)


def _behind(parts: Sequence[Part], i: int, norm: bool, activation: str | None) -> list[Part]:
    """Return what a hidden dense layer lacks: of all until the next one, a norm, an activation."""
    following = itertools.takewhile(lambda part: not isinstance(part, Dense), parts[i + 1 :])
    roles = [_role(part) for part in following]
    dense = parts[i]
    assert isinstance(dense, Dense)
    made: list[Part] = []
    if norm and "norm" not in roles:
        made.append(BatchNorm(dense.n_out))
    if activation is not None and not {"activation", ""} & set(roles):
        made.append(layers.activation(activation))
    return made


def _role(part: Part) -> str:
    return part.role if isinstance(part, Layer) else ""


def _again(part: Part, **options: Any) -> Any:
    """Return a layer or block made with the same arguments, but for `options`."""
    given = arguments(part) | options
    several: list[Any] = []
    for name, parameter in inspect.signature(type(part)).parameters.items():
        if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
            several = [_again(inner) for inner in given.pop(name)]
        elif isinstance(given[name], Layer | Residual | Bidirectional):
            given[name] = _again(given[name])
    return type(part)(*several, **given)


def _changed(part: Part, changes: dict[str, Any]) -> Part:
    """Return a part with the arguments among `changes` that it takes; also inside a block."""
    if isinstance(part, Residual):
        inner = [_changed(layer, changes) for layer in part.layers]
        skip = None if part.skip is None else _changed(part.skip, changes)
        return Residual(*inner, scale=part.scale, skip=skip)
    if isinstance(part, Bidirectional):
        layer = _changed(part.layer, changes)
        assert isinstance(layer, Recurrent)
        return Bidirectional(layer)
    taken = inspect.signature(type(part)).parameters
    asked = {name: value for name, value in changes.items() if name in taken}
    if isinstance(part, Recurrent):
        asked = {name: value for name, value in asked.items() if name not in _OF_DENSE}
        if asked:  # what would decide in its place
            asked |= {name: None for name in ("defaults", "chrono") if name in taken}
    return _again(part, **asked)


def _widened(parts: list[Any], dense: list[int], width: int) -> list[Any]:
    """Return the parts with hidden dense layers of at least `width` units."""
    made, n_in = [], None
    for i, part in enumerate(parts):
        if not isinstance(part, Layer):
            raise ConfigError(f"remake cannot widen {part!r}: give its layers another width")
        if isinstance(part, Dense):
            n_out = part.n_out if i == dense[-1] else max(part.n_out, width)
            part = _again(part, n_in=n_in or part.n_in, n_out=n_out)
            n_in = n_out
        elif n_in is not None and isinstance(part, Recurrent):
            part, n_in = _again(part, features_in=n_in), None
        elif n_in is not None and "features" in inspect.signature(type(part)).parameters:
            part = _again(part, features=n_in)
        made.append(part)
    return made
