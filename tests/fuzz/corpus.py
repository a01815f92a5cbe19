"""Good files of every kind, how each is changed, with right checksums, and who reads it."""

import gzip
import io
import os
import struct
import warnings
import zipfile
import zlib

import numpy as np

import nnscratch as nn
from nnscratch.cli import replay as cli
from nnscratch.datasets.idx import read_idx, write_idx
from nnscratch.flow import load_record
from nnscratch.flow.export import to_json_lines
from nnscratch.flow.stream.format import CRC, FRAME, HEADER, STEP
from nnscratch_records.attribution import attribute

from .changes import changed_array, changed_bytes, changed_json, one_of

DESCRIPTIONS = (
    *("<f8", ">f8", "<f4", "|u1", "|i1", "<i8", "<u8", "|b1", "<c16", "<U1", "<U40", "|S3", "|V8"),
    *("|O", "<f2", "<M8[s]", "<f16", "<U99999999", "x", ""),
)
SHAPES = ("()", "(0,)", "(1,)", "(2, 3)", "(-1,)", "(1099511627776,)", "(0, 9999999999)", "(3)")


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
