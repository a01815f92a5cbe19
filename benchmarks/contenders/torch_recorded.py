"""PyTorch with hooks that keep what `GradientFlow` keeps, every step.

Of every layer's output and of the gradient that arrives there: norm, mean, standard deviation,
largest magnitude, zeros, NaN and infinities, both ends of an activation, a histogram by powers of
two of 128 elements. Of every parameter: its norm and mean, the norms of its gradient and of its
update, a histogram. Of batch norm: the batch's statistics beside the running ones, gamma / sigma.
Fused where PyTorch offers it (`torch._foreach_norm`); results stay tensors, stacked once a step.
"""

from __future__ import annotations

from typing import Any

from benchmarks.contenders.torch_eager import TorchEager, torch
from benchmarks.workloads import Problem

ENDS = {"Tanh": (-0.97, 0.97), "ELU": (-0.97, float("inf")), "ReLU": (0.0, float("inf"))}
SAMPLES, BINS, KEPT = 128, 64, 100


class TorchRecorded(TorchEager):
    """The same steps with hooks on every module and measures around the optimizer."""

    def __init__(self, problem: Problem, threads: int = 1) -> None:
        super().__init__(problem, threads)
        self.row: list[Any] = []
        self.histograms: list[Any] = []
        self.rows: list[tuple[Any, Any]] = []
        self.params = self.learned
        for module in _recorded(self.model):
            module.register_forward_hook(self._forward_hook)

    def _forward_hook(self, module: Any, inputs: tuple[Any], output: Any) -> None:
        output = output[0] if isinstance(output, tuple) else output
        with torch.no_grad():
            values = self._measure(output)
            low, high = ENDS.get(type(module).__name__, (None, None))
            if low is not None:
                values += [(output <= low).float().mean(), (output >= high).float().mean()]
            if isinstance(module, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d):
                values += self._batchnorm(module, inputs[0])
            self.row += values
            self.histograms.append(_histogram(output))
        if output.requires_grad:
            output.register_hook(self._gradient_hook)

    def _gradient_hook(self, gradient: Any) -> None:
        self.row += self._measure(gradient)
        self.histograms.append(_histogram(gradient))

    @staticmethod
    def _measure(x: Any) -> list[Any]:
        std, mean = torch.std_mean(x, correction=0)
        return [
            torch.linalg.vector_norm(x),
            mean,
            std,
            x.abs().max(),
            (x == 0).float().mean(),
            (~torch.isfinite(x)).float().sum(),
        ]

    @staticmethod
    def _batchnorm(module: Any, x: Any) -> list[Any]:
        around = [axis for axis in range(x.ndim) if axis != 1]
        variance, mean = torch.var_mean(x, around, correction=0)
        running = module.running_var + module.eps
        scale = module.weight.abs() / torch.sqrt(variance + module.eps)
        return [
            ((mean - module.running_mean) ** 2 / running).mean().sqrt(),
            ((variance + module.eps) / running).log().mean().exp(),
            (scale**2).mean().sqrt(),
            scale.max(),
        ]

    def step(self) -> float:
        self.row, self.histograms = [], []
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.loss(self.model(self.x), self.labels)
        loss.backward()
        with torch.no_grad():
            before = torch._foreach_add(self.params, 0.0)  # copies
            self.row += torch._foreach_norm([p.grad for p in self.params])
            if self.clip:
                torch.nn.utils.clip_grad_norm_(self.params, self.clip)
            self.optimizer.step()
            self.row += torch._foreach_norm(self.params)
            self.row += torch._foreach_norm(torch._foreach_sub(self.params, before))
            self.row += [p.mean() for p in self.params]
            self.histograms += [_histogram(p) for p in self.params]
            kept = (torch.stack(self.row), torch.stack(self.histograms))
        self.rows.append(kept)
        if len(self.rows) > KEPT:
            self.rows.clear()
        return float(loss.item())


def _recorded(module: Any) -> list[Any]:
    """Return the modules inside whose outputs are measured: those without modules, attention."""
    inside = list(module.children())
    if not inside or isinstance(module, torch.nn.MultiheadAttention):
        return [module]
    return [one for child in inside for one in _recorded(child)]


def _histogram(x: Any) -> Any:
    flat = x.detach().reshape(-1)
    sample = flat[:: max(1, flat.numel() // SAMPLES)]
    return torch.histc(torch.log2(sample.abs()), BINS, -100.0, 28.0)


CONTENDER = TorchRecorded
