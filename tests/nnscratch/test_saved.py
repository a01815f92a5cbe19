"""What a file says about itself is checked before it is believed."""

import json
from dataclasses import dataclass, field

import numpy as np
import pytest

from nnscratch.errors import DataError
from nnscratch.files import from_json
from nnscratch.saved import Format, from_plain, group, read_facts

KNOWN = Format("a format", 2, "kept thing", "keep", ("a",))


@dataclass
class Plain:
    count: int
    share: float
    on: bool
    name: str | None = None
    losses: list[float] = field(default_factory=list)


def facts(**other):
    return {"facts": np.array(json.dumps({"format": "a format", "version": 2, **other}))}


def test_a_dataclass_is_made_of_its_fields():
    assert from_plain(Plain, {"count": 1, "share": 2, "on": True}) == Plain(1, 2, True)
    made = from_plain(
        Plain, {"count": 1, "share": 0.5, "on": False, "name": "a", "losses": [1, 2.5]}
    )
    assert made == Plain(1, 0.5, False, "a", [1, 2.5])


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"count": 1.0}, "count is 1.0, expected <class 'int'>"),
        ({"count": True}, "count is True"),
        ({"share": "1"}, "share is '1'"),
        ({"share": True}, "share is True"),
        ({"share": 10**400}, "share is 1000"),
        ({"on": 1}, "on is 1"),
        ({"name": 3}, "name is 3"),
        ({"losses": [1.0, None]}, "losses is .*None"),
        ({"losses": 1.0}, "losses is 1.0"),
        ({"more": 1}, "more"),
    ],
)
def test_a_field_of_another_type_is_named(values, said):
    with pytest.raises(TypeError, match=said):
        from_plain(Plain, {"count": 1, "share": 2.0, "on": True, **values})


def test_a_missing_field_and_what_are_no_fields_are_named():
    with pytest.raises(TypeError, match="'share'"):
        from_plain(Plain, {"count": 1, "on": True})
    with pytest.raises(TypeError, match="expected fields of Plain, got 3"):
        from_plain(Plain, 3)


@pytest.mark.parametrize("text", ["", "[]", "3", "{", '"text"', "[" * 10**5, b"\xff"])
def test_what_is_no_json_object_is_a_value_error(text):
    with pytest.raises(ValueError):
        from_json(text)
    assert from_json('{"a": 1}') == {"a": 1}


def test_the_facts_of_a_known_format_are_read():
    assert read_facts(facts(a=1), "facts", KNOWN, "x.npz")["a"] == 1


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({}, r"x\.npz is not a kept thing; keep writes such files"),
        ({"facts": np.zeros(())}, "is not a kept thing"),
        ({"facts": np.array(["{}"])}, "is not a kept thing"),
        ({"facts": np.array("{}")}, r"x\.npz is a damaged kept thing: KeyError\('format'\)"),
        ({"facts": np.array("[]")}, r"x\.npz is a damaged kept thing: .*expected a JSON object"),
        (facts(), r"x\.npz is a damaged kept thing: it lacks a"),
        (facts(a=1, version=3), "version 3, this program reads 'a format' version 2"),
        (facts(a=1, format=[]), "this program reads 'a format' version 2"),
    ],
)
def test_other_facts_are_refused_with_the_file(arrays, said):
    with pytest.raises(DataError, match=said):
        read_facts(arrays, "facts", KNOWN, "x.npz")


def test_a_group_is_read_without_its_name():
    arrays = {"a/x": np.zeros(1), "a/y/z": np.ones(1), "ab": np.zeros(2)}
    assert list(group(arrays, "a")) == ["x", "y/z"]
