"""Softmaxes over one number, and in the loss over numbers of several places; and those that are
as they should be."""

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from nnscratch.pytorch.losses.sent_back import nodes  # noqa: E402
from nnscratch.pytorch.mistakes.softmaxes import Softmaxes  # noqa: E402

tn, F = torch.nn, torch.nn.functional


def drawn(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(len(shape)))


def seen(layer, given, loss):
    """What is seen where a layer's outputs go into a loss."""
    made = Softmaxes()
    outputs = layer(given)
    made.returned("head", layer, outputs)
    whole = outputs[0] if isinstance(outputs, tuple) else outputs
    root = loss(whole)
    assert list(nodes([root]))
    made.sent([root])
    return made


def entropy(z, y):
    return F.cross_entropy(z, y)


def classes(*shape, of=3):
    return torch.randint(0, of, shape, generator=torch.Generator().manual_seed(1))


PIXELS = tn.Conv2d(2, 3, 3, padding=1), drawn(6, 2, 4, 5)  # 6 pictures of 4 times 5, 3 classes
WORDS = tn.Linear(7, 3), drawn(6, 8, 7)  # 6 sequences of 8 steps


@pytest.mark.parametrize(
    ("given", "loss", "line"),
    [
        (
            PIXELS,
            lambda z: entropy(z.view(-1, 3), classes(120)),
            ".permute(0, 2, 3, 1).reshape(-1, 3)",
        ),
        (PIXELS, lambda z: entropy(z.reshape(6, 4, 5, 3).flatten(0, 2), classes(120)), ""),
        (
            PIXELS,
            lambda z: entropy(z.permute(0, 2, 3, 1).reshape(6, 3, 4, 5), classes(6, 4, 5)),
            "",
        ),
        (
            WORDS,
            lambda z: entropy(z.view(6, 3, 8), classes(6, 8)),
            ".permute(0, 2, 1)",
        ),
        (WORDS, lambda z: entropy(z.transpose(1, 2).reshape(-1, 3), classes(48)), ""),
        (WORDS, lambda z: F.nll_loss(z.view(6, 3, 8).log_softmax(1), classes(6, 8)), ""),
        (WORDS, lambda z: 0.5 * F.cross_entropy(2 * z.view(6, 3, 8), classes(6, 8)), ""),
        (
            (tn.GRU(7, 3, batch_first=True), drawn(6, 8, 7)),
            lambda z: entropy(z.reshape(6, 3, 8), classes(6, 8)),
            "",
        ),
    ],
)
def test_classes_of_several_places_in_a_row(given, loss, line):
    found = seen(*given, loss).mixed
    assert found[0] == "examples mixed"
    assert "head gives" in found[1]
    assert found[3].endswith(line)


@pytest.mark.parametrize(
    ("given", "loss"),
    [
        (PIXELS, lambda z: entropy(z, classes(6, 4, 5))),
        (PIXELS, lambda z: entropy(z.permute(0, 2, 3, 1).reshape(-1, 3), classes(120))),
        (PIXELS, lambda z: entropy(z.transpose(0, 1).reshape(3, -1).t(), classes(120))),
        (PIXELS, lambda z: entropy(z.flatten(2), classes(6, 20))),
        (PIXELS, lambda z: entropy(z.mean((2, 3)), classes(6))),
        (PIXELS, lambda z: entropy(z.reshape(18, 20), classes(18, of=20))),  # where
        (WORDS, lambda z: entropy(z.view(-1, 3), classes(48))),
        (WORDS, lambda z: entropy(z.transpose(1, 2), classes(6, 8))),
        (WORDS, lambda z: entropy(z[:, :-1].reshape(-1, 3), classes(42))),
        (WORDS, lambda z: entropy(z[:, -1], classes(6))),
        (WORDS, lambda z: F.mse_loss(z.view(6, 3, 8), drawn(6, 3, 8))),
        # Steps are chosen among, by one unit each, or all of several in one row.
        (
            (tn.Linear(7, 1), drawn(6, 8, 7)),
            lambda z: entropy(z.squeeze(2), classes(6, of=8)),
        ),
        (
            (tn.Linear(7, 8), drawn(6, 8, 7)),
            lambda z: entropy(z.transpose(1, 2), classes(6, 8, of=8)),
        ),
        # One layer answers for all steps.
        ((tn.Linear(7, 24), drawn(6, 7)), lambda z: entropy(z.view(48, 3), classes(48))),
        ((tn.Linear(7, 24), drawn(6, 7)), lambda z: entropy(z.view(6, 3, 8), classes(6, 8))),
    ],
)
def test_classes_in_their_places(given, loss):
    assert seen(*given, loss).mixed == ()


ENERGY = tn.Linear(7, 1), drawn(6, 8, 7)  # (6, 8, 1)
QUERIES = tn.Linear(7, 7), drawn(6, 8, 7)


@pytest.mark.parametrize(
    ("given", "loss"),
    [
        (ENERGY, lambda z: z.softmax(2).mul(drawn(6, 8, 1)).sum()),
        (ENERGY, lambda z: z.transpose(1, 2).softmax(1).matmul(drawn(6, 8, 2)).sum()),
        (ENERGY, lambda z: z.log_softmax(-1).sum()),
        (QUERIES, lambda z: (z @ z.mT)[:, None].softmax(1).sum()),  # over the heads, one of them
        (QUERIES, lambda z: torch.bmm(z[:, :1], z.mT).softmax(1).sum()),
    ],
)
def test_a_softmax_of_one_number(given, loss):
    found = seen(*given, loss).of_one
    assert found[0] == "softmax over one unit"
    assert "on which one number stands" in found[1]


def test_and_where_it_should_be_taken():
    found = seen(*ENERGY, lambda z: z.softmax(2).sum()).of_one
    assert found[1].startswith("A softmax is taken over axis 2 of numbers of shape (6, 8, 1)")
    assert found[3].endswith("dim=1")


@pytest.mark.parametrize(
    ("given", "loss"),
    [
        (ENERGY, lambda z: z.softmax(1).sum()),
        (ENERGY, lambda z: z[:, :1].softmax(1).sum()),  # there is nothing to choose among
        (QUERIES, lambda z: torch.bmm(z, z.mT[:, :, :1]).softmax(2).sum()),  # one key
        (QUERIES, lambda z: (torch.bmm(z, z.mT[:, :, :1]) / 2).softmax(-1).sum()),
        ((tn.Linear(7, 1), drawn(6, 7)), lambda z: z.softmax(1).sum()),  # told of layers
    ],
)
def test_softmaxes_of_several_or_of_what_is_one(given, loss):
    assert seen(*given, loss).of_one == ()
