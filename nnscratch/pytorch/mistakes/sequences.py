"""Sequences that are gone through otherwise than their owner thinks: seen in one pass, exactly.

Attention or a recurrent layer that shows each step the ones after it, which it has to tell; states
that are handed on without their past.
"""

from __future__ import annotations

from typing import Any

from torch import nn

from nnscratch.pytorch.tensors import IDS, tensors_in
from nnscratch_records.words import percent

LEAST = 3  # steps of a sequence that is told one further on, and so many different numbers in it
PADDED = 0.5  # of what is asked
CUT = 2  # states handed on without their past
_FEATURES = 8  # of series, of which one may be asked for
_ASKED, _MASK = ("query", "key"), 5  # arguments of attention, and the place of its mask


class Sequences:
    """Looks at the sequences of a pass as its modules are called."""

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        """Forget the pass before."""
        self._ids: list[Any] = []  # numbers of words that the network is given
        self._series: list[Any] = []  # and real ones, of each feature (examples, time)
        self._open = ""  # what sees the steps to come
        self._masked = False  # something does not
        self._handed: dict[str, list[Any]] = {}  # what each cell gave
        self._cut: dict[str, list[bool]] = {}  # whether states came back without their past

    def called(self, name: str, module: nn.Module, given: Any) -> None:
        """Look at what a module is given; `given` is (args, kwargs)."""
        args, kwargs = given
        tensors = list(tensors_in(given))
        if name == "":
            self._begin()
            self._ids = [one for one in tensors if one.dtype in IDS and one.ndim == 2]
            real = [one.detach() for one in tensors if one.is_floating_point()]
            self._series = [one for one in real if one.ndim == 2]
            self._series += [x for one in real if one.ndim == 3 for x in one.unbind(2)[:_FEATURES]]
        elif isinstance(module, nn.MultiheadAttention):
            self._attends(name, args, kwargs)
        elif isinstance(module, nn.RNNCellBase):
            before = self._handed.get(name, [])
            for state in tensors[1:]:
                past = any(_shared(state, one) and one.requires_grad for one in before)
                if past:
                    self._cut.setdefault(name, []).append(not state.requires_grad)

    def _attends(self, name: str, args: Any, kwargs: Any) -> None:
        query, key = (args[i] if len(args) > i else kwargs.get(k) for i, k in enumerate(_ASKED))
        mask = args[_MASK] if len(args) > _MASK else kwargs.get("attn_mask")
        if query is not key:
            return
        if mask is None and not kwargs.get("is_causal"):
            self._open = self._open or name
        else:
            self._masked = True

    def returned(self, name: str, module: nn.Module, output: Any) -> None:
        """Look at what a module gives."""
        if name == "":  # with what computed them nobody is kept alive
            self._handed = {}
        elif isinstance(module, nn.RNNCellBase):
            self._handed[name] = list(tensors_in(output))
        elif isinstance(module, nn.RNNBase) and module.bidirectional:
            self._open = self._open or name

    def told(self, targets: Any, left_out: Any) -> list[tuple[str, ...]]:
        """Return what was seen, as lines of `Mistakes`.

        targets, left_out : of the loss, and the class that it does not count; or None
        """
        lines = (
            *(self._ahead(targets), self._cutting()),
            self._padding(targets, left_out),
        )
        return [one for one in lines if one]

    def _padding(self, targets: Any, left_out: Any) -> tuple[str, ...]:
        """See most of what is asked be one number, at the end of sequences of many lengths."""
        if targets is None or left_out is None or targets.dtype not in IDS or not self._ids:
            return ()
        one, count = targets.flatten().mode().values, targets.numel()
        share = float((targets == one).sum()) / count
        if int(one) == left_out or share < PADDED:
            return ()
        for ids in self._ids:
            for rows in ids.shape:
                time_first = rows != len(ids)
                if count % rows or count // rows < LEAST:
                    continue
                laid = targets.reshape(-1, rows).T if time_first else targets.reshape(rows, -1)
                filled = laid != one
                lengths = filled.sum(1)[filled.any(1)]
                ends = (filled[:, 1:] & ~filled[:, :-1]).sum() == 0  # nothing comes after it
                if bool(ends) and len(lengths.unique()) > 1:
                    return _counted(int(one), share, count)
        return ()

    def _ahead(self, targets: Any) -> tuple[str, ...]:
        ids = self._ids
        if targets is not None and targets.dtype in IDS:
            # Given beside the words as well, or seen by the loss alone.
            ids = [*[one for one in ids if not _equal(one, targets)], targets]
        if not self._open or self._masked:
            return ()
        further = len(ids) == 2 and one_further(*ids)
        if targets is not None and targets.is_floating_point():
            further = any(one_further(one, targets) for one in self._series)
        return looks_ahead(self._open) if further else ()

    def _cutting(self) -> tuple[str, ...]:
        for name, cut in self._cut.items():
            if len(cut) >= CUT and all(cut):
                return (
                    "truncation",
                    f"{name} is given its own state of the step before without its past, in all "
                    f"{len(cut)} calls after the first: no gradient goes back over a step of time.",
                    "detach() or no_grad() cuts it off: what was seen a step earlier is learned "
                    "from no more.",
                    "hand the state on as it is, and detach it between sequences alone",
                    "",
                )
        return ()


def looks_ahead(who: str) -> tuple[str, ...]:
    """Return the line of `Mistakes` that says so."""
    return (
        "looks ahead",
        f"{who} shows every step of a sequence those that come after it, and what each has to "
        f"tell is the next one of what goes in.",
        "It learns to copy the answer from there, and has nothing to copy from where it is to go "
        "on by itself: its loss says nothing of that.",
        "hide what comes after: mask=torch.nn.Transformer.generate_square_subsequent_mask(T) for "
        "attention over T steps, one direction for a recurrent layer",
        "",
    )


def _counted(number: int, share: float, count: int) -> tuple[str, ...]:
    return (
        "padding counted",
        f"{percent(share)} of the {count} answers that the loss asks for in a batch are {number}, "
        f"at the ends of sequences of many lengths: padding, and the loss counts it.",
        "To say so everywhere is nearly all that it rewards.",
        "leave it out of the loss, and judge it without",
        f"loss = torch.nn.CrossEntropyLoss(ignore_index={number})",
    )


def _shared(one: Any, other: Any) -> bool:
    """Whether two tensors are the same numbers in memory, or one is a view of the other's."""
    same = one.untyped_storage().data_ptr() == other.untyped_storage().data_ptr()
    return same and one.storage_offset() == other.storage_offset() and one.numel() == other.numel()


def _equal(one: Any, other: Any) -> bool:
    """Whether two tensors hold the same numbers, one after the other."""
    return one.numel() == other.numel() and bool((one.flatten() == other.flatten()).all())


def one_further(ids: Any, asked: Any) -> bool:
    """Whether what is asked of each step (examples first, or time) is the number one further on."""
    for time_first in (False, True):
        seen = ids.T if time_first else ids
        rows, steps = seen.shape
        for length in (steps, steps - 1):  # of the last step nothing may be asked
            if asked.numel() != rows * length or min(steps, len(seen.unique())) < LEAST:
                continue
            told = asked.reshape(length, rows).T if time_first else asked.reshape(rows, length)
            if bool((told[:, : steps - 1] == seen[:, 1:]).all()):
                return True
    return False


def same_number(ids: Any, asked: Any) -> bool:
    """Whether each step is asked for the number that it is given, where it is asked."""
    for seen in (ids, ids.T):
        if asked.numel() == seen.numel():
            told = asked.reshape(seen.shape)
            counts = told >= 0
            if bool((told == seen)[counts].all()) and float(counts.float().mean()) > 0.5:
                return True
    return False


def copies() -> tuple[str, ...]:
    """Return what is told where each step is asked for what it is given."""
    return (
        "looks ahead",
        "What each step of a sequence has to tell is what it is given itself: the targets equal "
        "the inputs, number by number, and nothing else is needed to answer.",
        "It learns to copy, and the loss goes to 0 without anything being known of what comes "
        "next.",
        "ask each step for the one that follows",
        "x, y = x[:, :-1], x[:, 1:]",
    )
