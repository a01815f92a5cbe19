"""Which of the two kernel sets the engine runs on: ``"numba"`` (fast) or ``"reference"`` (NumPy).

Every layer, loss, clip and optimizer calls ``kernels.<name>(...)``; switching the set switches the
whole engine, in the middle of a run if need be. The environment variable ``NNSCRATCH_KERNELS``
chooses the set at start-up.
"""

from __future__ import annotations

import importlib
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import ModuleType
from typing import Any

import nnscratch_kernels
from nnscratch.errors import ConfigError, require_count, require_name
from nnscratch.workspace import changes
from nnscratch_kernels import forking
from nnscratch_kernels.signals import postponing

VARIABLE = "NNSCRATCH_KERNELS"
DEFAULT = "numba"

_lock = forking.lock()  # held while modules load, and while calls are noted


def load_module(name: str) -> ModuleType:
    """Return a module of the kernels; what an environment variable says wrong is a `ConfigError`.

    The kernels know nothing of this package's errors, and load when they are first needed.
    """
    try:
        if name in sys.modules:
            return importlib.import_module(name)  # which waits for whoever loads it
        return postponing(_load, name)
    except ValueError as error:
        raise ConfigError(str(error)) from None


def _load(name: str) -> ModuleType:
    with _lock:
        return importlib.import_module(name)


class Kernels:
    """The active kernel set: one attribute per kernel, loaded when the first one is asked for.

    Kernels are kept as plain attributes, so that a call costs no more than a method call.
    """

    def __init__(self) -> None:
        self._chosen: str | None = None

    @property
    def name(self) -> str:
        """The name of the active set."""
        if self._chosen is None:
            name = os.environ.get(VARIABLE, "") or DEFAULT
            if name not in nnscratch_kernels.SETS:
                raise ConfigError(
                    f"environment variable {VARIABLE} is {name!r}; "
                    f"expected one of {', '.join(sorted(nnscratch_kernels.SETS))}"
                )
            self._chosen = name
        return self._chosen

    def choose(self, name: str) -> None:
        """Make `name` the active set."""
        changes.number += 1  # what was captured is of the other set
        self._chosen = name
        for kernel in [key for key in self.__dict__ if not key.startswith("_")]:
            del self.__dict__[kernel]

    def noted(
        self, note: Callable[[str, tuple[Any, ...]], float], work: Callable[[], None]
    ) -> None:
        """Call `work`, and hand this thread's kernel calls to `note` instead of making them.

        Other threads compute on. No context manager, and no `with` around the lock: what a signal
        handler raises just before a block begins would leave its effect. Handlers run where a call
        returns, so that nothing is called before the lock is let go of.
        """
        try:
            _lock.acquire()
            self._note(note, work)
        finally:
            try:  # noqa: SIM105  `suppress` would be called
                _lock.release()
            except RuntimeError:  # something was raised before it was taken
                pass

    def _note(
        self, note: Callable[[str, tuple[Any, ...]], float], work: Callable[[], None]
    ) -> None:
        chosen, me = self.name, threading.get_ident()
        module = load_module(nnscratch_kernels.SETS[chosen])
        real = {name: getattr(module, name) for name in module.__all__}

        def noting(name: str) -> Callable[..., Any]:
            def kernel(*arguments: Any) -> Any:
                if threading.get_ident() == me:
                    return note(name, arguments)
                return real[name](*arguments)

            return kernel

        calls = {name: noting(name) for name in real}
        before = {name: self.__dict__.get(name, real[name]) for name in real}
        try:
            self.__dict__.update(calls)
            work()
        finally:
            if self._chosen == chosen:
                self.__dict__.update(before)

    def __getattr__(self, kernel: str) -> Any:
        if kernel.startswith("_"):
            raise AttributeError(kernel)
        module = load_module(nnscratch_kernels.SETS[self.name])
        self.__dict__.update({name: getattr(module, name) for name in module.__all__})
        if kernel not in self.__dict__:
            raise AttributeError(f"kernel set {self.name!r} has no kernel {kernel!r}")
        return self.__dict__[kernel]


kernels = Kernels()


def active_kernels() -> str:
    """Return the name of the kernel set in use, ``"numba"`` or ``"reference"``."""
    return kernels.name


def use_kernels(name: str) -> AbstractContextManager[None]:
    """Switch the whole engine to the kernel set `name`, ``"numba"`` or ``"reference"``.

    The switch happens at once. Used as ``with nn.use_kernels("reference"): ...`` it ends with the
    block. Raises `ConfigError` for an unknown name.
    """
    require_name("kernel set", name, nnscratch_kernels.SETS)
    before = kernels.name
    kernels.choose(name)

    @contextmanager
    def until_block_ends() -> Iterator[None]:
        try:
            yield
        finally:
            kernels.choose(before)

    return until_block_ends()


def set_num_threads(n: int) -> None:
    """Let the compiled kernels use up to `n` threads (capped at the cores there are).

    The bits of every result are the same for any number. Start-up takes it from the environment
    variable ``NNSCRATCH_NUM_THREADS``, else up to 4 of the available cores. Small work stays on
    one thread. Raises `ConfigError` unless `n` is a whole number >= 1.
    """
    threads = load_module("nnscratch_kernels.runtime.threads")
    threads.set_num_threads(require_count("the number of threads", n))


def get_num_threads() -> int:
    """Return how many threads the compiled kernels may use."""
    return int(load_module("nnscratch_kernels.runtime.threads").get_num_threads())


@contextmanager
def flush_subnormals() -> Iterator[None]:
    """Take numbers below 1.2e-38 (in float64 2.2e-308) for zero until the block ends.

    A vanished gradient is full of such subnormal numbers, for which some processors need a hundred
    times as long: there, networks whose gradient vanishes train several times as fast in this
    block. What it changes is too small to change a weight, but for weights that are 0: gradients
    are recorded as 0 a little earlier, and the bits of such a training are others.

    It holds for everything that this Python thread computes, NumPy's work included, and for the
    threads that help it, but not for those of a BLAS. On processors other than x86 it does nothing.
    """
    subnormals = load_module("nnscratch_kernels.vector.subnormals")
    before = subnormals.skip_subnormals()
    try:
        yield
    finally:
        subnormals.go_on_in(before)
