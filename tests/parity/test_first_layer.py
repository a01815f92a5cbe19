"""What goes in is what the first layer is given, where the network makes other numbers of it."""

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from nnscratch.pytorch import watch  # noqa: E402

tn, F = torch.nn, torch.nn.functional
G = torch.Generator().manual_seed(11)
PIXELS = torch.randint(0, 256, (60, 1, 4, 4), generator=G)
Y = torch.randint(0, 3, (60,), generator=G)


class Prepares(tn.Module):
    """Makes of what goes in what its first layer is given."""

    def __init__(self, prepare, width=16):
        super().__init__()
        torch.manual_seed(0)
        self.prepare, self.gain = prepare, tn.Parameter(torch.tensor(2.0))
        self.first, self.last = tn.Linear(width, 8), tn.Linear(8, 3)

    def forward(self, x):
        return self.last(self.first(self.prepare(x, self)).relu())


def seen(model, x, test=None, steps=6):
    """Return mean and deviation of the inputs of a record, by step."""
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-4)
    flow = watch(model, optimizer, histograms=False)
    for step in range(steps):
        rows = slice(step * 10, step * 10 + 10)
        optimizer.zero_grad()
        F.cross_entropy(model(x[rows]), Y[rows]).backward()
        if test is not None:
            with torch.no_grad():
                model(test)
        optimizer.step()
    record = flow.to_dict()
    return torch.from_numpy(record["input_mean"]), torch.from_numpy(record["input_std"])


def by_step(x):
    parts = x.double().reshape(6, 10, -1)
    return torch.stack([one.mean() for one in parts])


@pytest.mark.parametrize("x", [PIXELS, PIXELS.float()])
@pytest.mark.parametrize(
    "prepare", [lambda x, m: x.flatten(1) / 255, lambda x, m: ((x.float() - 100) / 50).flatten(1)]
)
def test_what_the_network_scales_itself_goes_in_scaled(x, prepare):
    mean, _ = seen(Prepares(prepare), x)
    torch.testing.assert_close(mean, by_step(prepare(PIXELS, None)), rtol=1e-5, atol=1e-5)


def test_whole_numbers_that_a_layer_reads_are_measured():
    mean, std = seen(Prepares(lambda x, m: x.flatten(1).float()), PIXELS)
    torch.testing.assert_close(mean, by_step(PIXELS), rtol=1e-5, atol=1e-5)
    assert bool((std > 50).all())


@pytest.mark.parametrize(
    "prepare",
    [
        lambda x, m: x.flatten(1),  # the same numbers
        lambda x, m: x.flatten(1) * m.gain,  # learned
        lambda x, m: torch.cat([x.flatten(1) / 255, x.flatten(1)], 1),  # more of them
    ],
)
def test_else_it_is_what_the_network_is_given(prepare):
    width = prepare(PIXELS.float(), Prepares(lambda x, m: x)).shape[1]
    mean, _ = seen(Prepares(prepare, width), PIXELS.float())
    torch.testing.assert_close(mean, by_step(PIXELS), rtol=1e-5, atol=1e-5)


def test_numbers_of_words_stay_names():
    model = tn.Sequential(tn.Embedding(256, 4), tn.Flatten(), tn.Linear(64, 3))
    mean, _ = seen(model, PIXELS.flatten(1))
    assert bool(mean.isnan().all())


def test_what_a_test_is_given_is_none_of_it():
    model = Prepares(lambda x, m: x.flatten(1) / 255)
    mean, _ = seen(model, PIXELS, test=1000 * PIXELS)
    torch.testing.assert_close(mean, by_step(PIXELS / 255), rtol=1e-5, atol=1e-5)


def test_of_two_calls_of_the_first_layer_the_first_one_counts():
    class First(Prepares):
        def forward(self, x):
            scaled = self.first(x.flatten(1) / 255)
            return self.last(scaled + self.first(7 * torch.ones(len(x), 16)))

    mean, _ = seen(First(None), PIXELS)
    torch.testing.assert_close(mean, by_step(PIXELS / 255), rtol=1e-5, atol=1e-5)
