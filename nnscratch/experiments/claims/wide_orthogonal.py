"""Keras: what "orthogonal" recurrent weights of an LSTM are."""

from __future__ import annotations

import numpy as np

from nnscratch import initializers
from nnscratch.experiments.claims.claim import Claim, Measured, Quantity, Trial, Verdict
from nnscratch.experiments.claims.pictures import Picture, seed_lines

GATES = {"LSTM": 4, "GRU": 3}
_SAME = 1e-6


def run(trial: Trial) -> Measured:
    units = trial["units"]
    values: dict[str, list[list[float]]] = {}
    found: dict[str, list[float]] = {}
    for seed in trial.seeds("draw"):
        rng = np.random.default_rng(seed)
        kinds = {"one gate by itself": 1, **{f"a gate of Keras's {k}": g for k, g in GATES.items()}}
        for name, gates in kinds.items():
            wide = initializers.Orthogonal()((units, gates * units), rng, np.float64)
            gate = wide[:, :units]
            singular = np.linalg.svd(gate, compute_uv=False)
            radius = float(np.abs(np.linalg.eigvals(gate)).max())
            for what, value in (
                ("variance", units * float(np.mean(gate * gate))),
                ("largest", float(singular[0])),
                ("smallest", float(singular[-1])),
                ("radius", radius),
            ):
                found.setdefault(f"{name}: {what}", []).append(value)
            values.setdefault(name, []).append(singular[:: max(1, units // 16)].tolist())
    words = {
        "variance": "n Var(w)",
        "largest": "largest singular value",
        "smallest": "smallest singular value",
        "radius": "spectral radius",
    }
    expected = {f"a gate of Keras's {kind}: variance": 1 / gates for kind, gates in GATES.items()}
    quantities = {
        key: Quantity(
            f"{key.rpartition(':')[0]}: {words[key.rpartition(': ')[2]]}",
            numbers,
            expected.get(key),
            "1 / gates" if key in expected else "",
        )
        for key, numbers in found.items()
    }
    return Measured(quantities, {"singular": {name: rows[:5] for name, rows in values.items()}})


def verdict(measured: Measured) -> Verdict:
    alone = measured["one gate by itself: smallest"].interval
    variance, largest, radius = (
        measured[f"a gate of Keras's LSTM: {what}"].interval
        for what in ("variance", "largest", "radius")
    )
    said = (
        f"a gate of its LSTM has n Var(w) = {variance.mean:.3f}, singular values up to "
        f"{largest.mean:.3f} and a spectral radius of {radius.mean:.3f}"
    )
    if alone.below(1 - _SAME):
        return Verdict.unchecked("a gate by itself is not orthogonal: the measurement is wrong")
    if largest.below(1 - _SAME) and radius.below(1 - _SAME):
        return Verdict.holds(said)
    if largest.above(1 - _SAME):
        return Verdict.fails(said)
    return Verdict.unchecked(said)


def picture(measured: Measured) -> Picture:
    return Picture(
        seed_lines(
            measured.curves["singular"],
            xlabel="singular values of one gate's recurrent weights, largest first (every eighth)",
            ylabel="singular value",
            title="Recurrent weights drawn as one wide orthogonal matrix",
            ylim=(0, 1.1),
        )
    )


WIDE = Claim(
    name="wide-orthogonal",
    sentence="The recurrent weights of a Keras LSTM, initialized as one orthogonal matrix over all "
    "four gates, are not orthogonal for any gate: each gate contracts.",
    source="Keras 3, LSTMCell and GRUCell (recurrent_initializer='orthogonal'), computed",
    configuration="{units} units; a matrix with orthonormal rows over all gates, of which one "
    "gate's columns are looked at; {seeds} draws",
    rule="Holds if largest singular value and spectral radius of one LSTM gate's weights lie below "
    "1 (whole intervals) while those of a gate drawn by itself are 1; does not hold if a singular "
    "value reaches 1.",
    full={"seeds": 20, "units": 128},
    quick={"seeds": 4},
    run=run,
    verdict=verdict,
    picture=picture,
)
