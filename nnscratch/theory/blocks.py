"""What a model is to theory: dense layers, each with what follows it, and ways around them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nnscratch.theory.nonlinearity import Nonlinearity, nonlinearity

LINEAR = nonlinearity("identity")
BATCH, LAYER, RMS = "batch norm", "layer norm", "RMS norm"


@dataclass(frozen=True)
class Block:
    """A dense layer and what follows it up to the next one, to a sum or to a fork.

    What follows a sum, begins a branch or cannot follow in the same block is one without weights,
    which takes what comes as it is.

    Attributes
    ----------
    name : str
        Of the dense layer; without weights, of its first layer.
    n_in, n_out : int
    weight_variance : float
        Variance of one weight; ``sw2 = n_in * weight_variance``. Without weights ``1 / n_in``.
    sb2 : float
        Mean square of a bias.
    weights : bool
    activation : Nonlinearity
    norm : str
        ``BATCH``, ``LAYER``, ``RMS``, or empty: before the activation.
    epsilon : float
        Of the norm.
    norm_after : bool
        Whether batch norm comes after the activation instead of before it.
    dropout : float
        Factor ``1 / (1 - rate)`` on mean squares, forward and backward, of dropout after that batch
        norm. Other dropout is part of `activation`.
    drawn : bool
        Whether what the activation gets is no Gaussian: see `nnscratch.theory.drawn`.
    """

    name: str
    n_in: int
    n_out: int
    weight_variance: float
    sb2: float
    weights: bool = True
    activation: Nonlinearity = LINEAR
    norm: str = ""
    epsilon: float = 0.0
    norm_after: bool = False
    dropout: float = 1.0
    drawn: bool = False

    @property
    def sw2(self) -> float:
        """Return ``fan_in * Var(w)``."""
        return self.n_in * self.weight_variance

    @classmethod
    def without_weights(cls, name: str, units: int) -> Block:
        """Return one that hands on what comes, to be followed by a norm or an activation."""
        return cls(name, units, units, 1 / units, 0.0, weights=False)


@dataclass(frozen=True)
class Fork:
    """``y = skip(x) + scale * branch(x)``: a residual block.

    Attributes
    ----------
    name : str
        Of its sum.
    n_in, n_out : int
    branch, skip : tuple of Block or Fork
    scale : float
    """

    name: str
    n_in: int
    n_out: int
    branch: tuple[Block | Fork, ...]
    skip: tuple[Block | Fork, ...]
    scale: float


Step = Block | Fork


def parts_of(steps: Sequence[Step]) -> Iterator[Block]:
    """Yield all blocks, in the order of the model's layers."""
    for step in steps:
        if isinstance(step, Fork):
            yield from parts_of(step.branch)
            yield from parts_of(step.skip)
        else:
            yield step


def blocks_of(steps: Sequence[Step]) -> Iterator[Block]:
    """Yield the blocks with weights, in the order of the model's layers."""
    return (block for block in parts_of(steps) if block.weights)


def branch_ends(steps: Sequence[Step]) -> Iterator[str]:
    """Yield the names of the last dense layer in each branch: weights of 0 there begin a block as
    what goes around it."""
    for step in steps:
        if isinstance(step, Fork):
            yield from [block.name for block in blocks_of(step.branch)][-1:]
            yield from branch_ends((*step.branch, *step.skip))


@dataclass(frozen=True)
class Network:
    """A model read for theory.

    Attributes
    ----------
    before : tuple of str
        Layers before the first dense layer or fork.
    steps : tuple of Block or Fork
    notes : tuple of str
        Where theory holds only in part.
    at_initialization : bool
        Whether the parameters are as the initializers draw them.
    probabilities : bool
        Whether a softmax ends it: for theory a part of the loss.
    """

    before: tuple[str, ...]
    steps: tuple[Step, ...]
    notes: tuple[str, ...]
    at_initialization: bool
    probabilities: bool

    @property
    def blocks(self) -> tuple[Block, ...]:
        """The blocks with weights, in the order of the model's layers."""
        return tuple(blocks_of(self.steps))
