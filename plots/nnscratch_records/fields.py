"""What a record of a run holds: the one table that every reader and writer of records uses.

A record is a mapping of names to arrays. S steps were recorded of L layers with P parameters and E
edges between the layers; N of the layers are batch norm, R are recurrent and have G gates; the
units of A layers were counted C times. `FIELDS` says of each name what its axes are, what it means,
and how it is drawn and called.
"""

from __future__ import annotations

from typing import Final

from nnscratch_records.errors import unknown_name
from nnscratch_records.field import Field, facts
from nnscratch_records.looked import LOOKED, TRAINED
from nnscratch_records.measured import BATCHNORM, PARAMS, STEPS, TENSORS
from nnscratch_records.recurrent import RECURRENT

FORMAT: Final = 3
STATES: Final = ("alive", "dead", "saturated_low", "saturated_high")  # the codes of a census

_RUN = facts(
    "",
    format=f"whole: {FORMAT}",
    label="text: the run's name",
    clip="text: what clipped the gradient; empty: nothing",
    note="text: what is missing, and why; empty: nothing",
    every="whole: one step in so many was recorded",
    kept_every="whole: of the recorded steps one in so many is kept",
)
_LAYERS = (
    *facts(
        "layers",
        layers="text: their names, each after those of its sources",
        kinds='text: what each is called, such as "dense" or "elu"',
        roles="text: what each is, one of `ROLES`",
        blocks='text: the block that it is part of, such as "3"; empty: none',
        depths="whole: layers with weights on the longest way from the input up to it",
        features="whole: width of the output; 0: not known",
    ),
    Field(
        name="saturation",
        axes=("layers", "two"),
        meaning="outputs at the first or below, at the second or above are saturated; NaN: no end",
        signed=True,
        scale="linear",
    ),
    Field(
        name="edges",
        axes=("edges", "two"),
        meaning="a layer's source and the layer, as columns; -1: the network's input",
        kind="whole",
        signed=True,
    ),
    *facts("edges", gaps="whole: layers on that edge which were not recorded"),
    *facts("batchnorm_layers", batchnorm_layers="text: the layers that normalise by the batch"),
)
_PARAMETERS = (
    *facts(
        "params",
        params="text: their names",
        param_sizes="whole: how many numbers each has",
        param_roles="text: what each is, one of `PARAM_ROLES`",
        param_fan_in="whole: inputs that each output sums; 0: none",
    ),
    Field(
        name="param_layers",
        axes=("params",),
        meaning="column of each one's layer; -1: not known",
        kind="whole",
        signed=True,
    ),
    *(
        Field(
            name=f"param_{name}_initial",
            axes=("params",),
            meaning=f"{meaning} before the first update",
            signed=name == "mean",
        )
        for name, meaning in (
            ("norm", "Euclidean norm"),
            ("mean", "mean"),
            ("max", "largest finite magnitude"),
        )
    ),
)
_HISTOGRAMS = (
    *(
        Field(
            name=f"{name}_histogram",
            axes=("steps", axis, "bins"),
            meaning=f"counts of a sample of {what}; NaN is not counted",
            kind="whole",
            unit="elements",
            optional=True,
        )
        for name, axis, what in (
            ("output", "layers", "a layer's outputs"),
            ("gradient", "layers", "the magnitudes of dL/dy"),
            ("param", "params", "a parameter"),
        )
    ),
    *(
        Field(
            name=f"histogram_edges_{name}",
            axes=("bin_edges",),
            meaning=f"edges of the bins of {what}",
            signed=True,
            scale="linear",
        )
        for name, what in (("signed", "outputs and parameters"), ("magnitude", "gradients"))
    ),
)
_CENSUS = (
    *facts("census_layers", census_layers="text: the layers whose units were counted"),
    *facts("unit_bounds", census_units="whole: where each one's units begin, and where all end"),
    *facts("census_steps", census_steps="whole: the steps before which they were counted"),
    Field(
        name="census",
        axes=("census_steps", "units"),
        meaning=", ".join(f"{code} {state}" for code, state in enumerate(STATES)),
        kind="whole",
        scale="linear",
    ),
)

FIELDS: Final[dict[str, Field]] = {
    field.name: field
    for field in (
        *(*_RUN, *_LAYERS, *_PARAMETERS, *STEPS, *TENSORS, *PARAMS, *BATCHNORM),
        *(*TRAINED, *LOOKED, *_HISTOGRAMS, *_CENSUS, *RECURRENT),
    )
}
# Quantities that readers make of others, as if they were recorded.
DERIVED: Final[dict[str, Field]] = {
    field.name: field
    for field in (
        Field(
            name="saturated",
            axes=("steps", "layers"),
            meaning="saturated_low and saturated_high together",
            unit="fraction",
            scale="fraction",
            title="Saturated outputs",
            axis="fraction of outputs at an end",
            short="saturated",
            sentence="at an end of an activation's range hardly any gradient passes",
        ),
        Field(
            name="dead_units",
            axes=("steps", "census_layers"),
            meaning="fraction of units that the latest census found dead",
            unit="fraction",
            scale="fraction",
            title="Dead units",
            axis="fraction of units that are dead",
            short="dead units",
            sentence="a dead unit gives the same for every example of the probe batch (for ReLU: "
            "0); one that stays dead learns nothing more",
        ),
    )
}


def field_named(name: str) -> Field:
    """Return the field or derived quantity of that name; `UnknownNameError` if there is none."""
    known = {**FIELDS, **DERIVED}
    if not isinstance(name, str) or name not in known:
        raise unknown_name("quantity", name, [one for one, field in known.items() if field.title])
    return known[name]


def histogram_edges(name: str) -> str:
    """Return the field that holds the edges of a histogram's bins."""
    return f"histogram_edges_{'magnitude' if name.startswith('gradient') else 'signed'}"
