"""A plan: what a network and its training are made of, so that changed ones can be made anew."""

from __future__ import annotations

import inspect
import itertools
import re
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nnscratch import initializers, schedules
from nnscratch.blocks import Bidirectional, Residual
from nnscratch.clipping import Clip
from nnscratch.freezing import frozen_names, inside, keep_frozen, settled_parts
from nnscratch.initializers import Initializer
from nnscratch.layers import Dense
from nnscratch.losses import Loss
from nnscratch.model import Sequential
from nnscratch.nodes import INPUT, LossFunction, Node, Writer
from nnscratch.optimizers import Optimizer
from nnscratch.schedules import Schedule
from nnscratch.sequences import Truncate
from nnscratch.training import Callback, Omega

WIDTH = 84  # of the lines that are printed


@dataclass(frozen=True)
class Part:
    """A layer, a block, a loss, or an optimizer without rate and clip: class and arguments.

    The layers of a block are parts too, under the names ``"layers"``, ``"skip"`` and ``"layer"``.
    What is frozen no change touches.
    """

    make: type[Any]
    options: Mapping[str, Any]
    frozen: bool = False

    def is_a(self, *kinds: type[Any]) -> bool:
        """Return whether what it makes is one of `kinds`."""
        return issubclass(self.make, kinds)

    @property
    def role(self) -> str:
        """The role of a layer; empty for a block."""
        return str(getattr(self.make, "role", ""))

    def with_options(self, **options: Any) -> Part:
        """Return the same with some arguments changed."""
        return replace(self, options={**self.options, **options})

    def new(self) -> Any:
        """Return a new one."""
        options = dict(self.options)
        inner = [part.new() for part in options.pop("layers", ())]
        options = {k: v.new() if isinstance(v, Part) else v for k, v in options.items()}
        made = self.make(*inner, **options)
        if self.frozen:
            for one in [made, *inside(made)]:
                one.frozen = True
        return made

    def arguments(self) -> list[str]:
        """Return the arguments as Python text, those at their default left out."""
        texts = []
        for name, known in inspect.signature(self.make).parameters.items():
            if name not in self.options:
                continue
            value, usual = self.options[name], known.default
            if known.kind is inspect.Parameter.VAR_POSITIONAL:
                texts += [part.python() for part in value]
            elif usual is inspect.Parameter.empty:
                texts.append(_python(value))
            elif value != (initializers.get(usual) if isinstance(value, Initializer) else usual):
                texts.append(f"{name}={_python(value)}")
        return texts

    def python(self) -> str:
        """Return the Python expression that makes it."""
        return f"nn.{self.make.__name__}({', '.join(self.arguments())})"


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
    truncate : Part, int or None
        How far the gradient goes back through time.
    omega : float
        The weight of Pascanu's regularizer; 0 for none.
    penalty : Part or None
        The penalty on the weights.
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
    truncate: Part | int | None = None
    omega: float = 0.0
    penalty: Part | None = None
    old: Sequential | None = None

    def model(self, seed: int) -> Sequential:
        """Return a new network with the weights that `seed` gives, but for frozen layers."""
        made = Sequential(*(part.new() for part in self.layers), seed=seed, dtype=self.dtype)
        if self.old is not None:
            keep_frozen(self.old, made, self.kept())
        return made

    def kept(self) -> dict[str, str]:
        """Return the names of the frozen layers, by those that they had."""
        nodes, at = list[Node](), INPUT
        writer = Writer(nodes)
        for part in self.layers if self.old else ():
            at = writer.put(part.new(), at)
        there = frozen_names(self.old.nodes) if self.old else []
        return dict(zip(there, frozen_names(nodes), strict=True))

    def settled(self) -> set[int]:
        """Return the positions of what is frozen, and of what stands behind it."""
        roles = [part.role for part in self.layers]
        return settled_parts(roles, [part.frozen for part in self.layers])

    def new_optimizer(self) -> Optimizer:
        """Return a new optimizer."""
        made: Optimizer = self.optimizer.make(self.lr, **self.optimizer.options, clip=self.clip)
        return made

    def new_loss(self) -> LossFunction:
        """Return the loss, a new one if it is this package's."""
        made: LossFunction = self.loss.new() if isinstance(self.loss, Part) else self.loss
        return made

    def new_truncate(self) -> Truncate:
        """Return how far back to go; one that draws begins anew."""
        made: Truncate = self.truncate.new() if isinstance(self.truncate, Part) else self.truncate
        return made

    def penalties(self) -> list[Callback]:
        """Return what is added to the gradient of the loss."""
        made: list[Callback] = [Omega(self.omega)] if self.omega else []
        return made if self.penalty is None else [*made, self.penalty.new()]

    def loss_is(self, *kinds: type[Loss]) -> bool:
        """Return whether the loss is one of `kinds`."""
        return isinstance(self.loss, Part) and self.loss.is_a(*kinds)

    def dense(self) -> list[int]:
        """Return the positions of the dense layers that stand in no block."""
        return [i for i, part in enumerate(self.layers) if part.is_a(Dense)]

    def recurrent(self) -> list[Part]:
        """Return the recurrent layers, those in blocks too."""
        inside = (inner for part in self.layers for inner in _opened(part))
        return [part for part in inside if part.role == "recurrent"]

    def hidden(self) -> list[Part]:
        """Return the layers before the last dense one, those of blocks too."""
        return [inner for part in self.layers[: self.dense()[-1]] for inner in _opened(part)]

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
        texts = [f"lr={_python(self.lr)}", *self.optimizer.arguments()]
        if self.clip is not None:
            texts.append(f"clip={_clip_python(self.clip)}")
        return f"nn.{self.optimizer.make.__name__}({', '.join(texts)})"

    def statements(self, seed: int) -> list[str]:
        """Return the lines that make data, network, loss, optimizer and so on of `x` and `y`.

        A gradient that is cut on its way back through time takes a ``trainer`` of its own; Omega
        and a penalty are callbacks of its `fit`. Frozen layers are those of ``model`` as it was.
        """
        made = []
        if self.standard_inputs:
            made.append("inputs = nn.Standardizer(x); x = inputs(x)")
        if self.standard_targets:
            made.append("targets = nn.Standardizer(y); y = targets(y)")
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
            cut = _python(self.truncate)
            made.append(f"trainer = nn.Trainer(model, loss, optimizer, truncate={cut})")
        if self.omega:
            made.append(f"omega = nn.Omega({self.omega:g})  # trainer.fit(..., callbacks=[omega])")
        if self.penalty is not None:
            made.append(
                f"penalty = {self.penalty.python()}  # trainer.fit(..., callbacks=[penalty])"
            )
        if self.standard_targets:
            given = "inputs(x)" if self.standard_inputs else "x"
            made.append(f"# in the units of y: targets.undo(model.predict({given}))")
        return made

    def _starts(self) -> list[int]:
        """Return where rows of the text begin: at each dense layer and block."""
        starts = [i for i, part in enumerate(self.layers) if part.is_a(Dense, Residual)]
        return sorted({0, *starts})


def _opened(part: Part) -> list[Part]:
    if part.is_a(Bidirectional):
        return [part.options["layer"]]
    if "layers" not in part.options:
        return [part]
    return [inner for layer in part.options["layers"] for inner in _opened(layer)]


def initializer_python(init: Initializer) -> str:
    """Return the shortest Python expression for `init`: its name where it has one."""
    # Last first: of two names for the same numbers the later one is the better known.
    for name in reversed(initializers.names()):
        if initializers.get(name) == init:
            return f'"{name}"'
    part = Part(type(init), vars(init))
    return f"nn.initializers.{type(init).__name__}({', '.join(part.arguments())})"


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


def _python(value: Any) -> str:
    if isinstance(value, Part):
        return value.python()
    if isinstance(value, Initializer):
        return initializer_python(value)
    if isinstance(value, float):
        return f"{value:.5g}" if float(f"{value:.5g}") == value else repr(value)
    if callable(value):
        if getattr(schedules, type(value).__name__, None) is not type(value):
            return "schedule"
        return re.sub(r"\b([A-Z]\w*)\(", r"nn.schedules.\1(", repr(value))
    return repr(value)


def _clip_python(clip: Clip) -> str:
    return f"nn.{type(clip).__name__}({', '.join(_python(value) for value in vars(clip).values())})"
