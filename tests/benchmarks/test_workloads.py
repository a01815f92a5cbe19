"""The registry, and the correctness of every contender on it."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks import contenders
from benchmarks.contenders import CONTENDERS
from benchmarks.correctness import TOLERANCE, judge, judge_product, make_reference, same
from benchmarks.workloads import (
    BATCHES,
    CHECK_STEPS,
    DEPTHS,
    FAMILIES,
    GROWTH,
    MADE,
    MAIN,
    RECURRENT,
    SMALL,
    TIMES,
    WIDTHS,
    WORKLOADS,
    make_problem,
)

CHECKED = ("tiny", "depth-2", "depth-10", "width-16", "batch-1")


def test_the_five_main_workloads_are_those_of_the_design():
    assert [(w.name, w.widths[0], w.widths[-1], w.batch, w.depth) for w in MAIN] == [
        ("mnist-bn-elu", 784, 10, 200, 3),
        ("elu-8x128", 784, 10, 64, 9),
        ("tanh-50x100", 64, 10, 60, 51),
        ("tanh-200x64", 64, 10, 32, 201),
        ("relu-4x2048", 784, 10, 512, 5),
    ]
    assert [w.network for w in MAIN] == [
        "784-300-100-10, batch norm, ELU",
        "784-8x128-10, ELU",
        "64-50x100-10, tanh",
        "64-200x64-10, tanh",
        "784-4x2048-10, ReLU",
    ]


def test_families_grow_in_their_number_only():
    grown = (DEPTHS, WIDTHS, BATCHES, TIMES)
    for family, sizes in zip(FAMILIES, grown, strict=True):
        members = [w for w in GROWTH if w.family == family]
        assert [w.size for w in members] == list(sizes)
        assert [w.name for w in members] == [f"{family}-{size}" for size in sizes]
    assert (DEPTHS[0], DEPTHS[-1]) == (2, 1000)
    assert (WIDTHS[0], WIDTHS[-1]) == (16, 4096)
    assert (BATCHES[0], BATCHES[-1]) == (1, 8192)
    assert (TIMES[0], TIMES[-1]) == (1, 1000)
    assert len(WORKLOADS) == len(MAIN) + len(RECURRENT) + len(SMALL) + len(MADE) + len(GROWTH) + 1


def test_the_recurrent_workloads_are_those_of_the_design():
    assert [(w.network, w.batch) for w in RECURRENT] == [
        ("6-50-10, RNN, 100 steps", 20),
        ("28-128-10, RNN, 28 steps", 64),
        ("6-50-10, LSTM, 100 steps", 20),
        ("28-128-10, LSTM, 28 steps", 64),
        ("64-256-10, LSTM, 50 steps", 32),
        ("28-128-10, GRU, 28 steps", 64),
    ]


def test_the_small_workloads_are_those_that_are_published():
    assert [(w.network, w.batch) for w in SMALL] == [
        ("4-32-16-4, tanh, Adam", 10_000),
        ("24-8-2, tanh, Adam", 200),
        ("2-8-2, tanh", 4),
    ]


@pytest.mark.parametrize("name", ["numpy", "nnscratch", "torch-eager", "jax-jit", "tinygrad-jit"])
def test_contenders_make_the_reference_steps_of_adam(name):
    if contenders.why_absent(name):
        pytest.skip(contenders.why_absent(name))
    check(name, WORKLOADS["tanh-24-8-2"])


@pytest.mark.parametrize(
    "name",
    [
        "nnscratch",
        "torch-eager",
        "jax-jit",
        "nnscratch-recorded",
        "torch-recorded",
        "torch-watched",
    ],
)
@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_contenders_make_the_reference_steps_through_time(cell, name):
    if contenders.why_absent(name):
        pytest.skip(contenders.why_absent(name))
    check(name, replace(WORKLOADS[f"{cell}-28-128"].small(), lr=0.1))


@pytest.mark.parametrize("workload", MADE)
def test_networks_that_pytorch_makes_are_recorded_without_a_bit_changed(workload):
    if contenders.why_absent("torch-eager"):
        pytest.skip(contenders.why_absent("torch-eager"))
    judge = same()
    for name in ("torch-eager", "torch-recorded", "torch-watched"):
        assert contenders.why_unable(name, workload) == ""
        contender = contenders.load(name)(make_problem(workload.small()), 1)
        losses = [contender.step() for _ in range(CHECK_STEPS)]
        assert judge(losses, contender.arrays()).correct, name
    assert not judge([losses[0], losses[1] + 1e-7], contender.arrays()).correct
    assert "made by PyTorch" in contenders.why_unable("nnscratch", workload)


def test_a_clipped_step_is_as_long_as_it_may_be():
    workload = replace(WORKLOADS["rnn-6-50"].small(), lr=1.0, clip=0.01)
    reference = make_reference(workload, steps=1)
    moves = [reference.arrays[name] - a for name, a in reference.start.items()]
    assert np.sqrt(sum((move**2).sum() for move in moves)) == pytest.approx(0.01)


def test_a_problem_is_the_same_every_time_and_in_both_dtypes():
    one, two = make_problem(WORKLOADS["tiny"]), make_problem(WORKLOADS["tiny"], np.float64)
    assert one.x.dtype == np.float32
    assert two.x.dtype == np.float64
    np.testing.assert_array_equal(one.x, two.x)
    np.testing.assert_array_equal(one.labels, two.labels)
    assert list(one.parameters) == [
        "0.weight", "0.bias", "1.gamma", "1.beta", "3.weight", "3.bias", "4.gamma", "4.beta",
        "6.weight", "6.bias",
    ]  # fmt: skip
    for name, array in one.parameters.items():
        np.testing.assert_array_equal(array, two.parameters[name])


@pytest.mark.parametrize("workload", CHECKED)
def test_nnscratch_makes_the_reference_steps(workload):
    check("nnscratch", WORKLOADS[workload])


@pytest.mark.slow
@pytest.mark.parametrize("workload", [w.name for w in MAIN])
def test_nnscratch_makes_the_reference_steps_of_the_main_workloads(workload):
    check("nnscratch", WORKLOADS[workload])


@pytest.mark.parametrize("name", ["numpy", "torch-eager", "jax-jit", "sklearn", "tinygrad-jit"])
def test_peers_make_the_reference_steps(name):
    if contenders.why_absent(name):
        pytest.skip(contenders.why_absent(name))
    for workload in (WORKLOADS["tiny"], WORKLOADS["depth-2"]):
        if not contenders.why_unable(name, workload):
            check(name, workload)


def test_what_torch_compiles_is_the_reference_step(monkeypatch):
    torch, compiled = pytest.importorskip("torch", reason="torch is not installed"), []
    monkeypatch.setattr(torch, "compile", lambda part, mode: compiled.append((part, mode)) or part)
    check("torch-compile", WORKLOADS["tiny"])
    assert [part.__name__ for part, _ in compiled] == ["forward", "step"]
    assert {mode for _, mode in compiled} == {"max-autotune"}


def test_a_library_without_a_version(monkeypatch):
    monkeypatch.setitem(CONTENDERS, "numpy", replace(CONTENDERS["numpy"], package="no-such-one"))
    assert contenders.version("numpy") == "?"


def check(name, workload):
    contender = contenders.load(name)(make_problem(workload), 1)
    losses = [contender.step() for _ in range(CHECK_STEPS)]
    verdict = judge(make_reference(workload), losses, contender.arrays())
    assert verdict.correct, verdict


class Wrong:
    """Plain NumPy with something wrong in it."""

    def __init__(self, workload, wrong):
        self.inner = contenders.load("numpy")(make_problem(workload), 1)
        self.wrong = wrong

    def run(self):
        before = {name: array.copy() for name, array in self.inner.params.items()}
        losses = []
        for _ in range(CHECK_STEPS):
            losses.append(self.inner.step())
        arrays = self.inner.arrays()
        self.wrong(before, losses, arrays)
        return losses, arrays


def forget_a_bias(before, losses, arrays):
    arrays["6.bias"][...] = before["6.bias"]


def forget_gamma(before, losses, arrays):
    arrays["1.gamma"][...] = before["1.gamma"]


def slow_rate(before, losses, arrays):
    arrays["3.weight"][...] -= 0.1 * (arrays["3.weight"] - before["3.weight"])


def late_loss(before, losses, arrays):
    losses[-1] = losses[0]


def one_nan(before, losses, arrays):
    arrays["0.weight"][0, 0] = np.nan


def lose_an_array(before, losses, arrays):
    del arrays["0.weight"]


def transpose(before, losses, arrays):
    arrays["0.weight"] = arrays["0.weight"].T


def no_running_mean(before, losses, arrays):
    arrays["1.running_mean"][...] = 0


@pytest.mark.parametrize(
    ("wrong", "where"),
    [
        (forget_a_bias, "6.bias"),
        (forget_gamma, "1.gamma"),
        (slow_rate, "3.weight"),
        (late_loss, f"loss of step {CHECK_STEPS}"),
        (one_nan, "0.weight"),
        (lose_an_array, "no array 0.weight"),
        (transpose, "0.weight has shape"),
        (no_running_mean, "1.running_mean"),
    ],
)
def test_a_wrong_contender_is_caught(wrong, where):
    workload = WORKLOADS["tiny"]
    losses, arrays = Wrong(workload, wrong).run()
    verdict = judge(make_reference(workload), losses, arrays)
    assert not verdict.correct
    assert where in verdict.where
    assert verdict.error > TOLERANCE


def test_a_product_off_by_a_bit_is_wrong():
    right = np.random.default_rng(0).standard_normal((4, 5))
    assert judge_product(right, right.astype(np.float32)).correct
    wrong = right.copy()
    wrong[1, 2] += 0.01
    assert not judge_product(right, wrong).correct
    assert not judge_product(right, right[:3]).correct


def test_why_a_contender_cannot():
    assert "batch norm" in contenders.why_unable("sklearn", WORKLOADS["mnist-bn-elu"])
    assert "ELU" in contenders.why_unable("sklearn", WORKLOADS["elu-8x128"])
    assert contenders.why_unable("sklearn", WORKLOADS["tanh-50x100"]) == ""
    assert "recurrent" in contenders.why_unable("sklearn", WORKLOADS["lstm-28-128"])
    assert "Adam" in contenders.why_unable("sklearn", WORKLOADS["tanh-24-8-2"])
    assert "deep" in contenders.why_unable("tinygrad-jit", WORKLOADS["tanh-200x64"])
    assert "recurrent" in contenders.why_unable("tinygrad-jit", WORKLOADS["lstm-28-128"])
    assert contenders.why_unable("tinygrad-jit", WORKLOADS["mnist-bn-elu"]) == ""
    assert "trains nothing" in contenders.why_unable("onednn", WORKLOADS["tiny"])
    assert all(
        contenders.why_unable("torch-compile", w) == "" for w in WORKLOADS.values() if not w.made
    )
    assert all(
        contenders.why_unable("nnscratch", w) == "" for w in WORKLOADS.values() if not w.made
    )
    assert set(CONTENDERS) == {
        "nnscratch", "numpy", "torch-eager", "torch-compile", "jax-jit", "sklearn",
        "tinygrad-jit", "onednn", "nnscratch-recorded", "torch-recorded", "torch-watched",
    }  # fmt: skip
