"""A plan: what a network and its training are made of, so that changed ones can be made anew."""

from __future__ import annotations

import copy
import itertools
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nnscratch.arrays import Array
from nnscratch.clipping import Clip
from nnscratch.curing.part import Part, called, has_rates, opened, python_of, rates_of
from nnscratch.datasets.standard import Standardizer
from nnscratch.layers import Dense
from nnscratch.losses import Loss
from nnscratch.network.blocks import Bidirectional, Residual
from nnscratch.network.freezing import frozen_names, keep_frozen, settled_parts
from nnscratch.network.model import Sequential
from nnscratch.network.nodes import INPUT, LossFunction, Node, Writer
from nnscratch.optimizers import Optimizer
from nnscratch.schedules import Schedule
from nnscratch.sequences import Truncate
from nnscratch.training import Callback, Omega

WIDTH = 84  # of the lines that are printed


@dataclass(frozen=True)
class Plan:
    """The parts of a network in order, and how it is trained.

    Attributes
    ----------
    layers : tuple of Part
        Layers and blocks.
    dtype : numpy.dtype
    optimizer : Part
    lr : float or Schedule
    clip : Clip or None
    loss : Part or callable
        A part if it is a loss of this package.
    standard_inputs, standard_targets : bool
        Whether inputs and targets are standardised before they are trained on.
    one_hot, logarithms, target_logarithms : tuple of int
        Columns of these inputs and targets that become zeros and ones, or logarithms, first.
    missing : float or None
        The number among these inputs that stands for missing values, if one does.
    cut : float or None
        Where these inputs are cut, as `Standardizer` has it.
    only_near : bool
        Whether examples are left out whose targets lie far from all others.
    truncate : Part, int or None
        How far the gradient goes back through time.
    omega : float
        The weight of Pascanu's regularizer; 0 for none.
    penalty : Part, Callback or None
        What is added to the gradient of the loss; a part if it is this package's.
    old : Sequential or None
        The network whose frozen layers are kept, if it has any.
    """

    layers: tuple[Part, ...]
    dtype: np.dtype[Any]
    optimizer: Part
    lr: float | Schedule
    clip: Clip | None
    loss: Part | LossFunction
    standard_inputs: bool = False
    standard_targets: bool = False
    one_hot: tuple[int, ...] = ()
    logarithms: tuple[int, ...] = ()
    target_logarithms: tuple[int, ...] = ()
    missing: float | None = None
    cut: float | None = None
    only_near: bool = False
    truncate: Part | int | None = None
    omega: float = 0.0
    penalty: Part | Callback | None = None
    old: Sequential | None = None

    def model(self, seed: int) -> Sequential:
        """Return a new network with the weights that `seed` gives, but for frozen layers."""
        made = Sequential(*(part.new() for part in self.layers), seed=seed, dtype=self.dtype)
        if self.old is not None:
            keep_frozen(self.old, made, self.kept())
        return made

    def kept(self) -> dict[str, str]:
        """Return the names of the frozen layers, by those that they had."""
        if self.old is None:
            return {}
        nodes, _ = self._written()
        return dict(zip(frozen_names(self.old.nodes), frozen_names(nodes), strict=True))

    def settled(self) -> set[int]:
        """Return the positions of what is frozen, and of what stands behind it."""
        roles = [part.role for part in self.layers]
        return settled_parts(roles, [part.frozen for part in self.layers])

    def rates(self) -> dict[str, float]:
        """Return the factors of the learning rate by layer or, where they differ, by parameter."""
        if not any(map(has_rates, self.layers)):
            return {}
        nodes, new = self._written()
        known = dict[int, Mapping[str, float]]()
        for part, made in zip(self.layers, new, strict=True):
            known |= rates_of(part, made)
        return {
            f"{node.key}.{name}" if name else node.name: factor
            for node in nodes
            for name, factor in known.get(id(node.layer), {}).items()
        }

    def _written(self) -> tuple[list[Node], list[Any]]:
        """Return the nodes of a new network, and the layers and blocks that wrote them."""
        nodes, at = list[Node](), INPUT
        writer, made = Writer(nodes), [part.new() for part in self.layers]
        for new in made:
            at = writer.put(new, at)
        return nodes, made

    def inputs(self, x: Array) -> Standardizer | None:
        """Return what standardises inputs as those of `x`; None where nothing does."""
        if not self.standard_inputs:
            return None
        columns = {"one_hot": self.one_hot, "logarithms": self.logarithms}
        return Standardizer(x, **columns, missing=self.missing, cut=self.cut)

    def targets(self, y: Array) -> Standardizer | None:
        """Return what standardises targets as `y`; None where nothing does."""
        logarithms = self.target_logarithms
        return Standardizer(y, logarithms=logarithms) if self.standard_targets else None

    def new_optimizer(self) -> Optimizer:
        """Return a new optimizer."""
        rates = self.rates()
        options = {**self.optimizer.options, **({"rates": rates} if rates else {})}
        made: Optimizer = self.optimizer.make(self.lr, **options, clip=self.clip)
        return made

    def new_loss(self) -> LossFunction:
        """Return the loss, a new one if it is this package's."""
        made: LossFunction = self.loss.new() if isinstance(self.loss, Part) else self.loss
        return made

    def new_truncate(self) -> Truncate:
        """Return how far back to go; one that draws begins anew."""
        made: Truncate = self.truncate.new() if isinstance(self.truncate, Part) else self.truncate
        return made

    def new_penalty(self) -> Callback:
        """Return the penalty, a new one if it is this package's, and else a copy."""
        assert self.penalty is not None
        if isinstance(self.penalty, Part):
            made: Callback = self.penalty.new()
            return made
        return copy.deepcopy(self.penalty)

    def penalties(self) -> list[Callback]:
        """Return what is added to the gradient of the loss."""
        made: list[Callback] = [Omega(self.omega)] if self.omega else []
        return made if self.penalty is None else [*made, self.new_penalty()]

    def loss_is(self, *kinds: type[Loss]) -> bool:
        """Return whether the loss is one of `kinds`."""
        return isinstance(self.loss, Part) and self.loss.is_a(*kinds)

    def largest_rate(self, steps: int) -> float:
        """Return the learning rate; of a schedule the largest of so many steps."""
        if not callable(self.lr):
            return self.lr
        return max(float(self.lr(step)) for step in range(0, steps, max(1, steps // 100)))

    def dense(self) -> list[int]:
        """Return the positions of the dense layers that stand in no block."""
        return [i for i, part in enumerate(self.layers) if part.is_a(Dense)]

    def top(self) -> int:
        """Return the position of the layer that answers: the last dense, or recurrent, one."""
        kinds = self.dense() or [i for i, p in enumerate(self.layers) if p.role == "recurrent"]
        return kinds[-1]

    def ends(self) -> list[Part]:
        """Return the activations at the output."""
        return [part for part in self.layers[self.top() + 1 :] if part.role == "activation"]

    def recurrent(self) -> list[Part]:
        """Return the recurrent layers, those in blocks too."""
        inside = (inner for part in self.layers for inner in opened(part))
        return [part for part in inside if part.role == "recurrent"]

    def hidden(self) -> list[Part]:
        """Return the layers before the one that answers, those of blocks too."""
        return [inner for part in self.layers[: self.top()] for inner in opened(part)]

    def changed(self, change: Callable[[Part], Part]) -> Plan:
        """Return the plan with `change` made to every layer that is not frozen, in blocks too."""

        def within(part: Part) -> Part:
            if part.frozen:
                return part
            if part.is_a(Bidirectional):
                return part.with_options(layer=change(part.options["layer"]))
            if "layers" not in part.options:
                return change(part)
            skip = part.options["skip"]
            return part.with_options(
                layers=tuple(map(within, part.options["layers"])),
                skip=None if skip is None else within(skip),
            )

        return replace(self, layers=tuple(map(within, self.layers)))

    # As Python

    def model_python(self, seed: int) -> str:
        """Return the Python expression that makes the network; parts that repeat, written once."""
        texts = _repeated([part.python() for part in self.layers], self._starts())
        options = [f"seed={seed}"]
        if self.dtype != np.float32:
            options.append(f"dtype=np.{self.dtype}")
        rows = [*texts, ", ".join(options)]
        if len(rows) < 4 and sum(map(len, rows)) < 60:
            return f"nn.Sequential({', '.join(rows)})"
        return "nn.Sequential(\n" + "".join(f"{_wrapped(row)},\n" for row in rows) + ")"

    def optimizer_python(self) -> str:
        """Return the Python expression that makes the optimizer."""
        texts = [f"lr={python_of(self.lr)}", *self.optimizer.arguments()]
        if self.clip is not None:
            texts.append(f"clip={_clip_python(self.clip)}")
        rates = self.rates()
        if rates:
            each = (f'"{name}": {python_of(factor)}' for name, factor in rates.items())
            texts.append(f"rates={{{', '.join(each)}}}")
        return f"{called(self.optimizer.make)}({', '.join(texts)})"

    def statements(self, seed: int, x: str = "x", y: str = "y") -> list[str]:
        """Return the lines that make data, network, loss, optimizer and so on of ``x`` and ``y``.

        x, y : what the scales of these are taken of, as Python
        A gradient that is cut on its way back through time takes a ``trainer`` of its own; Omega
        and a penalty are callbacks of its `fit`. Frozen layers are those of ``model`` as it was.
        """
        made = [f"{x}, {y} = nn.only_near({x}, {y})"] if self.only_near else []
        if self.standard_inputs:
            names = _columns("one_hot", self.one_hot) + _columns("logarithms", self.logarithms)
            values = {"missing": self.missing, "cut": self.cut}
            names += "".join(f", {of}={v:g}" for of, v in values.items() if v is not None)
            made.append(f"inputs = nn.Standardizer({x}{names}); x = inputs(x)")
        if self.standard_targets:
            tails = _columns("logarithms", self.target_logarithms)
            made.append(f"targets = nn.Standardizer({y}{tails}); y = targets(y)")
        kept = ", ".join(f'"{there}": "{here}"' for there, here in self.kept().items())
        if kept:
            made.append("old = model")
        made.append(f"model = {self.model_python(seed)}")
        if kept:
            made.append(_short(f"nn.keep_frozen(old, model, {{{kept}}})"))
        if isinstance(self.loss, Part):
            made.append(_short(f"loss = {self.loss.python()}"))
        made.append(_short(f"optimizer = {self.optimizer_python()}"))
        if self.truncate is not None:
            cut = python_of(self.truncate)
            made.append(f"trainer = nn.Trainer(model, loss, optimizer, truncate={cut})")
        if self.omega:
            made.append(f"omega = nn.Omega({self.omega:g})  # trainer.fit(..., callbacks=[omega])")
        if self.penalty is not None:
            given = "# as before: "
            if isinstance(self.penalty, Part):
                given = f"penalty = {self.penalty.python()}  # "
            made.append(f"{given}trainer.fit(..., callbacks=[penalty])")
        if self.standard_targets:
            given = "inputs(x)" if self.standard_inputs else "x"
            made.append(f"# in the units of y: targets.undo(model.predict({given}))")
        return made

    def _starts(self) -> list[int]:
        """Return where rows of the text begin: at each dense layer and block."""
        starts = [i for i, part in enumerate(self.layers) if part.is_a(Dense, Residual)]
        return sorted({0, *starts})


def _columns(name: str, columns: tuple[int, ...]) -> str:
    return f", {name}={list(columns)}" if columns else ""


def _repeated(texts: Sequence[str], starts: Sequence[int]) -> list[str]:
    """Return rows of text, one for each start; equal neighbours are written as one row."""
    bounds = itertools.pairwise([*starts, len(texts)])
    rows = []
    for row, equal in itertools.groupby(tuple(texts[a:b]) for a, b in bounds):
        count, joined = len(list(equal)), ", ".join(row)
        if count == 1:
            rows.append(joined)
        elif len(row) == 1:
            rows.append(f"*({joined} for _ in range({count}))")
        else:
            rows.append(f"*(part for _ in range({count}) for part in ({joined}))")
    return rows


def _wrapped(text: str) -> str:
    """Return text that stands between parentheses as rows of at most `WIDTH` characters."""
    rows = textwrap.wrap(
        text,
        WIDTH,
        initial_indent="    ",
        subsequent_indent="        ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "\n".join(rows)


def _short(statement: str) -> str:
    """Return a statement that ends in a call, on several rows if it is long."""
    if len(statement) <= WIDTH:
        return statement
    head, rest = statement.split("(", 1)
    return f"{head}(\n{_wrapped(rest[:-1])}\n)"


def _clip_python(clip: Clip) -> str:
    return f"{called(type(clip))}({', '.join(map(python_of, vars(clip).values()))})"
