"""Changes of what a file is made of: values of JSON, arrays, bytes."""

import copy
import json
import warnings

import numpy as np

DEEP = "[" * 30_000 + "]" * 30_000
LONG = '"<long>"', "1" + "0" * 5000  # a number that Python does not even like to print
STRANGE = (
    *(None, True, False, 0, -1, 1, 2, 255, 2**31, 2**63 - 1, 2**63, -(2**63), 10**30, "<long>"),
    *(0.5, -0.0, 1e308, 1e-320, float("nan"), float("inf"), -float("inf")),
    *("", "x", "0", "nan", "\0", "\x1b[31m", "\ud800", "é" * 300, "0.weight", "float32", "relu"),
    *([], [[]], {}, {"": 0}, [0], [None], ["x"], {"class": "Dense", "options": {}}),
)


def one_of(rng, values):
    return values[rng.integers(len(values))]


def changed_value(rng, value):
    """Return `value` with one node in it replaced, removed, repeated or renamed."""
    holder, places = [copy.deepcopy(value)], []

    def walk(node):
        for key in list(node) if isinstance(node, dict) else range(len(node)):
            places.append((node, key))
            if isinstance(node[key], (dict, list)):
                walk(node[key])

    walk(holder)
    node, key = one_of(rng, places)
    how = rng.integers(6) if node is not holder else 5
    if how == 0:
        del node[key]
    elif how == 1 and isinstance(node, dict):
        node[one_of(rng, ["", "x", "steps"]) + str(key)[1:]] = node.pop(key)
    elif how == 2 and isinstance(node, list):
        node.insert(key, copy.deepcopy(node[key]))
    elif how == 3:
        other, there = one_of(rng, places)
        node[key] = copy.deepcopy(other[there])
    elif how == 4 and type(node[key]) in (int, float):
        node[key] = node[key] * (-1) ** int(rng.integers(2)) + int(rng.integers(-2, 3))
    else:
        node[key] = one_of(rng, STRANGE)
    return holder[0]


def changed_json(rng, text):
    how = rng.integers(40)
    if how == 0:
        return DEEP
    if how < 4:
        at = rng.integers(len(text))
        return text[:at] + chr(rng.integers(32, 127)) + text[at + 1 :]
    try:
        return json.dumps(changed_value(rng, json.loads(text))).replace(*LONG)
    except (ValueError, RecursionError):  # it was changed before
        return text


def speakable(text):
    return text.encode("utf-8", "replace").decode("utf-8", "replace")


def changed_bytes(rng, content):
    """Return `content` with a few bytes set, removed or added."""
    content = bytearray(content)
    for _ in range(rng.integers(1, 4)):
        at = int(rng.integers(len(content) + 1))
        how = rng.integers(8)
        if how == 0:
            del content[at : at + int(rng.integers(1, 9))]
        elif how == 1:
            content[at:at] = rng.bytes(int(rng.integers(1, 9)))
        elif how < 5:
            special = one_of(rng, [b"\0" * 8, b"\xff" * 8, b"\x7f" + b"\xff" * 7, b"\0\0\xf0\x7f"])
            content[at : at + len(special)] = special
        else:
            content[at : at + 1] = rng.bytes(1)
    return bytes(content)


def changed_array(rng, array):
    """Return `array` with another value in it, or in another type or shape."""
    array = array.copy()
    how = rng.integers(8)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if how < 3 and array.size:
            value = one_of(rng, STRANGE)
            try:
                array.reshape(-1)[rng.integers(array.size)] = value
            except (TypeError, ValueError, OverflowError):
                array = np.asarray(speakable(str(value)))
            return array
        if how == 3:
            return array[None] if rng.integers(2) else array[..., None]
        if how == 4:
            return array.reshape(-1)
        if how == 5 and array.ndim:
            return array[: max(0, len(array) + int(rng.integers(-2, 0)))]
        if how == 6 and array.ndim:
            return np.concatenate([array, array[-1:]])
        kind = one_of(rng, ["f8", "f4", "i8", "u1", "?", "c16", "U8", ">f4", "i2"])
        try:
            return array.astype(kind)
        except ValueError:
            return np.zeros(array.shape, kind)
