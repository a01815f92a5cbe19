"""What a contender is."""

from __future__ import annotations

from typing import Protocol

from benchmarks.workloads import Array


class Contender(Protocol):
    """A network ready to train on one resident batch; made by ``CONTENDER(problem, threads)``."""

    def step(self) -> float:
        """Make one training step, finish it, and return the loss before the update."""
        ...

    def arrays(self) -> dict[str, Array]:
        """Return the parameters by name, and the running means of batch norm where it has them."""
        ...
