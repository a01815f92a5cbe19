"""The limits by which sentences, verdicts and pictures call a network's numbers healthy."""

from __future__ import annotations

from typing import Final

# A network whose back-propagated gradient shrinks or grows by less than this from one end to the
# other trains with one learning rate for all layers; beyond it the two ends learn at different
# speeds by the same factor.
FACTOR: Final = 100.0

# How far a step usually moves weights, relative to their norm, and between what it is fine.
UPDATE, LEAST_UPDATE, MOST_UPDATE = 1e-3, 1e-4, 1e-2

# Kinds of losses of which one step says nothing of another: shared with a network that wants the
# opposite; summed over episodes, say, of another length each time.
AGAINST, UNEVEN = "against another network", "of another number of passes each time"
INCOMPARABLE: Final = (AGAINST, UNEVEN)

# What goes in and what is asked, beside numbers of size 1, for which weights are drawn.
LARGE_INPUT, SMALL_INPUT = 10.0, 1e-2  # root mean square of the inputs
OFF_CENTRE = 5.0  # |mean| over standard deviation
LARGE_TARGET, SMALL_TARGET = 10.0, 1e-2  # root mean square of regression targets
BESIDE = 5.0  # times what the untrained network gives
SATURATED = 0.2  # of the outputs of an activation with two ends, at the beginning

# From where on a cure tries to scale them: a trial costs less than a word, and comes sooner.
TRIED_LARGE_INPUT, TRIED_SMALL_INPUT = 4.0, 0.05  # root mean square of a column, of all
TRIED_UNEVEN_INPUT = 100.0  # times: the deviation of one column over that of another
TRIED_LARGE_TARGET, TRIED_SMALL_TARGET = 3.0, 0.1  # root mean square, deviation

# Dropout is too much: of a layer's units (usual are 0.1 to 0.5), or where less than that share of
# the ways through all layers of it is left open.
DROPPED, OPEN_WAYS = 0.65, 0.15

# Of a loss: what it changes by where answers meet the outputs of others, by rounding alone; and
# against its own gradient it rises by this part of what it should fall by; by how much less or more
# than once its gradient grows where outputs are twice as far off, if it takes absolute errors.
UNPAIRED, WRONG_WAY, ABSOLUTE = 1e-5, 0.5, 1e-3


def verdict(ratio: float) -> str:
    """Return what the gradient does on its way: "vanishing", "healthy" or "exploding".

    ratio : its norm at the first layer over that at the last; NaN counts as vanishing (0 / 0)
    """
    if not ratio >= 1 / FACTOR:
        return "vanishing"
    return "exploding" if ratio > FACTOR else "healthy"
