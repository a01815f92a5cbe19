"""Two networks against each other, of which one always wins."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from nnscratch.pytorch import watch  # noqa: E402
from nnscratch.pytorch.mistakes import rivals  # noqa: E402

tn, F = torch.nn, torch.nn.functional
KIND = "discriminator wins"


def duel(far, other_inputs=True, steps=240, bce=None):
    """Return what is found of a network that tells what lies `far` away from what another makes."""
    torch.manual_seed(0)
    makes, tells = tn.Linear(3, 2), tn.Sequential(tn.Linear(2, 16), tn.ReLU(), tn.Linear(16, 1))
    optimizer = torch.optim.Adam(tells.parameters(), lr=0.01)
    flow, bce = watch(tells, optimizer, histograms=False), bce or tn.BCEWithLogitsLoss()
    for _ in range(steps):
        real = far + torch.randn(32, 2)
        made = makes(torch.randn(32, 3)) if other_inputs else torch.randn(32, 2)
        optimizer.zero_grad()
        loss = bce(tells(real), torch.ones(32, 1))
        (loss + bce(tells(made), torch.zeros(32, 1))).backward()
        optimizer.step()
    return {one.kind: one for one in flow.findings()}


@pytest.mark.parametrize(
    ("far", "others", "steps", "told"),
    [
        (9.0, True, 240, True),
        (0.5, True, 240, False),
        (9.0, False, 240, False),  # nobody learns to deceive it
        (9.0, True, 150, False),  # it may yet
    ],
)
def test_it_is_hardly_ever_wrong(far, others, steps, told):
    found = duel(far, others, steps)
    assert (KIND in found) == told
    if told:
        assert found[KIND].severity == "serious"


@pytest.mark.parametrize("bce", [F.binary_cross_entropy_with_logits, F.mse_loss])
@pytest.mark.parametrize(("far", "told"), [(9.0, True), (0.5, False)])
def test_losses_that_are_functions(bce, far, told):
    assert (KIND in duel(far, bce=bce)) == told


def losses(late, share=1.0, count=200, began=0.7):
    made = np.full(count, began)
    half = count // 2
    made[half:] = 1.0
    made[half : half + int(share * half)] = late
    return made


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (losses(0.04), True),
        (losses(0.06), False),
        (losses(0.04, 0.91), True),
        (losses(0.04, 0.89), False),
        (losses(0.04, count=199), False),
        (losses(0.04, began=0.2), False),
        (losses(-0.04), False),  # a distance has no end
    ],
)
def test_where_it_begins_and_ends(given, told):
    assert bool(rivals.Rivals().told(given)) == told


@pytest.mark.parametrize(
    ("targets", "apart"),
    [
        (torch.zeros(8, 1), True),
        (torch.full((8, 1), 0.9), True),
        (torch.tensor([[0.0], [1.0]] * 4), False),  # a classifier, whoever feeds it
        (torch.zeros(8, dtype=torch.long), False),
        (torch.zeros(1, 1), False),
    ],
)
def test_what_is_asked_of_it(targets, apart):
    one = rivals.Rivals()
    for _ in range(rivals.LOOKS - 1):
        one.look((targets, targets))
    assert not one.tells_apart
    one.look((targets, targets))
    assert one.tells_apart == apart
