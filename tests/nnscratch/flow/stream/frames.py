"""A small layout, its seeded rows, and a file of them."""

import numpy as np

from nnscratch.flow.stream import StreamWriter

SCALARS, SAMPLES, CODES = 5, 3, 4
FRAME = 8 + 8 + 8 * SCALARS + SAMPLES + 4  # bytes of a row in the file
END = 12
DESCRIPTION = {"label": "a run", "fields": [["loss", None], ["output_norm", "layers"]]}


def row(step):
    rng = np.random.default_rng(step)
    return step, rng.standard_normal(SCALARS), rng.integers(0, 256, SAMPLES, dtype=np.uint8)


def open_writer(path, **options):
    return StreamWriter(path, DESCRIPTION, scalars=SCALARS, samples=SAMPLES, codes=CODES, **options)


def write(path, steps, **options):
    with open_writer(path, **options) as writer:
        for step in steps:
            writer.row(*row(step))
    return path.read_bytes()


def check_rows(stream, steps):
    np.testing.assert_array_equal(stream.steps, steps)
    for i, step in enumerate(steps):
        _, scalars, samples = row(step)
        np.testing.assert_array_equal(stream.scalars[i], scalars)
        np.testing.assert_array_equal(stream.samples[i], samples)
    assert stream.scalars.shape == (len(steps), SCALARS)
    assert stream.samples.shape == (len(steps), SAMPLES)
