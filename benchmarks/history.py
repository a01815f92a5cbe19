"""The history: one line of JSON a run, appended, so that a slowdown between versions shows.

Times of two runs are comparable on the same machine and in the same mode only, and even there a
busy hour makes everything slower. So a change is judged against that of the peers in the same two
runs: nnscratch is called slower when it slowed down by more than `TOLERANCE` beyond them.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.contenders import OURS
from benchmarks.results import Results
from nnscratch_records.files import open_growing, put_whole

PATH = Path(__file__).with_name("history.jsonl")
TOLERANCE = 0.05

Entry = dict[str, Any]


class HistoryError(ValueError):
    """The history cannot be read, or holds nothing to compare; the message says what to do."""


@dataclass(frozen=True)
class Change:
    """One figure of nnscratch, before and now; `peers` is the peers' median now over before."""

    workload: str
    threads: int
    before_us: float
    now_us: float
    peers: float | None

    @property
    def factor(self) -> float:
        """Now over before, relative to the peers."""
        return self.now_us / self.before_us / (self.peers or 1.0)

    @property
    def is_slower(self) -> bool:
        """Whether that is a slowdown."""
        return self.factor > 1 + TOLERANCE


def make_entry(results: Results) -> Entry:
    """Return what the history keeps of a run."""
    figures = [
        {
            "workload": step.workload,
            "threads": step.threads,
            "contender": step.contender,
            "min_us": round(step.min_us, 2),
            "median_us": round(step.median_us, 2),
            "limit_us": None if step.limit_us is None else round(step.limit_us, 2),
        }
        for step in results.steps
    ]
    recorded = [
        {
            "workload": recording.workload,
            "threads": recording.threads,
            "contender": recording.contender,
            "overhead": round(recording.overhead, 4),
        }
        for recording in results.recording
    ]
    return {
        "version": results.version,
        "commit": results.commit,
        "date": results.date,
        "mode": results.mode,
        "machine": results.machine,
        "libraries": results.libraries,
        "figures": figures,
        "recording": recorded,
    }


def append(results: Results, path: Path) -> None:
    """Append the run in one write, so that a line is there or not."""
    line = json.dumps(make_entry(results), separators=(",", ":")) + "\n"
    with open_growing(path, anew=False) as file:
        put_whole(file, line.encode())


def read(path: Path) -> list[Entry]:
    """Return all entries, oldest first. Raises `HistoryError` for a line that is none."""
    try:
        lines = path.read_text().splitlines()
    except FileNotFoundError:
        return []
    entries = []
    for number, line in enumerate(lines, 1):
        try:
            entry = json.loads(line)
            entry["figures"], entry["machine"], entry["mode"], entry["date"], entry["version"]
        except (ValueError, KeyError, TypeError):
            raise HistoryError(
                f"line {number} of {path} is no entry of the history: mend or remove it"
            ) from None
        entries.append(entry)
    return entries


def compare(entries: list[Entry]) -> tuple[Entry, Entry, list[Change]]:
    """Compare the last entry with the one before it on the same machine and in the same mode.

    Returns both, older first, and a change for every figure they share. Raises `HistoryError` if
    there is nothing to compare.
    """
    if not entries:
        raise HistoryError("the history is empty: run python -m benchmarks first")
    now = entries[-1]
    for before in reversed(entries[:-1]):
        if before["mode"] != now["mode"]:
            continue
        if not machine.same_machine(before["machine"], now["machine"]):
            continue
        changes = list(_changes(before, now))
        if changes:
            return before, now, changes
    raise HistoryError(
        f"no earlier entry of the history is a {now['mode']} run of the same workloads on this "
        "machine: run python -m benchmarks again"
    )


def _changes(before: Entry, now: Entry) -> Iterator[Change]:
    old, new = _minima(before), _minima(now)
    for (workload, threads, contender), now_us in new.items():
        before_us = old.get((workload, threads, contender))
        if contender != OURS or before_us is None:
            continue
        peers = [
            value / old[key]
            for key, value in new.items()
            if key[:2] == (workload, threads) and key[2] != OURS and key in old
        ]
        yield Change(
            workload, threads, before_us, now_us, statistics.median(peers) if peers else None
        )


def _minima(entry: Entry) -> dict[tuple[str, int, str], float]:
    return {(f["workload"], f["threads"], f["contender"]): f["min_us"] for f in entry["figures"]}
