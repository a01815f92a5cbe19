"""The network that one would begin with today, for where no change of the one there is helps."""

from __future__ import annotations

from nnscratch import initializers
from nnscratch.curing.candidates import DRAWN, WIDTH, usual_rate
from nnscratch.curing.changes import Change, StandardInputs, StandardTargets, UseAdam, together
from nnscratch.curing.network import NewActivation
from nnscratch.curing.plan import Plan
from nnscratch.curing.size import AddHidden, Wider, is_bare
from nnscratch.losses import Huber, MeanAbsoluteError, MeanSquaredError

_OF_NUMBERS = (MeanSquaredError, MeanAbsoluteError, Huber)


def as_usual(plan: Plan) -> list[Change]:
    """Return changes to a network of `WIDTH` units a layer that rectify or saturate, standard data
    and Adam at its usual rate; none for recurrent networks, which have changes of their own.
    """
    if plan.recurrent():
        return []
    numbers = not plan.ends() and plan.loss_is(*_OF_NUMBERS)
    data = [StandardInputs(), StandardTargets() if numbers else None]
    made: list[Change] = []
    for name, init in DRAWN.items():
        weights = initializers.get(init)
        if is_bare(plan):
            body: list[Change] = [AddHidden(WIDTH, name, weights)]
        else:
            body = [Wider(WIDTH), NewActivation(name, weights)]
        whole = together(*data, *body)
        assert whole is not None
        made += filter(None, [together(whole, UseAdam(usual_rate(whole.apply(plan))))])
    return made
