"""Checks: does a record fit the table of fields, and if not, which field, and how."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from nnscratch_records.errors import RecordError, require_name
from nnscratch_records.field import AXES, Field
from nnscratch_records.fields import FIELDS, FORMAT, STATES
from nnscratch_records.formats import format_of, upgraded
from nnscratch_records.recurrent import LAGS, RECURRENT
from nnscratch_records.roles import PARAM_ROLES, ROLES

Array = npt.NDArray[Any]
Record = dict[str, Any]

_DTYPES = {"text": "U", "whole": "iu", "real": "iuf"}
_EMPTY = {axis: counted if isinstance(counted, int) else 0 for axis, counted in AXES.items()}
_PLAIN = {"text": str, "whole": int, "real": float}
_NAMED = ("layers", "params", "batchnorm_layers", "census_layers", "recurrent_layers", "gates")
_WHOLE = 1 + 1e-6  # of fractions: sums of float32 are off by less
_BUILDER = "nnscratch.Recorder writes whole records"


def check_record(
    record: Mapping[str, Any], what: str = "record", needed: Collection[str] | None = None
) -> Record:
    """Return `record` as arrays of this format, or raise `RecordError` naming the field.

    Lists become arrays, a record of format 2 becomes one of this format, fields that are not in the
    table are left as they are. Nothing is copied that fits.

    Parameters
    ----------
    record : mapping
    what : str
        How the error calls it; the record's label is added.
    needed : names of fields, or None
        All fields must be there (None), or these and those that their axes and checks take.

    Example
    -------
    >>> check_record({"label": "run", "steps": [3, 1]}, needed=["steps"])
    Traceback (most recent call last):
    nnscratch_records.errors.RecordError: record 'run': steps must increase, got 1 after 3
    """
    names = needed is None or (
        isinstance(needed, Collection) and not isinstance(needed, np.ndarray)
    )
    if not isinstance(what, str) or not names:
        raise RecordError("check_record takes a record, what it is called, and names of fields")
    for name in needed or ():
        require_name("field of a record", name, FIELDS)
    if not isinstance(record, Mapping):
        raise RecordError(f"{what} is a {type(record).__name__}, expected a mapping of arrays")
    if "label" in record and np.ndim(record["label"]) == 0:
        what = f"{what} {str(record['label'])!r}"
    _check_format(record, what)
    made = {
        name: _array(value, FIELDS[name], what) if name in FIELDS else value
        for name, value in record.items()
    }
    _check_shapes(made, what)
    made = _with_defaults(upgraded(made))
    wanted = list(FIELDS) if needed is None else _with_axes(needed)
    missing = [name for name in wanted if name not in made]
    if missing:
        raise RecordError(f"{what} lacks {', '.join(missing)}: {_BUILDER}")
    for check in _CHECKS:
        check(made, what)
    return made


def _with_defaults(record: Record) -> Record:
    """Return a record with what any may lack: NaN for what was never looked at, texts empty, and
    no recurrent layers where it has none of their fields."""
    if not any(field.name in record for field in RECURRENT):
        absent = {"recurrent_layers": np.zeros(0, np.str_), "gates": np.zeros(0, np.str_)}
        record = record | absent | {"lags": LAGS}
        for field in RECURRENT:
            if field.name not in record and ("steps" in record or "steps" not in field.axes):
                shape = [len(record[axis]) for axis in field.axes]
                record[field.name] = np.zeros(shape, np.int64 if field.kind == "whole" else float)
    for name, field in FIELDS.items():
        if name not in record and field.looked and all(AXES[axis] in record for axis in field.axes):
            shape = [len(record[str(AXES[axis])]) for axis in field.axes]
            record[name] = np.full(shape, np.nan)
        elif field.kind == "text" and field.optional:
            record.setdefault(name, "")
    return record


def _check_format(record: Mapping[str, Any], what: str) -> None:
    found = format_of(record)
    if not isinstance(found, int) or found not in (2, FORMAT):
        raise RecordError(
            f"{what} has format {found!r}, expected {FORMAT} or 2: it was written by another "
            f"version of nnscratch; record the run again"
        )


def _with_axes(needed: Collection[str]) -> list[str]:
    axes = [AXES[axis] for name in needed for axis in FIELDS[name].axes]
    return list(dict.fromkeys([*(name for name in axes if isinstance(name, str)), *needed]))


def _array(value: Any, field: Field, what: str) -> Any:
    """Return a field as a plain value or an array of its kind."""
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise RecordError(f"{what}: {field.name} is no array: {error}") from None
    if not array.size and array.dtype.kind == "f" and field.kind != "real":  # a list of nothing
        array = np.zeros(array.shape, np.str_ if field.kind == "text" else np.int64)
    if not array.size and array.ndim < len(field.axes):  # a list of nothing has no more axes
        array = array.reshape(*array.shape, *(_EMPTY[axis] for axis in field.axes[array.ndim :]))
    if array.dtype.kind not in _DTYPES[field.kind]:
        expected = {"text": "text", "whole": "whole numbers", "real": "numbers"}[field.kind]
        raise RecordError(f"{what}: {field.name} holds {array.dtype}, expected {expected}")
    if not field.axes and not array.ndim:
        return _PLAIN[field.kind](array)
    return array


def _check_shapes(record: Record, what: str) -> None:
    lengths = {axis: _length(record, counted) for axis, counted in AXES.items()}
    for name, field in FIELDS.items():
        if name not in record:
            continue
        shape, expected = np.shape(record[name]), [lengths[axis] for axis in field.axes]
        if field.optional and field.axes and shape and not shape[0]:
            expected[0] = 0
        fits = len(shape) == len(expected) and all(
            want in (None, got) for got, want in zip(shape, expected, strict=True)
        )
        if not fits:
            counted = zip(field.axes, expected, strict=True)
            wanted = ", ".join(f"{axis}: {'any' if n is None else n}" for axis, n in counted)
            raise RecordError(f"{what}: {name} has shape {shape}, expected ({wanted})")
    bounds, units = record.get("census_units"), record.get("census")
    if bounds is not None and "census_layers" in record:
        wanted_bounds = len(record["census_layers"]) + 1
        ends = [0, bounds[-1] if units is None else units.shape[1]]
        if len(bounds) != wanted_bounds or [bounds[0], bounds[-1]] != ends:
            raise RecordError(
                f"{what}: census_units holds {bounds.tolist()}, expected {wanted_bounds} bounds "
                f"from 0 to the {ends[1]} units of census"
            )


def _length(record: Record, counted: str | int) -> int | None:
    """Return the length of an axis; None if the record does not say."""
    if isinstance(counted, int):
        return counted
    shape = np.shape(record.get(counted, 0))
    return shape[-1] if shape else None


def _check_steps(record: Record, what: str) -> None:
    for name in ("steps", "census_steps", "census_units", "lags"):
        values = record.get(name, np.zeros(0, int))
        less = np.less if name == "census_units" else np.less_equal
        wrong = np.flatnonzero(less(values[1:], values[:-1]))  # a difference might overflow
        if wrong.size:
            before, after = values[wrong[0] : wrong[0] + 2]
            raise RecordError(f"{what}: {name} must increase, got {after} after {before}")
    if "steps" in record and not len(record["steps"]):
        raise RecordError(f"{what}: steps is empty, expected one recorded step or more")


def _check_names(record: Record, what: str) -> None:
    for name in _NAMED:
        names = [str(one) for one in record.get(name, ())]
        twice = (
            [one for one in names if names.count(one) > 1] if len(set(names)) < len(names) else []
        )
        if twice:
            raise RecordError(f"{what}: {name} holds {twice[0]!r} twice, expected each name once")
        others = set(names) - {str(one) for one in record.get("layers", names)}
        if name not in ("params", "gates") and others:
            raise RecordError(f"{what}: {name} holds {min(others)!r}, which is none of layers")
    if "layers" in record and not len(record["layers"]):
        raise RecordError(f"{what}: layers is empty, expected one layer or more")
    for name, known in (("roles", ROLES), ("param_roles", PARAM_ROLES)):
        unknown = [str(one) for one in record.get(name, ()) if str(one) not in known]
        if unknown:
            raise RecordError(
                f"{what}: {name} holds {unknown[0]!r}, expected one of {', '.join(known)}"
            )


def _check_edges(record: Record, what: str) -> None:
    if "layers" not in record:
        return
    layers = len(record["layers"])
    for source, reader in record.get("edges", np.zeros((0, 2), int)).tolist():
        if not -1 <= source < reader < layers:
            raise RecordError(
                f"{what}: edges holds ({source}, {reader}), expected columns of {layers} layers, "
                f"the source (-1: the input) before its reader"
            )
    for owner in record.get("param_layers", np.zeros(0, int)).tolist():
        if not -1 <= owner < layers:
            raise RecordError(
                f"{what}: param_layers holds {owner}, expected columns of {layers} layers, or -1"
            )


def _check_gates(record: Record, what: str) -> None:
    count = len(record.get("recurrent_layers", ()))
    for place in record.get("gate_layers", np.zeros(0, int)).tolist():
        if not 0 <= place < count:
            raise RecordError(
                f"{what}: gate_layers holds {place}, expected places of {count} recurrent_layers"
            )


def _check_values(record: Record, what: str) -> None:
    for name, field in FIELDS.items():
        values = record.get(name)
        if field.kind == "text" or field.signed or values is None or not np.size(values):
            continue
        numbers = np.asarray(values)
        if field.unit == "elements" and np.isinf(numbers).any():
            raise RecordError(f"{what}: {name} holds inf, expected a count of elements")
        if numbers.dtype.kind != "u" and (numbers < 0).any():
            found = numbers[numbers < 0][0]
            raise RecordError(f"{what}: {name} holds {found}, expected nothing below 0")
        if field.unit == "fraction" and (numbers > _WHOLE).any():
            found = numbers[numbers > _WHOLE][0]
            raise RecordError(f"{what}: {name} holds {found}, expected fractions, at most 1")
    states = record.get("census", np.zeros(0))
    if states.size and states.max() >= len(STATES):
        raise RecordError(f"{what}: census holds {states.max()}, expected codes 0 to 3")
    for name in ("histogram_edges_signed", "histogram_edges_magnitude"):
        if name in record and np.any(~(record[name][1:] > record[name][:-1])):
            raise RecordError(f"{what}: {name} must increase from edge to edge")


_CHECKS = (_check_steps, _check_names, _check_edges, _check_gates, _check_values)
