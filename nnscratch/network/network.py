"""A network to train: whole passes, captured where they can be, looked at, saved and loaded."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from threading import Lock
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from nnscratch.arrays import Array, as_array
from nnscratch.display import Text, html_table, size_in_words, text_table
from nnscratch.errors import ConfigError, ShapeError, require_count, shown
from nnscratch.files import PathLike, load_arrays, save_arrays
from nnscratch.network.captures import CapturedPasses
from nnscratch.network.graph import Graph
from nnscratch.network.nodes import LossFunction, Writer, require_loss, value_of
from nnscratch.network.replay import CapturedPass, Measurer
from nnscratch.network.trace import LayerTrace, Trace
from nnscratch.parameters import put_whole
from nnscratch.sequences import Given, States, Truncate, step_weights, without_padding

_HEADS = ("layer", "is", "gives", "parameters")


class Tap(Measurer, Protocol):
    """Who measures the training passes of a network (`GradientFlow`)."""

    @property
    def due(self) -> bool:
        """Whether the step at hand is to be measured."""
        ...

    @property
    def saw_nonfinite(self) -> bool:
        """Whether the pass that waits for its update holds a NaN or an infinity."""
        ...

    def passed(
        self,
        loss: float,
        measured: bool,
        labels: Array,
        function: LossFunction,
        weights: Array | None,
    ) -> None:
        """Note the end of a training pass; `measured` if its list of calls held the requests."""
        ...

    def went_back(self, kept: float) -> None:
        """Note a pass back, and the norm of the gradients that it was added to."""
        ...


class Network(Graph):
    """Layers as nodes of a graph: chains, branches that are summed, layers in several places.

    Usually made as a `Sequential`, with blocks such as `Residual` in it. See `Graph` for the
    parameters, and for `forward` and `backward`.

    Attributes
    ----------
    tap : Tap or None
        Who measures the training passes (`GradientFlow`).
    """

    def __init__(
        self,
        write: Callable[[Writer], object],
        seed: int | np.random.SeedSequence | None = 0,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        super().__init__(write, seed, dtype)
        self._captured = CapturedPasses(self)
        self.tap: Tap | None = None

    def training_pass(
        self,
        x: Array,
        labels: Array,
        loss: LossFunction,
        sample_weights: Array | None = None,
        *,
        mask: npt.ArrayLike | None = None,
        state: States | None = None,
        truncate: Truncate = None,
    ) -> float:
        """Run forward, loss and backward for a batch; return the loss. `grads` hold the gradients.

        The same, bit for bit, as ``value, dlogits = loss(model.forward(x, training=True), labels)``
        and ``model.backward(dlogits)``, and leaves the same trace. Where layers and loss are this
        package's own and draw no noise, the calls of kernels are captured at the first batch of a
        shape, and from then on run in one native call, on several threads (`captured`).

        mask, state : see `forward`. Where the model gives an output at every step, those that the
            mask leaves out count nothing in the loss, which is the mean over the others.
        truncate : how far the gradient of recurrent layers goes back. A number K: it is cut every K
            steps, as if trained on pieces of K steps that take over the state of the one before. A
            `RandomTruncation`: it is cut at random. None: to the first step.
        """
        given = self.given(x, mask, state, truncate)
        x, labels = self._there(x, labels, given)
        sample_weights = self._loss_weights(x, given, sample_weights)
        with (mine := Lock()):
            self.turn.take(mine, self)
            tap = self.tap
            if tap is not None and not tap.due:
                tap = None
            captured = self._captured.find(x, labels, loss, sample_weights, tap, given)
            if captured is not None:
                value = captured[0].run(x, captured[1], given)
            else:
                labels = self.apart(labels)
                value, dlogits = self._loss(x, labels, loss, True, given, sample_weights)
                self.back(dlogits)
            if tap is not None:
                tap.passed(value, captured is not None, labels, loss, sample_weights)
            return value

    def left(self) -> float:
        """Return the norm of what `grads` hold, 0 where nobody asks: for recorders."""
        asked = self.tap is not None and self.tap.due
        return float(np.linalg.norm(self.grads.flat)) if asked else 0.0

    def went_back(self, kept: float) -> None:
        """Note a pass back, and the norm of the gradients that it was added to: for recorders."""
        if self.tap is not None and self.tap.due:
            self.tap.went_back(kept)

    def _loss(
        self,
        x: Array,
        labels: Array,
        loss: LossFunction,
        training: bool,
        given: Given,
        sample_weights: Array | None,
    ) -> tuple[float, Array]:
        """Return the loss of a forward pass and its gradient, for whoever has the turn."""
        require_loss("loss", loss)
        weights = () if sample_weights is None else (sample_weights,)
        return value_of(loss, self._kept(x, training, "running", given), labels, *weights)

    def _there(self, x: Array, labels: Array, given: Given) -> tuple[Array, Array]:
        """Return a batch without what a mask leaves out: anything may stand there."""
        if given.mask is None:
            return x, labels
        steps = self.output_shape(np.shape(x))[:-1] == given.mask.shape
        mask = given.mask if steps else None
        return without_padding(x, given.mask), without_padding(labels, mask, "labels")

    def _loss_weights(self, x: Array, given: Given, weights: Array | None) -> Array | None:
        """Return `weights`, and where there is an output at every step, what the mask adds."""
        if given.mask is None:
            return weights
        steps = self.output_shape(x.shape)[:-1] == given.mask.shape
        return step_weights(given.mask, weights) if steps else weights

    def captured(self, x: Array, labels: Array, loss: LossFunction) -> CapturedPass | None:
        """Return the list of kernel calls that `training_pass` runs for a batch of this shape.

        ``print(model.captured(x, labels, loss))`` shows back-propagation call by call. None where
        the pass is run layer by layer. Computes nothing.
        """
        with (mine := Lock()):
            self.turn.take(mine, self)
            captured = self._captured.find(x, labels, loss)
        return None if captured is None else captured[0]

    @property
    def last(self) -> Trace:
        """The trace of the latest pass, valid until the next one."""
        _ = self.output  # raises before the first pass
        latest, number = self.latest, self.number
        layers = {
            node.name: LayerTrace(
                node.name,
                tuple(latest.inputs(node)),
                latest.outputs[i],
                latest.upstream[i] if latest.upstream else None,
                latest.downstream[i] if latest.upstream else (None,) * len(node.sources),
                {
                    name: array if latest.upstream or not name.endswith("_gradient") else None
                    for name, array in node.layer.inside(latest.caches[i]).items()
                },
            )
            for i, node in enumerate(self.nodes)
        }
        return Trace(layers, None, is_current=lambda: self.number == number)

    def trace(
        self,
        x: Array,
        labels: Array,
        loss: LossFunction,
        training: bool = True,
        *,
        mask: npt.ArrayLike | None = None,
        state: States | None = None,
        truncate: Truncate = None,
    ) -> Trace:
        """Run one pass forward and backward and return everything it computed, by layer.

        Looking changes nothing: running statistics and the layers' sources of noise are put back
        as they were. `grads` hold the gradients of this pass. See `training_pass`.
        """
        given = self.given(x, mask, state, truncate)
        x, labels = self._there(x, labels, given)
        weights = self._loss_weights(x, given, None)
        with (mine := Lock()):
            self.turn.take(mine, self)
            before = self.statistics.flat.copy(), self.noise_state()
            try:
                value, dlogits = self._loss(x, labels, loss, training, given, weights)
                self.back(dlogits, input_gradient=True)
            finally:
                put_whole(self._put_back, before, before)
        trace = self.last
        trace.loss = value
        return trace

    def _put_back(self, before: tuple[Array, list[dict[str, Any]]]) -> None:
        self.statistics.flat[...], noise = before
        self.set_noise_state(noise)

    def predict(
        self,
        x: Array,
        batch_size: int = 1000,
        statistics: str = "running",
        mask: Array | None = None,
    ) -> Array:
        """Return the outputs for all of `x`, evaluated `batch_size` rows at a time."""
        require_count("batch_size", batch_size)
        x = as_array(x, "x")
        if x.ndim == 0 or len(x) == 0:
            raise ShapeError(f"nothing to predict: input of shape {np.shape(x)}")
        if mask is not None:
            mask = as_array(mask, "mask")
            if mask.shape[:1] != (len(x),):
                raise ShapeError(f"mask has shape {mask.shape}, for {len(x)} examples")
        parts = [
            self.forward(
                x[start : start + batch_size],
                statistics=statistics,
                mask=None if mask is None else mask[start : start + batch_size],
            ).copy()
            for start in range(0, len(x), batch_size)
        ]
        return np.concatenate(parts)

    # Weights

    def save_weights(self, path: PathLike) -> None:
        """Save parameters and running statistics to `path`, `.npz` or `.safetensors`.

        The latter needs ``pip install 'nnscratch[safetensors]'``.
        """
        save_arrays(path, {**self.params, **self.statistics})

    def load_weights(self, path: PathLike) -> None:
        """Load what `save_weights` saved.

        Raises `FileError`, `DataError` (damaged file) or `ShapeError` (another model's weights);
        the model is then unchanged.
        """
        saved = load_arrays(path)
        params = {name: saved[name] for name in saved if name not in self.statistics}
        statistics = {name: saved[name] for name in saved if name in self.statistics}
        loaded = self.params.check(params, str(path)), self.statistics.check(statistics, str(path))
        put_whole(self._put_weights, loaded, (self.params.flat.copy(), self.statistics.flat.copy()))

    def _put_weights(self, values: tuple[Array, Array]) -> None:
        self.params.flat[...], self.statistics.flat[...] = values

    def __deepcopy__(self, memo: dict[int, Any]) -> Network:
        """Return an independent model, whose layers again share memory with its flat arrays."""
        twin = object.__new__(type(self))
        memo[id(self)] = twin
        twin.tap = None  # whoever measures this model does not measure its twin
        twin._seen_change = -1  # its memory is its own
        # Parameters first: they note the twin of every view, and the layers then find it.
        for name in ("_params", "_grads", "_statistics", *self.__dict__):
            if name not in twin.__dict__:
                twin.__dict__[name] = copy.deepcopy(self.__dict__[name], memo)
        twin._own()
        return twin

    def __copy__(self) -> Network:
        """Return what `copy.deepcopy` does: two models share no arrays."""
        return copy.deepcopy(self)

    def __getstate__(self) -> None:
        raise TypeError(
            f"a {type(self).__name__} is not pickled, but for a Sequential: its arrays would no "
            f"longer share memory; keep its weights with save_weights(path), or use copy.deepcopy"
        )

    # As text

    def summary(self) -> Text:
        """Return a table: each layer, the shape it gives, its parameters; and the sums."""
        return text_table(_HEADS, self._rows(), self._total(), left=3)

    def _rows(self) -> Iterator[tuple[str, ...]]:
        for node, shape in zip(self.nodes, self.shapes(), strict=True):
            sizes = ("batch", *("?" if size is None else str(size) for size in shape[1:]))
            own = [self.params[name] for name, at in self.owners.items() if at == node.name]
            count = f"{sum(values.size for values in own):,}" if own else "-"
            count += ", frozen" * node.layer.frozen
            tied = node.tied and node.name != node.layer.name
            yield (
                node.name,
                repr(node.layer) + f", as {node.layer.name}" * tied,
                f"({', '.join(sizes)})",
                count,
            )

    def _total(self) -> str:
        return (
            f"{self.params.flat.size:,} parameters, {self.dtype}, {size_in_words(self.nbytes)} "
            "with gradients and buffers"
        )

    def _repr_html_(self) -> str:
        return html_table(type(self).__name__, _HEADS, self._rows(), self._total(), left=2)

    def __repr__(self) -> str:
        width = max(len(name) for name in self.layers)
        rows = [f"  {name:<{width}}  {layer!r}" for name, layer in self.layers.items()]
        head = f"{type(self).__name__}({self.dtype}, {self.params.flat.size:,} parameters)"
        return "\n".join([head, *rows])


def require_network(what: str, model: object) -> None:
    """Raise `ConfigError` unless `model` is a network."""
    if not isinstance(model, Network):
        raise ConfigError(f"{what} takes a Sequential, got {shown(model)}")
