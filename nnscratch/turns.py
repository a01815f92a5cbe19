"""One caller at a time: whoever comes while another is inside is refused at once."""

from __future__ import annotations

import os
import time
from threading import Lock
from typing import Any

from nnscratch.errors import ConfigError

_LOOK = 1e-3  # seconds between looks at whether another has left
_forks = 0  # how many processes lie between this one and the first


class Turn:
    """Whose turn it is with something that is not for several threads::

        with (mine := Lock()):
            turn.take(mine, model)
            ...

    What is locked is one's own, and its turn lasts as long as that is. Between a `with` that has
    locked a common one and the first line of its block, Python 3.14 lets a signal handler raise
    something, and the lock would stay held; so would it between the lines of an `__enter__`
    written in Python, in every version.
    """

    def __init__(self) -> None:
        self._taken: list[tuple[int, Lock]] = []  # in the order they came; some have left

    def take(self, mine: Lock, owner: object = None) -> None:
        """Note whose turn it is: whose lock `mine` is. `ConfigError` while another is inside.

        owner : whose buffers these are, or what to call it; None: wait until the other has left
        """
        me = _forks, mine  # threads that were inside before a fork are not in this process
        taken = self._taken
        taken.append(me)
        for one in tuple(taken):
            if one is me:
                return
            while one[1].locked() and one[0] == _forks:
                if owner is not None:
                    taken.remove(me)
                    raise _at_work(owner)
                time.sleep(_LOOK)
            try:  # noqa: SIM105 (it costs nothing)
                taken.remove(one)
            except ValueError:  # another has taken it out
                pass

    def __deepcopy__(self, memo: dict[int, Any]) -> Turn:
        return Turn()

    def __reduce__(self) -> tuple[type[Turn], tuple[()]]:
        return Turn, ()


def _at_work(owner: object) -> ConfigError:
    name = owner if isinstance(owner, str) else f"this {type(owner).__name__}"
    return ConfigError(
        f"{name} is at work already, in another thread or further up in this one, and its buffers "
        f"serve one at a time: give every thread its own, for example by copy.deepcopy"
    )


def _after_fork() -> None:
    global _forks
    _forks += 1


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
