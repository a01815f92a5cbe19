"""Parameters that a loss depends on and nobody trains: neither the network nor its optimizer has
them.

Those of another network, which another optimizer has, are the same at every step and change. Those
of a layer that is made while the network computes are others each time; those of a layer that was
forgotten stay as they are. And parts of a loss that depend on no parameter at all.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torch import nn

from nnscratch.flow.findings.torch_lines import OPTIMIZER
from nnscratch.pytorch.losses.sent_back import leaves, terms
from nnscratch_records.words import plural

STILL = 8  # recorded steps after which a parameter is what it was at the first
_KIND = "frozen parameters"


class Beyond:
    """Looks at what backward passes arrive at: in the first two recorded steps, and `STILL` later.

    Attributes
    ----------
    against : bool
        Whether the loss goes through weights that somebody else seems to learn.
    """

    def __init__(self) -> None:
        self.against = False
        self._first: list[Any] = []  # parameters: kept, so that no identity comes again
        self._sums: list[float] = []
        self._rows = 0  # the number of the recorded step that was looked at last, from 1 on

    def due(self, row: int) -> bool:
        """Whether to look at a backward pass of the recorded step `row`."""
        return self._rows < row + 1 and (row == 0 or (bool(self._first) and row in (1, STILL)))

    def look(self, row: int, roots: list[Any], own: set[int]) -> tuple[str, ...]:
        """Look at what a backward pass began with, and return what is wrong, as in `Mistakes`.

        row : of the recorded step
        own : the identities of the parameters that the network or the optimizer has
        """
        self._rows = row + 1
        now = [one for one in leaves(roots) if isinstance(one, nn.Parameter) and id(one) not in own]
        if row == 0:
            self._first, self._sums = now, _sums(now)
            self.against = any(one.ndim > 1 for one in now)
            return _out_of_reach(roots, own)
        before, known = self._first, {id(one) for one in now}
        line: tuple[str, ...] = ()
        if _shapes(before) == _shapes(now) and not any(id(one) in known for one in before):
            line = _made_anew(before)
        elif row == STILL and _sums(before) == self._sums:
            line = _forgotten(before)
        if line or row == STILL:
            self._first = []
            self.against = self.against and not line
        return line


def _sums(tensors: Iterable[Any]) -> list[float]:
    return [float(one.detach().double().square().sum()) for one in tensors]


def _shapes(tensors: Iterable[Any]) -> list[tuple[int, ...]]:
    return sorted(tuple(one.shape) for one in tensors)


def _made_anew(made: list[Any]) -> tuple[str, ...]:
    shapes = ", ".join(map(str, _shapes(made)))
    one = next((tuple(p.shape) for p in made if p.ndim == 2), ())
    line = f"model.made_once = torch.nn.Linear{one[::-1]}; {OPTIMIZER}" if one else ""
    return (
        _KIND,
        f"The loss depends on {plural(len(made), 'parameter')} made anew for every pass, of shape "
        f"{shapes}: no optimizer has them, and the next pass has others.",
        "A layer is made inside forward() or the loop, with new weights each time: what the others "
        "learn fits weights that are gone.",
        "make it once, in __init__, and call that in forward()"
        + (" as self.made_once" if line else ""),
        line,
    )


def _forgotten(left: list[Any]) -> tuple[str, ...]:
    shapes = ", ".join(map(str, _shapes(left)[:4]))
    more = f" and {len(left) - 4} more" if left[4:] else ""
    return (
        _KIND,
        f"The loss depends on {plural(len(left), 'parameter')} that neither the network nor its "
        f"optimizer has, of shape {shapes}{more}: after {STILL} steps they are what they were.",
        "A layer beside the network was forgotten when the optimizer was made; or it is to stay as "
        "it is, and only misses requires_grad_(False).",
        "give them to the optimizer: optimizer.add_param_group(dict(params=layer.parameters()))",
        "",
    )


def _out_of_reach(roots: list[Any], own: set[int]) -> tuple[str, ...]:
    """See a term of a loss depend on tensors that have gradients, and on none that is learned."""
    for root in roots:
        parts = terms(root)
        reach = [
            any(isinstance(one, nn.Parameter) or id(one) in own for one in leaves([part]))
            for part in parts
        ]
        if not any(reach) or all(reach):
            continue
        return (
            _KIND,
            f"{plural(reach.count(False), 'term')} of the {len(parts)} that the loss adds up "
            f"{'depends' if reach.count(False) == 1 else 'depend'} on no parameter: whatever is "
            f"learned, nothing of it changes by a gradient.",
            "Its way to the parameters was cut off, while what goes in still asks for a gradient: "
            "torch.autograd.grad without create_graph=True gives numbers, and so does detach().",
            "keep the graph of a derivative that the loss asks for",
            "x.requires_grad_(); dydx = torch.autograd.grad(model(x).sum(), x, create_graph=True)"
            "[0]",
        )
    return ()
