"""The table of fields is whole: every axis is counted, all that is drawn has its words."""

import re

import pytest

from nnscratch_records import AXES, DERIVED, FIELDS, field_named, histogram_edges

DRAWN = [field for field in (*FIELDS.values(), *DERIVED.values()) if field.title]


@pytest.mark.parametrize("field", FIELDS.values(), ids=lambda field: field.name)
def test_a_field_has_a_meaning_a_kind_and_known_axes(field):
    assert field.meaning
    assert not field.meaning.endswith(".")
    assert field.kind in ("text", "whole", "real")
    assert set(field.axes) <= set(AXES)


@pytest.mark.parametrize("field", DRAWN, ids=lambda field: field.name)
def test_what_is_drawn_has_a_title_an_axis_and_a_short_name(field):
    assert field.axis
    assert field.short
    assert field.scale in ("log", "linear", "fraction")
    assert (field.scale == "fraction") == (field.unit == "fraction")
    assert not re.search(r"[A-Z.]$", field.sentence)


def test_everything_by_layer_or_parameter_is_drawn():
    bare = [f.name for f in FIELDS.values() if f.is_series and f.over and not f.title]
    assert bare == []


def test_every_axis_is_counted_by_a_field_that_has_it_last():
    for axis, counted in AXES.items():
        assert isinstance(counted, int) or FIELDS[counted].axes[-1] == axis


def test_an_unknown_quantity_is_refused_with_those_that_can_be_drawn():
    assert field_named("dead_units") is DERIVED["dead_units"]
    with pytest.raises(ValueError, match="unknown quantity 'norm': known are batchnorm_mean_gap"):
        field_named("norm")


def test_the_edges_of_a_histogram_are_a_field():
    for name, field in FIELDS.items():
        if "bins" in field.axes:
            assert histogram_edges(name) in FIELDS
    assert histogram_edges("gradient_histogram") == "histogram_edges_magnitude"
