"""Processes of every kind, and the frameworks beside us in one: the same bits as alone."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import multiprocessing, pickle, sys, threading
import numpy as np
import nnscratch as nn

x = np.random.default_rng(0).standard_normal((40, 6)).astype(np.float32)
y = np.arange(40) % 3

def trained(model):
    model = pickle.loads(pickle.dumps(model))
    nn.Trainer(model, nn.SoftmaxCrossEntropy(), nn.Adam(lr=0.1)).fit(
        x, y, epochs=3, batch_size=10, progress=False)
    return model

def bits(model):
    return trained(model).params.flat.tobytes()

def beside(framework):
    # Its own threads at work between ours, and while another thread of Python's trains.
    found = []
    other = threading.Thread(target=lambda: found.append(bits(model)))
    if framework == "torch":
        import torch
        torch.set_num_threads(2)
        w = torch.randn(300, 300, requires_grad=True)
        work = lambda: (w @ w).tanh().sum().backward()
    else:
        import jax
        grad = jax.jit(jax.grad(lambda w: jax.numpy.tanh(w @ w).sum()))
        work = lambda: grad(np.ones((300, 300), np.float32)).block_until_ready()
    other.start()
    for _ in range(3):
        work()
        found.append(bits(model))
    other.join()
    return found

model = nn.Sequential(nn.Dense(6, 8), nn.BatchNorm(8), nn.Dropout(0.2), nn.Dense(8, 3), seed=0)

if __name__ == "__main__":
    kind, expected = sys.argv[1], bits(model)
    if kind == "loky":
        from joblib import Parallel, delayed
        given = [model, trained(model)]
        models = Parallel(2, backend="loky")(delayed(trained)(one) for one in given)
        for made, one in zip(models, given, strict=True):
            assert np.array_equal(made.predict(x), trained(one).predict(x))
        found = [models[0].params.flat.tobytes()]
    elif kind in ("torch", "jax"):
        found = beside(kind)
    else:
        with multiprocessing.get_context(kind).Pool(2) as pool:
            found = pool.map(bits, [model] * 3)
    assert set(found) == {expected}
    print("right")
"""


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["spawn", "forkserver", "loky", "torch", "jax"])
def test_the_same_bits_in_processes_and_beside_frameworks(kind, tmp_path):
    if kind == "forkserver" and sys.platform == "win32":
        pytest.skip("Windows has no fork")
    needed = {"loky": "joblib"}.get(kind, kind)
    if kind in ("loky", "torch", "jax") and not importlib.util.find_spec(needed):
        pytest.skip(f"needs {needed}")
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    root = Path(__file__).parents[2]
    path = [str(root), str(root / "kernels"), str(root / "plots"), os.environ.get("PYTHONPATH", "")]
    done = subprocess.run(
        [sys.executable, str(script), kind],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path)},
        cwd=tmp_path, capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert done.stdout.endswith("right\n"), done.stdout[-2000:] + done.stderr[-4000:]
