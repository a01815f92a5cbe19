"""Exports: JSON lines and event files hold what the record holds."""

import json
import struct

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.flow.export import to_json_lines, to_tensorboard
from nnscratch.flow.export.tensorboard import FILE_NAME, crc32c
from nnscratch_records import FIELDS

SERIES = {name: field.axes for name, field in FIELDS.items() if field.is_series}
BY_LAG = {name for name, field in FIELDS.items() if field.axes[2:] == ("lags",)}
HISTOGRAMS = {name: field.over for name, field in FIELDS.items() if "bins" in field.axes}


def refuse(token):
    raise AssertionError(f"{token} is not JSON")


def read_lines(path):
    return [json.loads(line, parse_constant=refuse) for line in path.read_text().splitlines()]


def numbers(values):
    """Floats of JSON's numbers and of the strings for those that are not finite."""
    return np.array([float(value) for value in values])


@pytest.fixture
def record(recording):
    return recording.record()


def test_every_measured_array_is_exported(record):
    per_step = {
        name
        for name, value in record.items()
        if isinstance(value, np.ndarray) and value.shape[:1] == (10,) and name != "steps"
    } - {name for name, field in FIELDS.items() if field.looked}
    assert per_step == set(SERIES) | set(HISTOGRAMS) | BY_LAG


def test_json_lines_hold_every_number(record, tmp_path):
    lines = read_lines(to_json_lines(record, tmp_path / "a.jsonl"))
    assert [line["step"] for line in lines] == record["steps"].tolist()
    assert {line["label"] for line in lines} == {"a run"}
    for name, (_, *axis) in SERIES.items():
        if axis:
            assert list(lines[0][name]) == record[axis[0]].tolist()
            read = np.array([numbers(line[name].values()) for line in lines])
        else:
            read = numbers(line[name] for line in lines)
        np.testing.assert_array_equal(read, record[name], err_msg=name)
    assert "output_histogram" not in lines[0]


def test_json_lines_name_what_is_not_finite(record, tmp_path):
    record["loss"][:4] = np.nan, np.inf, -np.inf, 0.5
    lines = read_lines(to_json_lines(record, tmp_path / "a.jsonl"))
    assert [line["loss"] for line in lines[:4]] == ["NaN", "Infinity", "-Infinity", 0.5]
    assert lines[0]["batch_size"] == 20


def test_json_lines_count_the_units_where_a_census_was_taken(record, tmp_path):
    lines = read_lines(to_json_lines(record, tmp_path / "a.jsonl"))
    assert [line["step"] for line in lines if "census" in line] == [0, 4, 8]
    for line, codes in zip(lines[::4], record["census"], strict=True):
        assert line["census"] == {
            "1.tanh": {
                "alive": int((codes == 0).sum()),
                "dead": int((codes == 1).sum()),
                "saturated_low": int((codes == 2).sum()),
                "saturated_high": int((codes == 3).sum()),
            }
        }


def test_json_lines_keep_a_census_whose_step_was_thinned_away(record, tmp_path):
    record["census_steps"], record["steps"] = np.array([0, 5, 20]), np.arange(1, 11)
    lines = read_lines(to_json_lines(record, tmp_path / "a.jsonl"))
    assert [line["step"] for line in lines] == [*range(11), 20]
    assert list(lines[0]) == list(lines[-1]) == ["label", "step", "census"]
    assert "census" in lines[5]


@pytest.mark.parametrize("export", [to_json_lines, to_tensorboard])
def test_what_is_no_record_is_refused_by_the_field(record, tmp_path, export):
    record["gradient_norm"] = record["gradient_norm"][:, :-1]
    with pytest.raises(nn.DataError, match=r"gradient_norm has shape \(10, 3\)"):
        export(record, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_json_lines_with_histograms(record, tmp_path):
    lines = read_lines(to_json_lines(record, tmp_path / "a.jsonl", histograms=True))
    for name, axis in HISTOGRAMS.items():
        assert list(lines[3][name]) == record[axis].tolist()
        assert list(lines[3][name].values()) == record[name][3].tolist()


@pytest.mark.parametrize("export", [to_json_lines, to_tensorboard])
def test_a_bad_place_is_said(record, tmp_path, export):
    (tmp_path / "file").touch()
    with pytest.raises(nn.FileError, match="file"):
        export(record, tmp_path / "file" / "a")


# Event files, read by a decoder of their own


def crc32c_of_byte(crc):
    for _ in range(8):
        crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc


TABLE = [crc32c_of_byte(byte) for byte in range(256)]


def crc32c_by_bytes(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = TABLE[(crc ^ byte) & 255] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def test_crc32c():
    assert crc32c_by_bytes(b"123456789") == 0xE3069283  # the check value of the catalogues
    rows = np.random.default_rng(0).integers(0, 256, (5, 33), dtype=np.uint8)
    assert crc32c(rows).tolist() == [crc32c_by_bytes(row.tobytes()) for row in rows]


def read_records(path):
    """The messages of an event file, both checksums of each checked."""
    content, at, messages = path.read_bytes(), 0, []
    while at < len(content):
        length, *_ = struct.unpack_from("<QI", content, at)
        for start, size in ((at, 8), (at + 12, length)):
            crc = crc32c_by_bytes(content[start : start + size])
            masked = ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
            assert struct.unpack_from("<I", content, start + size) == (masked,)
        messages.append(content[at + 12 : at + 12 + length])
        at += 16 + length
    assert at == len(content)
    return messages


def varint(data, at):
    number, shift = 0, 0
    while True:
        number |= (data[at] & 127) << shift
        shift, at = shift + 7, at + 1
        if data[at - 1] < 128:
            return number, at


def fields(data):
    """A message's fields: by number, a list of its numbers or bytes."""
    at, made = 0, {}
    while at < len(data):
        key, at = varint(data, at)
        if key & 7 == 0:
            value, at = varint(data, at)
        else:
            size, at = (8, at) if key & 7 == 1 else (4, at) if key & 7 == 5 else varint(data, at)
            value, at = data[at : at + size], at + size
        made.setdefault(key >> 3, []).append(value)
    assert at == len(data)
    return made


def read_events(path):
    """{tag: {step: number or buckets}} of an event file."""
    first, *events = [fields(message) for message in read_records(path)]
    assert first[3] == [b"brain.Event:2"]
    series = {}
    for event in events:
        (step,) = event[2]
        assert event[1] == first[1]  # one time for all
        for value in map(fields, fields(event[5][0])[1]):
            if 2 in value:
                read = np.frombuffer(value[2][0], "<f4")[0]
            else:
                assert fields(fields(value[9][0])[1][0]) == {1: [b"histograms"]}
                tensor = fields(value[8][0])
                shape = [fields(size)[1][0] for size in fields(tensor[2][0])[2]]
                read = np.frombuffer(tensor[4][0], "<f8").reshape(shape)
            of_tag = series.setdefault(value[1][0].decode(), {})
            assert step not in of_tag
            of_tag[step] = read
    return series


def test_an_event_file_holds_every_number(recording, tmp_path):
    recording.steps = np.array([0, 1, 126, 127, 128, 129, 16383, 16384, 2**31, 2**40])
    record = recording.record()
    record["saturated_low"][:, 0] = np.nan  # a layer that is no activation
    record["loss"][:2] = 1e300, 1e-300
    path = to_tensorboard(record, tmp_path / "new" / "folder")
    assert path == tmp_path / "new" / "folder" / FILE_NAME
    series = read_events(path)
    expected = {}
    for name, (_, *axis) in SERIES.items():
        for i, column in enumerate(record[axis[0]] if axis else ["step"]):
            tag = f"{name}/{column}" if axis else f"step/{name}"
            expected[tag] = record[name][:, i] if axis else record[name]
    del expected["saturated_low/0.dense"]
    with np.errstate(over="ignore"):
        for tag, values in expected.items():
            assert list(series[tag]) == record["steps"].tolist()
            np.testing.assert_array_equal(list(series[tag].values()), values.astype(np.float32))
    fractions = {tag for tag in series if tag.startswith("units_")}
    assert len(fractions) == 4
    assert series["units_dead/1.tanh"] == {
        step: np.float32((codes == 1).mean())
        for step, codes in zip(record["census_steps"], record["census"], strict=True)
    }
    logs = {tag for tag in series if tag.startswith("log10_")}
    assert len(logs) == len(record["layers"]) + 2 * len(record["params"]) + 1
    assert set(series) - set(expected) - fractions - logs == {
        *(f"output_histogram/{layer}" for layer in record["layers"]),
        *(f"gradient_histogram_log2/{layer}" for layer in record["layers"]),
        *(f"param_histogram/{param}" for param in record["params"]),
    }


def test_histograms_of_an_event_file(record, tmp_path):
    record["output_histogram"][:, 1] = 0
    record["output_histogram"][2, 1, 30] = 5
    record["output_histogram"][7, 1, 33] = 6
    record["output_histogram"][:, 2] = 0
    series = read_events(to_tensorboard(record, tmp_path))
    edges = record["histogram_edges_signed"]
    of_tanh = series["output_histogram/1.tanh"]
    assert list(of_tanh) == record["steps"].tolist()
    np.testing.assert_array_equal(of_tanh[2][:, 0], edges[30:34])
    np.testing.assert_array_equal(of_tanh[2][:, 1], edges[31:35])
    assert of_tanh[2][:, 2].tolist() == [5, 0, 0, 0]
    assert of_tanh[7][:, 2].tolist() == [0, 0, 0, 6]
    assert series["output_histogram/2.batchnorm"][0][:, 2].tolist() == [0]
    gradients = series["gradient_histogram_log2/3.dense"][4]
    assert gradients[:, :2].tolist() == [[2 * i - 102, 2 * i - 100] for i in range(64)]
    np.testing.assert_array_equal(gradients[:, 2], record["gradient_histogram"][4, 3])


def test_histograms_are_thinned_evenly(record, tmp_path):
    series = read_events(to_tensorboard(record, tmp_path, histogram_steps=4))
    assert list(series["param_histogram/0.bias"]) == [0, 3, 6, 9]
    assert len(series["step/loss"]) == 10
    with pytest.raises(nn.ConfigError, match="histogram_steps must be a whole number >= 1, got 0"):
        to_tensorboard(record, tmp_path, histogram_steps=0)


def test_without_histograms_and_census(record, tmp_path):
    for name in HISTOGRAMS:
        record[name] = record[name][:0]
    record |= {"census_steps": np.zeros(0, np.int64), "census": np.zeros((0, 6), np.uint8)}
    series = read_events(to_tensorboard(record, tmp_path))
    assert not [tag for tag in series if "histogram" in tag or "units" in tag]
    assert len(series["step/loss"]) == 10
    assert "census" not in read_lines(to_json_lines(record, tmp_path / "a.jsonl"))[0]


def test_many_blocks_are_one_file(record, tmp_path, monkeypatch):
    whole = read_events(to_tensorboard(record, tmp_path / "whole"))
    monkeypatch.setattr("nnscratch.flow.export.tensorboard.BLOCK_BYTES", 1)
    parts = read_events(to_tensorboard(record, tmp_path / "parts"))
    np.testing.assert_equal(parts, whole)


def test_an_export_replaces_the_one_before(record, tmp_path):
    for _ in range(2):
        to_tensorboard(record, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]
