"""What of a network of PyTorch that is watched goes into its record, step by step."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.autograd import backward

from nnscratch.arrays import Array
from nnscratch.errors import ConfigError
from nnscratch.flow.builder import Recorder
from nnscratch.flow.findings import Findings
from nnscratch.flow.readout import Readout, Recorded
from nnscratch.flow.recording import Adjustable
from nnscratch.pytorch.kinds import function_of
from nnscratch.pytorch.losses.criterion import Criterion
from nnscratch.pytorch.losses.sent_back import kind_of_loss, sent_back
from nnscratch.pytorch.measuring.on_device import Afar, OnDevice, is_afar
from nnscratch.pytorch.measuring.parameters import Around
from nnscratch.pytorch.measuring.places import norm_statistics
from nnscratch.pytorch.mistakes.asking import Questions
from nnscratch.pytorch.mistakes.beyond import Beyond
from nnscratch.pytorch.mistakes.endless import endless
from nnscratch.pytorch.mistakes.first_pass import Mistakes
from nnscratch.pytorch.mistakes.held_out import HeldOut
from nnscratch.pytorch.mistakes.modes import Tests
from nnscratch.pytorch.mistakes.numbers import (
    ZEROS,
    Numbers,
    both_zero,
    climbs,
    each_with_each,
    of_float16,
    rows_of_one,
)
from nnscratch.pytorch.mistakes.outweighed import Outweighed
from nnscratch.pytorch.mistakes.rivals import Rivals, given_to
from nnscratch.pytorch.mistakes.shared import repeated
from nnscratch.pytorch.mistakes.unreached import unreached, unstepped
from nnscratch.pytorch.mistakes.unregistered import hidden
from nnscratch.pytorch.mistakes.updates import Updates
from nnscratch.pytorch.tensors import IDS, as_array, tensors_in
from nnscratch_records import Record, mistakes
from nnscratch_records.limits import AGAINST, UNEVEN

_SINGLE = np.dtype(np.float32)
_WAITED = 20  # passes without a step: so many may be one step's
_TERMS = 8  # recorded steps from one look at what a loss adds up to the next
_UNEVEN = 4  # numbers of passes in a step, from so many on they are of no plan


class Filling(Adjustable, Readout):
    """Fills the record of a network, once its layers are known.

    Attributes
    ----------
    criterion : Criterion
        What was seen of the loss.
    scale : float
        Of the loss that is sent back.
    """

    def __init__(self, model: nn.Module, optimizer: Any, label: str) -> None:
        self._model, self._optimizer, self.label = model, optimizer, label
        self._recorder: Recorder | None = None
        self._around: Around
        self._afar = Afar()
        self._hidden = hidden(model)
        self._known = {**dict(model.named_modules()), **self._hidden}
        self._modules: dict[str, str] = {}  # by recorded layer
        self._mistakes = Mistakes()
        self.criterion = Criterion()
        self.scale = 1.0
        self._step = 0  # of the optimizer
        self._number = 0  # of the latest pass
        self.looking = 0  # its number while it is looked at, negative for a probe
        self._passes = 0
        self._counts: set[int] = set()  # of passes, in all steps
        self._reached = False  # whether any parameter got a gradient, while nothing is recorded
        self._late = False  # whether one came behind the step of its pass
        self._beyond = Beyond()
        self._updates = Updates(self._updated())
        self._tests, self._questions, self._numbers = Tests(model), Questions(model), Numbers()
        self._outweighed, self._held, self._rivals = Outweighed(), HeldOut(), Rivals()
        self._wrong: dict[str, tuple[str, ...]] = {}  # by kind: the record's `mistakes`
        self._fed: set[bool] = set()  # whether inputs come from another network: at times they do
        self._examples = 0  # of the pass at hand
        self._single = False  # examples go in one by one, without a batch
        self._terms: tuple[Any, ...] = ()  # outputs and targets of the first of several losses
        self._rows: tuple[str, ...] | None = None  # what is wrong with the rows that go in first
        self._inputs: Any = None  # of the pass at hand, where they lie on a device
        self._first = ""  # the layer that is given what is made of the inputs, if they are remade
        self._taken = 0  # number of the pass in which it was
        self._lr = math.nan
        self._told: set[str] = set()

    def _tensors(self) -> dict[str, Any]:
        """Return all parameters by name, also of modules that the model does not know."""
        tensors = dict(self._model.named_parameters())
        for name, module in self._hidden.items():
            tensors.update(module.named_parameters(prefix=name, recurse=False))
        return tensors

    def _updated(self) -> set[int]:
        return {id(p) for group in self._optimizer.param_groups for p in group["params"]}

    def _rates(self) -> dict[int, float]:
        """Return the rate of each parameter that the optimizer has, over its first group's."""
        groups = self._optimizer.param_groups
        rates = [float(group.get("initial_lr", group["lr"])) for group in groups]
        factors = [rate / rates[0] if rates[0] > 0 and rate > 0 else 1.0 for rate in rates]
        return {
            id(p): factor
            for group, factor in zip(groups, factors, strict=True)
            for p in group["params"]
        }

    def _reads(self, module: nn.Module, args: Any) -> None:
        """Take what the first layer is given: the network scales inputs itself, or makes reals."""
        if self.looking > 0 and self._taken != self.looking:
            self._taken = self.looking
            self._input(next(tensors_in(args), None))

    def _input(self, tensor: Any) -> None:
        assert self._recorder is not None
        if isinstance(tensor, torch.Tensor) and tensor.ndim == 1:
            tensor = tensor[None] if self._single else tensor[:, None]
        fits = isinstance(tensor, torch.Tensor) and tensor.ndim >= 2 and tensor.numel()
        self._examples = len(tensor) if fits else 0
        if self._rows is None:
            self._rows = rows_of_one(tensor)
        ids = fits and tensor.dtype in IDS  # what they stand for is not in their size
        self._inputs = tensor.detach() if fits and not ids and is_afar(tensor) else None
        if ids:
            self._recorder.batch(len(tensor))
            return
        if self._inputs is None:
            self._recorder.input(as_array(tensor) if fits else None)
            return
        remote = self._recorder.remote("input", "", tuple(tensor.shape), _SINGLE)
        assert remote is not None
        OnDevice(self._afar, "input", remote, tensor).take(tensor)
        self._recorder.batch(len(tensor))

    def normed(self, name: str, received: Any, output: Any) -> None:
        """See `Watcher`."""
        statistics = norm_statistics(self._module_of(name), received, output)
        if is_afar(statistics):
            self._afar.add(("norm", name), statistics, partial(self._norm, name))
        else:
            self._norm(name, as_array(statistics))

    def _norm(self, name: str, statistics: Array) -> None:
        assert self._recorder is not None
        mean, variance, running, moving, gamma = statistics.reshape(5, -1)
        epsilon = self._module_of(name).eps
        self._recorder.batchnorm(name, mean, variance, running, moving, gamma, epsilon)

    def _module_of(self, layer: str) -> Any:
        return self._known[self._modules[layer]]

    def _see_roots(self, first: bool) -> None:
        """Look at what is sent back: where no loss was seen that is it, and what it depends on."""
        roots = [] if self.criterion.parts and not first else sent_back()
        assert self._recorder is not None
        if roots and not self.criterion.parts:
            self.criterion.sent(roots, self.scale)
        if roots and first:
            self._mistakes.sent(roots)
        # A loss may ask for derivatives first: what goes back for these is not the loss.
        row = len(self._recorder)
        whole = sent_back(backward) if self._beyond.due(row) else []
        if not whole:
            return
        own = {id(one) for one in self._tensors().values()} | self._updated()
        against = self._beyond.against
        self._tell(self._beyond.look(row, whole, own))
        if self._beyond.against != against:
            self._recorder.trained(loss_kind=AGAINST if not against else "")
        elif row == 0 and len(whole) == 1 and self.criterion.calls == 0:
            self._recorder.trained(loss_kind=kind_of_loss(whole[0]))

    def _judge(self, given: Any) -> None:
        """Note that a pass begins: a look at held-out examples may have ended."""
        look = self._held.begins(next(tensors_in(given), None))
        if look and self._recorder is not None:
            self._recorder.noticed(**look)
            self._tell(self._held.prepared.told())

    def _lost(self, module: nn.Module, args: Any, output: Any) -> None:
        if self._count() < 0:
            self._tested(module, args, output)
        elif isinstance(output, torch.Tensor):
            self.criterion.see(module, args, output)

    def _heard(self, *told: Any) -> None:
        if self._count() < 0:
            self._tested(*told)
        else:
            self.criterion.hear(*told)

    def _tested(self, function: Any, given: Any, value: Any) -> None:
        kind, times = self.criterion.same(function)
        if kind:
            self._held.hear(kind, given, value, times)

    def _sends(self, tensors: Any, gradients: Any) -> None:
        if self._count() < 0:
            return
        roots = [tensors] if isinstance(tensors, torch.Tensor) else tensors
        self.criterion.called_before(roots)
        self._questions.sends(list(roots))
        if not self.criterion.given and self._rivals.looks_on:
            self._terms = given_to(list(roots))
        if len(roots) == 1 and roots[0].numel() == 1 and len(self) % _TERMS == 0:
            self._outweighed.look(len(self), roots[0])

    def _clipped(self, parameters: Any, limit: Any) -> None:
        self._updates.clips(parameters, limit)

    def _count(self) -> int:
        raise NotImplementedError

    def _tell(self, *lines: tuple[str, ...]) -> None:
        """Add lines to the record's `mistakes`, one of a kind; empty ones are none."""
        for line in lines:
            if line:
                self._wrong.setdefault(line[0], line)
        assert self._recorder is not None
        if any(lines):
            self._recorder.trained(mistakes=mistakes.written(self._wrong.values()))

    def _keep(self) -> None:
        recorder = self._recorder
        assert recorder is not None
        recorder.rest_unknown()
        recorder.all_params(self._around.values)
        left = self._updates.made(self._around.arrived, self._around.unmoved)
        clipped = self._around.clipped()
        if clipped is not None:
            recorder.clipped(*clipped)
            self._updates.clipped(clipped[1], self.scale)
            recorder.trained(clip=self._around.clip)
        if recorder.looks_closely:
            recorder.noticed(gradient_lost=self._around.lost)
        if not len(recorder):
            seen = self.criterion, self._tensors(), self._updated(), self._hidden
            self._tell(*self._mistakes.told(*seen), of_float16(self._optimizer, self._tensors()))
            self._tell(climbs(self._optimizer, self.criterion))
            self._tell(each_with_each(self.criterion, self._examples), self._rows or ())
            self._tell(repeated(self._model))
        if len(recorder) == ZEROS:
            layers = recorder.layers.items()
            own = {self._modules[one] for one, info in layers if info.role == "weights"}
            self._tell(both_zero(self._tensors(), self._updated(), own))
        if self.criterion.parts:
            value = self.criterion.value
            self._tell(self._numbers.loss(value, math.isnan(value) and self._around.finite))
        if math.isfinite(left):
            whole = self._around.arrived
            recorder.noticed(gradient_kept=left / whole if whole else 0.0)
        against = self._beyond.against or len(self._fed) > 1
        self._rivals.look(self.criterion.given or self._terms)
        self._counts.add(self._passes)
        uneven = len(self._counts) >= _UNEVEN
        if against or uneven:
            recorder.trained(loss_kind=AGAINST if against else UNEVEN)
        asks = recorder.asks and not (against or uneven)
        last = next(reversed(recorder.layers.values()))
        given = self._examples, last.features, self._single
        answers = self.criterion.answers(*given) if asks else None
        if answers is not None:
            if self._inputs is not None:
                recorder.input(as_array(self._inputs))
            y, loss, classes = answers
            recorder.answers(y, loss, function_of(last.kind), classes)
        if self._passes > 1:
            self._say(
                f"each update follows {self._passes} passes: layers show the last one of them, "
                f"parameters the sum",
                "passes",
            )
        if self.criterion.calls > 1:
            self._say(f"the loss is the sum of {self.criterion.calls} losses", "losses")
        if self.criterion.calls == 0 and math.isnan(self.criterion.value):
            self._say(
                "the loss was not seen: give watch a loss module, or call flow.loss(outputs, "
                "targets) in place of the function given to it",
                "no loss",
            )
        recorder.end_step(loss=self.criterion.value, lr=self._lr, step=self._step)

    def _misfit(self, error: str, layer: str) -> None:
        self._say(f"step {self._step}: {error}", layer)

    def _say(self, text: str, about: str = "") -> None:
        assert self._recorder is not None
        if text and (about or text) not in self._told:
            self._told.add(about or text)
            self._recorder.remark(text)

    def to_dict(self) -> Record:
        """Return what was recorded: a record, see `nnscratch_records.FIELDS`."""
        if self._recorder is None or not len(self):
            raise ConfigError(
                f"watch of {self.label!r} has recorded nothing yet: train the model, forward, "
                f"backward and optimizer.step()"
            )
        self._recorder.noticed_behind(**self._held.ended())
        return self._recorder.to_dict()

    def findings(self) -> Findings:
        """See `Readout`; where no gradient ever came, that is what is wrong."""
        if self._step and not len(self):
            reached = self._reached or self._recorder is not None
            return unreached(self.label, self._number, self._step, reached, self._late)
        if not self._step and self._number >= _WAITED:
            return unstepped(self.label, self._number, self._recorder is not None)
        if self._recorder is not None:
            if len(self._fed) > 1 and self._rivals.tells_apart:
                self._tell(self._rivals.told(self._recorder.to_dict()["loss"]))
            self._tell(self._tests.left_on(), self._tests.told(self._step), self._outweighed.told())
            self._tell(self._held.prepared.told(), self.criterion.losses.told())
            if self._counts == {1} and not self._beyond.against and len(self._fed) < 2:
                self._tell(endless(self._recorder.to_dict()))
        return super().findings()

    def __reduce__(self) -> tuple[type[Recorded], tuple[Record]]:
        """A copy or a pickle holds what was recorded, and records no more."""
        return Recorded, (self.to_dict(),)

    def __len__(self) -> int:
        return 0 if self._recorder is None else len(self._recorder)

    def __repr__(self) -> str:
        layers = 0 if self._recorder is None else len(self._recorder.layers)
        return f"TorchFlow({self.label!r}, {len(self)} steps of {layers} layers)"
