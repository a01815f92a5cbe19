"""What is changed in a record of a run that learns, and the networks of which there are several."""

import numpy as np

DEEP = "dense sigmoid " * 4 + "dense"
BARE = {"kinds": "dense dense dense", "widths": (20, 20, 3)}
LINE = {"kinds": "dense", "widths": (3,)}
NORM = {"kinds": "dense batchnorm relu dense", "widths": (20, 3)}
DROPS = {"kinds": "dense relu dropout dense relu dropout dense"}
NUMBERS = {"targets": "numbers", "widths": (20, 20, 1)}
TANH = {"kinds": "dense tanh dense tanh dense", "scale": 1.0}
SOFTMAX = {"kinds": "dense relu dense relu dense softmax"}
SIGMOID = {"kinds": "dense relu dense relu dense sigmoid"}
RELU_OUT = {"kinds": "dense relu dense relu dense relu", **NUMBERS}
ALL = slice(None)


def put(stuck=True, at=None, **values):
    """A change of fields, of a run that learns nothing unless `stuck` is False."""

    def change(run, record):
        if stuck:
            run.stuck(record, at)
        for name, value in values.items():
            where = slice(None)
            if isinstance(value, tuple):
                *where, value = value
                where = tuple(where)
            record[name][where] = value

    return change


def text(**values):
    def change(run, record):
        run.stuck(record)
        record.update(values)

    return change


def both(*changes):
    def change(run, record):
        for one in changes:
            one(run, record)

    return change


def held_out(losses):
    def change(run, record):
        record["validation_loss"][np.linspace(9, 99, len(losses)).astype(int)] = losses

    return change


def loss(values):
    def change(run, record):
        record["loss"][...] = values(len(record["steps"]))

    return change


def overflow(row, key, column=None, count=3):
    def change(run, record):
        if column is None:
            record[key][row:] = np.nan if key == "loss" else count
        else:
            record[key][row:, column] = count

    return change
