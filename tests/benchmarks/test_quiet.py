"""The runner waits for cores of its own, but not for ever."""

from benchmarks import judges
from benchmarks.quiet import FREE, PAUSE, Quiet


class Counted(Quiet):
    """Cores whose rates are given."""

    def __init__(self, together, patience):
        self.said, self.rested = [], []
        super().__init__(patience, judges.kernel, self.said.append, self.rested.append)
        self.together = iter(together)

    def rate(self, threads):
        return 100.0 if threads == 1 else next(self.together)


def test_free_cores_are_not_waited_for():
    quiet = Counted([200 * FREE], patience=60)
    assert quiet.wait("a step", 1)
    assert quiet.wait("a step", 2)
    assert quiet.said == quiet.rested == []


def test_shared_cores_are_waited_for():
    quiet = Counted([120, 130, 190], patience=60)
    assert quiet.wait("a step", 2)
    assert quiet.rested == [PAUSE, PAUSE]
    assert quiet.patience == 60 - 2 * PAUSE
    assert quiet.said == ["2 threads share their cores: waiting up to 60 s"]
    assert quiet.notes() == []


def test_patience_ends():
    quiet = Counted([120] * 9, patience=2 * PAUSE + 1)
    assert not quiet.wait("a step", 2)
    assert quiet.rested == [PAUSE, PAUSE]
    assert not quiet.wait("another", 2)
    (note,) = quiet.notes()
    assert note.startswith("Measured with 2 threads")
    assert note.endswith("a step, another.")


def test_a_product_is_timed():
    quiet = Quiet(0, judges.kernel, print)
    try:
        assert 0.1 < quiet.rate(1) < 1e5
    finally:
        quiet.close()
    assert quiet._sessions == {}
