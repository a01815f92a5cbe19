"""Crafted files of every kind, with right checksums: each is read, or refused in a clear way.

A case is one change, now and then several, of a good file. It is drawn from the case's number
alone: a number that failed fails again, ``NNSCRATCH_FUZZ=1234 pytest tests/fuzz``.
"""

import copy
import gzip
import io
import json
import os
import struct
import traceback
import warnings
import zipfile
import zlib

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.cli import replay as cli
from nnscratch.datasets.idx import read_idx, write_idx
from nnscratch.flow import load_record
from nnscratch.flow.export import to_json_lines
from nnscratch.flow.stream.format import CRC, FRAME, HEADER, STEP
from nnscratch_records import memory
from nnscratch_records.attribution import attribute

QUICK, THOROUGH = 400, 20_000
FREE = 50 * 10**6  # bytes of memory that the readers are told there are
DEEP = "[" * 30_000 + "]" * 30_000
LONG = '"<long>"', "1" + "0" * 5000  # a number that Python does not even like to print
STRANGE = (
    *(None, True, False, 0, -1, 1, 2, 255, 2**31, 2**63 - 1, 2**63, -(2**63), 10**30, "<long>"),
    *(0.5, -0.0, 1e308, 1e-320, float("nan"), float("inf"), -float("inf")),
    *("", "x", "0", "nan", "\0", "\x1b[31m", "\ud800", "é" * 300, "0.weight", "float32", "relu"),
    *([], [[]], {}, {"": 0}, [0], [None], ["x"], {"class": "Dense", "options": {}}),
)
DESCRIPTIONS = (
    *("<f8", ">f8", "<f4", "|u1", "|i1", "<i8", "<u8", "|b1", "<c16", "<U1", "<U40", "|S3", "|V8"),
    *("|O", "<f2", "<M8[s]", "<f16", "<U99999999", "x", ""),
)
SHAPES = ("()", "(0,)", "(1,)", "(2, 3)", "(-1,)", "(1099511627776,)", "(0, 9999999999)", "(3)")


def one_of(rng, values):
    return values[rng.integers(len(values))]


# Changes of what a file is made of: values of JSON, arrays, bytes


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
        value = json.loads(text)
    except (ValueError, RecursionError):  # it was changed before
        return text
    return json.dumps(changed_value(rng, value)).replace(*LONG)


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


# The kinds of file: from its bytes and a source of chance to other bytes


def change_flow(rng, content):
    _, version, length = HEADER.unpack_from(content)
    text = content[HEADER.size : HEADER.size + length]
    frames, at = [], HEADER.size + length + CRC.size
    while at < len(content):
        kind, size = FRAME.unpack_from(content, at)
        frames.append([kind, content[at + FRAME.size : at + FRAME.size + size]])
        at += FRAME.size + size + CRC.size
    for _ in range(1 if rng.integers(4) else 3):
        i, how = int(rng.integers(len(frames))), rng.integers(10)
        if how < 4:
            text = changed_json(rng, text.decode("utf-8", "replace")).encode("utf-8", "replace")
        elif how == 4:
            frames.pop(i)
            frames = frames or [[b"END ", b""]]
        elif how == 5:
            frames.insert(int(rng.integers(len(frames))), list(frames[i]))
        elif how == 6:
            frames[i][0] = one_of(rng, [b"ROW ", b"CENS", b"NOTE", b"END ", b"ABCD"])
        elif how == 7 and len(frames[i][1]) >= STEP.size:
            step = int(one_of(rng, [-1, 0, 2, 2**62, -(2**63), 2**63 - 1]))
            frames[i][1] = STEP.pack(step) + frames[i][1][STEP.size :]
        elif how == 8 and len(frames[i][1]) >= STEP.size + 8:
            value = struct.pack("<d", one_of(rng, [np.nan, np.inf, -1.0, 1e308, 2**63, 0.5]))
            at = STEP.size + 8 * int(rng.integers((len(frames[i][1]) - STEP.size) // 8))
            frames[i][1] = frames[i][1][:at] + value + frames[i][1][at + 8 :]
        else:
            frames[i][1] = changed_bytes(rng, frames[i][1])
    head = HEADER.pack(content[:8], version if rng.integers(50) else 1, len(text)) + text
    parts = [head, CRC.pack(zlib.crc32(head))]
    for kind, payload in frames:
        whole = FRAME.pack(kind, len(payload)) + payload
        parts += [whole, CRC.pack(zlib.crc32(whole))]
    return b"".join(parts)


def change_npz(rng, content):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = [[info.filename, archive.read(info)] for info in archive.infolist()]
    for _ in range(1 if rng.integers(4) else 3):
        i, how = int(rng.integers(len(members))), rng.integers(10)
        texts = [j for j, (name, _) in enumerate(members) if name in TEXTS]
        if how < 4 and texts:
            i = texts[0]
            text = changed_json(rng, str(loaded(members[i][1])))
            members[i][1] = saved(
                np.array(text.encode("utf-8", "replace").decode("utf-8", "replace"))
            )
        elif how < 6:
            members[i][1] = saved(changed_array(rng, loaded(members[i][1])))
        elif how == 6:
            members[i][1] = changed_bytes(rng, members[i][1])
        elif how == 7:
            described = f"{{'descr': '{one_of(rng, DESCRIPTIONS)}', 'fortran_order': False, "
            described += f"'shape': {one_of(rng, SHAPES)}, }}\n"
            length = struct.pack("<H", len(described))
            members[i][1] = b"\x93NUMPY\1\0" + length + described.encode() + members[i][1][128:]
        elif how == 8 and len(members) > 1:
            members.pop(i)
        else:
            members[i][0] = one_of(rng, ["x.npy", "steps", members[0][0], "a/b.npy", "../x.npy"])
    made = io.BytesIO()
    compressed, compression = int(rng.integers(len(members))), one_of(rng, [0] * 5 + [8, 12, 14])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # two members of one name
        with zipfile.ZipFile(made, "w") as archive:
            for j, (name, member) in enumerate(members):
                archive.writestr(name, member, compression if j == compressed else 0)
    if rng.integers(20) == 0:
        return changed_bytes(rng, made.getvalue())
    if rng.integers(20) == 0:  # a lie about a length, in the list of contents
        raw = bytearray(made.getvalue())
        at = raw.rindex(b"PK\x01\x02") + int(one_of(rng, [20, 24]))
        struct.pack_into("<I", raw, at, int(one_of(rng, [0, 1, 2**31, 2**32 - 2])))
        return bytes(raw)
    return made.getvalue()


TEXTS = ("checkpoint.npy", "nonfinite.npy")


def loaded(member):
    try:
        return np.lib.format.read_array(io.BytesIO(member), allow_pickle=False)
    except Exception:  # it was changed before
        return np.zeros(3)


def saved(array):
    member = io.BytesIO()
    np.lib.format.write_array(member, array)
    return member.getvalue()


def change_idx(rng, content):
    raw = changed_bytes(rng, content)
    if rng.integers(2):
        raw = changed_bytes(rng, content[:16]) + content[16:]
    return gzip.compress(raw, 1, mtime=0) if rng.integers(2) else raw


# What is done with a file of each kind: all that may be raised is an error of this package


def model():
    return nn.Sequential(
        nn.Dense(5, 4), nn.BatchNorm(4), nn.ReLU(), nn.Dropout(0.2), nn.Dense(4, 3), seed=0
    )


def trainer():
    return nn.Trainer(model(), nn.SoftmaxCrossEntropy(), nn.Adam(lr=0.01))


def read_record(path):
    record = load_record(path)
    attribute(record)
    to_json_lines(record, path.with_suffix(".jsonl"))


def read_checkpoint(path):
    other = trainer()
    nn.load_checkpoint(other, path)
    if other.run.end < 50:
        other.resume(X, Y, progress=False)


def read_state(path):
    replay = nn.replay_nonfinite(path)
    str(replay.saved), str(replay.found), cli.table(replay, 20), cli._earlier(replay)


X = np.random.default_rng(0).standard_normal((20, 5)).astype(np.float32)
Y = np.arange(20) % 3


def make_corpus(folder):
    """Return, by kind, a good file's bytes, how it is changed, its suffix and how it is read."""
    flow = nn.GradientFlow(model(), probe=X[:4], label="run", file=folder / "run.flow")
    watched = nn.Trainer(flow.model, nn.SoftmaxCrossEntropy(), nn.Adam(lr=0.01))
    watched.fit(X, Y, epochs=2, batch_size=5, callbacks=[flow], progress=False)
    flow.close()
    flow.save(folder / "run.npz")
    flow.model.save_weights(folder / "weights.npz")
    stopped = trainer()
    stopped.fit(X, Y, epochs=2, batch_size=10, progress=False)
    nn.save_checkpoint(stopped, folder / "checkpoint.npz")
    broken = trainer()
    broken.model.params["0.weight"][0, 0] = np.inf
    forensics = nn.Forensics(folder)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        broken.fit(X, Y, epochs=1, batch_size=10, callbacks=[forensics], progress=False)
    write_idx(folder / "a.idx", np.arange(24, dtype=np.int32).reshape(4, 3, 2))
    return {
        name: ((folder / file).read_bytes(), change, os.path.splitext(file)[1], read)
        for name, file, change, read in (
            ("stream", "run.flow", change_flow, read_record),
            ("record", "run.npz", change_npz, read_record),
            ("weights", "weights.npz", change_npz, lambda path: model().load_weights(path)),
            ("checkpoint", "checkpoint.npz", change_npz, read_checkpoint),
            ("state", forensics.path.name, change_npz, read_state),
            ("idx", "a.idx", change_idx, read_idx),
        )
    }


def check(path, number, content, change, read):
    """Return what is wrong with how this case is read; "" for nothing, and whether it was read."""
    path.write_bytes(change(np.random.default_rng(number), content))
    try:
        read(path)
    except nn.NnscratchError as error:
        told = str(error)
        return "" if told and "Traceback" not in told and len(told) < 2000 else f"says {told!r}"
    except Exception as error:  # what a crafted file may not do
        where = traceback.extract_tb(error.__traceback__)[-1]
        return (
            f"{type(error).__name__}: {error} ({os.path.basename(where.filename)} {where.lineno})"
        )
    return ""


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return make_corpus(tmp_path_factory.mktemp("corpus"))


def run(corpus, folder, numbers, monkeypatch):
    monkeypatch.setattr(memory, "available", lambda: FREE)
    monkeypatch.setattr(memory, "WORTH_ASKING", 0)
    kinds, wrong = list(corpus), {}
    for number in numbers:
        content, change, suffix, read = corpus[kinds[number % len(kinds)]]
        said = check(folder / f"case{suffix}", number, content, change, read)
        if said:
            wrong.setdefault(said.split(":")[0] + said[-40:], (number, kinds[number % 6], said))
    assert not wrong, "\n".join(map(str, wrong.values()))


def test_good_files_are_read(corpus, tmp_path):
    for name, (content, _, suffix, read) in corpus.items():
        path = tmp_path / f"{name}{suffix}"
        path.write_bytes(content)
        read(path)


def test_crafted_files_are_read_or_refused(corpus, tmp_path, monkeypatch):
    asked = os.environ.get("NNSCRATCH_FUZZ")
    run(corpus, tmp_path, [int(asked)] if asked else range(QUICK), monkeypatch)


@pytest.mark.slow
def test_many_crafted_files_are_read_or_refused(corpus, tmp_path, monkeypatch):
    run(corpus, tmp_path, range(QUICK, THOROUGH), monkeypatch)
