"""Synthetic recordings: rows of a small layout, filled with seeded numbers."""

import numpy as np
import pytest

from nnscratch.flow.infos import LayerInfo, ParamInfo, network_facts
from nnscratch.flow.layout import STEP_FIELDS, Layout
from nnscratch.optimizers.measures import PARAM_MEASURES
from nnscratch_kernels.reference.measures import MEASURES
from nnscratch_records import RecordError, check_record

LAYERS = (
    LayerInfo("0.dense", "dense", 6, role="weights"),
    LayerInfo("1.tanh", "tanh", 6, (-0.97, 0.97), "activation"),
    LayerInfo("2.batchnorm", "batchnorm", 6, role="norm", by_batch=True),
    LayerInfo("3.dense", "dense", 3, role="recurrent"),
)
PARAMS = (
    ParamInfo("0.weight", "0.dense", "weight", (4, 6)),
    ParamInfo("0.bias", "0.dense", "bias", (6,)),
    ParamInfo("2.gamma", "2.batchnorm", "scale", (6,)),
    ParamInfo("2.beta", "2.batchnorm", "shift", (6,)),
    ParamInfo("3.weight", "3.dense", "weight", (6, 3)),
    ParamInfo("3.bias", "3.dense", "bias", (3,)),
)
RUN = {"label": "a run", "clip": "ClipNorm(1.0)", "every": 1}
LAYOUT = Layout({**RUN, **network_facts(LAYERS, PARAMS, counted=["1.tanh"])})


def _is_fraction(column):
    row = np.zeros((1, LAYOUT.numbers))
    samples = np.zeros((1, LAYOUT.samples), np.uint8)
    row[0, column] = 2.0
    try:
        check_record(LAYOUT.to_record([0], row, samples), needed=())
    except RecordError as error:
        return "fraction" in str(error)
    return False


_FRACTIONS = [i for i in range(LAYOUT.numbers) if _is_fraction(i)]
_COUNTS = [i for i, name in enumerate(PARAM_MEASURES) if name.endswith("nonfinite")]


class Recording:
    """`count` rows of LAYOUT with NaN and infinities among them, and a census every 4th step."""

    layout = LAYOUT

    def __init__(self, count, seed=0):
        rng = np.random.default_rng(seed)
        self.steps = np.arange(count, dtype=np.int64)
        self.numbers = rng.lognormal(0, 3, (count, LAYOUT.numbers))
        self.numbers[rng.random(self.numbers.shape) < 0.05] = np.nan
        self.numbers[rng.random(self.numbers.shape) < 0.02] = np.inf
        _, tensors, params, *_ = LAYOUT.blocks(self.numbers)
        for counts in (tensors[:, MEASURES.index("nonfinite")], *(params[:, i] for i in _COUNTS)):
            counts[np.isinf(counts)] = 7  # a count is a number
        self.numbers[:, _FRACTIONS] = np.minimum(self.numbers[:, _FRACTIONS], 1)
        self.numbers[:, STEP_FIELDS.index("batch_size")] = 20
        self.samples = rng.integers(0, 70, (count, LAYOUT.samples), dtype=np.uint8)
        self.census_steps = self.steps[::4]
        self.census = rng.integers(0, 4, (len(self.census_steps), 6), dtype=np.uint8)

    def record(self, **options):
        return self.layout.to_record(
            self.steps, self.numbers, self.samples, self.census_steps, self.census, **options
        )


@pytest.fixture
def layout():
    return LAYOUT


@pytest.fixture
def recording():
    return Recording(10)
