"""Whole records of the format of today and of the one before, written down by hand."""

import numpy as np
import pytest

from nnscratch_records import FIELDS, LAGS

LENGTHS = {
    "steps": 5,
    "layers": 4,
    "params": 6,
    "edges": 4,
    "batchnorm_layers": 1,
    "census_steps": 2,
    "census_layers": 1,
    "unit_bounds": 2,
    "units": 6,
    "bins": 64,
    "bin_edges": 65,
    "two": 2,
    "recurrent_layers": 1,
    "gates": 2,
    "lags": 64,
}
GIVEN = {
    "format": 3,
    "label": "a run",
    "clip": "",
    "note": "",
    "optimizer": "SGD(lr=0.1)",
    "penalty": "Penalty(l1=0, l2=0.001)",
    "loss_kind": "SoftmaxCrossEntropy",
    "framework": "",
    "mistakes": "",
    "every": 1,
    "kept_every": 1,
    "layers": ["0.dense", "1.batchnorm", "2.relu", "3.dense"],
    "kinds": ["dense", "batchnorm", "relu", "dense"],
    "roles": ["weights", "norm", "activation", "weights"],
    "blocks": [""] * 4,
    "depths": [1, 1, 1, 2],
    "features": [6, 6, 6, 3],
    "edges": [(-1, 0), (0, 1), (1, 2), (2, 3)],
    "gaps": [0] * 4,
    "params": ["0.weight", "0.bias", "1.gamma", "1.beta", "3.weight", "3.bias"],
    "param_sizes": [24, 6, 6, 6, 18, 3],
    "param_layers": [0, 0, 1, 1, 3, 3],
    "param_roles": ["weight", "bias", "scale", "shift", "weight", "bias"],
    "param_fan_in": [4, 0, 0, 0, 6, 0],
    "steps": [0, 1, 2, 5, 9],
    "batch_size": [20] * 5,
    "batchnorm_layers": ["1.batchnorm"],
    "recurrent_layers": ["3.dense"],
    "gates": ["3.dense z", "3.dense n"],
    "gate_layers": [0, 0],
    "lags": LAGS,
    "census_layers": ["2.relu"],
    "census_units": [0, 6],
    "census_steps": [0, 5],
    "histogram_edges_signed": np.linspace(-1, 1, 65),
    "histogram_edges_magnitude": np.linspace(0, 1, 65),
}
NEW = ("kinds", "roles", "blocks", "depths", "saturation", "edges", "gaps")


def make_record():
    rng = np.random.default_rng(0)
    record = {}
    for name, field in FIELDS.items():
        shape = tuple(LENGTHS[axis] for axis in field.axes)
        if name in GIVEN:
            record[name] = np.array(GIVEN[name]) if field.axes else GIVEN[name]
        elif field.kind == "whole":
            record[name] = rng.integers(0, 4, shape)
        elif field.unit == "fraction":
            record[name] = rng.uniform(0, 1, shape)
        else:
            record[name] = rng.lognormal(0, 3, shape)
    return record


@pytest.fixture
def record():
    return make_record()


@pytest.fixture
def old_record():
    """The same as format 2 had it."""
    made = make_record() | {"format": 2}
    gone = [name for name in made if name in NEW or name.endswith("_initial")]
    gone += ["param_layers", "param_roles", "param_fan_in"]
    gone += [n for n in made if {"recurrent_layers", "gates", "lags"} & set(FIELDS[n].axes)]
    return {name: value for name, value in made.items() if name not in gone}
