"""Advice for sequences: features are scaled over all their steps, and a mask is handed on."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from nnscratch.flow.findings.finding import Finding
from nnscratch.flow.findings.view import View

_POOLED = {"laststep", "meanovertime"}  # behind these there is one answer for a sequence
_TRAINS = re.compile(r"(trainer\.fit\(x(\[[^]]*\])?, y[^()]*)\)")
_SCALED = r"\b({})\.(mean|std)\(axis=0\)"


def for_sequences(found: Sequence[Finding], view: View) -> list[Finding]:
    """Return findings whose lines hold for sequences, (batch, time, features), where a run had
    some: a mean over the first axis would be one for each step of time."""
    if not view.get("time_steps").size:
        return [*found]
    masked = view.latest("masked_steps") >= 0
    scaled = re.compile(_SCALED.format("x" if _POOLED & set(view.kinds) else "x|y"))
    over = r"\1[mask].\2(axis=0)" if masked else r"\1.\2(axis=(0, 1))"

    def line(text: str) -> str:
        text = scaled.sub(over, text)
        return _TRAINS.sub(r"\1, mask=mask\2)", text) if masked else text

    return [
        replace(one, advice=tuple(replace(a, line=line(a.line)) for a in one.advice))
        for one in found
    ]
