"""Attribution through time: what changes the gradient from one step of time to the one before it.

The gradient at the state of step t is g_t: dL/dh_t, and with a cell beside it what the step after
hands on to c_t. One step back hands on g_t J_t, of which the parts come by paths:

* a plain layer: the derivative of its activation, then its recurrent weights;
* an LSTM: the cell (times f), and the state by way of the candidate g and of the gates i, f, o;
* a GRU: the state that is kept (times z), the candidate n, and the gates z and r;
* each, in a batch with a mask: the examples that this step is not part of hand on what they got,
  *carried over*.

In log10 the change of the norm adds up exactly, over paths and over steps: of gated layers the
first path is what it would hand on alone, and each further one what it adds to those before it.
Then *above* is what the loss adds at the earlier step, and *truncation*, where there was one, what
it takes away or, at random, multiplies. `ThroughTime.shares` does without an
order: the part of |g J|^2 that each path carries, its product with the whole over |whole|^2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from nnscratch.arrays import Array
from nnscratch.errors import ConfigError, require_count, require_name
from nnscratch.flow.cells import CELLS, Cell, Plain
from nnscratch.layers.recurrent import Recurrent
from nnscratch.network.network import Network, require_network

__all__ = ["ThroughTime", "gradient_by_lag", "through_time"]


@dataclass(frozen=True, eq=False, repr=False)
class ThroughTime:
    """The way back through time of one batch, in log10; see the module's first lines.

    Attributes
    ----------
    layer : str
    terms : tuple of str
        The paths in their order, then ``"above"``, and ``"truncation"`` where there was one.
    gradient : (T,) array
        log10 of |g| so many steps before the last one.
    changes : (T - 1, terms) array
        What each term adds on the way from so many steps before the last one to one step more.
        -inf where all is lost, NaN where there was nothing to lose.
    paths : tuple of str
    shares : (T - 1, paths) array
        The part of what is handed on that each path carries; they add up to 1, and may be negative
        where paths work against each other.
    """

    layer: str
    terms: tuple[str, ...]
    gradient: Array
    changes: Array
    paths: tuple[str, ...]
    shares: Array

    def between(self, late: int = 0, early: int | None = None) -> dict[str, float]:
        """Return what each term adds from `late` steps before the last to `early` (None: all).

        They add up to ``gradient[early] - gradient[late]``. Raises `ConfigError` for lags that the
        sequence does not have.
        """
        last = len(self.gradient) - 1
        late = require_count("lag late", late, least=0)
        early = last if early is None else require_count("lag early", early, least=0)
        if not 0 <= late < early <= last:
            raise ConfigError(
                f"layer {self.layer!r} went through {last + 1} steps: expected lags 0 <= late < "
                f"early <= {last}, got {late} and {early}"
            )
        with np.errstate(invalid="ignore"):
            sums = self.changes[late:early].sum(axis=0)
        return {name: float(value) for name, value in zip(self.terms, sums, strict=True)}

    def __repr__(self) -> str:
        steps = len(self.changes)
        rows = [f"{self.layer}: the gradient over {steps} steps back in time, in powers of ten"]
        if steps and np.isnan(self.shares).all():
            rows.append("  none goes back from any step to the one before")
        elif steps:
            change = self.gradient[-1] - self.gradient[0]
            sums = ", ".join(f"{name} {value:+.2f}" for name, value in self.between().items())
            shares = zip(self.paths, np.nanmean(self.shares, axis=0), strict=True)
            rows += [
                f"  {change:+.2f}, a factor {10 ** (change / steps):.3g} a step: {sums}",
                "  carried by " + ", ".join(f"{name} {share:.0%}" for name, share in shares),
            ]
        return "\n".join(rows)


def through_time(model: Network, layer: str | None = None) -> ThroughTime:
    """Return what changed the gradient through time in the latest pass of `model`.

    layer : a recurrent layer; None: the first there is

    Raises `ConfigError` without a backward pass, and for a layer that is none of `RNN`, `LSTM`,
    `GRU`.

    >>> import nnscratch as nn
    >>> model = nn.Sequential(nn.RNN(3, 8), nn.LastStep(), nn.Dense(8, 2), seed=0)
    >>> x = np.random.default_rng(0).standard_normal((4, 10, 3)).astype(np.float32)
    >>> _ = model.trace(x, [0, 1, 0, 1], nn.SoftmaxCrossEntropy())
    >>> nn.through_time(model).terms
    ('derivative', 'recurrent weights', 'above')
    """
    name, cell, inside = _inside(model, layer)
    state = inside["hidden_gradient"]
    parts: dict[str, Array] = cell.paths(state, inside.get("cell_gradient"))
    whole = np.sum([*parts.values()], axis=0)
    kept = cell.kept(inside.get("cell_gradient"))
    g = _norms(np.concatenate([state, kept], axis=2))  # of each step
    above = np.zeros_like(whole)
    above[:, :, : state.shape[2]] = inside["upstream"]
    joined = _norms(whole[:, 1:] + above[:, :-1])
    with np.errstate(divide="ignore", invalid="ignore"):
        if isinstance(cell, Plain):
            terms: tuple[str, ...] = ("derivative", "recurrent weights")
            bent = np.where(cell.real, cell.slopes(state), state)
            levels = [g[1:], _norms(bent)[1:], _norms(whole)[1:]]
        else:
            terms, sums = tuple(parts), np.zeros(())
            levels = [g[1:]]
            for part in parts.values():
                sums = sums + part
                levels.append(_norms(sums)[1:])
        terms = (*terms, "above")
        if cell.truncated:
            terms = (*terms, "truncation")
            levels.append(joined)
        logs = np.log10([*levels, g[:-1]])
        total = np.sum(whole * whole, axis=(0, 2))[1:]
        shares = [np.sum(part * whole, axis=(0, 2))[1:] / total for part in parts.values()]
        changes = np.diff(logs, axis=0)
        gradient = np.log10(g)
    return ThroughTime(
        layer=name,
        terms=terms,
        gradient=gradient[::-1],
        changes=changes.T[::-1],
        paths=tuple(parts),
        shares=np.array(shares).T[::-1],
    )


def gradient_by_lag(model: Network, layer: str | None = None, lags: int | None = None) -> Array:
    """Return how much of dL/dW comes from the loss k steps later, in the latest pass.

    W is all that the layer multiplies by, weights and recurrent weights. The gradient is the sum of
    its parts, of lag 0, 1, ...: what the loss at a step says about the weights at work k steps
    before. Returned are norms, (lags, 2): of each part, and of the sum up to it, which is what
    back-propagation truncated after so many steps would see.

    lags : so many at most; None: all there are

    Raises as `through_time`.
    """
    _, cell, inside = _inside(model, layer)
    upstream = inside["upstream"]
    steps = upstream.shape[1]
    lags = steps if lags is None else min(steps, require_count("gradient_by_lag lags", lags))
    state, kept = upstream, np.zeros_like(upstream)
    inputs = np.concatenate([inside["input"], inside["previous"]], axis=2)
    total: Any = 0.0
    norms = np.zeros((lags, 2))
    for lag in range(lags):
        whole = None if not cell.has_cell else kept + cell.shown(state)
        total = total + (part := cell.weight_gradient(inputs, state, whole))
        norms[lag] = np.linalg.norm(part), np.linalg.norm(total)
        handed = cell.through * np.sum([*cell.paths(state, whole).values()], axis=0)
        state, kept = (np.zeros_like(upstream) for _ in range(2))
        units = state.shape[2]
        state[:, :-1] = handed[:, 1:, :units]
        kept[:, :-1] = handed[:, 1:, units:] if cell.has_cell else 0
    return norms


def _inside(model: Network, layer: str | None) -> tuple[str, Cell, dict[str, Array]]:
    """Return a layer's name, its cell, and its arrays in order of time, as float64."""
    require_network("through_time and gradient_by_lag", model)
    known = [name for name, one in model.layers.items() if isinstance(one, Recurrent)]
    if not known:
        raise ConfigError("the model has no recurrent layer: nn.RNN, nn.LSTM or nn.GRU")
    name = known[0] if layer is None else layer
    require_name("recurrent layer", name, known)
    found, trace = model.layers[name], model.last[name]
    kind = next((cell for of, cell in CELLS.items() if isinstance(found, of)), None)
    if kind is None or trace.upstream is None:
        raise ConfigError(
            f"no backward pass went through {name!r}: call model.trace(x, labels, loss) first"
            if kind
            else f"of {name!r}, a {type(found).__name__}, it is not known how it goes through time"
        )
    node = list(model.layers).index(name)
    _, _, mask, through, _ = model.latest.caches[node]
    turn = slice(None, None, -1 if found.reverse else 1)  # type: ignore[attr-defined]
    batch, steps = trace.upstream.shape[:2]
    arrays = {"upstream": trace.upstream, "input": trace.input, **trace.inside}
    inside = {
        key: (array[:, turn] if array.ndim == 3 else array).astype(np.float64)
        for key, array in arrays.items()
        if array is not None
    }
    inside["mask"] = mask[:, turn] if mask.shape[1] else np.ones((batch, steps))
    inside["through"] = through.astype(np.float64) if through.size else np.ones(steps)
    return name, kind(found, inside), inside


def _norms(arrays: Any) -> Array:
    """Return the norm of each step of time."""
    return np.asarray(np.sqrt(np.sum(np.square(arrays), axis=(0, 2))))
