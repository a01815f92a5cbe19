"""Numbers and names as a sentence wants them."""

from __future__ import annotations

import math
from collections.abc import Sequence

# How activations are called in sentences.
_CALLED = {
    "relu": "ReLU",
    "leakyrelu": "leaky ReLU",
    "prelu": "PReLU",
    "rrelu": "randomized leaky ReLU",
    "elu": "ELU",
    "selu": "SELU",
    "gelu": "GELU",
    "silu": "SiLU",
}


def called(kind: str) -> str:
    """Return an activation's name in a sentence."""
    return _CALLED.get(kind, kind)


def number(value: float, digits: int = 2) -> str:
    """Return so many digits, in a form that Python reads too: 0.043, 3.0e-8, 1.7e4."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("infinity" if value > 0 else "-infinity")
    if value == 0:
        return "0"
    text = f"{value:.{digits - 1}e}"  # rounded first: 9999.9 is 1.0e4
    rounded = float(text)
    if 1e-3 <= abs(rounded) < 1e4:
        plain = f"{rounded:.{digits}g}"
        return f"{rounded:.0f}" if "e" in plain else plain
    mantissa, exponent = text.split("e")
    return f"{mantissa}e{int(exponent)}"


def factor(log10: float) -> str:
    """Return ``10 ** |log10|`` in words."""
    if math.isnan(log10):
        return "an unknown factor"
    if math.isinf(log10) or abs(log10) > 300:
        return "everything" if log10 < 0 else "an infinite factor"
    return f"a factor {number(10 ** abs(log10))}"


def percent(share: float) -> str:
    """Return a share: 97 %, 0.3 %."""
    value = 100 * share
    if value > 100:
        return f"{number(value)} %"
    return f"{value:.0f} %" if value >= 1 or value == 0 else f"{value:.1g} %"


def listed(names: Sequence[str], what: str = "layers") -> str:
    """Return names as a sentence lists them; many of them by first and last."""
    if len(names) == 1:
        return names[0]
    if len(names) == 2:
        return f"{names[0]} and {names[1]}"
    return f"{names[0]} to {names[-1]} ({len(names)} {what})"


def since(step: int, first: int) -> str:
    """Return when it began, `first` being the first recorded step."""
    return "from the first step on" if step == first else f"from step {step} on"


def sentence(text: str) -> str:
    """Return `text` with a capital at the beginning and a full stop at the end."""
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def plural(count: int, word: str) -> str:
    """Return ``1 layer``, ``2 layers``."""
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"


def printable(text: str) -> str:
    """Return text whose control characters cannot act: written as escapes, lines as spaces."""
    return "".join(c if c.isprintable() else " " if c == "\n" else ascii(c)[1:-1] for c in text)


def one_line(text: str) -> str:
    """Return text that is one line, and whose control characters cannot act, newlines neither."""
    return printable(text.replace("\n", "\\n"))


def printable_lines(text: str) -> str:
    """Return `text` with what its lines hold `printable`."""
    return "\n".join(map(printable, text.split("\n")))
