"""`Field`: what is known of one array of a record, and the axes that such arrays have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

# How many entries each axis has: so many, or as many as this field has along its last axis.
AXES: Final[dict[str, str | int]] = {
    **{name: name for name in ("steps", "layers", "params", "batchnorm_layers")},
    **{name: name for name in ("census_steps", "census_layers", "recurrent_layers", "gates")},
    "edges": "gaps",
    "unit_bounds": "census_units",  # one more than census_layers
    "units": "census",  # all units that were counted
    "bins": 64,
    "bin_edges": 65,
    "two": 2,
    "lags": 64,
}


@dataclass(frozen=True, kw_only=True)
class Field:
    """One field of a record.

    Attributes
    ----------
    name : str
    axes : tuple of str
        Of `AXES`; none for a single value.
    meaning : str
        What it is.
    kind : str
        ``"text"``, ``"whole"`` numbers or ``"real"`` ones.
    unit : str
        What it is counted or measured in; empty where that is the network's own.
    signed : bool
        It may lie below 0. By layer or parameter its magnitude is drawn, and the names say so.
    scale : str
        ``"log"``, ``"linear"``, or ``"fraction"`` for what lies from 0 to 1.
    thinned : str
        What stands for several steps that share a point: their ``"largest"`` or ``"last"`` value.
    optional : bool
        Its first axis may be empty: it was not kept. Of a text: it may be missing.
    looked : bool
        Of a number by step: it is measured at some of the steps only, and NaN at the others.
    title, axis, short : str
        As a heading; along an axis; in a legend. Empty for what is not drawn by itself.
    sentence : str
        How to read it.
    """

    name: str
    axes: tuple[str, ...] = ()
    meaning: str
    kind: str = "real"
    unit: str = ""
    signed: bool = False
    scale: str = "log"
    thinned: str = "largest"
    optional: bool = False
    looked: bool = False
    title: str = ""
    axis: str = ""
    short: str = ""
    sentence: str = ""

    @property
    def over(self) -> str:
        """The axis beside the steps; empty where there is none."""
        return self.axes[1] if len(self.axes) > 1 and self.axes[0] == "steps" else ""

    @property
    def is_series(self) -> bool:
        """Whether it is one number at every step, or one for each entry of a second axis."""
        by_step = self.axes[:1] == ("steps",) and len(self.axes) < 3
        return by_step and self.name != "steps" and not self.looked


def facts(axis: str, **meanings: str) -> tuple[Field, ...]:
    """Return fields that do not change from step to step, ``name="kind: meaning"``."""
    made = []
    for name, text in meanings.items():
        kind, meaning = text.split(": ", 1)
        axes = (axis,) if axis else ()
        made.append(Field(name=name, axes=axes, meaning=meaning, kind=kind, scale="linear"))
    return tuple(made)
