"""TensorBoard opens the event files that are written without it."""

import json
import socket
import subprocess
import sys
import time
import urllib.request

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.flow.export import to_tensorboard

pytest.importorskip("tensorboard", reason="TensorBoard is not installed")

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util import tensor_util


@pytest.fixture(scope="module")
def record():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((200, 8)).astype(np.float32), rng.integers(0, 3, 200)
    model = nn.Sequential(nn.Dense(8, 6), nn.BatchNorm(6), nn.ReLU(), nn.Dense(6, 3))
    flow = nn.GradientFlow(model, probe=x, probe_every=10)
    trainer = nn.Trainer(model, nn.SoftmaxCrossEntropy(), nn.SGD(0.1))
    trainer.fit(x, y, epochs=15, batch_size=20, progress=False, callbacks=[flow])
    record = flow.to_dict()
    record["loss"][5:7] = np.nan, np.inf
    return record


@pytest.fixture(scope="module")
def folder(record, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tensorboard")
    to_tensorboard(record, folder / "a run")
    return folder


@pytest.fixture(scope="module")
def accumulator(folder):
    accumulator = EventAccumulator(str(folder / "a run"), {"scalars": 0, "tensors": 0})
    accumulator.Reload()
    return accumulator


def check_scalars(accumulator, tag, steps, values):
    events = accumulator.Scalars(tag)
    assert [event.step for event in events] == steps.tolist()
    np.testing.assert_array_equal([event.value for event in events], values.astype(np.float32))


def test_scalars(accumulator, record):
    check_scalars(accumulator, "step/loss", record["steps"], record["loss"])
    for i, layer in enumerate(record["layers"]):
        for name in ("output_norm", "gradient_norm", "gradient_max"):
            check_scalars(accumulator, f"{name}/{layer}", record["steps"], record[name][:, i])
    for i, param in enumerate(record["params"]):
        values = record["update_ratio"][:, i]
        check_scalars(accumulator, f"update_ratio/{param}", record["steps"], values)
    logs = np.log10(record["gradient_norm"])
    check_scalars(accumulator, "log10_gradient_norm/0.dense", record["steps"], logs[:, 0])
    ratio = np.log10(record["gradient_norm"][:, 0] / record["gradient_norm"][:, 3])
    check_scalars(accumulator, "log10_first_over_last", record["steps"], ratio)
    dead = (record["census"] == 1).mean(axis=1)
    check_scalars(accumulator, "units_dead/2.relu", record["census_steps"], dead)


def test_histograms(accumulator, record):
    events = accumulator.Tensors("output_histogram/0.dense")
    chosen = np.linspace(0, 149, 100).round().astype(int)
    assert [event.step for event in events] == record["steps"][chosen].tolist()
    for event in events[::20]:
        buckets = tensor_util.make_ndarray(event.tensor_proto)
        counts = record["output_histogram"][event.step, 0]
        np.testing.assert_array_equal(buckets[:, 2].sum(), counts.sum())
        np.testing.assert_array_equal(buckets[buckets[:, 2] > 0, 2], counts[counts > 0])


def test_live(tmp_path):
    told = []
    log = nn.TensorBoardLog(tmp_path / "live")
    reader = EventAccumulator(str(tmp_path / "live"))

    def both(numbers, step):
        told.append(numbers)
        log(numbers, step)
        if step == 3:  # in the middle of the training
            assert [event.step for event in reader.Reload().Scalars("loss")] == [0, 1, 2, 3]

    model = nn.Sequential(nn.Dense(3, 4), nn.Tanh(), nn.Dense(4, 2))
    flow = nn.GradientFlow(model, log=both)
    trainer = nn.Trainer(model, nn.SoftmaxCrossEntropy(), nn.SGD(0.1))
    x = np.random.default_rng(0).standard_normal((60, 3))
    trainer.fit(x, np.arange(60) % 2, batch_size=10, epochs=1, progress=False, callbacks=[flow])
    assert len(told) == 6
    reader.Reload()
    for tag in told[0]:
        check_scalars(reader, tag, np.arange(6), np.array([numbers[tag] for numbers in told]))
    assert "log10_first_over_last" in told[0]


@pytest.mark.slow
@pytest.mark.parametrize("loading", ["--load_fast=true", "--load_fast=false"])
def test_the_server_shows_scalars_and_histograms(folder, record, loading):
    """Both of TensorBoard's loaders: the one in Rust takes less than the one in Python."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", folder, loading]
    command += ["--host", "127.0.0.1", "--port", str(port)]

    def ask(question):
        url = f"http://127.0.0.1:{port}/data/plugin/{question}"
        with urllib.request.urlopen(url, timeout=30) as answer:
            return json.loads(answer.read())

    def tags(dashboard):
        try:
            return ask(f"{dashboard}/tags").get("a run", {})
        except OSError:
            return {}

    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as server:
        try:
            deadline = time.monotonic() + 60
            while "output_histogram/0.dense" not in tags("histograms"):
                assert time.monotonic() < deadline, "TensorBoard shows no histograms"
                time.sleep(0.2)
            shown = ask("scalars/scalars?run=a%20run&tag=gradient_norm/0.dense")
            assert [step for _, step, _ in shown] == record["steps"].tolist()
            expected = record["gradient_norm"][:, 0].astype(np.float32)
            np.testing.assert_array_equal([value for *_, value in shown], expected)
            shown = ask("histograms/histograms?run=a%20run&tag=param_histogram/0.weight")
            assert len(shown) > 10
        finally:
            server.terminate()
