"""What a machine compiles for its first training: each kernel once, and nothing for words."""

import os
import subprocess
import sys
from collections import Counter

import pytest

FIRST = """
import numpy as np
import nnscratch as nn

rng = np.random.default_rng(0)
x, y = rng.normal(size=(40, 5, 3)).astype(np.float32), rng.integers(0, 3, 40)
model = nn.Sequential(nn.LSTM(3, 8), nn.LastStep(), nn.Dense(8, 8), nn.ReLU(), nn.Dense(8, 3))
trainer = nn.Trainer(model, nn.SoftmaxCrossEntropy(), nn.Adam(lr=0.01))
trainer.fit(x, y, epochs=1, batch_size=20, callbacks=[nn.GradientFlow(model)], progress=False)
"""


@pytest.mark.slow
def test_no_kernel_is_compiled_for_each_value_that_it_is_handed(tmp_path):
    environment = dict(os.environ, NUMBA_CACHE_DIR=str(tmp_path), NNSCRATCH_KERNELS="numba")
    subprocess.run([sys.executable, "-c", FIRST], env=environment, check=True)
    files = list(tmp_path.rglob("*.nbc"))
    variants = Counter(file.name.partition("-")[0] for file in files)
    product = next(name for name in variants if name.endswith("_family.locals.multiply"))
    assert (variants[product], variants["steps.come_back"]) == (1, 1)
    # Where arrays are assigned to slices their shapes are compared, and put into words: seconds.
    assert not [file.name for file in files if b"cannot assign slice" in file.read_bytes()]
