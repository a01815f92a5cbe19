"""The fields of recurrent layers: the gradient on its way back through time, gates, weights.

Of a long sequence not every step is kept. Steps are counted back from the last one, as lags: every
lag up to 32, then four in an octave, up to 6,889 (`LAGS`). It is the same for all runs, so records
of sequences of any length, and of batches whose lengths differ, fit on one axis; where a batch has
no such step there is NaN.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from nnscratch_records.field import Field, facts

_DENSE, _SPARSE, _OCTAVE = 32, 32, 4
LAGS: Final[npt.NDArray[np.int64]] = np.concatenate(
    [np.arange(_DENSE), np.round(_DENSE * 2 ** (np.arange(_SPARSE) / _OCTAVE))]
).astype(np.int64)

_RECURRENT = (
    *facts(
        "recurrent_layers",
        recurrent_layers="text: the layers that go through time",
    ),
    *facts(
        "gates",
        gates='text: their gates, and the state of one without, such as "0.lstm f"',
        gate_layers="whole: the place of each one's layer among recurrent_layers",
    ),
    *facts("lags", lags="whole: steps of time before the last one"),
)


def _of_layer(name: str, meaning: str, **more: Any) -> Field:
    return Field(name=name, axes=("steps", "recurrent_layers"), meaning=meaning, **more)


def _by_lag(name: str, meaning: str, **more: Any) -> Field:
    return Field(name=name, axes=("steps", "recurrent_layers", "lags"), meaning=meaning, **more)


def _of_gate(name: str, meaning: str, **more: Any) -> Field:
    return Field(name=name, axes=("steps", "gates"), meaning=meaning, **more)


_FRACTION: dict[str, Any] = {"unit": "fraction", "scale": "fraction"}
_ENDS = "a gate that stands at an end all the time passes everything or nothing, and learns slowly"
TIME: Final = (
    _of_layer(
        "time_steps",
        "steps of time of the batch",
        unit="steps of time",
        scale="linear",
        title="Length of the sequences",
        axis="steps of time",
        short="length",
    ),
    _of_layer(
        "time_rate",
        "geometric mean, over the batch's steps of time, of the factor by which the norm of the "
        "gradient at the state changes on its way back through one step, without what the loss "
        "adds there; NaN: not known",
        title="Factor per step of time",
        axis="factor of the gradient per step back in time",
        short="factor per step",
        sentence="at 1 the gradient keeps its size through time; at 0.9 a tenth of it is left "
        "after 22 steps, at 0.5 after 3",
    ),
    _of_layer(
        "time_first",
        "norm of the gradient at the state of the first step of time",
        title="Gradient at the first step of time",
        axis="norm of the gradient at the first step of time",
        short="at the first step",
    ),
    _by_lag(
        "hidden_gradient_norm",
        "norm of dL/dh at a step of time, whole: from above and from later steps",
        title="Gradient through time",
        axis="norm of the gradient at the state, ‖∂L/∂h‖",
        short="‖∂L/∂h‖",
        sentence="what has faded on its way back teaches nothing about what was so long ago",
    ),
    _by_lag(
        "cell_gradient_norm",
        "norm of dL/dc at a step of time, whole; NaN: the layer has no cell",
        title="Gradient at the cell, through time",
        axis="norm of the gradient at the cell, ‖∂L/∂c‖",
        short="‖∂L/∂c‖",
    ),
    _of_gate(
        "gate_mean",
        "mean over batch, time and units",
        signed=True,
        scale="linear",
        title="Gates",
        axis="|mean of the gate|",
        short="mean",
        sentence="a forget gate of an LSTM or an update gate of a GRU near 1 keeps the state",
    ),
    _of_gate(
        "gate_low",
        "fraction of a gate at its low end",
        title="Gates at the low end",
        axis="fraction of the gate at its low end",
        short="at the low end",
        sentence=_ENDS,
        **_FRACTION,
    ),
    _of_gate(
        "gate_high",
        "fraction of a gate at its high end",
        title="Gates at the high end",
        axis="fraction of the gate at its high end",
        short="at the high end",
        sentence=_ENDS,
        **_FRACTION,
    ),
    _of_gate(
        "gate_weight_norm",
        "norm of a gate's recurrent weights, before the step's update",
        title="Recurrent weights of the gates",
        axis="norm of a gate's recurrent weights",
        short="recurrent weights",
    ),
    _of_gate(
        "gate_gradient_norm",
        "norm of the gradient of a gate's recurrent weights, before clipping",
        title="Gradient of the gates' recurrent weights",
        axis="norm of the gradient of a gate's recurrent weights",
        short="gradient",
    ),
)
SPECTRA: Final = tuple(
    _of_gate(
        name,
        f"{meaning} of a gate's recurrent weights, at recorded step 0 and those of a power of two",
        looked=True,
        thinned="last",
    )
    for name, meaning in (
        ("spectral_radius", "largest magnitude of an eigenvalue"),
        ("spectral_norm", "largest singular value"),
    )
)
RECURRENT: Final = (*_RECURRENT, *TIME, *SPECTRA)
