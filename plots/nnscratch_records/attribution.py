"""Attribution: which part of the network the gradient's loss or growth comes from.

On its way down through a layer, from its output to that of a source, the back-propagated gradient
changes its norm by the factor ``|dL/dy_source| / |dL/dy|``. In log10 these contributions add up,
exactly, to the change between any two layers, along any way from one to the other. What a layer
contributes has a name by what the layer is (its role):

``weights``     the gradient times the transposed weights
``recurrent``   a layer that goes through time, whole: see `nnscratch.through_time`
``derivative``  an activation: the gradient times its derivative, element by element
``scale``       batch norm: the factor gamma / sigma (its root mean square over the units)
``projection``  batch norm: the exact rest. Its backward pass also takes away the mean over the
                batch and the part along its output (a loss), and units with a large gamma / sigma
                may get more of the gradient than others
``norm``        another norm, whole
``noise``       dropout
``sum``         where the signal forks the gradients of all branches add up: on the way down
                through one branch, what the others add. Also the factor with which a join takes a
                branch
``unrecorded``  layers that the record leaves out, between two that it holds; and a layer that
                reads a forking signal without a lane of its own, of which the record cannot tell
                its part of the gradient from that of the others
``mix``         pooling, attention, concatenation, whole
``opaque``      a layer that did not say what it is

and the same for the signal on its way up, whose size is the root mean square of a layer's output.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from nnscratch_records.check import check_record
from nnscratch_records.errors import ConfigError, require_name, shown
from nnscratch_records.roles import WEIGHTED
from nnscratch_records.words import listed, printable_lines

Array = npt.NDArray[Any]

TERMS: Final = (
    *("weights", "derivative", "scale", "projection", "norm", "noise", "sum"),
    *("recurrent", "mix", "unrecorded", "opaque"),
)
# How each is called, in legends and sentences.
TITLES: Final = {
    "weights": "weights",
    "recurrent": "recurrent layers",
    "mix": "pooling, attention",
    "derivative": "activations",
    "scale": "batch norm's scale",
    "projection": "batch norm, rest",
    "norm": "norms",
    "noise": "dropout",
    "sum": "sums of branches",
    "unrecorded": "layers not recorded",
    "opaque": "layers of unknown kind",
}
_OF_ROLE = {
    "weights": "weights",
    "lookup": "weights",
    "recurrent": "recurrent",
    "activation": "derivative",
    "norm": "norm",
    "noise": "noise",
    "join": "sum",
    "shape": "sum",
    "mix": "mix",
    "opaque": "opaque",
}
_NEEDED = (
    *("layers", "roles", "edges", "gaps", "steps", "gradient_norm", "input_mean", "input_std"),
    *("output_mean", "output_std", "batchnorm_layers", "batchnorm_scale"),
)


@dataclass(frozen=True, eq=False, repr=False)
class Attribution:
    """The change of gradient and signal across every layer, at every recorded step, in log10.

    Where a norm is 0 a contribution is -inf (lost whole) or NaN (nothing there to lose), where it
    is not finite it is NaN or infinite: nothing is left out, and `notes` says where.

    Attributes
    ----------
    layers, roles : tuple of str
    steps : (S,) array
    edges : (E, 2) array
        Column of the source (-1: the network's input) and of the layer that reads it. In a chain
        edge i leads into layer i.
    terms : tuple of str
        What the layer of each edge contributes. ``"scale"`` stands for scale and projection.
    gradient : (S, L) array
        ``log10 |dL/dy|`` at each layer's output.
    signal : (S, L) array
        log10 of the root mean square of each layer's output.
    backward : (S, E) array
        What is added to `gradient` on the way down from the layer to its source. NaN for the
        network's input, for which no gradient is computed in training.
    forward : (S, E) array
        What is added to `signal` on the way up.
    scale : (S, E) array
        The part of `backward` that is batch norm's gamma / sigma; 0 for other layers.
    notes : tuple of str
        Where norms are zero or not finite.
    """

    layers: tuple[str, ...]
    roles: tuple[str, ...]
    steps: Array
    edges: Array
    terms: tuple[str, ...]
    gradient: Array
    signal: Array
    backward: Array
    forward: Array
    scale: Array
    notes: tuple[str, ...]

    def between(
        self,
        lower: str,
        upper: str,
        step: int | None = None,
        path: Sequence[str] = (),
    ) -> dict[str, float]:
        """Return what each term adds on the way from the output of `upper` to that of `lower`.

        The values add up to ``log10(|dL/dy_lower| / |dL/dy_upper|)``.

        step : a recorded step; None takes the mean over all steps at which every contribution is
            finite (NaN if none is)
        path : layers that the way passes, where there are several ways; without them it is the
            shortest, which leaves branches out wherever the signal can skip them

        Raises `ConfigError` for an unknown layer or step, and where no such way leads up.
        """
        rows = slice(None) if step is None else self._row(step)
        sums = self.sums(self.way(lower, upper, path), rows)
        if step is None:
            sums = sums[np.isfinite(sums).all(axis=1)]
        means = sums.mean(axis=0) if len(sums) else np.full(len(TERMS), np.nan)
        return {name: float(value) for name, value in zip(TERMS, means, strict=True)}

    def sums(self, way: Sequence[int], rows: Any = slice(None), forward: bool = False) -> Array:
        """Return the sum of each term over the edges of a way: (rows, terms).

        forward : of the signal, where batch norm is one term, ``norm``
        """
        changes = (self.forward if forward else self.backward)[rows]
        sums = np.zeros((len(changes), len(TERMS)))
        for edge in way:
            term, change = self.terms[edge], changes[:, edge]
            if term == "scale" and not forward:
                sums[:, TERMS.index("scale")] += self.scale[rows, edge]
                sums[:, TERMS.index("projection")] += _less(change, self.scale[rows, edge])
            else:
                place = TERMS.index("norm" if term == "scale" else term)
                # Lost whole in one layer and there again in another: -inf + inf is NaN.
                sums[:, place] = _less(sums[:, place], -change)
        return sums

    def way(self, lower: str, upper: str, path: Sequence[str] = ()) -> list[int]:
        """Return the edges from `lower` up to `upper` by way of `path`, else the shortest."""
        if isinstance(path, str) or not isinstance(path, Sequence):
            raise ConfigError(f"path must be a list of layers, got {shown(path)}")
        stops = [self._index(name) for name in (lower, *path, upper)]
        edges: list[int] = []
        for low, high in itertools.pairwise(stops):
            found = self._shortest(low, high)
            if found is None:
                low_name, high_name = self.layers[low], self.layers[high]
                raise ConfigError(
                    f"the gradient goes down from {high_name!r} to {low_name!r}, but {low_name!r} "
                    f"is the higher of the two: exchange them"
                    if low > high
                    else f"no way leads from {low_name!r} up to {high_name!r}: they lie in "
                    f"branches beside each other"
                )
            edges += found
        return edges

    def grouped(
        self, rows: Any = slice(None), forward: bool = False
    ) -> tuple[tuple[str, ...], Array]:
        """Return what each term adds from one layer with weights (or join) to the next.

        Names of these layers, and (rows, names, terms), along the shortest way from the first layer
        to the last. A change of the gradient belongs to the layer at whose output it ends, one of
        the signal to the latest that it passed. What comes before the first has its own group.
        """
        way = self._shortest(-1 if forward else 0, len(self.layers) - 1) or []
        places = [int(self.edges[edge, 1 if forward else 0]) for edge in way]
        heads = [i for i in places if self.roles[i] in (*WEIGHTED, "join")] or places
        groups: dict[int, list[int]] = {}
        for edge, place in zip(way, places, strict=True):
            head = max((head for head in heads if head <= place), default=places[0])
            groups.setdefault(head, []).append(edge)
        sums = [self.sums(edges, rows, forward) for edges in groups.values()]
        nothing = np.zeros((len(self.steps[rows]), 0, len(TERMS)))
        names = tuple(self._name(head) for head in groups)
        return names, np.stack(sums, axis=1) if sums else nothing

    def __repr__(self) -> str:
        row = len(self.steps) - 1
        width = max(15, *map(len, self.layers)) + 1
        rows = [
            f"Attribution at step {int(self.steps[row])}, as log10 of the factor of each layer",
            f"  {'layer':<{width}}{'term':<20}{'gradient down':>14}{'signal up':>12}",
        ]
        for edge, (source, layer) in reversed(list(enumerate(self.edges.tolist()))):
            term = "scale + projection" if self.terms[edge] == "scale" else self.terms[edge]
            aside = "" if source == layer - 1 else f"  from {self._name(source)}"
            down = f"{self.backward[row, edge]:+.3f}" if source >= 0 else ""
            rows.append(
                f"  {self.layers[layer]:<{width}}{term:<20}{down:>14}"
                f"{self.forward[row, edge]:>+12.3f}{aside}"
            )
        return printable_lines("\n".join([*rows, *(f"  Note: {note}." for note in self.notes)]))

    def _name(self, column: int) -> str:
        return self.layers[column] if column >= 0 else "the input"

    def _shortest(self, low: int, high: int) -> list[int] | None:
        """Return the fewest edges that lead from one column up to another, if any do."""
        found: dict[int, list[int]] = {low: []}
        for edge, (source, layer) in enumerate(self.edges.tolist()):  # sources come first
            if source in found:
                way = [*found[source], edge]
                if layer not in found or len(way) < len(found[layer]):
                    found[layer] = way
        return found.get(high)

    def _index(self, name: str) -> int:
        require_name("layer", name, self.layers)
        return self.layers.index(name)

    def _row(self, step: int) -> slice:
        rows = np.flatnonzero(self.steps == step) if np.ndim(step) == 0 else np.zeros(0)
        if not rows.size:
            raise ConfigError(
                f"step {shown(step)} was not recorded: recorded are {len(self.steps)} steps from "
                f"{int(self.steps[0])} to {int(self.steps[-1])}"
            )
        return slice(int(rows[0]), int(rows[0]) + 1)


def attribute(record: Mapping[str, Any]) -> Attribution:
    """Return the `Attribution` of a record; `RecordError` if it does not fit."""
    record = check_record(record, needed=_NEEDED)
    layers = tuple(str(name) for name in record["layers"])
    roles = tuple(str(role) for role in record["roles"])
    order = np.argsort(record["edges"][:, 1], kind="stable")
    edges, gaps = record["edges"][order], record["gaps"][order]
    scaled = [str(name) for name in record["batchnorm_layers"]]
    with np.errstate(divide="ignore", invalid="ignore"):
        gradient = np.log10(record["gradient_norm"])
        signal = np.log10(np.hypot(record["output_mean"], record["output_std"]))
        incoming = np.log10(np.hypot(record["input_mean"], record["input_std"]))
        scales = np.log10(record["batchnorm_scale"])
    # The last column is the network's input, which edges call -1.
    below = np.column_stack([gradient, np.full(len(gradient), np.nan)])
    levels = np.column_stack([signal, incoming])
    sources, readers = edges.T
    terms = _terms(roles, edges, gaps, [layers.index(name) for name in scaled])
    scale = np.zeros((len(gradient), len(edges)))
    for edge, term in enumerate(terms):
        if term == "scale":
            scale[:, edge] = scales[:, scaled.index(layers[readers[edge]])]
    return Attribution(
        layers=layers,
        roles=roles,
        steps=record["steps"],
        edges=edges,
        terms=terms,
        gradient=gradient,
        signal=signal,
        backward=_less(below[:, sources], below[:, readers]),
        forward=_less(levels[:, readers], levels[:, sources]),
        scale=scale,
        notes=tuple(_notes(record, layers)),
    )


def _terms(
    roles: Sequence[str], edges: Array, gaps: Array, scaled: Sequence[int]
) -> tuple[str, ...]:
    """Return what the reader of each edge contributes to it."""
    readers = np.bincount(edges[:, 0] + 1, minlength=1)
    made = []
    for (source, reader), gap in zip(edges.tolist(), gaps.tolist(), strict=True):
        term = _OF_ROLE[roles[reader]]
        forks = source >= 0 and readers[source + 1] > 1
        if gap or (forks and term != "sum"):
            term = "unrecorded"
        elif reader in scaled and term == "norm":
            term = "scale"
        made.append(term)
    return tuple(made)


def _less(a: Array, b: Array) -> Array:
    with np.errstate(invalid="ignore"):
        return a - b


def _notes(record: Mapping[str, Any], layers: tuple[str, ...]) -> list[str]:
    norms, notes = record["gradient_norm"], []
    for what, where in (("zero", norms == 0), ("not finite", ~np.isfinite(norms))):
        rows = np.flatnonzero(where.any(axis=1))
        if rows.size:
            row = rows[0]
            names = [layers[i] for i in np.flatnonzero(where[row])]
            notes.append(
                f"the gradient is {what} at {listed(names)} at step {int(record['steps'][row])}, "
                f"and somewhere at {rows.size} of {len(norms)} recorded steps: no logarithm there"
            )
    return notes
