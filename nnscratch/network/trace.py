"""What one pass left behind: every layer's input, output, upstream and downstream gradient."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Any

import numpy as np

from nnscratch.arrays import Array
from nnscratch.display import Brief, html_table
from nnscratch.errors import ConfigError, require_name
from nnscratch_records.words import plural

_HEADS = ("layer", "output", "mean", "std", "largest", "gradient norm", "gradient std")


@dataclass(frozen=True, repr=False)
class LayerTrace(Brief):
    """One layer in one pass. Arrays are ``(batch, *positions, features)``; gradients are of the
    mean loss.

    Attributes
    ----------
    name : str
    inputs : tuple of array
        What went into the layer: one array, but for joins.
    output : array
        What came out.
    upstream : array or None
        The gradient of the loss with respect to the output: what arrives from above, summed over
        all that took the output. None before a backward pass, and where its memory was used again
        in the pass (see ``model.keep_gradients``).
    downstreams : tuple of array or None
        The gradients with respect to the inputs: what the layer hands on to those below. None
        likewise, and for the first layer when nobody asked for it.
    inside : mapping of array or None
        What else the layer has by name, such as the cell states of an LSTM, which are attributes
        too: ``trace["0.lstm"].cell``. Gradients are None before a backward pass.
    """

    name: str
    inputs: tuple[Array, ...]
    output: Array
    upstream: Array | None
    downstreams: tuple[Array | None, ...]
    inside: Mapping[str, Array | None] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Array | None:
        if name.startswith("_") or name == "inside":
            raise AttributeError(name)
        if name not in self.inside:
            has = ", ".join(self.inside) or "nothing"
            raise AttributeError(f"layer {self.name!r} has no {name!r}; inside it has {has}")
        return self.inside[name]

    @property
    def input(self) -> Array:
        """The (first) input."""
        return self.inputs[0]

    @property
    def downstream(self) -> Array | None:
        """The gradient with respect to the (first) input."""
        return self.downstreams[0]

    def copy(self) -> LayerTrace:
        """Return the same with arrays of its own."""
        return LayerTrace(
            self.name,
            tuple(x.copy() for x in self.inputs),
            self.output.copy(),
            None if self.upstream is None else self.upstream.copy(),
            tuple(None if dx is None else dx.copy() for dx in self.downstreams),
            {name: None if a is None else a.copy() for name, a in self.inside.items()},
        )


class Trace(Mapping[str, LayerTrace]):
    """The layers of one pass by name, in order: ``trace["2.elu"].upstream``.

    The arrays are the model's own buffers and are valid until its next pass; reading an outdated
    trace raises `ConfigError`. `copy` keeps one for good.

    Attributes
    ----------
    loss : float or None
        The value of the loss, where the pass computed one.
    """

    def __init__(
        self,
        layers: Mapping[str, LayerTrace],
        loss: float | None,
        is_current: Callable[[], bool] | None = None,
    ) -> None:
        self._layers = dict(layers)
        self._is_current = is_current
        self.loss = loss

    def __getitem__(self, name: str) -> LayerTrace:
        if self._is_current is not None and not self._is_current():
            raise ConfigError(
                "this trace is outdated: the model has made another pass and its buffers hold "
                "other values; keep a trace with trace.copy() before the next pass"
            )
        require_name("layer", name, self._layers)
        return self._layers[name]

    def __contains__(self, name: object) -> bool:
        return name in self._layers

    def __iter__(self) -> Iterator[str]:
        return iter(self._layers)

    def __len__(self) -> int:
        return len(self._layers)

    def copy(self) -> Trace:
        """Return a trace with arrays of its own, which no later pass changes."""
        return Trace({name: self[name].copy() for name in self}, self.loss)

    def __reduce__(self) -> tuple[type[Trace], tuple[Any, ...]]:
        """A pickle holds a copy."""
        return Trace, (self.copy()._layers, self.loss)

    def _repr_html_(self) -> str:
        try:
            rows = [_row(self[name]) for name in self]
        except ConfigError as error:
            return f"<p><strong>Trace</strong>: {escape(str(error))}</p>"
        loss = "" if self.loss is None else f"loss {self.loss:.4g}"
        return html_table("Trace", _HEADS, rows, f"{loss}{self._missing()}".lstrip("; "), left=1)

    def _missing(self) -> str:
        """Say of how many layers the gradient is not there, where that of others is."""
        missing = [name for name, layer in self._layers.items() if layer.upstream is None]
        if len(missing) in (0, len(self)):
            return ""
        return (
            f"; without the gradients at {plural(len(missing), 'layer')}, {missing[0]} to "
            f"{missing[-1]}, whose memory was used again: model.keep_gradients = True keeps them"
        )

    def __repr__(self) -> str:
        loss = "" if self.loss is None else f", loss {self.loss:.4g}"
        rows = [f"Trace of {plural(len(self), 'layer')}{loss}{self._missing()}"]
        rows += [
            f"  {layer.name}: {layer.input.shape} -> {layer.output.shape}"
            for layer in self._layers.values()
        ]
        return "\n".join(rows)


def _row(layer: LayerTrace) -> tuple[str, ...]:
    """What came out of a layer and the gradient that arrived there, as text."""
    gradient = ("-", "-")
    if layer.upstream is not None:
        size = float(np.linalg.norm(layer.upstream.astype(np.float64)))
        gradient = (f"{size:.3g}", _statistic(np.std, layer.upstream))
    return (
        layer.name,
        str(layer.output.shape),
        _statistic(np.mean, layer.output),
        _statistic(np.std, layer.output),
        _statistic(lambda values: np.abs(values).max(), layer.output),
        *gradient,
    )


def _statistic(function: Any, values: Array) -> str:
    if not values.size:
        return "-"
    with np.errstate(invalid="ignore", over="ignore"):
        return f"{float(function(values.astype(np.float64))):.3g}"
