"""PyTorch: its networks watched as our own are, and copied both ways.

::

    from nnscratch.pytorch import watch

    flow = watch(model, optimizer, loss)       # then train as always
    flow.findings(), flow.plot(), flow.report("run.html")

Needs ``pip install 'nnscratch[torch]'``.
"""

from __future__ import annotations

from nnscratch.extras import missing

try:
    import torch  # noqa: F401
except ImportError as error:
    raise missing("nnscratch.pytorch", "torch") from error

from nnscratch.pytorch.copies.copying import (
    from_torch,
    read_state_dict,
    to_torch,
    write_state_dict,
)
from nnscratch.pytorch.flow import TorchFlow
from nnscratch.pytorch.grad_flow import plot_grad_flow
from nnscratch.pytorch.guarding import Guard, first_nonfinite
from nnscratch.pytorch.watching import watch

__all__ = [
    "Guard",
    "TorchFlow",
    "first_nonfinite",
    "from_torch",
    "plot_grad_flow",
    "read_state_dict",
    "to_torch",
    "watch",
    "write_state_dict",
]
