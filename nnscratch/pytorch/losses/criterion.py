"""The loss as it is seen: its value, the answers it was given, and what it can come to."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from nnscratch.arrays import Array
from nnscratch.errors import ConfigError
from nnscratch.pytorch.losses.hearing import called_before, mark, marked
from nnscratch.pytorch.losses.positions import are_positions, labels
from nnscratch.pytorch.losses.summed import adds_up
from nnscratch.pytorch.losses.unused import Losses
from nnscratch.pytorch.measuring.on_device import Afar, is_afar
from nnscratch.pytorch.tensors import IDS, as_array

# PyTorch's losses by what this package calls them.
_NAMES = {
    "CrossEntropyLoss": "SoftmaxCrossEntropy",
    "cross_entropy": "SoftmaxCrossEntropy",
    "BCEWithLogitsLoss": "SigmoidCrossEntropy",
    "binary_cross_entropy_with_logits": "SigmoidCrossEntropy",
    "BCELoss": "BinaryCrossEntropy",
    "binary_cross_entropy": "BinaryCrossEntropy",
    "MSELoss": "MeanSquaredError",
    "mse_loss": "MeanSquaredError",
    "L1Loss": "MeanAbsoluteError",
    "l1_loss": "MeanAbsoluteError",
    "HuberLoss": "Huber",
    "SmoothL1Loss": "Huber",
    "huber_loss": "Huber",
    "smooth_l1_loss": "Huber",
}

_LOG_LOSSES = ("NLLLoss", "nll_loss")
_TAKE_LOGS = (*_LOG_LOSSES, "KLDivLoss", "kl_div")
_SHARES = ("BCEWithLogitsLoss", "binary_cross_entropy_with_logits")  # BCELoss asks for them itself
_OF_SHARES = ("BCELoss", "binary_cross_entropy")
# What targets say of two outputs, or of one.
_SIGNS = (
    *("CosineEmbeddingLoss", "cosine_embedding_loss", "MarginRankingLoss", "margin_ranking_loss"),
    *("HingeEmbeddingLoss", "hinge_embedding_loss", "SoftMarginLoss", "soft_margin_loss"),
)
_SMALL = 0.1  # the one of two values of targets that is not 0: both were scaled down
_FAR = 0.05  # log-probabilities whose exponentials add up to more than this from 1 are none
_ROUNDED = 1e-9  # two values of a loss, float64, that differ by no more, relative to them
SEVERAL = 8  # examples, of which one is right for each
_EQUAL = 1e-4  # a sum of probabilities and 1


class Criterion:
    """What was seen of the loss since the latest pass began.

    Attributes
    ----------
    parts : list
        The values that add up to the loss; tensors as long as they lie on a device.
    calls : int
        How many losses were computed.
    outputs, targets : tensor or None
    """

    def __init__(self) -> None:
        self.losses = Losses()
        self.forget()
        self._function: Callable[..., Any] | None = None

    def forget(self) -> None:
        """Begin a pass."""
        self.losses.begins(getattr(self, "targets", None))
        self.parts: list[Any] = []
        self.calls = 0
        self.outputs: Any = None
        self.targets: Any = None
        self.given: tuple[Any, ...] = ()  # all that the loss was given
        self._heard: list[tuple[Any, ...]] = []  # functions, as `see` is told of them

    @property
    def value(self) -> float:
        """The loss; NaN if nothing was seen."""
        return sum(map(float, self.parts)) if self.parts else math.nan

    def fetch_with(self, afar: Afar) -> None:
        """Have values that lie on a device fetched with all else."""
        for i, part in enumerate(self.parts):
            if isinstance(part, torch.Tensor):
                afar.add(("loss", i), part, partial(self._fetched, i))

    def _fetched(self, i: int, numbers: Array) -> None:
        self.parts[i] = float(numbers[0])

    def see(self, function: Callable[..., Any], given: tuple[Any, ...], value: Any) -> None:
        """Note a value, of which function, and what that was given: outputs and targets."""
        self.say(value)
        self.losses.computes(value)
        self.calls += 1
        known = len(given) > 1 and all(isinstance(one, torch.Tensor) for one in given[:2])
        known = known and not given[1].requires_grad  # two of its answers are compared
        self.targets = given[1] if known and self.calls == 1 else None
        # Without what computed them, whose hooks would keep the watcher alive.
        self.outputs = given[0].detach() if known else None
        self._function = function
        self.given = tuple(one.detach() for one in given if isinstance(one, torch.Tensor))

    def hear(self, function: Callable[..., Any], given: tuple[Any, ...], value: Any) -> None:
        """Note a value of which it is not known whether it is the loss."""
        self.losses.computes(value)
        apart = tuple(one.detach() for one in given if not (one is given[1] and one.requires_grad))
        self._heard.append((mark(value), function, apart, value.detach()))

    def knows(self, value: Any) -> bool:
        """Whether a value need not be said, as it is known which loss it is of, or will be."""
        if self.calls > 0 or not isinstance(value, torch.Tensor):
            return self.calls > 0
        self.called_before([value])
        return marked(value) is not None

    def called_before(self, roots: list[Any]) -> None:
        """Note what is about to be sent back, where a function was called that nobody heard."""
        known = self.parts or len(roots) != 1 or marked(roots[0]) is not None
        found = None if known else called_before(roots[0])
        if found is not None:
            function, given = found
            with torch.no_grad(), warnings.catch_warnings(action="ignore"):
                self._heard.append((mark(roots[0]), function, given, function(*given)))

    def sent(self, roots: list[Any], scale: float) -> None:
        """Note what is sent back where no loss was seen: a function that was heard, or a value."""
        heard = [one for one in self._heard if [marked(root) for root in roots] == [one[0]]]
        self._heard = []
        for root in roots:
            value = root.detach() / scale
            if not heard:
                self.say(value)
                continue
            _, function, given, own = heard[0]
            function.times = float(value / own.mean())
            self.see(function, given, value)

    def say(self, value: Any) -> None:
        """Note a value."""
        if isinstance(value, torch.Tensor) and is_afar(value):
            self.parts.append(value.detach().mean())
        elif isinstance(value, torch.Tensor):
            self.parts.append(value.item() if value.ndim == 0 else value.detach().mean().item())
        else:
            self.parts.append(float(value))

    def broadcast(self) -> tuple[str, ...]:
        """Return the shapes of outputs and targets that the loss compares each with each.

        Nothing, where it gives the same for outputs in the shape of the targets.
        """
        function, outputs, targets = self._function, self.outputs, self.targets
        if function is None or outputs is None or targets is None or self.calls != 1:
            return ()
        if outputs.shape == targets.shape or outputs.numel() != targets.numel():
            return ()
        z, y = (one.detach().double() for one in (outputs, targets))
        try:
            with torch.no_grad(), warnings.catch_warnings(action="ignore"):
                given, paired = (
                    float(function(one, y).mean()) for one in (z, z.reshape(targets.shape))
                )
        except (RuntimeError, ValueError, IndexError, TypeError):
            return ()  # it asks for these shapes
        if math.isclose(given, paired, rel_tol=_ROUNDED, abs_tol=_ROUNDED):
            return ()
        return str(tuple(outputs.shape)), str(tuple(targets.shape))

    def not_logs(self) -> tuple[str, str]:
        """Return the name of a loss of log-probabilities that is given others, and what they are.

        "probabilities" or "any numbers"; two empty texts where it is not so.
        """
        name, outputs = _name(self._function), self.outputs
        if name not in _TAKE_LOGS or outputs is None or outputs.ndim < 2:
            return "", ""
        z = outputs.detach().float()
        axes = (1,) if name in _LOG_LOSSES else (1, -1)
        if any(float(torch.logsumexp(z, axis).abs().median()) < _FAR for axis in axes):
            return "", ""
        whole = any(float((z.sum(axis) - 1).abs().median()) < _FAR for axis in axes)
        return name, "probabilities" if whole and float(z.min()) >= 0 else "any numbers"

    def not_meant(self) -> tuple[str, str, str, str]:
        """Return a loss whose targets are none that it is made for: its name, what it takes, what
        they are, and a line that makes them right; empty texts where it is not so.
        """
        name, y = _name(self._function), self.targets
        if name in _SIGNS and len(self.given) > 2:
            y = self.given[2]
        if y is None or not y.numel() or name not in (*_SIGNS, *_SHARES, *_OF_SHARES):
            return "", "", "", ""
        low, high = float(y.min()), float(y.max())
        if name in _SIGNS and low == 0 and high == 1 and bool(((y == 0) | (y == 1)).all()):
            return name, "1 and -1", "1 and 0", "y = 2 * y - 1"
        scaled = name not in _SIGNS and low == 0 < high < _SMALL
        if scaled and bool(((y == 0) | (y == high)).all()):
            return name, "0 and 1", f"0 and {high:g}", f"y = y / {high:g}"
        if name in _SHARES and (low < 0 or high > 1):
            line = f"y = y / {high:g}" if low >= 0 else f"y = (y - {low:g}) / {high - low:g}"
            return name, "0 to 1", f"{low:g} to {high:g}", line
        return "", "", "", ""

    @property
    def function(self) -> Any:
        """The loss that was seen last, as a function of outputs and targets; None: none was."""
        return self._function

    def same(self, function: Any) -> tuple[str, float]:
        """Return what a function is called, and how many times it is sent back, where it is the
        loss that was seen last and a mean; empty, and 0, where it is another.
        """
        names = [_NAMES.get(_name(one), _name(one)) for one in (function, self._function)]
        if self._function is None or names[0] != names[1] or _reduced(function) != "mean":
            return "", 0.0
        return names[0], float(getattr(self._function, "times", 1.0))

    @property
    def known_as(self) -> str:
        """What this package calls the loss that was seen last; empty if it has none like it."""
        return _NAMES.get(_name(self._function), "") if self.calls else ""

    @property
    def left_out(self) -> Any:
        """The class that counts for nothing; None if the loss is none of classes that says so."""
        return getattr(self._function, "ignore_index", None)

    def several(self) -> tuple[int, float]:
        """Return how many examples have several classes that the loss takes for one, and how many
        classes those have on average; 0 and NaN where it is not so.
        """
        name, y = _NAMES.get(_name(self._function), ""), self.targets
        if name != "SoftmaxCrossEntropy" or y is None or y.ndim < 2 or not y.is_floating_point():
            return 0, math.nan
        if not bool(((y == 0) | (y == 1)).all()):
            return 0, math.nan
        ones = y.detach().float().sum(1)
        many = ones[ones > 1]
        return many.numel(), float(many.mean())

    def each_with_each(self, examples: int) -> int:
        """Return which class a loss of classes takes to be right for all of the examples, where
        the classes are these examples themselves; -1 where it is not so.
        """
        z, y = self.given[:2] if len(self.given) > 1 else (None, None)
        if self.known_as != "SoftmaxCrossEntropy" or examples < SEVERAL:
            return -1
        if z is None or y is None:  # it was called more than once
            return -1
        if z.shape != (examples, examples) or y.shape != (examples,) or y.is_floating_point():
            return -1
        return int(y[0]) if bool((y == y[0]).all()) else -1

    def answers(
        self, examples: int, width: int, single: bool = False
    ) -> tuple[Array, Callable[..., Any], int | None] | None:
        """Return the targets, and the loss as this package's are asked; None if they do not say.

        Nor where one class is always right of more or fewer than the network gives, `width`: then
        classes are not what it gives, but what that is compared with, one of which belongs to it.

        And None, or of how many classes they are where they are labels of some of the positions of
        the `examples`, and outputs of the loss (rows, classes).

        single : outputs and targets are of one example, without a batch
        """
        function, outputs, targets = self._function, self.outputs, self.targets
        if self.losses.parted(targets):
            return None
        if single and targets is not None:
            outputs, targets = outputs[None], targets[None]
        if targets is None or function is None or targets.ndim == 0 or self.not_logs()[0]:
            return None
        name = _NAMES.get(_name(function), _name(function))
        if name in _LOG_LOSSES and _are_log_probabilities(outputs):
            # A softmax leaves log probabilities as they are, and gives the loss a least value.
            plain, name = function, "SoftmaxCrossEntropy"

            def function(z: Any, y: Any) -> Any:
                return plain(torch.log_softmax(z, 1), y)

        classes = None
        if name == "SoftmaxCrossEntropy" and _compared(outputs, targets, width):
            return None
        if name == "SoftmaxCrossEntropy" and are_positions(outputs, targets, examples):
            classes = int(outputs.shape[1])
            targets = labels(function, outputs, targets, self.left_out)
            if targets is None:
                return None
        y = as_array(targets) if targets.is_floating_point() else targets.detach().cpu().numpy()
        device = targets.device  # the loss may have weights there
        size = targets.numel() if adds_up(function, outputs, targets) else 0  # of a batch
        # What was given may be what the network gives without an axis of one.
        same = outputs is not None and outputs.shape[1:] == targets.shape[1:]

        def loss(outputs: Array, y: Array) -> tuple[float, None]:
            z, t = (torch.from_numpy(one).to(device) for one in (outputs, y))
            if same and z.numel() == t.numel():
                z = z.reshape(t.shape)
            with torch.no_grad(), warnings.catch_warnings(action="ignore"):
                return float(function(z, t).mean()) * (size / t.numel() if size else 1.0), None

        loss.__name__ = name
        return y, loss, classes


def _name(function: Any) -> str:
    return str(getattr(function, "__name__", type(function).__name__))


def _reduced(function: Any) -> str:
    return str(getattr(function, "reduction", "mean"))


def _compared(outputs: Any, targets: Any, width: int) -> bool:
    rows = outputs is not None and outputs.ndim == 2 and outputs.shape[1] != width
    return rows and targets.dtype in IDS and bool((targets == targets[0]).all())


def _are_log_probabilities(outputs: Any) -> bool:
    whole = torch.logsumexp(outputs.detach().float(), dim=1) if outputs.ndim > 1 else outputs
    return bool((whole.abs() < _EQUAL).all())


def seen_by(criterion: Criterion, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a loss function that notes what it is asked and answers."""

    def seen(outputs: Any, targets: Any, **options: Any) -> Any:
        value = function(outputs, targets, **options)
        if torch.is_grad_enabled():
            criterion.see(function, (outputs, targets), value)
        return value

    return seen


def no_loss(outputs: Any, targets: Any) -> Any:
    """Stand for a loss that `watch` was not given."""
    raise ConfigError(
        "flow.loss is the loss that watch was given, and it was given none: "
        "watch(model, optimizer, loss=torch.nn.functional.cross_entropy), say"
    )
