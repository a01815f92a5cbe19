"""Captured passes: the same bits as layer by layer, the same trace, and nothing allocated."""

from __future__ import annotations

import copy
import os
import subprocess
import sys
import textwrap
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

import nnscratch as nn
from nnscratch_kernels.runtime import schedule, threads

from .captured import COMPILED, NETWORKS, assert_same_state, layer_by_layer

pytestmark = COMPILED
BATCHES = (32, 32, 7, 32, 64, 64, 1)


@pytest.fixture(autouse=True)
def _same_threads_after():
    before = threads.get_num_threads()
    yield
    threads.set_num_threads(before)


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize(
    ("network", "dtype"),
    [*((name, np.float32) for name in NETWORKS), ("batchnorm", np.float64), ("deep", np.float64)],
)
def test_same_bits_as_layer_by_layer(network, dtype, count, monkeypatch):
    monkeypatch.setattr(threads, "_threads", count)  # also more than there are cores
    monkeypatch.setattr(schedule, "WORTH_TEAM", 0)
    monkeypatch.setattr(schedule, "PUT_OFF", 10_000)  # segments of few layers
    found, expected = (nn.Sequential(*NETWORKS[network](), seed=1, dtype=dtype) for _ in range(2))
    loss, plain_loss = nn.SoftmaxCrossEntropy(), nn.SoftmaxCrossEntropy()
    optimizers = [nn.SGD(lr=0.1), nn.SGD(lr=0.1)]
    rng = np.random.default_rng(2)
    for batch in BATCHES:
        x = rng.standard_normal((batch, 13)).astype(dtype)
        labels = rng.integers(0, 10, batch)
        assert found.captured(x, labels, loss) is not None
        value = found.training_pass(x, labels, loss)
        assert found.captured(x, labels, loss).plans[count].program.parts == count
        assert value == layer_by_layer(expected, x, labels, plain_loss)
        assert_same_state(found, expected)
        assert found.last["0." + found.layers[next(iter(found.layers))].kind].input is x
        for model, optimizer in zip((found, expected), optimizers, strict=True):
            optimizer.step(model.params, model.grads)


@pytest.mark.parametrize(
    "make_loss", [nn.SoftmaxCrossEntropy, nn.SigmoidCrossEntropy, nn.MeanSquaredError]
)
def test_losses_with_targets(make_loss):
    found, expected = (nn.Sequential(*NETWORKS["deep"](), seed=1) for _ in range(2))
    rng = np.random.default_rng(3)
    loss = make_loss()
    for _ in range(3):
        x = rng.standard_normal((16, 13), np.float32)
        targets = rng.random((16, 10), np.float32)
        targets /= targets.sum(axis=1, keepdims=True)
        assert found.captured(x, targets, loss) is not None
        value = found.training_pass(x, targets, loss)
        assert value == layer_by_layer(expected, x, targets, make_loss())
        assert_same_state(found, expected)
    targets[3, 4] = np.nan
    with pytest.raises(nn.DataError):
        found.training_pass(x, targets, loss)


def test_trainer_uses_it_and_training_is_the_same(batch, monkeypatch):
    histories = []
    for usable in (True, False):
        if not usable:
            monkeypatch.setattr("nnscratch.network.captures.capturable", lambda layer: False)
        model = nn.Sequential(*NETWORKS["batchnorm"](), seed=5)
        trainer = nn.Trainer(
            model, nn.SoftmaxCrossEntropy(), nn.Adam(lr=0.01, clip=nn.ClipByGlobalNorm(1.0))
        )
        flow = nn.GradientFlow(model)
        history = trainer.fit(
            *batch, epochs=3, batch_size=24, validation=batch, callbacks=[flow], progress=False
        )
        record = {k: v.tolist() for k, v in flow.to_dict().items() if isinstance(v, np.ndarray)}
        histories.append((history.loss, history.val_loss, record))
        assert bool(model._captured._passes) == usable
    np.testing.assert_equal(histories[0], histories[1])


def test_switching_kernels_and_evaluating_between_steps(batch):
    found, expected = (nn.Sequential(*NETWORKS["batchnorm"](), seed=1) for _ in range(2))
    loss, other = nn.SoftmaxCrossEntropy(), nn.SoftmaxCrossEntropy()
    rng = np.random.default_rng(6)
    for step in range(6):
        if step in (2, 3):
            with nn.use_kernels("reference"):
                assert found.captured(*batch, loss) is None
                value = found.training_pass(*batch, loss)
                assert value == layer_by_layer(expected, *batch, other)
        else:
            assert found.training_pass(*batch, loss) == layer_by_layer(expected, *batch, other)
        assert_same_state(found, expected)
        if step % 2:  # grows the buffers, and leaves another trace
            x = rng.standard_normal((80 + step, 13), np.float32)
            np.testing.assert_array_equal(found.predict(x), expected.predict(x))
            assert len(found.output) == len(x)


def test_a_changed_setting_counts_at_once(batch):
    found, expected = (
        nn.Sequential(nn.Dense(13, 10), nn.LeakyReLU(0.1), nn.BatchNorm(10)) for _ in range(2)
    )
    loss = nn.SoftmaxCrossEntropy()
    for momentum in (0.9, 0.3):
        for model in (found, expected):
            model.layers["2.batchnorm"].momentum = momentum
            model.layers["1.leakyrelu"].slope = momentum
        value = found.training_pass(*batch, loss)
        assert value == layer_by_layer(expected, *batch, nn.SoftmaxCrossEntropy())
        assert_same_state(found, expected)


def test_backward_again_after_a_replay(batch):
    """The layers' caches are those of the latest batch."""
    x, labels = batch
    found, expected = (nn.Sequential(*NETWORKS["activations"](), seed=1) for _ in range(2))
    loss, other = nn.SoftmaxCrossEntropy(), nn.SoftmaxCrossEntropy()
    for shift in (0, 1):
        rolled = np.roll(x, shift, axis=0)
        found.training_pass(rolled, labels, loss)
        _, dlogits = other(expected.forward(rolled, training=True), labels)
        want = expected.backward(dlogits, accumulate=True, input_gradient=True)
        got = found.backward(loss(found.output, labels)[1], accumulate=True, input_gradient=True)
        np.testing.assert_array_equal(got, want)


def test_a_copied_model_has_passes_of_its_own(batch):
    model, loss = nn.Sequential(*NETWORKS["deep"](), seed=1), nn.SoftmaxCrossEntropy()
    model.training_pass(*batch, loss)
    twin = copy.deepcopy(model)
    before = model.grads.flat.copy()
    twin.params.flat[...] *= 0.5
    twin.training_pass(*batch, loss)
    np.testing.assert_array_equal(model.grads.flat, before)
    assert not np.array_equal(twin.grads.flat, before)


def test_an_old_trace_is_outdated(batch):
    model, loss = nn.Sequential(*NETWORKS["deep"](), seed=1), nn.SoftmaxCrossEntropy()
    model.training_pass(*batch, loss)
    trace = model.last
    model.training_pass(*batch, loss)
    with pytest.raises(nn.ConfigError, match="outdated"):
        trace["0.dense"]


def test_a_step_allocates_nothing(batch):
    model, loss = nn.Sequential(*NETWORKS["deep"](), seed=1), nn.SoftmaxCrossEntropy()
    optimizer = nn.Adam(lr=0.01, clip=nn.ClipByGlobalNorm(1.0))

    def step():
        model.training_pass(*batch, loss)
        optimizer.step(model.params, model.grads)

    def addresses():
        return [t.output.ctypes.data for t in model.last.values()], model.grads.flat.ctypes.data

    def allocated():
        """Return the bytes that three hundred steps leave behind, and those at the most."""
        tracemalloc.start()
        try:
            step()
            start = tracemalloc.get_traced_memory()[0]
            for _ in range(300):
                step()
            end, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        return end - start, peak - start

    for _ in range(3):
        step()
    before = addresses()
    left, most = map(min, zip(*[allocated() for _ in range(3)], strict=True))  # others allocate too
    assert addresses() == before
    assert left < 5_000  # the clip's report and the like; a number a step would be 7,200
    assert most < 10_000  # a batch of one layer's output has 3,328 bytes, 60 layers


def test_models_trained_in_threads_at_once_and_in_a_forked_child():
    """In a process of its own, which is ended if it hangs."""
    program = """
        import multiprocessing, os, threading
        import numpy as np
        import nnscratch as nn
        from nnscratch_kernels.runtime import threads
        threads._threads = 2

        def train(seed):
            model = nn.Sequential(
                *(layer for _ in range(10) for layer in (nn.Dense(64, 64), nn.Tanh())),
                nn.Dense(64, 10), seed=seed)
            loss, optimizer = nn.SoftmaxCrossEntropy(), nn.SGD(lr=0.1)
            rng = np.random.default_rng(seed)
            for step in range(60):
                batch = 64 - step % 3
                x, y = rng.standard_normal((batch, 64), np.float32), rng.integers(0, 10, batch)
                model.training_pass(x, y, loss)
                optimizer.step(model.params, model.grads)
            return model.params.flat.tobytes()

        alone = [train(seed) for seed in range(3)]
        found = [None] * 3
        def work(i):
            found[i] = train(i)
        workers = [threading.Thread(target=work, args=(i,)) for i in range(3)]
        [worker.start() for worker in workers]
        [worker.join() for worker in workers]
        assert found == alone
        if hasattr(os, "fork"):
            with multiprocessing.get_context("fork").Pool(2) as pool:
                assert pool.map(train, range(3)) == alone
    """
    root = Path(__file__).parents[3]
    path = os.pathsep.join([str(root), str(root / "kernels"), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], env={**os.environ, "PYTHONPATH": path},
        capture_output=True, text=True, timeout=180,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
