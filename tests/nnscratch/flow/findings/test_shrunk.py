"""What epsilon leaves of adaptive steps, on both sides of each threshold."""

import pytest

SHARE, BRISK = 0.1, 1e-3


def shrunk(run, share=SHARE / 2, size=BRISK / 2, optimizer="Adam(lr=0.001, epsilon=1.0)", looks=6):
    def change(record):
        run.stuck(record)
        record["step_share"][1 : 1 + looks] = share
        record["update_ratio"][...] = size

    return run.of(run(change, optimizer=optimizer, lr=1e-3), "epsilon")


@pytest.mark.parametrize(
    ("share", "size", "looks", "told"),
    [
        (0.99 * SHARE, BRISK / 2, 6, True),
        (1.01 * SHARE, BRISK / 2, 6, False),
        (SHARE / 2, 0.99 * BRISK, 6, True),
        (SHARE / 2, 1.01 * BRISK, 6, False),
        (SHARE / 2, BRISK / 2, 3, True),
        (SHARE / 2, BRISK / 2, 2, False),
    ],
)
def test_both_sides(run, share, size, looks, told):
    assert bool(shrunk(run, share, size, looks=looks)) == told


def test_its_numbers(run):
    seen = shrunk(run, share=0.02)
    assert seen.numbers["root"] == pytest.approx(0.02 / 0.98)
    assert seen.advice[0].line == "optimizer = nn.Adam(lr=0.001)"
    far = shrunk(run, share=1e-7)
    assert far.advice[0].line == "optimizer = nn.Adam(lr=0.001, epsilon=1e-09)"
    other = shrunk(run, optimizer="Adagrad(lr=0.001)", share=0.01)
    assert other.numbers["epsilon"] == 1e-10


def test_a_run_that_is_done_needs_no_word(run):
    def change(record):
        record["step_share"][1:7] = 0.01
        record["update_ratio"][...] = BRISK / 2

    assert not run.of(run(change, optimizer="Adam(lr=0.001, epsilon=1.0)"), "epsilon")
