"""Attribution: which part of the network the gradient's loss or growth comes from.

On its way down through layer i the back-propagated gradient changes its norm by the factor
``|dL/dy_(i-1)| / |dL/dy_i|``. In log10 these contributions add up, exactly, to the change between
any two layers. What a layer contributes has a name by what the layer is:

``weights``     a dense layer: the gradient times the transposed weights
``derivative``  an activation: the gradient times its derivative, element by element
``scale``       batch norm: the factor gamma / sigma (its root mean square over the units)
``projection``  batch norm: the exact rest. Its backward pass also takes away the mean over the
                batch and the part along its output (a loss), and units with a large gamma / sigma
                may get more of the gradient than others
``noise``       dropout
``unrecorded``  layers that the record leaves out, between two that it holds

and the same for the signal on its way up, whose size is the root mean square of a layer's output.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np

from nnscratch.arrays import Array
from nnscratch.errors import ConfigError, unknown_name
from nnscratch.flow.records import Record

TERMS = ("weights", "derivative", "scale", "projection", "noise", "unrecorded")
WEIGHTS, DERIVATIVE, SCALE, PROJECTION, NOISE, UNRECORDED = range(len(TERMS))
_OF_KIND = {"dense": WEIGHTS, "batchnorm": SCALE, "dropout": NOISE}


@dataclass(frozen=True, eq=False, repr=False)
class Attribution:
    """The change of gradient and signal across every layer, at every recorded step, in log10.

    Where a norm is 0 a contribution is -inf (lost whole) or NaN (nothing there to lose), where it
    is not finite it is NaN or infinite: nothing is left out, and `notes` says where.

    Attributes
    ----------
    layers : tuple of str
    steps : (S,) array
    gradient : (S, L) array
        ``log10 |dL/dy|`` at each layer's output.
    signal : (S, L + 1) array
        log10 of the root mean square of the input and of each layer's output.
    backward : (S, L) array
        What each layer adds to `gradient` on the way down through it. NaN for the first, below
        which no gradient is computed in training.
    forward : (S, L) array
        What each layer adds to `signal`.
    scale : (S, L) array
        The part of `backward` that is batch norm's gamma / sigma; 0 for other layers.
    notes : tuple of str
        Where norms are zero or not finite.
    """

    layers: tuple[str, ...]
    steps: Array
    gradient: Array
    signal: Array
    backward: Array
    forward: Array
    scale: Array
    notes: tuple[str, ...]

    @property
    def terms(self) -> tuple[str, ...]:
        """The name of what each layer contributes (`SCALE` stands for scale and projection)."""
        return tuple(TERMS[term] for term in self._terms())

    def between(self, lower: str, upper: str, step: int | None = None) -> dict[str, float]:
        """Return what each term adds on the way from the output of `upper` to that of `lower`.

        The values add up to ``log10(|dL/dy_lower| / |dL/dy_upper|)``. `step` is a recorded step;
        None takes the mean over all steps at which every contribution is finite (NaN if none is).
        """
        first, last = self._index(lower), self._index(upper)
        if first > last:
            raise ConfigError(
                f"the gradient goes down from {upper!r} to {lower!r}, but {lower!r} is the higher "
                f"of the two: exchange them"
            )
        rows = slice(None) if step is None else self._row(step)
        sums = self.sums(rows, first, last)
        if step is None:
            sums = sums[np.isfinite(sums).all(axis=1)]
        means = sums.mean(axis=0) if len(sums) else np.full(len(TERMS), np.nan)
        return {name: float(value) for name, value in zip(TERMS, means, strict=True)}

    def sums(self, rows: Any, first: int, last: int) -> Array:
        """Return the sum of each term over the layers `first` + 1 .. `last`: (rows, terms)."""
        inside = slice(first + 1, last + 1)
        backward, scale = self.backward[rows, inside], self.scale[rows, inside]
        sums = np.zeros((len(backward), len(TERMS)))
        for column, term in enumerate(self._terms()[inside]):
            if term == SCALE:
                sums[:, SCALE] += scale[:, column]
                sums[:, PROJECTION] += _difference(backward[:, column], scale[:, column])
            else:
                sums[:, term] += backward[:, column]
        return sums

    def to_dict(self) -> dict[str, Any]:
        """Return plain arrays, grouped by dense layer, as pictures take them.

        ``"blocks"`` (B,) names dense layers, ``"block_terms"`` (S, B, T) what each of ``"terms"``
        adds to the gradient on its way down to that one from the dense layer above it.
        """
        dense = [i for i, name in enumerate(self.layers) if kind_of(name) == "dense"]
        parts = [self.sums(slice(None), low, high) for low, high in itertools.pairwise(dense)]
        shape = (len(self.steps), 0, len(TERMS))
        return {
            "layers": np.array(self.layers),
            "steps": self.steps,
            "terms": np.array(TERMS),
            "blocks": np.array([self.layers[i] for i in dense[:-1]], dtype=np.str_),
            "block_terms": np.stack(parts, axis=1) if parts else np.zeros(shape),
            "backward": self.backward,
            "forward": self.forward,
            "gradient": self.gradient,
            "signal": self.signal,
        }

    def __repr__(self) -> str:
        row = len(self.steps) - 1
        rows = [
            f"Attribution at step {int(self.steps[row])}, as log10 of the factor of each layer",
            f"  {'layer':<16}{'term':<12}{'gradient down':>14}{'signal up':>12}",
        ]
        for i in reversed(range(len(self.layers))):
            term = "scale + projection" if self._terms()[i] == SCALE else self.terms[i]
            rows.append(
                f"  {self.layers[i]:<16}{term:<12}{self.backward[row, i]:>+14.3f}"
                f"{self.forward[row, i]:>+12.3f}"
            )
        return "\n".join([*rows, *(f"  Note: {note}." for note in self.notes)])

    def _terms(self) -> list[int]:
        terms = [_OF_KIND.get(kind_of(name), DERIVATIVE) for name in self.layers]
        if index_of(self.layers[0]) != 0:
            terms[0] = UNRECORDED
        for i, (below, here) in enumerate(itertools.pairwise(self.layers)):
            if index_of(here) != index_of(below) + 1:
                terms[i + 1] = UNRECORDED
        return terms

    def _index(self, name: str) -> int:
        if name not in self.layers:
            raise unknown_name("layer", name, self.layers)
        return self.layers.index(name)

    def _row(self, step: int) -> slice:
        rows = np.flatnonzero(self.steps == step)
        if not rows.size:
            raise ConfigError(
                f"step {step} was not recorded: recorded are {len(self.steps)} steps from "
                f"{int(self.steps[0])} to {int(self.steps[-1])}"
            )
        return slice(int(rows[0]), int(rows[0]) + 1)


def attribute(record: Record) -> Attribution:
    """Return the `Attribution` of a record."""
    layers = tuple(str(name) for name in record["layers"])
    norms = np.asarray(record["gradient_norm"], dtype=np.float64)
    scale = np.zeros_like(norms)
    with np.errstate(divide="ignore", invalid="ignore"):
        gradient = np.log10(norms)
        count = np.asarray(record["batch_size"], dtype=np.float64)[:, None] * record["features"]
        signal = np.log10(
            np.column_stack([_rms_of_input(record), record["output_norm"] / np.sqrt(count)])
        )
        for column, name in enumerate(record["batchnorm_layers"]):
            if str(name) in layers:
                scale[:, layers.index(str(name))] = np.log10(record["batchnorm_scale"][:, column])
    backward = np.full_like(norms, np.nan)
    backward[:, 1:] = _difference(gradient[:, :-1], gradient[:, 1:])
    return Attribution(
        layers=layers,
        steps=np.asarray(record["steps"]),
        gradient=gradient,
        signal=signal,
        backward=backward,
        forward=_difference(signal[:, 1:], signal[:, :-1]),
        scale=scale,
        notes=tuple(_notes(record, layers, norms)),
    )


def kind_of(layer: str) -> str:
    """Return what a layer is: ``"elu"`` of ``"3.elu"``."""
    return layer.partition(".")[2]


def index_of(layer: str) -> int:
    """Return a layer's place in its model: 3 of ``"3.elu"``."""
    return int(layer.partition(".")[0])


def _rms_of_input(record: Record) -> Array:
    """Return the root mean square of the input, of which the number of features is not recorded."""
    return np.hypot(record["input_mean"], record["input_std"])


def _difference(a: Array, b: Array) -> Array:
    with np.errstate(invalid="ignore"):
        return a - b


def _notes(record: Record, layers: tuple[str, ...], norms: Array) -> list[str]:
    notes = []
    for what, where in (("zero", norms == 0), ("not finite", ~np.isfinite(norms))):
        rows = np.flatnonzero(where.any(axis=1))
        if rows.size:
            row = rows[0]
            names = [layers[i] for i in np.flatnonzero(where[row])]
            listed = names[0] if len(names) == 1 else f"{names[0]} to {names[-1]} ({len(names)})"
            notes.append(
                f"the gradient is {what} at {listed} at step {int(record['steps'][row])}, and "
                f"somewhere at {rows.size} of {len(norms)} recorded steps: no logarithm there"
            )
    return notes
