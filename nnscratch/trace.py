"""What one pass left behind: every layer's input, output, upstream and downstream gradient."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from nnscratch.arrays import Array
from nnscratch.errors import ConfigError, unknown_name


@dataclass(frozen=True)
class LayerTrace:
    """One layer in one pass. Arrays are ``(batch, features)``; gradients are of the mean loss.

    Attributes
    ----------
    name : str
    input, output : array
        What went into the layer and what came out.
    upstream : array or None
        The gradient of the loss with respect to the output: what arrives from above.
    downstream : array or None
        The gradient with respect to the input: what the layer hands on to the one below. None
        before a backward pass, and for the first layer when nobody asked for it.
    """

    name: str
    input: Array
    output: Array
    upstream: Array | None
    downstream: Array | None

    def copy(self) -> LayerTrace:
        """Return the same with arrays of its own."""
        return LayerTrace(
            self.name,
            self.input.copy(),
            self.output.copy(),
            None if self.upstream is None else self.upstream.copy(),
            None if self.downstream is None else self.downstream.copy(),
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
        if name not in self._layers:
            raise unknown_name("layer", name, self._layers)
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

    def _repr_html_(self) -> str:
        from nnscratch.display import trace_html

        return trace_html(self)

    def __repr__(self) -> str:
        rows = [f"Trace of {len(self)} layers, loss {self.loss}"]
        rows += [
            f"  {layer.name}: {layer.input.shape} -> {layer.output.shape}"
            for layer in self._layers.values()
        ]
        return "\n".join(rows)
