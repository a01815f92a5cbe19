"""`remake`: a network like another one, with new weights and what is named changed."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Sequence
from typing import Any

from nnscratch import layers
from nnscratch.arguments import arguments
from nnscratch.errors import ConfigError, require_count, require_flag, require_name, shown
from nnscratch.initializers import Initializer
from nnscratch.layers import BatchNorm, Dense, Layer
from nnscratch.layers.recurrent import Recurrent
from nnscratch.network.blocks import Bidirectional, Residual
from nnscratch.network.freezing import frozen_names, inside, is_frozen, keep_frozen, settled_parts
from nnscratch.network.model import Sequential, require_model
from nnscratch.network.nodes import Block

Part = Layer | Block
_OF_DENSE = ("init", "bias_init")


def remake(
    model: Sequential,
    *,
    init: str | Initializer | None = None,
    bias_init: str | Initializer | None = None,
    activation: str | Layer | None = None,
    output: str | None = None,
    norm: bool = False,
    momentum: float | None = None,
    input_init: str | Initializer | None = None,
    recurrent_init: str | Initializer | None = None,
    forget_bias: float | None = None,
    update_bias: float | None = None,
    dropout: float | None = None,
    residual_scale: float | None = None,
    width: int | None = None,
    inputs: int | None = None,
    outputs: int | None = None,
    without: str | None = None,
    seed: int = 0,
) -> Sequential:
    """Return a new network like `model`, with weights drawn anew and what is named changed.

    ``model = nn.remake(model, activation="elu", norm=True)`` is the line that findings print.

    Frozen layers stay as they are, frozen, with their weights and statistics: nothing named here
    changes them, nor an activation behind them, and nothing is put between the two.

    Parameters
    ----------
    model : Sequential
        It is left as it is.
    init, bias_init : initializer or its name
        Of every dense layer.
    activation : str or Layer
        In place of every hidden activation, and behind every hidden dense layer that has none, in
        blocks too: behind all of a block's dense layers if it has no activation at all. A name, see
        `nnscratch.layers.activation_names`, or a layer, also of your own, as which each is made:
        ``nn.LeakyReLU(0.2)``. Weights are drawn as theory says they suit it, unless `init` says
        otherwise.
    output : str
        The activation at the output; ``"identity"`` for none.
    norm : bool
        Batch norm behind every hidden dense layer, where there is no norm before the next one.
    momentum : float
        Of every batch norm.
    input_init, recurrent_init : initializer or its name
        Of the weights of every recurrent layer: those that its inputs meet, and those of its state.
    forget_bias, update_bias : float
        Of every LSTM; of every GRU. Layers drawn as a framework does, or by `chrono`, are drawn as
        layers of this package are where one of these four is named for them.
    dropout : float
        The rate of every dropout.
    residual_scale : float
        Of what every residual block adds.
    width : int
        Hidden dense layers of fewer units get so many.
    inputs, outputs : int
        So many go in, and come out of the last dense layer.
    without : str
        The name of a layer, or of a part, ``"7.layernorm"`` or ``"7"``, that is left out.
    seed : int
        Of the weights.

    Raises `ConfigError` for a model with parts that cannot be made anew, unknown names, for a
    size where layers are as wide as their blocks ask, or as a frozen layer behind them takes,
    for an `output` in place of a frozen layer, and for a part to be left out that is frozen or
    inside of a block; `ShapeError` where widths do not fit without it.

    >>> import nnscratch as nn
    >>> model = nn.Sequential(nn.Dense(8, 6), nn.Tanh(), nn.Dense(6, 5), nn.Tanh(), nn.Dense(5, 1))
    >>> model.freeze("0.dense")
    >>> made = nn.remake(model, activation="relu")
    >>> list(made.layers), made.frozen
    (['0.dense', '1.tanh', '2.dense', '3.relu', '4.dense'], ('0.dense',))
    >>> bool((made.params["0.weight"] == model.params["0.weight"]).all())
    True
    """
    require_model("remake model", model)
    norm = require_flag("remake norm", norm)
    if output is not None and not (isinstance(output, str) and output == "identity"):
        require_name("output of remake", output, layers.activation_names())
    parts = _but(model, without)
    dense = [i for i, part in enumerate(parts) if isinstance(part, Dense)]
    given = {"width": width, "inputs": inputs, "outputs": outputs}
    sizes = {k: require_count(f"remake {k}", n) for k, n in given.items() if n is not None}
    if sizes:
        parts = _widened(parts, dense, **sizes)
    if activation is not None:
        from nnscratch.theory.suited import suited_init

        init = init if init is not None else suited_init(_bend(activation))
    changes = {"init": init, "bias_init": bias_init, "momentum": momentum}
    changes |= {"input_init": input_init, "recurrent_init": recurrent_init}
    changes |= {"forget_bias": forget_bias, "update_bias": update_bias, "rate": dropout}
    changes |= {"residual_scale": residual_scale}
    asked = {name: value for name, value in changes.items() if value is not None}
    made, seen = list[Part](), dict[int, Part]()
    last = dense[-1] if dense else len(parts)
    settled = settled_parts([_role(part) for part in parts], [is_frozen(part) for part in parts])
    for i, part in enumerate(parts):
        hidden = i < last
        other = activation if hidden else output
        if _role(part) == "activation" and other is not None and not (hidden and i in settled):
            if is_frozen(part):
                raise ConfigError(
                    f"remake cannot put output={output!r} in the place of layer {i}, {part!r}, "
                    f"which is frozen: model.unfreeze('{i}') first"
                )
            if hidden:
                made.append(_bend(other))
            continue
        made.append(_changed(part, asked, seen, None if i in settled else activation))
        if isinstance(part, Dense) and hidden and i not in settled:
            made += _behind(parts, i, norm, activation)
    if output is not None and output != "identity":
        made.append(layers.activation(output))
    twin = Sequential(*made, seed=seed, dtype=model.dtype)
    keep_frozen(
        model, twin, dict(zip(frozen_names(model.nodes), frozen_names(twin.nodes), strict=True))
    )
    return twin


def _but(model: Sequential, without: str | None) -> list[Any]:
    """Return the parts of a model, but one."""
    parts = list(model)
    if without is None:
        return parts
    places = {name: int(name.partition(".")[0]) for name in model.layers if name.count(".") == 1}
    places |= {str(i): i for i in range(len(parts))}
    place = places[require_name("layer to remake without", without, tuple(places))]
    if is_frozen(parts[place]):
        raise ConfigError(f"remake without={without!r}, which is frozen: model.unfreeze() it first")
    return parts[:place] + parts[place + 1 :]


def _behind(
    parts: Sequence[Part], i: int, norm: bool, activation: str | Layer | None
) -> list[Part]:
    """Return what a hidden dense layer lacks: of all until the next one, a norm, an activation."""
    following = itertools.takewhile(lambda part: not isinstance(part, Dense), parts[i + 1 :])
    roles = [_role(part) for part in following]
    dense = parts[i]
    assert isinstance(dense, Dense)
    made: list[Part] = []
    if norm and "norm" not in roles:
        made.append(BatchNorm(dense.n_out))
    if activation is not None and not {"activation", ""} & set(roles):
        made.append(_bend(activation))
    return made


def _bend(activation: str | Layer) -> Layer:
    """Return a new activation: that of a name, or one like a layer."""
    if isinstance(activation, str):
        return layers.activation(activation)
    if not isinstance(activation, Layer) or activation.role != "activation":
        raise ConfigError(
            f"remake activation={shown(activation)}, expected a layer whose role is 'activation', "
            f"such as nn.LeakyReLU(0.2), or a name, such as 'relu'"
        )
    return type(activation)(**arguments(activation))


def _role(part: Part) -> str:
    return part.role if isinstance(part, Layer) else ""


def _again(part: Part, seen: dict[int, Part], **options: Any) -> Any:
    """Return a layer or block made with the same arguments, but for `options`; frozen as it is.

    seen : what was made of parts so far, by their `id`: one that stands twice is made once
    """
    if id(part) in seen:
        return seen[id(part)]
    given = arguments(part) | options
    several: list[Any] = []
    for name, parameter in inspect.signature(type(part)).parameters.items():
        if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
            several = given.pop(name)
            several = several if name in options else [_again(one, seen) for one in several]
        elif name not in options and isinstance(given[name], Layer | Residual | Bidirectional):
            given[name] = _again(given[name], seen)
    made = seen[id(part)] = type(part)(*several, **given)
    # Layers that were named are made already, as frozen as they were.
    alike = [] if "layers" in options else zip(inside(made), inside(part), strict=True)
    for new, old in [(made, part), *alike]:
        if isinstance(new, Layer) and isinstance(old, Layer):
            new.frozen = old.frozen
    return made


def _bent(block: Residual, activation: str | Layer | None) -> list[Part]:
    """Return a block's layers with that activation in place of theirs or, where there is none,
    behind each dense layer.
    """
    inner: list[Part] = list(block.layers)
    if activation is None or any(map(is_frozen, inner)):
        return inner
    bare = "activation" not in map(_role, inner)
    made = list[Part]()
    for part in inner:
        replaced = _role(part) == "activation"
        made += [_bend(activation) if replaced else part]
        if bare and isinstance(part, Dense):
            made += [_bend(activation)]
    return made


def _changed(
    part: Part,
    changes: dict[str, Any],
    seen: dict[int, Part],
    activation: str | Layer | None = None,
) -> Part:
    """Return a part made with the arguments among `changes` that it takes; also inside a block."""
    asked: dict[str, Any]
    if isinstance(part, Residual):
        inner = [_changed(layer, changes, seen, activation) for layer in _bent(part, activation)]
        skip = None if part.skip is None else _changed(part.skip, changes, seen)
        asked = {"layers": inner, "skip": skip, "scale": changes.get("residual_scale", part.scale)}
    elif isinstance(part, Bidirectional):
        asked = {"layer": _changed(part.layer, changes, seen)}
    elif is_frozen(part):
        asked = {}
    else:
        taken = inspect.signature(type(part)).parameters
        asked = {name: value for name, value in changes.items() if name in taken}
        if isinstance(part, Recurrent):
            asked = {name: value for name, value in asked.items() if name not in _OF_DENSE}
            if "input_init" in changes:
                asked["init"] = changes["input_init"]
            if asked:  # what would decide in its place
                asked |= {name: None for name in ("defaults", "chrono") if name in taken}
    made: Part = _again(part, seen, **asked)
    return made


def _widened(
    parts: list[Any],
    dense: list[int],
    width: int = 0,
    inputs: int = 0,
    outputs: int = 0,
) -> list[Any]:
    """Return the parts with hidden dense layers of at least `width` units, frozen ones as they are,
    for so many inputs and outputs.
    """
    made, n_in = list[Any](), inputs or None
    for i, part in enumerate(parts):
        asked: dict[str, Any] = {}
        if not isinstance(part, Layer):
            raise ConfigError(f"remake cannot widen {part!r}: give its layers another width")
        if isinstance(part, Dense):
            wide = part.n_out if part.frozen else max(part.n_out, width)
            if i == dense[-1]:
                wide = outputs or part.n_out
            asked, n_in = {"n_in": n_in or part.n_in, "n_out": wide}, wide
        elif n_in is not None and isinstance(part, Recurrent):
            asked, n_in = {"features_in": n_in}, None
        elif n_in is not None and "features" in inspect.signature(type(part)).parameters:
            asked = {"features": n_in}
        if any(getattr(part, name) != value for name, value in asked.items()):
            if is_frozen(part) or parts.count(part) > 1:
                what = "is frozen" if part.frozen else "stands in several places"
                raise ConfigError(
                    f"remake cannot change the width of layer {i}, {part!r}, which {what}: "
                    f"leave that out, or make the layers before it wide enough yourself"
                )
            part = _again(part, {}, **asked)
        made.append(part)
    return made
