"""The recurrent layers of a record, as findings ask of them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from nnscratch.arrays import Array
from nnscratch.flow.findings.progress import ENOUGH, NOTHING, STEADY
from nnscratch.flow.findings.view import View


@dataclass(frozen=True)
class Recurrent:
    """A recurrent layer of a record.

    Attributes
    ----------
    name : str
    steps : (rows,) array
        Steps of time of each batch; where it was not seen, of the last one that was.
    rate : (rows,) array
        Factor of the gradient per step back, likewise.
    gates : dict
        First mean of each gate, by letter, and `weights`: by what its recurrent weights multiply a
        vector of no special direction, |U| / sqrt(units).
    """

    name: str
    column: int
    place: int
    steps: Array
    rate: Array
    gates: dict[str, float]
    weights: dict[str, float]

    @property
    def keeps(self) -> str:
        """The gate that keeps the state; empty where there is none."""
        return next((gate for gate in ("f", "z") if gate in self.gates), "")

    @property
    def way_through(self) -> float:
        """Of a layer with gates, the factor by way of its candidate, by theory at the start."""
        gates = self.gates
        if self.keeps == "f":
            return gates["i"] * gates["o"] * self.weights["g"]
        return (1 - gates["z"]) * gates["r"] * self.weights["n"]

    def change(self) -> Array:
        """log10 of what is left of the gradient after the whole way back, by row."""
        with np.errstate(divide="ignore"):
            return np.log10(self.rate) * (self.steps - 1)


def recurrent_layers(view: View) -> list[Recurrent]:
    """Return those whose gradient was followed through time."""
    record, made = view.record, []
    owners = record["gate_layers"]
    letters = [str(name).rpartition(" ")[2] for name in record["gates"]]
    for place, name in enumerate(str(one) for one in record["recurrent_layers"]):
        rate, steps = (_last(view.get(name)[:, place]) for name in ("time_rate", "time_steps"))
        own = np.flatnonzero(owners == place)
        if not len(own):
            continue
        column = view.layers.index(name)
        units = math.sqrt(max(1, int(record["features"][column])))
        means, norms = view.get("gate_mean")[0], view.get("gate_weight_norm")[0]
        made.append(
            Recurrent(
                *(name, column, place, steps, rate),
                {letters[i]: float(means[i]) for i in own},
                {letters[i]: float(norms[i]) / units for i in own},
            )
        )
    return made


def _last(values: Array) -> Array:
    """Return values where those that are not known are the last one that was."""
    known = np.where(np.isnan(values), 0, np.arange(len(values)))
    return values[np.maximum.accumulate(known)]


def harm_in_time(view: View) -> str:
    """How serious a fading gradient is: it may be that nothing is to be remembered so long.

    Not at all in a run too short to tell, nor in a short one on its way.
    """
    p = view.progress
    on_its_way = view.rows < STEADY and p.falling and p.share >= NOTHING
    return "notice" if view.rows < ENOUGH or on_its_way else view.harm
