"""Networks that are made of PyTorch's own modules: what its users train, to be watched."""

from __future__ import annotations

import importlib
from typing import Any

from benchmarks.workloads import Workload

torch: Any = importlib.import_module("torch")
nn: Any = torch.nn


def make(workload: Workload) -> Any:
    """Return the network that a workload is `made` of, the same every time."""
    torch.manual_seed(0)
    makes: dict[str, Any] = {"convolutions": _convolutions, "transformer": _transformer}
    return makes[workload.made](*workload.widths)


def _convolutions(pixels: int, classes: int) -> Any:
    """Two convolutions with batch norm, ReLU and pooling, and a classifier."""
    side, layers, channels = round(pixels**0.5), [], 1
    for wide in (16, 32):
        layers += [
            *(nn.Conv2d(channels, wide, 3, padding=1), nn.BatchNorm2d(wide)),
            *(nn.ReLU(), nn.MaxPool2d(2)),
        ]
        channels, side = wide, side // 2
    head = nn.Flatten(), nn.Linear(channels * side**2, classes)
    return nn.Sequential(nn.Unflatten(1, (1, round(pixels**0.5), -1)), *layers, *head)


class _Mean(nn.Module):  # type: ignore[misc]
    """The mean over the positions."""

    def forward(self, x: Any) -> Any:
        return x.mean(1)


def _transformer(n_in: int, n: int, classes: int) -> Any:
    """An encoder of four blocks, four heads, without dropout."""
    block = nn.TransformerEncoderLayer(n, 4, 2 * n, dropout=0.0, batch_first=True)
    encoder = nn.TransformerEncoder(block, 4, enable_nested_tensor=False)
    return nn.Sequential(nn.Linear(n_in, n), encoder, _Mean(), nn.Linear(n, classes))
