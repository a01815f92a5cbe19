"""What the epsilon of an adaptive optimizer of PyTorch leaves of its steps."""

from __future__ import annotations

import math
from typing import Any

import torch

from nnscratch.optimizers.measures import step_share
from nnscratch.pytorch.measuring.on_device import wide

_SUMS = ("square_avg", "sum")  # of RMSprop, Adagrad; what Adam and its like keep is corrected


def share_of_steps(optimizer: Any) -> float:
    """Return the part of the next step that epsilon leaves, as `nnscratch.optimizers` has it.

    Of optimizers that keep squares of the gradients where PyTorch's do; NaN: it has made no step,
    or is none of those.
    """
    means, epsilons = [], []
    for group in optimizer.param_groups:
        epsilon = group.get("eps")
        if not isinstance(epsilon, float) or group.get("centered"):
            continue
        for p in group["params"]:
            squares = _squares(optimizer.state.get(p, {}), group) if p.ndim > 1 else None
            if squares is not None:
                means.append(squares)
                epsilons.append(epsilon)
    if not means:
        return math.nan
    with torch.no_grad():
        roots = torch.stack([one.to(means[0].device) for one in means]).clamp(min=0).sqrt()
    return step_share(roots.tolist(), epsilons)


def _squares(state: Any, group: Any) -> Any:
    """Return the mean square of a parameter's gradient; None if it is not kept."""
    if "exp_avg_sq" in state and "betas" in group:
        steps = float(state.get("step", 0))
        part = 1 - float(group["betas"][1]) ** steps
        kept = state.get("max_exp_avg_sq", state["exp_avg_sq"])
        return kept.mean(dtype=wide(kept.device)) / part if part > 0 else None
    kept = next((state[name] for name in _SUMS if name in state), None)
    return None if kept is None else kept.mean(dtype=wide(kept.device))
