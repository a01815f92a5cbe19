"""Crafted files of every kind, with right checksums: each is read, or refused in a clear way.

A case is one change, now and then several, of a good file. It is drawn from the case's number
alone: a number that failed fails again, ``NNSCRATCH_FUZZ=1234 pytest tests/fuzz``.
"""

import os
import traceback

import numpy as np
import pytest

import nnscratch as nn
from nnscratch_records import memory

from .corpus import make_corpus

QUICK, THOROUGH = 400, 20_000
FREE = 50 * 10**6  # bytes of memory that the readers are told there are


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
