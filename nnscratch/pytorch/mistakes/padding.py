"""What of sequences is read: padding in place of the words, or the first step alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nnscratch_records.words import percent

SHARE = (0.05, 0.98)  # of all places
READ = 0.999  # of what answers depend on
STEPS = 3  # of which one is read
MOST = 0.5  # of the sequences end with padding: what few end with may be a word


@dataclass(frozen=True)
class Padded:
    """Where padding and words stand.

    Attributes
    ----------
    number : int
        What fills the ends of sequences.
    words, tail : tensors
        Whether a place holds a word, (examples, time), but for the first; and padding.
    """

    number: int
    words: Any
    tail: Any


def padded(ids: Any) -> Padded | None:
    """Return where padding stands; None of sequences that all end alike."""
    number = int(ids[:, -1].mode().values)
    tail = (ids == number).flip(1).long().cummin(1).values.flip(1).bool()
    words = ~tail & (ids != number)
    words[:, 0] = False  # the first may be none, but stand for the whole
    some = SHARE[0] < float(tail.float().mean()) < SHARE[1]
    return Padded(number, words, tail) if some and len(tail.sum(1).unique()) > 1 else None


def words_hidden(places: Padded) -> tuple[str, ...]:
    """Return that words make no difference, as a line of `Mistakes`."""
    return (
        "words hidden",
        f"What goes in makes no difference: with other numbers in all places that are not "
        f"{places.number}, which fills the ends of sequences, the network gives the same.",
        "A mask hides what is there, and shows the padding: for key_padding_mask True stands "
        "for what is not to be seen.",
        "turn the mask round",
        f"mask = x == {places.number}",
    )


def first_alone(steps: int) -> tuple[str, ...]:
    """Return that one step is all that is read, as a line of `Mistakes`; nothing of few steps."""
    if steps < STEPS:
        return ()
    return (
        "truncation",
        f"Answers depend on the first of the {steps} places of an example alone: with others in "
        f"all places behind it the network gives the same.",
        "What a recurrent layer, or attention that sees no later steps, gives at the first step "
        "has seen nothing else.",
        "read what it gives at the last step, or a mean over all",
        "",
    )


def padding_read(slope: Any, places: Padded) -> tuple[str, ...]:
    """Return that answers depend on padding alone, or on nothing where there is any, as a line of
    `Mistakes`; nothing if not.

    slope : (examples, time), how much they change with what stands there
    """
    ends = places.tail[:, -1]  # the others have none
    known = slope.shape == places.tail.shape and float(slope.sum()) > 0
    if not known or float(ends.float().mean()) < MOST:
        return ()
    lengths = (~places.tail).sum(1)
    short = lengths < lengths.max()
    if float(short.float().mean()) >= MOST and bool(((slope.sum(1) == 0) == short).all()):
        return _filled(float(short.float().mean()), places)
    of = float(slope[ends][places.tail[ends]].sum() / slope[ends].sum())
    if not of > READ:
        return ()
    steps = float(places.tail[ends].float().sum(1).mean())
    return _line(
        f"Of what the answers depend on {percent(of)} is padding: sequences that are shorter are "
        f"filled up with {places.number}, {steps:.0f} steps on average, and what is read stands "
        f"behind that.",
        "What was seen has to be carried through all of the padding, and the gradient back.",
        places,
    )


def _filled(share: float, places: Padded) -> tuple[str, ...]:
    return _line(
        f"{percent(share)} of the sequences get an answer that depends on nothing in them: those, "
        f"and only those, that are shorter than the longest, and filled up with {places.number}.",
        "What is read stands behind their end, where a mask or pad_packed_sequence puts zeros: the "
        "last step of a batch is the last one of the longest alone.",
        places,
    )


def _line(seen: str, why: str, places: Padded) -> tuple[str, ...]:
    return (
        "padding read",
        seen,
        why,
        "read each sequence where it ends, or pack it: "
        "torch.nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, "
        "enforce_sorted=False), whose last state is that of the last word",
        f"lengths = (x != {places.number}).sum(1); answer = outputs[torch.arange(len(x)), "
        "lengths - 1]",
    )
