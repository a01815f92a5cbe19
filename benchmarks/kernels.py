"""Single kernels: matrix products by shape and activations, against NumPy and PyTorch.

The first half runs in a contender's process and makes what is timed; the second lists the cases and
says what is right.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from benchmarks.workloads import Array

Made = tuple[Callable[[], float], Callable[[], Mapping[str, Array]]]
KERNEL_SETS = {
    "numpy": "nnscratch_kernels.reference",
    "nnscratch": "nnscratch_kernels.compiled",
}

# Products of a dense layer, in terms of (batch, n_in, n_out).
FORWARD, WEIGHT, INPUT = "forward", "weight gradient", "input gradient"
PRODUCT_OPS = (FORWARD, WEIGHT, INPUT)
CHECKED_ROWS = 16


def make_product(contender: str, op: str, batch: int, n_in: int, n_out: int) -> Made:
    """One of the three products of a dense layer, by nnscratch, NumPy's BLAS or oneDNN."""
    a, b, out = product_operands(op, batch, n_in, n_out)
    left, right = a.T if op == WEIGHT else a, b.T if op == INPUT else b
    if contender == "numpy":

        def run() -> float:
            np.matmul(left, right, out=out)
            return 0.0

    elif contender == "onednn":
        multiply = importlib.import_module("benchmarks.contenders.onednn").make_product
        product = multiply(left, right, out)

        def run() -> float:
            product()
            return 0.0

    elif contender == "nnscratch":
        compiled: Any = importlib.import_module(KERNEL_SETS[contender])
        scratch = np.empty((n_out, n_in), np.float32)

        def run() -> float:
            if op == FORWARD:
                compiled.matmul(out, a, b)
            elif op == WEIGHT:
                compiled.matmul_at_b(out, a, b)
            else:
                compiled.matmul_a_bt(out, a, b, scratch)
            return 0.0

    else:
        raise ValueError(f"no matrix product is timed for {contender}")
    return run, lambda: {"rows": out[checked_rows(len(out))]}


def make_activation(contender: str, name: str, direction: str, batch: int, features: int) -> Made:
    """The activation's forward or backward pass over a (batch, features) array."""
    x, dy = activation_operands(batch, features)
    if contender == "torch-eager":
        torch: Any = importlib.import_module("torch")
        return _torch_activation(torch, name, direction, x, dy)
    kernels: Any = importlib.import_module(KERNEL_SETS[contender])
    extra = ACTIVATIONS[name]
    y, dx = np.empty_like(x), np.empty_like(x)
    forward, backward = getattr(kernels, f"{name}_forward"), getattr(kernels, f"{name}_backward")
    forward(y, x, *extra)

    def run_forward() -> float:
        forward(y, x, *extra)
        return 0.0

    def run_backward() -> float:
        backward(dx, dy, x, y, *extra)
        return 0.0

    if direction == "forward":
        return run_forward, lambda: {"out": y}
    return run_backward, lambda: {"out": dx}


def _torch_activation(torch: Any, name: str, direction: str, x: Array, dy: Array) -> Made:
    aten, functional = torch.ops.aten, torch.nn.functional
    tx, tdy = torch.from_numpy(x), torch.from_numpy(dy)
    extra = ACTIVATIONS[name]
    function = getattr(torch, name, None) or getattr(functional, name)
    ty = function(tx, *extra)
    backward: dict[str, Callable[[], Any]] = {
        "sigmoid": lambda: aten.sigmoid_backward(tdy, ty),
        "tanh": lambda: aten.tanh_backward(tdy, ty),
        "relu": lambda: aten.threshold_backward(tdy, tx, 0),
        "leaky_relu": lambda: aten.leaky_relu_backward(tdy, tx, *extra, False),
        "elu": lambda: aten.elu_backward(tdy, *extra, 1, 1, False, tx),
        "selu": lambda: aten.elu_backward(tdy, SELU_ALPHA, SELU_SCALE, 1, False, tx),
        "softplus": lambda: aten.softplus_backward(tdy, tx, 1, 20),
        "softsign": lambda: tdy / (1 + tx.abs()).square(),
        "gelu": lambda: aten.gelu_backward(tdy, tx),
        "silu": lambda: aten.silu_backward(tdy, tx),
    }
    call = backward[name] if direction == "backward" else lambda: function(tx, *extra)

    def run() -> float:
        call()
        return 0.0

    return run, lambda: {"out": call().numpy()}


def make_memory_pass(size: int, threads: int) -> Made:
    """``a += b`` over arrays of `size` bytes in all, each thread on its own part, some times."""
    part = max(1, size // 8 // threads)
    parts = [(np.ones(part, np.float32), np.zeros(part, np.float32)) for _ in range(threads)]
    pool = ThreadPoolExecutor(threads)
    repeats = memory_pass_repeats(size)

    def work(pair: tuple[Array, Array]) -> None:
        a, b = pair
        for _ in range(repeats):
            np.add(a, b, out=a)

    def run() -> float:
        if threads == 1:
            work(parts[0])
        else:
            list(pool.map(work, parts))
        return 0.0

    return run, dict


def memory_pass_repeats(size: int) -> int:
    """How often one run goes over its arrays: enough to make starting the threads cheap."""
    return max(1, 2**25 // size)


def memory_pass_bytes(size: int) -> int:
    """Bytes that one run moves: it reads two arrays and writes one."""
    return memory_pass_repeats(size) * size // 2 * 3


# What is timed, and what is right.

SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805
# Name, and what its kernels take besides the arrays. PReLU and RReLU compute what leaky ReLU does.
ACTIVATIONS: dict[str, tuple[float, ...]] = {
    "sigmoid": (),
    "tanh": (),
    "relu": (),
    "leaky_relu": (0.01,),
    "elu": (1.0,),
    "selu": (),
    "softplus": (),
    "softsign": (),
    "gelu": (),
    "silu": (),
}
ACTIVATION_SHAPE = (200, 300)
ACTIVATION_CONTENDERS = ("nnscratch", "numpy", "torch-eager")
PRODUCT_CONTENDERS = ("nnscratch", "numpy", "onednn")

LAYERS = (
    (784, 300), (300, 100), (100, 10), (64, 10), (64, 64), (100, 100), (784, 128),
    (128, 128), (256, 256), (512, 512), (784, 2048), (1024, 1024), (2048, 2048), (2048, 10),
)  # fmt: skip
BATCHES = (16, 64, 256, 1024)
SQUARES = (1024, 1536, 2048, 3072, 4096)
QUICK_LAYERS = ((784, 300), (100, 10), (64, 64), (128, 128), (512, 512))
QUICK_BATCHES = (64, 256)
QUICK_SQUARES = (1024,)


def product_cases(quick: bool) -> list[dict[str, Any]]:
    """Return the matrix products to time, as tasks."""
    layers, batches = (QUICK_LAYERS, QUICK_BATCHES) if quick else (LAYERS, BATCHES)
    squares = QUICK_SQUARES if quick else SQUARES
    shapes = [("layer", (batch, *layer)) for layer in layers for batch in batches]
    shapes += [("square", (n, n, n)) for n in squares]
    return [
        {"kind": "product", "group": group, "op": op, "shape": list(shape)}
        for group, shape in shapes
        for op in PRODUCT_OPS
    ]


def activation_cases() -> list[dict[str, Any]]:
    """Return the activations to time, as tasks."""
    return [
        {
            "kind": "activation",
            "group": "activation",
            "name": name,
            "op": op,
            "shape": list(ACTIVATION_SHAPE),
        }
        for name in ACTIVATIONS
        for op in ("forward", "backward")
    ]


def product_operands(op: str, batch: int, n_in: int, n_out: int) -> tuple[Array, Array, Array]:
    """Return the two operands as they are stored, and the array for the product."""
    rng = np.random.default_rng(0)
    left, right, out = {
        FORWARD: ((batch, n_in), (n_in, n_out), (batch, n_out)),
        WEIGHT: ((batch, n_in), (batch, n_out), (n_in, n_out)),
        INPUT: ((batch, n_out), (n_in, n_out), (batch, n_in)),
    }[op]
    a = rng.standard_normal(left, dtype=np.float32)
    b = rng.standard_normal(right, dtype=np.float32)
    return a, b, np.zeros(out, np.float32)


def checked_rows(rows: int) -> Array:
    """Return the rows of a product that are checked: first, last and some between."""
    return np.unique(np.linspace(0, rows - 1, min(rows, CHECKED_ROWS)).round().astype(np.int64))


def activation_operands(batch: int, features: int) -> tuple[Array, Array]:
    """Return the input and the gradient that arrives."""
    rng = np.random.default_rng(0)
    x = 2 * rng.standard_normal((batch, features), dtype=np.float32)
    return x, rng.standard_normal((batch, features), dtype=np.float32)


def expected(task: Mapping[str, Any]) -> Array:
    """Return in float64 what a product's checked rows or an activation's output should be."""
    if task["kind"] == "product":
        a, b, out = product_operands(task["op"], *task["shape"])
        rows = checked_rows(len(out))
        left = a.T[rows] if task["op"] == WEIGHT else a[rows]
        right = b.T if task["op"] == INPUT else b
        exact: Array = left.astype(np.float64) @ right.astype(np.float64)
        return exact
    kernels: Any = importlib.import_module(KERNEL_SETS["numpy"])
    x, dy = (array.astype(np.float64) for array in activation_operands(*task["shape"]))
    y, dx = np.empty_like(x), np.empty_like(x)
    extra = ACTIVATIONS[task["name"]]
    getattr(kernels, f"{task['name']}_forward")(y, x, *extra)
    if task["op"] == "forward":
        return y
    getattr(kernels, f"{task['name']}_backward")(dx, dy, x, y, *extra)
    return dx


def product_flops(task: Mapping[str, Any]) -> int:
    """Return the floating-point operations of a product."""
    return 2 * math.prod(task["shape"])


def label(task: Mapping[str, Any]) -> str:
    """Return the case in words."""
    if task["kind"] == "product":
        batch, n_in, n_out = task["shape"]
        if task["group"] == "square":
            return f"{n_in} squared, {task['op']}"
        return f"{n_in} to {n_out}, batch {batch}, {task['op']}"
    return f"{task['name']} {task['op']}"
