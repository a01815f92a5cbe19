"""Records are refused by the name of the field that does not fit, with what it holds and should."""

import numpy as np
import pytest

from nnscratch_records import FIELDS, RecordError, check_record


def test_a_whole_record_passes_and_nothing_of_it_is_copied(record):
    checked = check_record(record)
    assert list(checked) == list(record)
    assert all(checked[name] is record[name] for name, field in FIELDS.items() if field.axes)


def may_be_missing(field):
    return field.looked or (field.kind == "text" and field.optional)


@pytest.mark.parametrize("name", [n for n, field in FIELDS.items() if not may_be_missing(field)])
def test_a_field_that_is_missing_is_named(record, name):
    del record[name]
    with pytest.raises(RecordError, match=rf"lacks {name}: "):
        check_record(record)


@pytest.mark.parametrize("name", [n for n, field in FIELDS.items() if may_be_missing(field)])
def test_what_nobody_looked_at_is_nan_or_empty(record, name):
    del record[name]
    found = check_record(record)[name]
    if FIELDS[name].looked:
        assert found.shape == tuple(len(record[axis]) for axis in FIELDS[name].axes)
        assert np.isnan(found).all()
    else:
        assert found == ""


@pytest.mark.parametrize("name", [name for name, field in FIELDS.items() if field.axes])
def test_a_field_of_another_shape_is_named_with_its_axes(record, name):
    record[name] = np.array(record[name])[None]
    with pytest.raises(RecordError, match=rf"record 'a run': {name} has shape \(1, "):
        check_record(record)


@pytest.mark.parametrize("name", FIELDS)
def test_a_field_of_another_kind_is_named(record, name):
    text = FIELDS[name].kind == "text"
    shape = np.shape(record[name])
    record[name] = np.zeros(shape) if text else np.full(shape, "x")
    with pytest.raises(RecordError, match=rf"{name}|format 'x'"):
        check_record(record)


@pytest.mark.parametrize("name", [name for name, field in FIELDS.items() if field.axes])
def test_nothing_of_another_kind_is_refused_as_something_of_it_would_be(record, name):
    record[name] = np.zeros((0,) * len(FIELDS[name].axes), complex)
    with pytest.raises(RecordError, match=f"{name} holds complex128"):
        check_record(record)


def test_one_column_too_few_is_named_with_what_was_expected(record):
    record["gradient_norm"] = record["gradient_norm"][:, :-1]
    message = r"gradient_norm has shape \(5, 3\), expected \(steps: 5, layers: 4\)"
    with pytest.raises(RecordError, match=message):
        check_record(record)


@pytest.mark.parametrize("name", [name for name, field in FIELDS.items() if not field.axes])
def test_a_plain_value_is_no_list(record, name):
    record[name] = []
    with pytest.raises(RecordError, match=rf"{name} has shape \(0,\), expected \(\)|format"):
        check_record(record)


@pytest.mark.parametrize("name", ["histogram_edges_signed", "histogram_edges_magnitude"])
def test_edges_of_histograms_increase_whatever_they_hold(record, name):
    record[name] = np.full(np.shape(record[name]), np.inf)
    with pytest.raises(RecordError, match=f"{name} must increase"):
        check_record(record)


def test_a_count_of_elements_is_finite(record):
    record["output_nonfinite"] = np.full(np.shape(record["output_nonfinite"]), np.inf)
    with pytest.raises(RecordError, match="output_nonfinite holds inf, expected a count"):
        check_record(record)


def test_lists_become_arrays(record):
    lists = {n: v.tolist() if isinstance(v, np.ndarray) else v for n, v in record.items()}
    checked = check_record(lists)
    for name, field in FIELDS.items():
        np.testing.assert_array_equal(checked[name], record[name])
        assert not field.axes or isinstance(checked[name], np.ndarray)


def test_plain_values_come_as_python_has_them(record):
    record |= {"every": np.int64(3), "label": np.array("of a file")}
    checked = check_record(record)
    assert (type(checked["every"]), type(checked["label"])) == (int, str)


def test_histograms_may_not_have_been_kept(record):
    record["output_histogram"] = record["output_histogram"][:0]
    assert len(check_record(record)["output_histogram"]) == 0


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("steps", [0, 2, 1, 3, 4], "steps must increase, got 1 after 2"),
        ("layers", ["a", "b", "a", "c"], "layers holds 'a' twice"),
        ("census_layers", ["9.relu"], "census_layers holds '9.relu', which is none of layers"),
        ("roles", ["weights", "wise", "norm", "join"], "roles holds 'wise', expected one of w"),
        ("param_roles", ["weight"] * 5 + ["w"], "param_roles holds 'w', expected one of weight"),
        ("edges", [(-1, 0), (1, 1), (1, 2), (2, 3)], r"edges holds \(1, 1\)"),
        ("edges", [(-1, 0), (0, 1), (1, 2), (2, 4)], r"edges holds \(2, 4\)"),
        ("param_layers", [0, 0, 1, 1, 4, 3], "param_layers holds 4"),
        ("gradient_norm", -np.ones((5, 4)), "gradient_norm holds -1.0, expected nothing below 0"),
        ("target_far_share", np.full(5, 1.1), "target_far_share holds 1.1, expected fractions"),
        ("output_zeros", np.full((5, 4), 1.00001), "output_zeros holds 1.00001, expected frac"),
        ("census", np.full((2, 6), 4), "census holds 4, expected codes 0 to 3"),
        ("census_units", [0, 5], r"census_units holds \[0, 5\], expected 2 bounds from 0 to the 6"),
        ("histogram_edges_signed", np.zeros(65), "histogram_edges_signed must increase"),
        ("format", 1, "has format 1, expected 3 or 2"),
        ("format", 4, "has format 4, expected 3 or 2"),
    ],
)
def test_a_field_with_a_wrong_value_is_named(record, name, value, message):
    record[name] = value
    with pytest.raises(RecordError, match=message):
        check_record(record)


def test_a_record_without_steps_or_layers_is_refused(record):
    with pytest.raises(RecordError, match="steps is empty"):
        check_record({"label": "x", "steps": np.zeros(0, int)}, needed=["steps"])
    with pytest.raises(RecordError, match="layers is empty"):
        check_record({"label": "x", "layers": []}, needed=["layers"])


def test_what_is_no_mapping_is_refused_by_its_place():
    with pytest.raises(RecordError, match=r"records\[2\] is a list, expected a mapping"):
        check_record([1], what="records[2]")


def test_part_of_a_record_is_enough_where_only_that_is_needed(record):
    part = {name: record[name] for name in ("label", "steps", "layers", "gradient_norm")}
    assert set(check_record(part, needed=["gradient_norm"])) >= set(part)
    with pytest.raises(RecordError, match="lacks params, param_norm: "):
        check_record(part, needed=["param_norm"])


def test_what_the_table_does_not_know_is_left_alone(record):
    extra = object()
    assert check_record(record | {"mine": extra})["mine"] is extra
