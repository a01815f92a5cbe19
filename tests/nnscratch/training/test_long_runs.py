"""A training that goes on and on, recorded into a file, takes no more of anything."""

import gc
import os
import time

import numpy as np
import pytest

import nnscratch as nn

STEPS = int(os.environ.get("NNSCRATCH_STEPS", 20_000))
PARTS = 10


def taken():
    """Memory in bytes, open files."""
    gc.collect()
    with open("/proc/self/statm") as file:
        pages = int(file.read().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE"), len(os.listdir("/proc/self/fd"))


@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="needs /proc")
def test_memory_files_and_time_of_a_step_stay(tmp_path):
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((200, 8)).astype(np.float32), rng.integers(0, 3, 200)
    model = nn.Sequential(nn.Dense(8, 10), nn.BatchNorm(10), nn.Tanh(), nn.Dense(10, 3), seed=0)
    flow = nn.GradientFlow(model, file=tmp_path / "run.flow", every=10)
    trainer = nn.Trainer(model, nn.SoftmaxCrossEntropy(), nn.Adam(lr=1e-3))
    found = []
    for _ in range(PARTS):
        began = time.process_time()
        trainer.fit(
            x, y, epochs=STEPS // PARTS // 20, batch_size=10, callbacks=[flow], progress=False
        )
        found.append((*taken(), time.process_time() - began))
    flow.close()
    memory, files, seconds = np.array(found[1:]).T
    assert trainer.steps == len(trainer.history.loss) == STEPS
    # The history keeps the loss of every step; the record one row of 10 steps, in the file.
    assert memory[-1] - memory[0] < 8e6 + 200 * STEPS, memory
    assert max(files) == files[0]  # what others left open in this process may go
    assert np.median(seconds[-3:]) < 2 * np.median(seconds[:3]), seconds
