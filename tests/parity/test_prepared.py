"""Held-out examples that go in otherwise than the training's."""

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from nnscratch.pytorch import watch  # noqa: E402
from nnscratch.pytorch.mistakes.prepared import Prepared  # noqa: E402

tn, F = torch.nn, torch.nn.functional
DRAW = torch.Generator().manual_seed(2)
OWN = torch.randn(8, 40, 6, generator=DRAW)
OTHERS = torch.randn(60, 6, generator=DRAW)


def told(others, own=OWN):
    one = Prepared()
    for batch in own:
        one.trains(batch)
    one.tests(others)
    return one.told()


@pytest.mark.parametrize(
    ("times", "plus", "is_told"),
    [
        (1.0, 0.0, False),
        (2.0, 0.0, True),
        (1.6, 0.0, False),
        (0.5, 0.0, True),
        (0.65, 0.0, False),
        (1.0, 2.2, True),
        (1.0, -2.2, True),
        (1.0, 1.8, False),
        (float("nan"), 0.0, False),
    ],
)
def test_scale_and_mean(times, plus, is_told):
    others = times * (OTHERS - OTHERS.mean()) / OTHERS.std() + plus
    for size in (1.0, 1e-2):
        line = told(size * others, size * OWN)
        assert bool(line) == is_told
        assert not line or line[0] == "held-out inputs"


def test_batches_that_differ_as_much_among_themselves():
    uneven = OWN * torch.tensor([1.0, 1, 1, 1, 1, 1, 1, 3]).view(8, 1, 1)
    assert not told(2.5 * OTHERS, uneven)
    assert not told(OTHERS + 19.0, OWN + torch.tensor([0.0] * 7 + [20]).view(8, 1, 1))
    assert told(6.0 * OTHERS, uneven)


@pytest.mark.parametrize(("passes", "is_told"), [(64, False), (63, True)])
def test_what_comes_late_in_a_pass_over_the_data_is_looked_at_now_and_then(passes, is_told):
    own = [OWN[i % 8] + 6.0 * (i + 1 == passes) for i in range(80)]
    assert bool(told(OTHERS + 5.5, own)) == is_told


def test_what_is_too_little_to_say_so():
    assert not told(9 * OTHERS, OWN[:7])
    assert not told(9 * OTHERS, OWN[:, :1])  # one by one
    assert not told(9 * OTHERS, (9 * OWN).long())  # numbers of words
    assert not told(9 * OTHERS[:1])


@pytest.mark.parametrize(
    ("value", "columns", "rows", "is_told"),
    [
        (0.6, [2], 64, True),
        (-0.6, [2], 64, True),
        (0.4, [2], 64, False),
        (0.6, [2], 63, False),
        (0.6, [1, 2, 5], 64, True),
        (0.6, [1, 2, 4, 5], 64, False),  # of most columns it is no slip of one
    ],
)
def test_columns_that_stand_still(value, columns, rows, is_told):
    own = (OWN - OWN.mean((0, 1))) / OWN.std((0, 1))
    others = torch.cat([OTHERS, OTHERS])[:rows].clone()
    others[:, columns] = value
    line = told(others, own)
    assert bool(line) == is_told
    if is_told:
        more = " (and 2 more)" if len(columns) > 1 else ""
        assert line[1].startswith(f"Column {columns[0]}{more} of what goes in is {value}")


def test_columns_that_stand_still_in_both_or_are_rare_are_none():
    others = torch.cat([OTHERS, OTHERS])
    own = OWN.clone()
    others[:, 2] = own[..., 2] = 1.0
    assert not told(others, own)
    for share, is_told in ((0.1, False), (0.4, True)):
        drawn = [(torch.rand(*n, 6, generator=DRAW) < share).float() for n in [(8, 40), (80,)]]
        drawn[1][:, 5] = 0.0  # the rest is as in training
        assert bool(told(drawn[1], drawn[0])) == is_told


@pytest.mark.parametrize("loss", [tn.MSELoss(), lambda *given: F.mse_loss(*given)])
@pytest.mark.parametrize(("times", "judged", "is_told"), [(9, True, True), (9, False, False)])
def test_in_a_loop(loss, times, judged, is_told):
    """Passes that no loss judges are no tests: someone plays, or looks."""
    torch.manual_seed(0)
    model = tn.Sequential(tn.Linear(6, 16), tn.ReLU(), tn.Linear(16, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    flow = watch(model, optimizer, histograms=False)
    for step in range(80):
        x = OWN[step % 8]
        optimizer.zero_grad()
        loss(model(x), x[:, :1]).backward()
        optimizer.step()
        if step % 20 == 19:
            with torch.no_grad():
                outputs = model(times * OTHERS)
                if judged:
                    loss(outputs, OTHERS[:, :1])
    found = [one for one in flow.findings() if one.kind == "held-out inputs"]
    assert bool(found) == is_told
