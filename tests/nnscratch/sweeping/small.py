"""A small network and a grid of its settings."""

from nnscratch.experiments.standard import standard

GRID = {"depth": [1, 3], "activation": ["tanh", "relu"]}


def small(seed, depth=1, activation="tanh", width=8):
    if activation == "nonsense":
        raise ValueError("nonsense\nof two lines")
    given = standard(seed=seed, depth=depth, activation=activation, width=width, epochs=1)
    return given | {"x": given["x"][:200], "y": given["y"][:200], "validation": None}
