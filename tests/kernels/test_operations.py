"""Operations do what their kernels do, bit for bit, in any number of parts."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

import nnscratch_kernels
from nnscratch_kernels.runtime import schedule, team
from nnscratch_kernels.runtime.program import Program
from nnscratch_kernels.runtime.sharing import OPERATIONS, encoded

COMPILED = nnscratch_kernels.load("numba")
LOSSES = schedule.LOSSES
CONSTANT_LOSSES = ("huber", "binary_cross_entropy", "categorical_cross_entropy")
BY_COLUMNS = ["dense_forward", "dense_backward_input", "dense_backward_parameters"]
ELEMENTWISE = [
    name
    for name in OPERATIONS
    if name.endswith(("_forward", "_backward"))
    and not name.startswith(("dense", "batchnorm", "layernorm", "rmsnorm", "prelu", "softmax"))
    and not name.startswith(("last_step", "mean_over_time", "hold"))
]


def array(rng, shape, dtype):
    return (3 * rng.standard_normal(shape)).astype(dtype)


def arguments(name, rng, dtype, batch, n_in, n_out):
    """Arguments for the kernel `name`, outputs filled with noise."""

    def make(*shape):
        return array(rng, shape, dtype)

    if name in LOSSES:
        dlogits, logits = make(batch, n_out), make(batch, n_out)
        if name == "softmax_cross_entropy":
            return [dlogits, logits, rng.integers(0, n_out, batch)]
        values = [dlogits, logits, rng.random((batch, n_out)).astype(dtype)]
        if not name.startswith(("softmax", "categorical")):
            values.append(rng.random(batch * n_out * int(rng.integers(2))).astype(dtype))
        return values + ([0.01] if name in CONSTANT_LOSSES else [])
    x, n = make(batch, n_in), n_in
    if name == "measure_tensor":
        runs = min(4, 2 ** ((batch // 8).bit_length() - 1)) if batch >= 8 else 1
        sums, samples = np.zeros((4, 9, 3)), np.zeros(128, np.uint8)
        return [sums, samples, x, 1, -0.5, 2.0, bool(rng.integers(2)), 48, runs]
    if name == "measure_batchnorm":
        return [np.empty(4), *(abs(make(n)) for _ in range(5)), 1e-3]
    if name == "measure_time":
        steps = 3 if batch % 3 == 0 else 1
        arrays = [np.full(5, -1.0), np.full(4 * steps, -1.0), np.array([2], np.int64)]
        return [
            *arrays,
            *(make(batch, n) for _ in range(3)),
            make(batch, 3 * n),
            make(1, 0),
            make(steps),
            n,
            False,
        ]
    if name == "measure_gates":
        return [np.full(10, -1.0), make(batch, 2 * n), make(4)]
    if name == "measure_gate_weights":
        return [np.full(10, -1.0), make(n, 2 * n), make(n, 2 * n)]
    if name == "dense_forward":
        return [make(batch, n_out), x, make(n_in, n_out), make(n_out)]
    if name == "dense_backward_input":
        return [make(batch, n_in), make(batch, n_out), make(n_in, n_out), make(n_out, n_in)]
    if name == "dense_backward_parameters":
        return [make(n_in, n_out), make(n_out), make(batch, n_out), x, bool(rng.integers(2))]
    if name == "batchnorm_forward":
        return [make(batch, n), make(n), make(n), make(n), x, make(n), make(n), 1e-3]
    if name == "batchnorm_fixed_forward":
        given = [make(n), abs(make(n)), make(n), make(n)]
        return [make(batch, n), make(n), x, *given, 1e-3]
    if name in ("batchnorm_backward", "batchnorm_fixed_backward"):
        vectors = [make(n) for _ in range(3)]
        flag = bool(rng.integers(2))
        return [make(batch, n), make(n), make(n), make(batch, n), x, *vectors, flag]
    if name.startswith("batchnorm_masked"):
        there, vectors = (rng.random(batch) < 0.7).astype(dtype), [make(n) for _ in range(3)]
        if name.endswith("statistics"):
            return [*vectors[:2], x, there]
        return [make(batch, n), make(batch, n), x, there, *vectors]
    if name in ("add_scaled", "scaled"):
        return [make(batch, n), x, *[make(batch, n)] * (name == "add_scaled"), -0.7]
    if name.startswith(("layernorm", "rmsnorm")):
        measured = [make(batch) for _ in range(2 if name.startswith("layer") else 1)]
        learned = [make(n) for _ in measured]
        if name.endswith("forward"):
            return [make(batch, n), *measured, x, *learned, 1e-3]
        if name.endswith("input"):
            return [make(batch, n), make(batch, n), x, *measured, learned[0]]
        return [*learned, make(batch, n), x, *measured, bool(rng.integers(2))]
    if name == "batchnorm_update_running":
        return [make(n), make(n), make(n), make(n), 0.9]
    if name == "prelu_forward":
        return [make(batch, n), x, make(n if rng.integers(2) else 1)]
    if name == "prelu_backward":
        slope = make(n if rng.integers(2) else 1)
        return [make(batch, n), np.zeros_like(slope), make(batch, n), x, slope, True]
    if name in ("concatenate", "split"):
        sides = [make(batch, n), make(batch, n_out)]
        return [make(batch, n + n_out), *sides][:: 1 if name == "concatenate" else -1]
    if name.startswith("last_step"):
        return [make(batch, n), make(batch, 3 * n)][:: 1 if name.endswith("forward") else -1]
    mask = (rng.random((batch, 3)) < 0.7).astype(dtype)
    if name.startswith("hold"):
        return [make(batch, 3 * n), make(batch, 3 * n), mask]
    if name.startswith("mean_over_time"):
        return [
            *[make(batch, n), make(batch, 3 * n)][:: 1 if name.endswith("forward") else -1],
            mask,
        ]
    constants = [0.3] if name.startswith(("leaky", "elu", "hard_sigmoid")) else []
    if name.endswith("forward"):
        return [make(batch, n), x, *constants]
    return [make(batch, n), make(batch, n), x, make(batch, n), *constants]


def run(name, values, parts):
    """Run an operation in so many parts (negative: by columns), last part first."""
    result = np.full(1, np.nan)
    dtype = values[{"measure_tensor": 2, "measure_time": 3}.get(name, 1)].dtype
    words = encoded([*values, result] if name in LOSSES else values, dtype)
    names = ["pack_weight", name] if name == "dense_backward_input" else [name]
    rows = [
        (OPERATIONS[each].address(dtype), 0, part, abs(parts) if each == "pack_weight" else parts)
        for each in names
        for part in reversed(range(abs(parts)))
    ]
    table = np.array(rows, np.int64)
    team.alone(Program(table, np.array([0, len(rows)]), np.array(words, np.int64), 1, 1))
    return result[0]


# Recurrent kernels are their operations: tests/kernels/test_recurrent.py runs them in parts.
RECURRENT = ("rnn", "lstm", "gru")
CASES = [
    (name, np.float32)
    for name in OPERATIONS
    if name != "pack_weight" and not name.startswith(RECURRENT)
]
# In float64 one of each kind: compiling takes longer than testing.
CASES += [(name, np.float64) for name in (*BY_COLUMNS, "tanh_forward", "elu_backward")]
CASES += [("batchnorm_forward", np.float64), ("batchnorm_backward", np.float64)]
NORMS = [(name, np.float64) for name in OPERATIONS if name.startswith("layernorm")]


@pytest.mark.parametrize(
    ("name", "dtype"), [*CASES, *(pytest.param(*one, marks=pytest.mark.slow) for one in NORMS)]
)
def test_same_bits_as_the_kernel(name, dtype):
    rng = np.random.default_rng(3)
    whole = name in LOSSES or OPERATIONS[name].by == "nothing"
    splits = [1] if whole else [1, 2, 3, 7]
    splits = [1, 2, 4] if name == "measure_tensor" else splits
    splits += [-2, -3] if name in BY_COLUMNS else []
    for shape in [(1, 1, 1), (5, 3, 2), (33, 37, 70), (64, 96, 10), (200, 100, 129)]:
        for parts in splits:
            values = arguments(name, rng, dtype, *shape)
            if name == "measure_tensor" and values[-1] < parts:
                continue  # no run for each part
            expected = [v.copy() if isinstance(v, np.ndarray) else v for v in values]
            loss = getattr(COMPILED, name)(*expected)
            found = run(name, values, parts)
            if name in LOSSES:
                assert found == loss
            scratch = 3 if name == "dense_backward_input" else None
            for i, (got, want) in enumerate(zip(values, expected, strict=True)):
                if i != scratch:
                    np.testing.assert_array_equal(got, want, f"{name} {shape} {parts} argument {i}")


@pytest.mark.parametrize(("name", "dtype"), [case for case in CASES if case[0] in ELEMENTWISE])
def test_no_element_depends_on_its_place(name, dtype):
    """A loop's vectors and its leftover elements round alike; else a cut would show."""
    rng = np.random.default_rng(4)
    values = arguments(name, rng, dtype, 1, 203, 1)
    getattr(COMPILED, name)(*values)
    matrices = [v for v in values if isinstance(v, np.ndarray)]
    numbers = [v for v in values if not isinstance(v, np.ndarray)]
    for start in (1, 5, 64, 200):
        cut = [matrix[:, start:].copy() for matrix in matrices]
        getattr(COMPILED, name)(*cut, *numbers)
        np.testing.assert_array_equal(cut[0], matrices[0][:, start:])


def test_operations_are_named_after_kernels():
    assert {name for name in OPERATIONS if name not in COMPILED.__all__} == {"pack_weight"}
    for name, operation in OPERATIONS.items():
        parameters = list(inspect.signature(operation.operation.function).parameters)
        assert parameters == ["like", "args", "part", "parts"], name


def placed(values, gap):
    """Return the arrays among `values` in one piece of memory, so many bytes between them, what is
    written last."""
    arrays = [value for value in values if isinstance(value, np.ndarray)]
    memory = np.zeros(sum(one.nbytes + gap + 64 for one in arrays) + 64, np.uint8)
    at, made = -memory.ctypes.data % 64, list(values)
    for i in reversed(range(len(values))):
        value = values[i]
        if isinstance(value, np.ndarray):
            at += -at % value.itemsize
            made[i] = memory[at : at + value.nbytes].view(value.dtype).reshape(value.shape)
            made[i][...] = value
            at += value.nbytes + gap
    return made


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "name", [n for n in (*sorted(LOSSES), *ELEMENTWISE) if not n.startswith(RECURRENT)]
)
def test_bits_do_not_depend_on_where_arrays_lie(name, dtype):
    for batch, n_in, n_out in ((5, 3, 3), (7, 5, 3), (16, 2, 5), (3, 9, 4), (12, 20, 7)):
        values = arguments(name, np.random.default_rng(batch), dtype, batch, n_in, n_out)
        found = []
        for gap in (4096, 0, 8):
            given = placed(values, gap)
            value = getattr(COMPILED, name)(*given)
            found.append((repr(value), [a.tobytes() for a in given if isinstance(a, np.ndarray)]))
        assert found[0] == found[1] == found[2], (batch, n_in, n_out)
