"""What `watch` returns: it sees a PyTorch network train, and reads what it saw."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.autograd import backward

from nnscratch.arrays import Array
from nnscratch.errors import ConfigError, require_count
from nnscratch.flow.builder import Recorder
from nnscratch.flow.logging import Log
from nnscratch.pytorch.filling import Filling
from nnscratch.pytorch.finding import Finder, as_it_is
from nnscratch.pytorch.losses.criterion import no_loss, seen_by
from nnscratch.pytorch.losses.hearing import hear_every_loss
from nnscratch.pytorch.losses.sent_back import sent_back
from nnscratch.pytorch.measuring.hooks import Call, Hook, before_update, hooks, parameters_of
from nnscratch.pytorch.measuring.parameters_on_device import around
from nnscratch.pytorch.measuring.places import Place
from nnscratch.pytorch.measuring.probing import count_units, probe_outputs
from nnscratch.pytorch.measuring.shares import share_of_steps
from nnscratch.pytorch.measuring.through_time import Insides
from nnscratch.pytorch.mistakes.asking import ASKED
from nnscratch.pytorch.mistakes.carried import Carried
from nnscratch.pytorch.mistakes.first_pass import frozen
from nnscratch.pytorch.mistakes.updates import called
from nnscratch.pytorch.mistakes.written import Written
from nnscratch.pytorch.tensors import as_array, tensors_in

if TYPE_CHECKING:
    from nnscratch.files import PathLike

_OFF, _FIND, _RECORD, _PROBE = range(4)


class TorchFlow(Filling):
    """Watches a PyTorch network train: see `watch`.

    Attributes
    ----------
    loss : callable
        The loss function given to `watch`, seen when it is called.
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: Any,
        loss: Callable[..., Any] | None = None,
        probe: Any = None,
        every: int = 1,
        file: PathLike | None = None,
        layers: Sequence[str] | None = None,
        *,
        scaler: Any = None,
        label: str = "torch",
        memory: str | int = "512 MB",
        histograms: bool = True,
        probe_every: int = 100,
        log: Log | None = None,
        compiled: bool = False,
    ) -> None:
        # The compiler is not to look into what looks at the network.
        self._outside = torch.compiler.disable if compiled else as_it_is
        super().__init__(model, optimizer, label)
        self._scaler, self._probe = scaler, probe
        self.every = require_count("watch every", every)
        self.probe_every = require_count("watch probe_every", probe_every)
        self._options = {"memory": memory, "histograms": histograms, "file": file, "log": log}
        self._only = None if layers is None else list(layers)
        self._mode = _OFF
        self._waits: tuple[int, int] | None = None  # mode and number of a pass that is looked at
        self.closely = False
        self._counted = -1  # which of the censuses was taken last
        self._arrived = False  # a gradient
        self._going_back = False
        self._compiled = compiled
        self._carried, self._written = Carried(), Written()
        self._ready = False  # all that comes before the update was done
        self._probed: dict[str, Array] = {}
        self._hooks: list[Any] = []
        self._attach(loss, compiled)

    # Attaching

    def _attach(self, loss: Callable[..., Any] | None, compiled: bool) -> None:
        self.loss = no_loss if loss is None else loss
        if isinstance(loss, nn.Module):
            self._hooks.append(loss.register_forward_hook(Hook(self._lost)))
        elif loss is not None:
            self.loss = seen_by(self.criterion, loss)
        elif not compiled:  # the compiler minds hooks of all modules
            kind = type(self)
            told = kind._lost, kind._heard, kind._clipped, kind._sends
            self._hooks += hear_every_loss(self, *told)
        self._hooks += [
            self._model.register_forward_pre_hook(
                self._outside(Hook(self._begin)), with_kwargs=True
            ),
            self._optimizer.register_step_pre_hook(self._before),
            self._optimizer.register_step_post_hook(self._after),
        ]
        self._finder = Finder(self._known, self._mistakes, self._arrive, self._outside)
        behind = self._outside(Hook(self._end))
        self._hooks.append(self._model.register_forward_hook(behind, always_call=True))
        self._insides = Insides({one: name for name, one in self._known.items()}, self._count)
        self._hooks += self._insides.hooks(self._outside)
        for name, module in self._known.items():
            if isinstance(module, nn.RNNBase) and self.every == 1:  # else passes are not in a row
                hook = self._outside(Hook(partial(self._recurred, name)))
                self._hooks.append(module.register_forward_hook(hook, with_kwargs=True))

    def _recurred(self, name: str, module: nn.Module, *call: Any) -> None:
        if self._count() >= 0:
            self._carried.gave(name, *call)

    def _count(self) -> int:
        """Return which of the recorded steps the pass at hand belongs to; -1 for none."""
        looks = self._mode in (_FIND, _RECORD) and torch.is_grad_enabled()
        return self._step // self.every if looks else -1

    def tell_loss(self, value: Any) -> None:
        """Say what the loss of this pass is, where it is neither a module nor `loss`."""
        if not self.criterion.knows(value):
            self.criterion.parts = []
            self.criterion.say(value)

    def close(self) -> None:
        """Let go of the model, and close the file if there is one."""
        for hook in self._hooks:
            hook.remove()
        self._hooks = []
        self._finder.close()
        if self._recorder is not None:
            self._recorder.close()

    # A pass forward

    def _begin(self, module: nn.Module, args: Any, kwargs: Any) -> None:
        """Decide what to do with a pass (called before the model's own forward)."""
        if self._mode == _PROBE:
            return
        self._number += 1
        # One that is not learned from, as of the targets of Q-learning, while another one waits
        # for its gradient: that one is looked at again behind it.
        aside = self.looking > 0 and not self._arrived and not torch.is_grad_enabled()
        self._waits = (self._mode, self.looking) if aside else None
        self._finder.pauses = aside
        if not aside:
            self._tests.begins(self.every == 1)
        self._judge((args, kwargs))
        self._mode = _OFF
        self.looking = 0
        self._carried.begin(None)
        if not torch.is_grad_enabled() or self._step % self.every:
            return
        self._notice_skipped()
        self._passes += 1
        self._arrived = self._going_back = False
        given = next(tensors_in((args, kwargs)), None)
        if isinstance(given, torch.Tensor):
            self._fed.add(given.grad_fn is not None)
            self._updates.begins(given)
            self._carried.begin(given)
            self._written.begin(given)
        self.criterion.forget()
        self._insides.forget()
        self.looking = self._number
        if self._recorder is None:
            self._mode = _FIND
            self._finder.begin(self._number)
        else:
            self._mode = _RECORD
            self.closely = self._recorder.looks_closely
            if not self._first:
                self._input(given)
            if self._asks:
                self._questions.begin((args, kwargs))

    def _end(self, *call: Any) -> None:
        """Look at the pass that waits again (called after the model's own forward)."""
        if self._waits is not None:
            (self._mode, self.looking), self._waits = self._waits, None
            self._finder.pauses = False

    @property
    def _asks(self) -> bool:
        """Whether it is asked at this step what answers depend on."""
        return len(self) == ASKED and not self._compiled

    def probed(self, name: str, tensor: Any) -> bool:
        """See `Watcher`."""
        self._probed[name] = as_array(tensor).copy()
        return True

    # A pass backward

    def goes_back(self) -> None:
        """See `Watcher`."""
        if self._going_back:
            return
        self._arrived = self._going_back = True
        self._tests.sent_back()
        self.scale = 1.0 if self._scaler is None else float(self._scaler.get_scale())
        first = self._recorder is None
        if first:
            self._build()
        self._see_roots(first)
        if self._asks:
            self._questions.sent(sent_back(backward))
        if self.closely and self._step and not self._ready:
            self._updates.goes_back(self._around.left(self._beside))
        # Behind whatever else waits for the end, such as the exchange of gradients with others.
        at_end = torch.autograd.Variable._execution_engine.queue_callback
        at_end(partial(at_end, self._went_back))

    def _went_back(self) -> None:
        self._going_back = False
        self._around.keep_gradients(self.scale)

    def _arrive(self, name: str, number: int, dy: Any) -> None:
        """Take a gradient of the pass that was found."""
        if number == self.looking:
            self.goes_back()
            if name in self._calls:
                self._calls[name].arrived(number, dy)
        elif number == self._number and self._step:  # its step was made already
            self._late = True

    # An update

    def _before(self, optimizer: Any, args: Any, kwargs: Any) -> Any:
        """Measure before an update, inside it where it computes the gradient itself."""
        return before_update(args, kwargs, self._prepare)

    def _prepare(self, value: Any = None) -> None:
        if not self.criterion.parts and isinstance(value, torch.Tensor | float):
            self.criterion.say(value)
        if self._ready or not self._arrived or self._recorder is None:
            return
        self._ready = True
        self._around.before()
        recorder = self._recorder
        if recorder.looks_closely:
            recorder.before_update(self._around.arrays())
            share = share_of_steps(self._optimizer)
            if not math.isnan(share):
                recorder.noticed(step_share=share)
        self._insides.measure(recorder, self.scale, self._misfit)
        self._lr = float(self._optimizer.param_groups[0]["lr"])
        if self._step // self.probe_every > self._counted:
            self._counted = self._step // self.probe_every
            self._take_census()

    def _after(self, optimizer: Any, args: Any, kwargs: Any) -> None:
        """Keep the step (called after an update)."""
        if self._ready:
            self._around.after()
            self.criterion.fetch_with(self._afar)
            self._afar.fetch()
            asks = self._asks
            self._keep()
            self.criterion.losses.step()
            self._tell(self._carried.told(), self._written.told(), *self._updates.told())
            if asks:
                self._mode, self.looking = _PROBE, 0
                self._tell(*self._questions.told(self.criterion, self._mistakes.dropped.most > 0))
        if self._recorder is None and not self._reached:
            self._reached = any(one.grad is not None for one in self._model.parameters())
        self._mode = _OFF
        self.looking = 0
        self._ready = self._arrived = False
        self._passes = 0
        self._inputs = None  # lets go of the batch
        self._step += 1

    def _notice_skipped(self) -> None:
        """Note a step that a scaler skipped: its gradients came, and no update."""
        waited = self._arrived and self._scaler is not None and self._recorder is not None
        if waited and float(self._scaler.get_scale()) < self.scale:
            self._passes = 0
            self._say(
                f"before step {self._step} a step was skipped: scaled by {self.scale:g}, its "
                f"gradients were not finite"
            )

    def _take_census(self) -> None:
        """Count the units on the probe."""
        recorder, mode, number = self._recorder, self._mode, self.looking
        if self._probe is None or recorder is None:
            return
        self._mode, self.looking, self._probed = _PROBE, -number, {}
        try:
            probe_outputs(self._model, self._probe)
        finally:
            self._mode, self.looking = mode, number
        missing = count_units(recorder, self._probed)
        if missing:
            self._say(f"units were not counted: the probe did not go through {missing}")

    # The layers, once they are known

    def _build(self) -> None:
        """Lay out the record from the pass that was found, and give it what that pass left."""
        found, options = self._finder.found, self._options
        if not found.found:
            raise ConfigError("watch saw no layer of the model: none of its modules was called")
        self._insides.told(found.found)
        infos = [one.info for one in found.found]
        tensors, updated = self._tensors(), self._updated()
        params = parameters_of(self._known, found.found, tensors, self._rates())
        self._recorder = recorder = Recorder(
            infos,
            params,
            label=self.label,
            optimizer=called(self._optimizer),
            every=self.every,
            recorded=self._only,
            framework="torch",
            **options,  # type: ignore[arg-type]
        )
        chosen = {name: tensors[name] for name in recorder.params}
        self._around = around(chosen, updated, recorder.param_samples(), self._afar)
        self._modules = {one.info.name: one.module for one in found.found}
        # Of parameters of no layer the gradient may be there before that of any layer.
        owners = set(self._modules.values())
        self._beside = [i for i, name in enumerate(chosen) if name.rpartition(".")[0] not in owners]
        self._calls = {
            name: Call(self, recorder, self._afar, name, self._misfit) for name in recorder.layers
        }
        self._say(frozen(chosen))
        self._single, self._first = found.axes == 1, found.reads
        self._input(found.inputs)
        for one in found.found:
            name = one.info.name
            if name in recorder.layers:
                Place(recorder, self._afar, "output", name, self._misfit).give(one.output)
                if name in self._finder.norms:
                    self._norm(name, as_array(self._finder.norms[name]))
        self._finder.close()
        if self._first:
            hook = self._outside(Hook(self._reads))
            self._hooks.append(self._known[self._first].register_forward_pre_hook(hook))
        self._hooks += hooks(self, self._known, found, self._calls, self._outside)
