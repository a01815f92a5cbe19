"""A network: layers in a row, with all parameters and gradients by name."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nnscratch.arrays import Array, check_dtype
from nnscratch.errors import ConfigError, ShapeError, require_count, unknown_name
from nnscratch.files import PathLike, load_npz, save_npz
from nnscratch.layers.base import Layer
from nnscratch.layers.batchnorm import STATISTICS
from nnscratch.parameters import Parameters
from nnscratch.replay import CapturedPass, CapturedPasses
from nnscratch.trace import LayerTrace, Trace

if TYPE_CHECKING:
    from nnscratch.flow.tap import Tap

LossFunction = Callable[[Array, Array], tuple[float, Array]]


class Sequential:
    """Layers in a row: the output of one is the input of the next.

    ``nn.Sequential(nn.Dense(64, 100), nn.ELU(), nn.Dense(100, 10), seed=0)``

    Parameters
    ----------
    layers : Layer
        Each instance belongs to one model. Widths are checked here: `ShapeError` names the layer.
    seed : int, SeedSequence or None
        Decides the initial weights and the noise of dropout and randomized slopes. Each layer has
        its own stream, so that changing one layer does not change the weights of another.
    dtype : float32 or float64

    Attributes
    ----------
    layers : dict of Layer
        By name, ``"index.kind"``.
    params, grads, statistics : Parameters
        Every parameter ``"index.parameter"``, its gradient, and running statistics, each a view
        into one flat array.
    tap : Tap or None
        Who measures the training passes (`GradientFlow`).
    """

    def __init__(
        self,
        *layers: Layer,
        seed: int | np.random.SeedSequence | None = 0,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        self.dtype = check_dtype(dtype)
        self._sequence = _check_layers(layers)
        self.layers = {f"{i}.{layer.kind}": layer for i, layer in enumerate(layers)}
        self.params = self._allocate("parameter_shapes")
        self.grads = self._allocate("parameter_shapes")
        self.statistics = self._allocate("statistic_shapes")
        self.features_in, self.features_out = self._check_widths()
        self._bind(_seed_sequence(seed))
        self._pass = 0
        self._inputs: list[Array] = []
        self._outputs: list[Array] = []
        self._caches: list[Any] = []
        self._upstream: list[Array] = []
        self._first_downstream: Array | None = None
        self._captured = CapturedPasses(self)
        self.tap: Tap | None = None

    # Passes

    def forward(self, x: Array, training: bool = False, statistics: str = "running") -> Array:
        """Return the output for the batch `x`, shape ``(batch, features)``.

        training : True normalises by the batch, updates running statistics and draws noise.
        statistics : ``"running"``, ``"initial"`` or ``"batch"``: what batch norm normalises with
            when not training (see `BatchNorm`).

        The array returned is reused by the next pass. Raises `ShapeError` or `DtypeError` naming
        the layer, the shape it got and the one it expects.
        """
        if statistics not in STATISTICS:
            raise unknown_name("kind of statistics", statistics, STATISTICS)
        if getattr(x, "ndim", 0) == 2 and x.shape[0] == 0:
            raise ShapeError(f"the batch is empty: input of shape {x.shape}")
        self._pass += 1
        # New lists: a captured pass keeps its own.
        self._inputs, self._outputs, self._caches, self._upstream = [], [], [], []
        self._first_downstream = None
        y = x
        for layer in self._sequence:
            self._inputs.append(y)
            if layer.has_statistics:
                y, cache = layer.forward(y, training, statistics)  # type: ignore[call-arg]
            else:
                y, cache = layer.forward(y, training)
            self._outputs.append(y)
            self._caches.append(cache)
        return y

    def backward(
        self, dlogits: Array, accumulate: bool = False, input_gradient: bool = False
    ) -> Array | None:
        """Carry the gradient of the loss back through every layer and fill `grads`.

        dlogits : gradient with respect to the output of the latest `forward`.
        accumulate : add to `grads` instead of replacing what they hold.
        input_gradient : also compute, and return, the gradient with respect to the input.
        """
        if not self._complete:
            raise ConfigError("backward needs a forward pass first: call model.forward(x)")
        output = self._outputs[-1]
        if not isinstance(dlogits, np.ndarray) or dlogits.shape != output.shape:
            raise ShapeError(
                f"dlogits must have the shape of the output, {output.shape}, "
                f"got {getattr(dlogits, 'shape', type(dlogits).__name__)}"
            )
        dy: Array | None = np.ascontiguousarray(dlogits, dtype=self.dtype)
        upstream = []
        for i in range(len(self._sequence) - 1, -1, -1):
            assert dy is not None
            upstream.append(dy)
            dy = self._sequence[i].backward(
                dy, self._caches[i], accumulate, input_gradient or i > 0
            )
        self._upstream = upstream[::-1]
        self._first_downstream = dy if input_gradient else None
        return self._first_downstream

    @property
    def _complete(self) -> bool:
        """Whether the latest forward pass reached the end: a refused input leaves it half done."""
        return len(self._caches) == len(self._sequence)

    def training_pass(self, x: Array, labels: Array, loss: LossFunction) -> float:
        """Run forward, loss and backward for a batch; return the loss. `grads` hold the gradients.

        The same, bit for bit, as ``value, dlogits = loss(model.forward(x, training=True), labels)``
        and ``model.backward(dlogits)``, and leaves the same trace. Where layers and loss are this
        package's own and draw no noise, the calls of kernels are captured at the first batch of a
        shape, and from then on run in one native call, on several threads (`captured`).
        """
        tap = self.tap if self.tap is not None and self.tap.due else None
        captured = self._captured.find(x, labels, loss, tap)
        if captured is not None:
            value = captured.run(x, labels)
        else:
            value, dlogits = loss(self.forward(x, training=True), labels)
            self.backward(dlogits)
        if tap is not None:
            tap.passed(value, measured=captured is not None)
        return value

    def captured(self, x: Array, labels: Array, loss: LossFunction) -> CapturedPass | None:
        """Return the list of kernel calls that `training_pass` runs for a batch of this shape.

        ``print(model.captured(x, labels, loss))`` shows back-propagation call by call. None where
        the pass is run layer by layer. Computes nothing.
        """
        return self._captured.find(x, labels, loss)

    @property
    def output(self) -> Array:
        """What the latest forward pass returned."""
        if not self._complete:
            raise ConfigError("the model has made no pass yet: call model.forward(x)")
        return self._outputs[-1]

    @property
    def last(self) -> Trace:
        """The trace of the latest pass, valid until the next one."""
        if not self._complete:
            raise ConfigError("the model has made no pass yet: call model.forward(x)")
        downstream = [self._first_downstream, *self._upstream[:-1]]
        layers = {
            name: LayerTrace(
                name,
                self._inputs[i],
                self._outputs[i],
                self._upstream[i] if self._upstream else None,
                downstream[i] if self._upstream else None,
            )
            for i, name in enumerate(self.layers)
        }
        number = self._pass
        return Trace(layers, None, is_current=lambda: self._pass == number)

    def trace(self, x: Array, labels: Array, loss: LossFunction, training: bool = True) -> Trace:
        """Run one pass forward and backward and return everything it computed, by layer.

        Looking changes nothing: running statistics and the layers' sources of noise are put back
        as they were. `grads` hold the gradients of this pass.
        """
        statistics = self.statistics.flat.copy()
        noise = self.noise_state()
        try:
            value, dlogits = loss(self.forward(x, training=training), labels)
            self.backward(dlogits, input_gradient=True)
        finally:
            self.statistics.flat[...] = statistics
            self.set_noise_state(noise)
        trace = self.last
        trace.loss = value
        return trace

    def predict(self, x: Array, batch_size: int = 1000, statistics: str = "running") -> Array:
        """Return the outputs for all of `x`, evaluated `batch_size` rows at a time."""
        require_count("batch_size", batch_size)
        if len(x) == 0:
            raise ShapeError(f"nothing to predict: input of shape {np.shape(x)}")
        parts = [
            self.forward(x[start : start + batch_size], statistics=statistics).copy()
            for start in range(0, len(x), batch_size)
        ]
        return np.concatenate(parts)

    # Weights and noise

    def save_weights(self, path: PathLike) -> None:
        """Save parameters and running statistics to `path` (`.npz`)."""
        save_npz(path, {**self.params, **self.statistics})

    def load_weights(self, path: PathLike) -> None:
        """Load what `save_weights` saved.

        Raises `FileError`, `DataError` (damaged file) or `ShapeError` (another model's weights);
        the model is then unchanged.
        """
        saved = load_npz(path)
        params = {name: saved[name] for name in saved if name not in self.statistics}
        statistics = {name: saved[name] for name in saved if name in self.statistics}
        self.params.check(params, str(path))
        self.statistics.check(statistics, str(path))
        self.params.load(params, str(path))
        self.statistics.load(statistics, str(path))

    def noise_state(self) -> list[dict[str, Any]]:
        """Return the state of every layer's source of noise."""
        return [dict(layer.noise.bit_generator.state) for layer in self._sequence]

    def set_noise_state(self, states: list[dict[str, Any]]) -> None:
        """Put back what `noise_state` returned."""
        for layer, state in zip(self._sequence, states, strict=True):
            layer.noise.bit_generator.state = state

    @property
    def nbytes(self) -> int:
        """Bytes of parameters, gradients, statistics and reused buffers."""
        arrays = self.params.flat.nbytes + self.grads.flat.nbytes + self.statistics.flat.nbytes
        return arrays + sum(layer.workspace.nbytes for layer in self._sequence)

    def __deepcopy__(self, memo: dict[int, Any]) -> Sequential:
        """Return an independent model, whose layers again share memory with its flat arrays."""
        twin = object.__new__(type(self))
        memo[id(self)] = twin
        twin.tap = None  # whoever measures this model does not measure its twin
        # Parameters first: they note the twin of every view, and the layers then find it.
        for name in ("params", "grads", "statistics", *self.__dict__):
            if name not in twin.__dict__:
                twin.__dict__[name] = copy.deepcopy(self.__dict__[name], memo)
        return twin

    def __getstate__(self) -> None:
        raise TypeError(
            "a model is not pickled: its arrays would no longer share memory; "
            "keep its weights with model.save_weights(path), or use copy.deepcopy(model)"
        )

    def _repr_html_(self) -> str:
        from nnscratch.display import model_html

        return model_html(self)

    def __repr__(self) -> str:
        width = max(len(name) for name in self.layers)
        rows = [f"  {name:<{width}}  {layer!r}" for name, layer in self.layers.items()]
        return "\n".join([f"Sequential({self.dtype}, {self.params.flat.size:,} parameters)", *rows])

    # Making

    def _allocate(self, shapes: str) -> Parameters:
        named = {
            f"{i}.{name}": shape
            for i, layer in enumerate(self._sequence)
            for name, shape in getattr(layer, shapes)().items()
        }
        return Parameters(named, self.dtype)

    def _bind(self, seed: np.random.SeedSequence) -> None:
        weights, noise = (sequence.spawn(len(self._sequence)) for sequence in seed.spawn(2))
        for i, (name, layer) in enumerate(self.layers.items()):
            layer.name = name
            layer.bind(
                self.dtype,
                {key: self.params[f"{i}.{key}"] for key in layer.parameter_shapes()},
                {key: self.grads[f"{i}.{key}"] for key in layer.parameter_shapes()},
                {key: self.statistics[f"{i}.{key}"] for key in layer.statistic_shapes()},
                np.random.default_rng(noise[i]),
            )
            layer.reset(np.random.default_rng(weights[i]))

    def _check_widths(self) -> tuple[int | None, int | None]:
        """Return features in and out, or raise where two neighbours do not fit."""
        first: int | None = None
        features: int | None = None
        giver = "the input"
        for name, layer in self.layers.items():
            expected = layer.input_features()
            if expected is not None and features is not None and expected != features:
                raise ShapeError(
                    f"layer {name!r} expects {expected} features, but {giver!r} gives {features}"
                )
            if expected is not None and first is None and features is None:
                first = expected
            features = layer.output_features(expected or features)
            giver = name
        return first, features


def _check_layers(layers: tuple[Layer, ...]) -> list[Layer]:
    if not layers:
        raise ConfigError("Sequential needs at least one layer, got none")
    for i, layer in enumerate(layers):
        if not isinstance(layer, Layer):
            raise ConfigError(f"layer {i} of Sequential must be a Layer, got {layer!r}")
        if layer.dtype is not None or any(layer is other for other in layers[:i]):
            raise ConfigError(
                f"layer {i} of Sequential ({layer!r}) is in use already; make a new instance"
            )
    return list(layers)


def _seed_sequence(seed: object) -> np.random.SeedSequence:
    if isinstance(seed, np.random.SeedSequence):  # spawning from the caller's would change it
        return np.random.SeedSequence(
            seed.entropy, spawn_key=seed.spawn_key, pool_size=seed.pool_size
        )
    if seed is not None:
        seed = require_count("seed", seed, least=0)
    return np.random.SeedSequence(seed)
