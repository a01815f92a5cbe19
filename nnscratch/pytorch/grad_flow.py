"""`plot_grad_flow`: the plot that is pasted everywhere, with the quantity that can be read."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from nnscratch.errors import ConfigError, shown
from nnscratch_records.words import number

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_grad_flow(named_parameters: Iterable[tuple[str, Any]], ax: Axes | None = None) -> Axes:
    """Plot how large each weight's gradient is beside the weight, after `loss.backward()`.

    In place of the function of this name that plots mean |gradient| on a linear axis: there all
    layers but the largest look like 0, and layers of different width cannot be compared. Here it is
    ``|dL/dW| / |W|``, the relative change for a learning rate of 1, on a log axis. A weight without
    a gradient, or with one of exactly 0, is marked. The sentence above says what it cannot show:
    weight gradients can be even while the gradient that travels back vanishes (Glorot & Bengio
    2010, figure 8); `watch` records that one.

    named_parameters : ``model.named_parameters()``
    """
    import matplotlib.pyplot as plt

    names, ratios, marks = [], [], []
    for name, p in _pairs(named_parameters):
        if not p.requires_grad or p.ndim < 2:
            continue
        size = float(p.detach().double().norm())
        slope = 0.0 if p.grad is None else float(p.grad.detach().double().norm())
        ratio = slope / size if size else math.nan
        names.append(name.removesuffix(".weight"))
        ratios.append(ratio)
        marks.append(_mark(size, None if p.grad is None else slope))
    if not names:
        raise ConfigError("plot_grad_flow was given no weights: pass model.named_parameters()")
    if ax is None:
        _, ax = plt.subplots(figsize=(max(6.0, 0.35 * len(names) + 2), 4), layout="constrained")
    known = [(i, ratio) for i, ratio in enumerate(ratios) if ratio > 0 and math.isfinite(ratio)]
    least = min((ratio for _, ratio in known), default=1.0)
    ax.plot([i for i, _ in known], [ratio for _, ratio in known], "o-", color="tab:blue")
    for i, mark in enumerate(marks):
        if mark:
            ax.annotate(mark, (i, least), ha="center", color="tab:red", rotation=90)
    ax.set_yscale("log")
    ax.set_xticks(range(len(names)), names, rotation=60, ha="right", fontsize="small")
    ax.set_ylabel("‖∂L/∂W‖ / ‖W‖")
    ax.grid(alpha=0.3)
    ax.set_title(_sentence(names, known), fontsize="small", loc="left")
    return ax


def _pairs(given: Any) -> list[tuple[str, Any]]:
    """Return names with parameters; `ConfigError` for anything else, such as a model."""
    try:
        pairs = [(name, p) for name, p in (given.items() if isinstance(given, Mapping) else given)]
        if all(isinstance(name, str) and hasattr(p, "requires_grad") for name, p in pairs):
            return pairs
    except (TypeError, ValueError):
        pass
    raise ConfigError(
        f"plot_grad_flow takes names with parameters, model.named_parameters(), got {shown(given)}"
    )


def _mark(size: float, slope: float | None) -> str:
    """Return what is said of a weight that has no place on the axis."""
    if slope is None:
        return "none"
    if math.isnan(slope) or math.isnan(size):
        return "NaN"
    if math.inf in (slope, size):
        return "infinite"
    return "weights are 0" if size == 0 else "0" * (slope == 0)


def _sentence(names: list[str], known: list[tuple[int, float]]) -> str:
    more = "Even weight gradients do not prove an even flow: watch(model, optimizer) shows that."
    if len(known) < 2:
        return more
    low, high = (pick(known, key=lambda one: one[1]) for pick in (min, max))
    told = f"{names[low[0]]} is taught {number(high[1] / low[1])} times less than {names[high[0]]}"
    return f"For their size, {told}.\n{more}"
