"""Where the runs of a sweep are made if nobody says: in processes here, or in this one."""

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future
from contextlib import contextmanager
from typing import Any

from nnscratch.errors import ConfigError, require_count
from nnscratch.extras import optional
from nnscratch.sweeping.run import one_thread
from nnscratch_kernels.streams import progress_stream
from nnscratch_records import memory
from nnscratch_records.words import plural

_WORKER = 50_000_000  # bytes of a process that has imported this package, at least
# How many threads NumPy's products and PyTorch take, read when they are imported.
_THREADS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS")


def _cores() -> int:
    """Return how many workers there are if nobody says; a pool of Windows takes 61 at most."""
    cores = os.cpu_count() or 1
    return min(cores, 61) if sys.platform == "win32" else cores


class Here(Executor):
    """Does at once, in this process, what is submitted."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


@contextmanager
def executor_for(
    build: object, given: Executor | str | None, workers: int | None, runs: int
) -> Iterator[Executor]:
    """Enter what makes the runs; `ConfigError` where processes of this script's cannot."""
    if isinstance(given, str):
        distributed = optional("distributed", f"the scheduler {given}", "dask")
        with distributed.Client(given) as client:
            yield client.get_executor(pure=False)
        return
    if given is not None:
        yield given
        return
    wanted = _cores() if workers is None else require_count("sweep workers", workers)
    count = min(runs, wanted)
    if not _found_by_name(build):
        if count != 1:
            print(
                f"{plural(runs, 'run')}, here, one after the other: processes can import `build` "
                "from a file only",
                file=progress_stream(),
            )
        yield Here()
        return
    import multiprocessing  # here: they would make every import of the package slower
    from concurrent.futures import ProcessPoolExecutor

    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise SystemExit(1)  # this script is imported by a process of the sweep that it makes
    memory.require(f"a sweep with {plural(count, 'worker')}", _WORKER * count)
    context = multiprocessing.get_context("spawn")  # safe with threads, the same everywhere
    others = set(context.active_children())
    with ProcessPoolExecutor(count, context, initializer=one_thread) as pool:
        try:
            with _one_thread_each():
                pool.submit(os.getpid).result()
        except BrokenExecutor:
            raise ConfigError(
                "sweep: a process died before its first run. Each of them imports the script that "
                'calls nn.sweep, so that the call must stand under `if __name__ == "__main__":`'
            ) from None
        try:
            yield pool
        except BaseException:  # Ctrl-C: what no row is written of any more is not waited for
            pool.shutdown(wait=False, cancel_futures=True)
            for process in set(context.active_children()) - others:
                process.terminate()
            raise


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Let processes that are started meanwhile use one thread for products, unless the environment
    says how many: as many as there are processors for each of them take ten times as long.
    """
    ours = [name for name in _THREADS if name not in os.environ]
    os.environ.update(dict.fromkeys(ours, "1"))
    try:
        yield
    finally:
        for name in ours:
            del os.environ[name]


def _found_by_name(build: object) -> bool:
    """Whether a new process finds `build` by its name: not one of a notebook or a prompt."""
    try:
        named = pickle.dumps(build)
    except Exception:  # pickle's own, and whatever an object raises
        return False
    return b"__main__" not in named or hasattr(sys.modules["__main__"], "__file__")
