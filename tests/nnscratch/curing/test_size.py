"""Networks that are narrow on purpose, and codes that too little gets through."""

import pytest

import nnscratch as nn
from nnscratch.curing import read_plan
from nnscratch.curing.size import on_purpose

from .proposals import network, proposed


def test_what_is_narrow_on_purpose_stays_so():
    model = network(width=5)
    assert "32 units a layer" in proposed(model, nn.SGD(lr=0.1))
    assert "32 units a layer" not in proposed(model, nn.SGD(lr=0.1), narrow=True)


@pytest.mark.parametrize(
    ("ills", "notices", "skill", "code", "wider"),
    [
        ((), (), 0.1, 1, False),
        (("capacity",), (), 0.9, 1, True),
        (("capacity",), (), 0.9, 9, True),
        (("capacity",), (), 0.9, 10, False),
        ((), ("capacity",), 0.49, 1, True),
        ((), ("capacity",), 0.51, 1, False),
    ],
)
def test_a_code_that_too_little_gets_through_is_widened_but_not_to_all(
    ills, notices, skill, code, wider
):
    model = nn.Sequential(nn.Dense(20, code), nn.Tanh(), nn.Dense(code, 20))
    told = {"ills": ills, "notices": notices, "skill": skill}
    found = proposed(model, nn.SGD(lr=0.1), **told, narrow=True)
    assert ("10 units a layer" in found) == wider


@pytest.mark.parametrize(
    ("layers", "meant"),
    [
        ([nn.Dense(6, 5), nn.Tanh(), nn.Dense(5, 6)], True),
        ([nn.Dense(6, 6), nn.Tanh(), nn.Dense(6, 6)], False),  # no fewer numbers
        ([nn.Dense(6, 9), nn.Tanh(), nn.Dense(9, 2), nn.Tanh(), nn.Dense(2, 6)], True),
        ([nn.Dense(6, 6)], True),
        ([nn.GRU(6, 6)], True),
    ],
)
def test_a_code_is_of_fewer_numbers_than_are_given_back(layers, meant):
    plan = read_plan(nn.Sequential(*layers), nn.SGD(lr=0.1), nn.MeanSquaredError())
    assert on_purpose(plan, given_back=True) == meant
    assert not on_purpose(plan, given_back=False)
