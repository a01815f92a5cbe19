"""Reading a model as theory sees it: see `blocks`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum

from nnscratch.errors import ConfigError
from nnscratch.layers import (
    BatchNorm,
    Dense,
    Dropout,
    Identity,
    Layer,
    LayerNorm,
    RMSNorm,
    Softmax,
)
from nnscratch.layers.joins import Branch, Skip, Sum
from nnscratch.layers.recurrent import Recurrent
from nnscratch.network.model import Sequential
from nnscratch.network.nodes import INPUT
from nnscratch.theory.blocks import BATCH, LAYER, LINEAR, RMS, Block, Fork, Network, Step
from nnscratch.theory.limits import limits
from nnscratch.theory.nonlinearity import composed, draws_noise, nonlinearity, with_dropout
from nnscratch.theory.weights import dense_parameters, is_fresh_norm, refuse_tied
from nnscratch_records import WEIGHTED

_NORMS = BatchNorm | LayerNorm | RMSNorm


class _Known(IntEnum):
    """What is known of how a layer's outputs are spread over its units."""

    NOTHING = 0
    DRAWN = 1  # those of drawn units: see `drawn`
    GAUSSIAN = 2


@dataclass(frozen=True)
class _Join:
    """A sum, and what its two lanes are made of."""

    name: str
    scale: float
    n_in: int | None
    n_out: int | None
    branch: list[_Item]
    skip: list[_Item]


@dataclass(frozen=True)
class _Single:
    """A layer, and how many features come to it."""

    name: str
    layer: Layer
    features: int | None


_Item = _Join | _Single


def read_network(model: Sequential) -> Network:
    """Return the blocks and forks of `model`.

    Raises `ConfigError`, naming the layer, where theory does not know a kind of layer or an order
    of layers.
    """
    for name, layer in model.layers.items():
        if isinstance(layer, Recurrent):
            raise ConfigError(
                f"layer {name!r} goes through time: nn.predict(model) says how many steps back it "
                f"can learn"
            )
    items = _Lanes(model).items()
    probabilities = _is_softmax(items[-1])
    items = items[:-1] if probabilities else items
    if not any(isinstance(layer, Dense) for layer in model.layers.values()):
        raise ConfigError("theory needs a model with at least one Dense layer, got none")
    begin = next(i for i, item in enumerate(items) if _begins(item))
    before = []
    for item in items[:begin]:
        assert isinstance(item, _Single)
        if item.layer.role in WEIGHTED:
            raise ConfigError(_unknown(item.name, item.layer))
        before.append(item.name)
    builder = _Builder([])
    steps, _ = builder.steps(items[begin:], _Known.NOTHING)
    notes, fresh = builder.notes, builder.fresh
    for name, other in model.layers.items():
        if isinstance(other, _NORMS) and not is_fresh_norm(other):
            fresh = False
            which = "gamma or beta" if "beta" in other.params else "gamma"
            begun = "1 or 0; theory uses 1 and 0" if "beta" in other.params else "1, as theory has"
            notes.append(f"{name}: {which} is no longer {begun}")
    if not fresh:
        notes.insert(
            0,
            "parameters are no longer as their initializers draw them: theory holds at "
            "initialization, where weights are independent of the data and of each other",
        )
    network = Network(tuple(before), steps, (), fresh, probabilities)
    return replace(network, notes=(*notes, *limits(model, network)))


def _begins(item: _Item) -> bool:
    return isinstance(item, _Join) or isinstance(item.layer, Dense)


def _is_softmax(item: _Item) -> bool:
    return isinstance(item, _Single) and isinstance(item.layer, Softmax)


class _Lanes:
    """The nodes of a model put into lanes, from its end upward."""

    def __init__(self, model: Sequential) -> None:
        self.nodes = model.nodes
        self.features = [shape[-1] for shape in model.shapes()]
        self.model = model
        self._seen = 0

    def items(self) -> list[_Item]:
        items, source = self._above(len(self.nodes) - 1)
        # Each once: what two lanes have in common would count twice.
        if source != INPUT or self._seen != len(self.nodes):
            names = [n.name for n in self.nodes if isinstance(n.layer, Branch | Skip | Sum)]
            raise ConfigError(_not_followed(names[0] if names else self.nodes[-1].name))
        return items

    def _above(self, at: int) -> tuple[list[_Item], int]:
        """Return what leads to node `at`, and the source of the lane."""
        items: list[_Item] = []
        while at != INPUT:
            node = self.nodes[at]
            self._seen += 1
            refuse_tied(node)
            if isinstance(node.layer, Branch | Skip):
                return items[::-1], node.sources[0]
            if isinstance(node.layer, Sum):
                lanes = [self._above(source) for source in node.sources]
                (branch, begin), (skip, other) = lanes
                if begin != other:
                    raise ConfigError(_not_followed(node.name))
                n_in, n_out = self._width(begin), self.features[at]
                items.append(_Join(node.name, node.layer.scale, n_in, n_out, branch, skip))
                at = begin
            elif len(node.sources) == 1:
                (source,) = node.sources
                items.append(_Single(node.name, node.layer, self._width(source)))
                at = source
            else:
                raise ConfigError(_unknown(node.name, node.layer))
        return items[::-1], at

    def _width(self, source: int) -> int | None:
        return self.model.features_in if source == INPUT else self.features[source]


def _not_followed(name: str) -> str:
    return (
        f"theory can follow layers in a row and nn.Residual, and {name!r} begins or ends another "
        f"kind of branch: nn.GradientFlow(model) measures the gradient of any network"
    )


@dataclass
class _Builder:
    """Blocks and forks out of layers, with what is to be said of their weights."""

    notes: list[str]
    fresh: bool = True

    def steps(self, items: Sequence[_Item], known: _Known) -> tuple[tuple[Step, ...], _Known]:
        """Return the steps, and what is known of their output over units, where `known` is of
        their input."""
        done: list[Step] = []
        block: Block | None = None
        for item in items:
            if isinstance(item, _Join):
                done += [] if block is None else [block]
                fork, known = self._fork(item, known)
                done.append(fork)
                block = None
                continue
            if isinstance(item.layer, Dense):
                done += [] if block is None else [block]
                block, known = self._dense(item.name, item.layer), _Known.GAUSSIAN
                continue
            if isinstance(item.layer, Identity):
                continue
            _check(item, block, known)
            bare = block is None or block.activation == LINEAR
            more = None if block is None else _extended(block, item.layer)
            if more is None:
                done += [] if block is None else [block]
                more = _extended(Block.without_weights(item.name, item.features or 1), item.layer)
                assert more is not None
            if bare and not isinstance(item.layer, Dropout | _NORMS):
                more = replace(more, drawn=known == _Known.DRAWN)
            block, known = more, _behind(item.layer, more, known)
        return (*done, *([] if block is None else [block])), known

    def _dense(self, name: str, layer: Dense) -> Block:
        variance, sb2, as_drawn = dense_parameters(name, layer, self.notes)
        self.fresh &= as_drawn
        return Block(name, layer.n_in, layer.n_out, variance, sb2)

    def _fork(self, join: _Join, known: _Known) -> tuple[Fork, _Known]:
        branch, one = self.steps(join.branch, known)
        skip, two = self.steps(join.skip, known)
        if not any(isinstance(s, Block) and s.weights for s in (*branch, *skip)):
            raise ConfigError(
                f"theory cannot follow {join.name!r}: without a Dense of its own in the branch or "
                f"around it, what they add is not independent; nn.GradientFlow(model) measures it"
            )
        width = join.n_in or join.n_out or 1
        fork = Fork(join.name, width, join.n_out or width, branch, skip, join.scale)
        return fork, min(one, two)


def _behind(layer: Layer, block: Block, known: _Known) -> _Known:
    """Return what is known behind a layer, the last of `block`, where `known` is before it."""
    if isinstance(layer, _NORMS) and not block.norm_after:
        return known
    if isinstance(layer, Dropout):
        return known if known == _Known.GAUSSIAN else _Known.NOTHING
    if isinstance(layer, _NORMS) or draws_noise(block.activation):
        return _Known.NOTHING
    return min(known, _Known.DRAWN)


def _extended(block: Block, layer: Layer) -> Block | None:
    """Return `block` with one more layer at its end; None where that begins a block of its own."""
    if isinstance(layer, Dropout):
        factor = 1 / (1 - layer.rate)
        if block.norm_after:
            return replace(block, dropout=block.dropout * factor)
        return replace(block, activation=with_dropout(block.activation, factor))
    bare = not block.norm and block.activation == LINEAR
    if isinstance(layer, BatchNorm):
        after = block.activation != LINEAR
        if block.norm:
            return None
        return replace(block, norm=BATCH, epsilon=layer.epsilon, norm_after=after)
    if isinstance(layer, LayerNorm | RMSNorm):
        kind = LAYER if isinstance(layer, LayerNorm) else RMS
        return replace(block, norm=kind, epsilon=layer.epsilon) if bare else None
    if block.norm_after:
        return None
    phi = nonlinearity(layer)
    if block.activation != LINEAR:
        phi = composed(block.activation, phi)
    return replace(block, activation=phi)


def _check(item: _Single, block: Block | None, known: _Known) -> None:
    """Raise `ConfigError` for a layer that theory does not know, or not there."""
    name, layer = item.name, item.layer
    if isinstance(layer, Dropout | LayerNorm | RMSNorm):
        return
    if isinstance(layer, BatchNorm):
        behind = block is not None and not block.norm and not block.drawn
        twice = block is not None and block.norm == BATCH
        if twice or not (known == _Known.GAUSSIAN or behind):
            raise ConfigError(_order(name))
        return
    if isinstance(layer, Softmax):  # every one of its outputs depends on all its inputs
        raise ConfigError(_unknown(name, layer))
    try:
        nonlinearity(layer)
    except ConfigError:
        raise ConfigError(_unknown(name, layer)) from None
    if known == _Known.NOTHING:
        raise ConfigError(_order(name))


def _unknown(name: str, layer: Layer) -> str:
    if isinstance(layer, Softmax):
        return (
            f"layer {name!r} is a softmax between layers: its units share out one, so that the "
            "next layer and the gradient get little; a softmax is for what a network answers. "
            'Replace it before anything is predicted: model = nn.remake(model, activation="relu")'
        )
    return (
        f"theory does not know layer {name!r} ({layer!r}): it knows Dense, Residual, BatchNorm, "
        "LayerNorm, RMSNorm, Dropout, Identity and activation functions applied element by "
        "element; nn.GradientFlow(model) measures the gradient of any network"
    )


def _order(name: str) -> str:
    return (
        f"theory cannot follow layer {name!r} there: an activation needs a Dense somewhere before "
        "it, and no Dropout, BatchNorm or random slopes behind an activation between them; a "
        "BatchNorm needs inputs that are Gaussian over the units, as after a Dense, a norm of it "
        "or a sum of such: a Dense before it makes them so"
    )
