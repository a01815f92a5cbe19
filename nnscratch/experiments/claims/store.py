"""Finished claims as JSON files, so that an interrupted scorecard goes on where it stopped."""

from __future__ import annotations

import functools
import hashlib
import inspect
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nnscratch.errors import DataError
from nnscratch.experiments.claims import networks
from nnscratch.experiments.claims.claim import Claim, Measured, Quantity, Settings
from nnscratch.files import from_json, read_input, write_atomically

_DIGITS = 6  # significant ones, of the numbers that only the picture needs


def key(claim: Claim, settings: Settings) -> str:
    """Return what a result belongs to: its settings, and the source of the claim's own file and of
    the networks that all claims share."""
    run: Any = claim.run
    while isinstance(run, functools.partial):
        run = run.func
    files = (inspect.getfile(run), networks.__file__)
    source = b"".join(Path(file).read_bytes() for file in files)
    text = json.dumps([claim.name, _plain(settings)], sort_keys=True)
    return hashlib.sha256(text.encode() + source).hexdigest()


def to_dict(claim: Claim, settings: Settings, measured: Measured, seconds: float) -> dict[str, Any]:
    """Return a result as plain values: what `save` writes."""
    verdict = claim.verdict(measured)
    return {
        "claim": claim.name,
        "sentence": claim.sentence,
        "verdict": verdict.word,
        "reason": verdict.reason,
        "seconds": round(seconds, 1),
        "settings": _plain(settings),
        "quantities": {
            name: {
                "what": quantity.what,
                "values": _plain(quantity.values),
                "mean": _plain(quantity.interval.mean),
                "interval": _plain([quantity.interval.low, quantity.interval.high]),
                "expected": _plain(quantity.expected),
                "whose": quantity.whose,
            }
            for name, quantity in measured.quantities.items()
        },
        "curves": _rounded(_plain(measured.curves)),
        "key": key(claim, settings),
    }


def save(
    path: Path, claim: Claim, settings: Settings, measured: Measured, seconds: float
) -> Measured:
    """Write a result, whole or not at all, and return it as `load` will."""
    content = to_dict(claim, settings, measured, seconds)
    write_atomically(path, (json.dumps(content, indent=1) + "\n").encode())
    return _measured(content)


def load(path: Path, claim: Claim, settings: Settings | None) -> tuple[Measured, float] | None:
    """Return the result at `path` and the seconds it took; None if it is not of these settings, or
    of another version of the claim's file. With None for `settings`, whatever it is of.

    Raises `DataError` for a file that is damaged or was written by something else.
    """
    try:
        if not path.exists():
            return None
        content = from_json(read_input(path))
    except ValueError as error:
        raise DataError(f"{path} is no result of a claim: {error}") from error
    if settings is not None and content.get("key") != key(claim, settings):
        return None
    try:
        return _measured(content), float(content["seconds"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"{path} is no result of a claim: {error!r}") from error


def _measured(content: Mapping[str, Any]) -> Measured:
    def expected(given: Any) -> Any:
        return tuple(given) if isinstance(given, list) else given

    return Measured(
        {
            name: Quantity(
                one["what"],
                _numbers(one["values"]),
                expected(_numbers(one["expected"])),
                one["whose"],
            )
            for name, one in content["quantities"].items()
        },
        _numbers(content["curves"]),
    )


def _plain(value: Any) -> Any:
    """Return `value` in what JSON has: numbers that are not finite become strings."""
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, (list, tuple, range)):
        return [_plain(one) for one in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _rounded(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_rounded(one) for one in value]
    return float(f"{value:.{_DIGITS}g}") if isinstance(value, float) else value


def _numbers(value: Any) -> Any:
    """Undo what `_plain` does to numbers that are not finite."""
    if isinstance(value, dict):
        return {name: _numbers(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_numbers(one) for one in value]
    return float(value) if value in ("nan", "inf", "-inf") else value
