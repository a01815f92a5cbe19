"""One caller at a time: whoever comes while another is inside is refused at once."""

from __future__ import annotations

import os
import threading
from typing import Any

from nnscratch.errors import ConfigError

_forks = 0  # how many processes lie between this one and the first


class Turn:
    """Whose turn it is with something that is not for several threads::

        with turn.of(model):
            ...

    The lock itself is entered: between the instructions of an `__enter__` written in Python a
    signal handler could raise something, and the lock would stay held.
    """

    def __init__(self) -> None:
        self._locks: dict[int, threading.Lock] = {}

    @property
    def lock(self) -> threading.Lock:
        """The lock of this process: the threads that were inside before a fork are not in it.

        It is looked up, for a list of all turns to be renewed would be a list of weak references,
        and what a signal handler raises while one of those goes is swallowed.
        """
        locks = self._locks
        return locks[_forks] if _forks in locks else locks.setdefault(_forks, threading.Lock())

    def of(self, owner: object) -> threading.Lock:
        """Return the lock, to be entered at once; `ConfigError` while somebody is inside.

        owner : whose buffers these are, or what to call it
        """
        lock = self._locks.get(_forks) or self.lock
        if lock.locked():
            name = owner if isinstance(owner, str) else f"this {type(owner).__name__}"
            raise ConfigError(
                f"{name} is at work already, in another thread or further up in this one, and its "
                f"buffers serve one at a time: give every thread its own, for example by "
                f"copy.deepcopy"
            )
        return lock

    def __deepcopy__(self, memo: dict[int, Any]) -> Turn:
        return Turn()

    def __reduce__(self) -> tuple[type[Turn], tuple[()]]:
        return Turn, ()


def _after_fork() -> None:
    global _forks
    _forks += 1


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
