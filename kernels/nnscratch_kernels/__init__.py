"""Kernels of nnscratch: arrays and scalars in, arrays out.

Two sets with the same names and signatures: `reference`, plain NumPy and written to be read, and
`compiled`, Numba and written to be fast. A kernel does not validate; whoever calls it does.
"""

from __future__ import annotations

import importlib
from types import ModuleType

SETS = {"reference": "nnscratch_kernels.reference", "numba": "nnscratch_kernels.compiled"}


def load(name: str) -> ModuleType:
    """Return the kernel set `name`: ``"reference"`` or ``"numba"``. `KeyError` for any other."""
    return importlib.import_module(SETS[name])
