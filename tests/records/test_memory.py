"""Memory: what is there is asked before much is taken, and said in words."""

import pytest

from nnscratch_records import memory
from nnscratch_records.errors import TooLargeError


def test_what_does_not_fit_says_what_it_needs_and_what_there_is(monkeypatch):
    monkeypatch.setattr(memory, "available", lambda: 10**9)
    memory.require("a network", 10**9)
    with pytest.raises(TooLargeError, match=r"a network needs 1 TB of memory, and 1 GB are free"):
        memory.require("a network", 10**12)
    assert issubclass(TooLargeError, MemoryError)


def test_nobody_is_asked_about_little_and_silence_is_no_refusal(monkeypatch):
    monkeypatch.setattr(memory, "available", lambda: 0)
    memory.require("an array", memory.WORTH_ASKING)
    monkeypatch.setattr(memory, "available", lambda: None)
    memory.require("an array", 2**62)
    with pytest.raises(TooLargeError, match=r"and 9\.2e\+06 TB are free"):
        memory.require("an array", 2**63)


def test_the_smallest_of_the_limits_counts(monkeypatch):
    for name, size in (("_of_machine", 5), ("_of_group", None), ("_of_limit", 3)):
        monkeypatch.setattr(memory, name, lambda size=size: size)
    assert memory.available() == 3
    for name in ("_of_machine", "_of_limit"):
        monkeypatch.setattr(memory, name, lambda: None)
    assert memory.available() is None


def test_the_machine_and_a_limit_are_read():
    resource = pytest.importorskip("resource")
    size = memory._of_machine()
    assert size is None or 10**6 < size < 10**15
    before, most = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (2**46, most))
    try:
        left = memory._of_limit()
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (before, most))
    assert left is None or 2**45 < left < 2**46


@pytest.mark.parametrize("version", [1, 2])
def test_what_a_group_of_processes_may_take_is_read(tmp_path, monkeypatch, version):
    folder = tmp_path / "memory" if version == 1 else tmp_path
    folder.mkdir(exist_ok=True)
    names = {
        1: ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
        2: ("memory.max", "memory.current", "inactive_file"),
    }[version]
    (folder / names[0]).write_text("1000\n")
    (folder / names[1]).write_text("300\n")
    (folder / "memory.stat").write_text(f"anon 250\n{names[2]} 50\n")
    monkeypatch.setattr(memory, "GROUP", tmp_path)
    assert memory._of_group() == 750
    (folder / names[0]).write_text("max\n")
    assert memory._of_group() is None


@pytest.mark.parametrize(
    ("size", "said"),
    [(0, "0 bytes"), (1234, "1.23 kB"), (5e9, "5 GB"), (3e16, "3e+04 TB"), (1e30, "1.0e+18 TB")],
)
def test_amounts_in_words(size, said):
    assert memory.amount(size) == said
