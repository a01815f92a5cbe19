"""Records written down by hand: a run that learns, which each test changes in one place."""

import math
from pathlib import Path

import numpy as np
import pytest

from nnscratch import layers
from nnscratch.flow import load_record
from nnscratch.flow.findings import find
from nnscratch.flow.findings.view import View
from nnscratch_records import LAGS, check_record

ROLES = {"dense": "weights", "batchnorm": "norm", "layernorm": "norm", "dropout": "noise"}
ROLES |= {
    "rnn": "recurrent",
    "lstm": "recurrent",
    "gru": "recurrent",
    "laststep": "shape",
    "sum": "join",
}
GATES = {"rnn": "h", "lstm": "ifgo", "gru": "rzn"}
ENDS = {
    layers.activation(name).kind: layers.activation(name).saturation
    for name in layers.activation_names()
    if name != "identity"
}
ENDS["softmax"] = (math.nan, math.nan)


def falling(start, end, steps):
    """A loss on its way from one value to another, nine tenths of it in the first half."""
    return end + (start - end) * 10.0 ** (-2 * np.arange(steps) / steps)


def make(
    kinds="dense relu dense relu dense",
    widths=(20, 20, 3),
    n_in=8,
    steps=100,
    batch=32,
    loss=None,
    scale=None,
    lr=0.1,
    targets="classes",
    optimizer="SGD(lr=0.1)",
):
    """Return a record of a network that learns, of dense layers of these widths and the rest."""
    kinds = kinds.split()
    n = len(kinds)
    roles = [ROLES.get(kind, "activation") for kind in kinds]
    features, fan, params = [], [], []
    width, given = n_in, iter(widths)
    for i, kind in enumerate(kinds):
        if kind == "dense" or kind in GATES:
            fan.append(width)
            width = next(given)
            columns = width * len(GATES.get(kind, "w"))
            params += [(f"{i}.weight", i, "weight", fan[-1] * columns, fan[-1])]
            if kind in GATES:
                again = (f"{i}.recurrent_weight", i, "recurrent_weight", width * columns, width)
                params.append(again)
            params += [(f"{i}.bias", i, "bias", columns, 0)]
        features.append(width)
    names = [f"{i}.{kind}" for i, kind in enumerate(kinds)]
    outputs = features[-1]
    start = math.log(outputs) if targets == "classes" else 1.0
    if loss is None:
        loss = falling(start * 1.05, 0.02 * start, steps)
    rows = (steps, n)
    sw2 = 2.0 if scale is None else scale
    weights = np.array([p[2] == "weight" for p in params])
    sizes = np.array([p[3] for p in params])
    fans = np.array([p[4] for p in params])
    norm = np.where(weights, np.sqrt(sw2 * sizes / np.maximum(fans, 1)), 0.0)
    p_rows = (steps, len(params))
    norms = [name for name, kind in zip(names, kinds, strict=True) if kind == "batchnorm"]
    ends = np.array([ENDS.get(kind, (math.nan, math.nan)) for kind in kinds])
    record = {
        "format": 3,
        "label": "run",
        "clip": "",
        "note": "",
        "optimizer": optimizer,
        "loss_kind": "SoftmaxCrossEntropy" if targets == "classes" else "MeanSquaredError",
        "layers": names,
        "kinds": kinds,
        "roles": roles,
        "blocks": [""] * n,
        "depths": np.cumsum([role in ("weights", "recurrent") for role in roles]),
        "features": features,
        "saturation": ends,
        "edges": [(i - 1, i) for i in range(n)],
        "gaps": [0] * n,
        "params": [p[0] for p in params],
        "param_layers": [p[1] for p in params],
        "param_roles": [p[2] for p in params],
        "param_sizes": sizes,
        "param_fan_in": fans,
        "param_norm_initial": norm,
        "param_mean_initial": np.zeros(len(params)),
        "steps": np.arange(steps),
        "loss": np.array(loss, np.float64),
        "lr": np.full(steps, lr),
        "batch_size": np.full(steps, batch),
        "input_mean": np.zeros(steps),
        "input_std": np.ones(steps),
        "input_max": np.full(steps, 3.0),
        "input_nonfinite": np.zeros(steps),
        "output_norm": np.full(rows, math.sqrt(batch * 20)),
        "output_mean": np.zeros(rows),
        "output_std": np.ones(rows),
        "output_max": np.full(rows, 3.0),
        "output_zeros": np.where([kind == "relu" for kind in kinds], 0.5, 0.0) * np.ones(rows),
        "output_nonfinite": np.zeros(rows),
        "saturated_low": np.where(np.isnan(ends[:, 0]), np.nan, 0.1) * np.ones(rows),
        "saturated_high": np.where(np.isnan(ends[:, 1]), np.nan, 0.05) * np.ones(rows),
        "gradient_norm": np.full(rows, 0.1),
        "gradient_zeros": np.zeros(rows),
        "gradient_nonfinite": np.zeros(rows),
        "param_norm": np.tile(np.maximum(norm, 0.1), (steps, 1)),
        "param_mean": np.zeros(p_rows),
        "param_nonfinite": np.zeros(p_rows),
        "param_gradient_norm": np.full(p_rows, 0.1),
        "param_gradient_nonfinite": np.zeros(p_rows),
        # Before each step the weights are a little farther from where they began.
        "param_update_norm": 2e-3 * np.maximum(norm, 0.1) * (1 + 1e-6 * np.arange(steps)[:, None]),
        "update_ratio": np.full(p_rows, 2e-3),
        **{f"clip_{what}": np.full(steps, np.nan) for what in ("before", "after", "fraction")},
        "batchnorm_layers": norms,
        "batchnorm_mean_gap": np.full((steps, len(norms)), 0.05),
        "batchnorm_variance_ratio": np.ones((steps, len(norms))),
        "batchnorm_scale": np.ones((steps, len(norms))),
        "census_steps": [],
        "census_layers": [],
        "census_units": [0],
        "census": np.zeros((0, 0), np.uint8),
        "output_spread": np.ones(rows),
        "output_dead": np.zeros(rows),
        "param_copies": np.where(weights & (sizes > fans), 0.0, np.nan) * np.ones(p_rows),
    }
    goes = [(name, kind) for name, kind in zip(names, kinds, strict=True) if kind in GATES]
    gates = [(at, f"{name} {gate}") for at, (name, kind) in enumerate(goes) for gate in GATES[kind]]
    if goes:  # over 30 steps of time, all of it kept
        by_lag = np.where(LAGS < 30, 1.0, np.nan) * np.ones((steps, len(goes), 1))
        record |= {
            "recurrent_layers": [name for name, _ in goes],
            "gates": [name for _, name in gates],
            "gate_layers": [at for at, _ in gates],
            "lags": LAGS,
            "time_steps": np.full((steps, len(goes)), 30.0),
            "time_rate": np.ones((steps, len(goes))),
            "time_first": np.ones((steps, len(goes))),
            "hidden_gradient_norm": by_lag,
            "cell_gradient_norm": by_lag,
            **{f"gate_{what}": np.zeros((steps, len(gates))) for what in ("low", "high")},
            "gate_mean": np.full((steps, len(gates)), 0.9),
            "gate_weight_norm": np.full((steps, len(gates)), math.sqrt(20)),
            "gate_gradient_norm": np.full((steps, len(gates)), 0.1),
        }
    known = {
        "target_count": 400,
        "target_values": outputs if targets == "classes" else 400,
        "target_classes": 2 if targets == "classes" else 0,
        "target_mean": 1 / outputs if targets == "classes" else 0.0,
        "target_std": 0.47 if targets == "classes" else 1.0,
        "target_min": 0.0 if targets == "classes" else -3.0,
        "target_max": 1.0 if targets == "classes" else 3.0,
        "loss_constant": start,
        "loss_free": 0.0,
        "loss_floor": 0.0,
        "guess_linear": 0.5,
        "guess_neighbours": 0.6,
        "feature_ratio": 1.2,
        "feature_offset": 0.1,
        "validation_loss": np.nan,
        "validation_accuracy": np.nan,
    }
    record |= {name: np.full(steps, float(value)) for name, value in known.items()}
    return dict(check_record(record, needed=["loss"]))


def stuck(record, at=None):
    """The same with a loss that stands, a little above what a constant answer gives."""
    steps = len(record["steps"])
    level = record["loss_constant"][0] if at is None else at
    record["loss"] = level * (1 + 0.002 * (-1.0) ** np.arange(steps))
    return record


class Lab:
    """Calls find the findings of a record that `change` has changed in place; and some changes."""

    make = staticmethod(make)
    stuck = staticmethod(stuck)
    falling = staticmethod(falling)

    def __call__(self, change=lambda record: None, **options):
        made = make(**options)
        change(made)
        return find(made)

    def view(self, change=lambda record: None, **options):
        made = make(**options)
        change(made)
        return View(made)

    @staticmethod
    def remade(changes, optimizer="SGD(lr=0.1)"):
        """The line that makes the network anew, and its optimizer with it."""
        return f"model, optimizer = nn.remake(model, {changes}), nn.{optimizer}"

    @staticmethod
    def dead(record, since=0):
        """All units of the first activation are off from this row on."""
        record["output_zeros"][since:, 1] = 1.0
        record["output_dead"][since:, 1] = 1.0

    @staticmethod
    def slope(record, down, start=0):
        """The gradient changes by this many powers of ten towards the input, from a row on."""
        n = len(record["layers"])
        record["gradient_norm"][start:] = 0.1 * 10.0 ** (down * (1 - np.arange(n) / (n - 1)))

    @staticmethod
    def scales(record, *values):
        """n_in Var(w) of the layers with weights, before training."""
        columns = [i for i, role in enumerate(record["param_roles"]) if role == "weight"]
        for column, value in zip(columns, values, strict=False):
            size, fan = record["param_sizes"][column], record["param_fan_in"][column]
            record["param_norm_initial"][column] = math.sqrt(value * size / fan)

    @staticmethod
    def of(found, kind):
        return next((one for one in found if one.kind == kind), None)

    @staticmethod
    def fill(**values):
        def change(record):
            for name, value in values.items():
                record[name][...] = value

        return change


@pytest.fixture
def run():
    return Lab()


@pytest.fixture
def recording_of_format_2():
    return load_record(Path(__file__).parent.parent / "data" / "format2.npz")
