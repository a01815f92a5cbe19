"""What a step holds, from peaks that are put in the place of the system's."""

from __future__ import annotations

import pytest

from benchmarks import memory


@pytest.mark.parametrize(("before", "during"), [(500, 300), (300, 500)])
def test_the_peak_is_that_of_the_whole_process(before, during, monkeypatch, tmp_path):
    """Counting the steps' own peak begins anew: what came before it is not forgotten."""
    peaks = iter([before, during])
    monkeypatch.setattr(memory, "_peak", lambda: next(peaks))
    monkeypatch.setattr(memory, "_status", lambda field: 100)
    monkeypatch.setattr(memory, "_CLEAR", tmp_path / "clear")
    meter = memory.MemoryMeter()
    meter.set_baseline()
    meter.begin()
    assert meter.read() == {"peak_memory_bytes": 500, "step_memory_bytes": during - 100}


def test_where_peaks_cannot_be_reset_a_step_is_not_known(monkeypatch, tmp_path):
    monkeypatch.setattr(memory, "_peak", lambda: 300)
    monkeypatch.setattr(memory, "_status", lambda field: 100)
    monkeypatch.setattr(memory, "_CLEAR", tmp_path)  # a folder
    meter = memory.MemoryMeter()
    meter.set_baseline()
    meter.begin()
    assert meter.read() == {"peak_memory_bytes": 300, "step_memory_bytes": None}
