"""Through time under `watch`: the gradient at every state, beside that of autograd."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from nnscratch.pytorch import watch  # noqa: E402

tn = torch.nn
BATCH, STEPS, UNITS = 5, 9, 4
X = torch.from_numpy(np.random.default_rng(0).standard_normal((BATCH, STEPS, 3))).float()


class Net(tn.Module):
    """A recurrent layer, of which `take` makes what the loss sees."""

    def __init__(self, layer, take, state=None):
        super().__init__()
        self.rnn, self.take, self.state = layer, take, state

    def forward(self, x):
        return self.take(*self.rnn(x, self.state))


def train(model, x=X, steps=1, scale=1.0, **options):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    flow = watch(model, optimizer, **options)
    for _ in range(steps):
        optimizer.zero_grad()
        value = model(x).square().sum()
        flow.tell_loss(value.item())
        (scale * value).backward()
        optimizer.step()
    return flow


def by_hand(layer, x, state, take):
    """Return the norm of the gradient at each step's state, and at the recurrent weights."""
    states = []
    for t in range(STEPS):
        at = x[t : t + 1] if not layer.batch_first or x.ndim == 2 else x[:, t : t + 1]
        _, state = layer(at, state)
        states.append(state if isinstance(state, torch.Tensor) else state[0])
        states[-1].retain_grad()
    axis = 0 if not layer.batch_first or x.ndim == 2 else 1
    take(torch.stack([h[-1] for h in states], axis), state).square().sum().backward()
    top = [h.grad[-1].norm().item() for h in states]
    weight = getattr(layer, f"weight_hh_l{layer.num_layers - 1}").grad
    layer.zero_grad()
    return np.array(top[::-1]), weight.norm().item()


def last(y, state):
    return y[:, -1]


def every(y, state):
    return y


def state_of(y, state):
    return (state if isinstance(state, torch.Tensor) else state[0])[-1]


def zeros(layers, *batch):
    return torch.full((layers, *batch, UNITS), 0.3)


FIRST = {"batch_first": True}
CASES = {
    "rnn": (tn.RNN(3, UNITS, **FIRST), last, None),
    "relu": (tn.RNN(3, UNITS, nonlinearity="relu", **FIRST), every, None),
    "lstm": (tn.LSTM(3, UNITS, **FIRST), last, None),
    "gru": (tn.GRU(3, UNITS, **FIRST), every, None),
    "its state": (tn.GRU(3, UNITS, **FIRST), state_of, None),
    "stacked": (tn.LSTM(3, UNITS, num_layers=3, **FIRST), state_of, None),
    "begun": (tn.LSTM(3, UNITS, **FIRST), last, (zeros(1, BATCH), zeros(1, BATCH))),
    "stacked, begun": (tn.RNN(3, UNITS, num_layers=2, **FIRST), last, zeros(2, BATCH)),
    "time first": (tn.GRU(3, UNITS), lambda y, state: y[-1], None),
    "no bias": (tn.LSTM(3, UNITS, bias=False, **FIRST), last, None),
    "float64": (tn.RNN(3, UNITS, dtype=torch.float64, **FIRST), last, None),
}


@pytest.mark.parametrize("name", CASES)
def test_the_gradient_at_every_state_is_that_of_autograd(name):
    layer, take, state = CASES[name]
    x = X.to(layer.weight_hh_l0.dtype)
    x = x if layer.batch_first else x.swapaxes(0, 1)
    expected, weights = by_hand(layer, x, state, take)
    flow = train(Net(layer, take, state), x)
    record = flow.to_dict()
    assert record["recurrent_layers"].tolist() == ["rnn"]
    assert record["roles"].tolist()[0] == "recurrent"
    near = 1e-9 if layer.weight_hh_l0.dtype == torch.float64 else 1e-4
    found = record["hidden_gradient_norm"][0, 0, :STEPS]
    assert found == pytest.approx(expected, rel=near)
    assert record["time_steps"][0, 0] == STEPS
    gates = record["gate_gradient_norm"][0]
    assert np.sqrt(np.square(gates).sum()) == pytest.approx(weights, rel=near)
    assert not str(record["note"])


def test_one_sequence_without_a_batch():
    layer = tn.GRU(3, UNITS)
    expected, _ = by_hand(layer, X[0], None, lambda y, state: y[-1])
    found = train(Net(layer, lambda y, state: y[-1]), X[0]).to_dict()["hidden_gradient_norm"]
    assert found[0, 0, :STEPS] == pytest.approx(expected, rel=1e-4)


def test_a_loss_that_was_scaled():
    layer = tn.GRU(3, UNITS, **FIRST)
    expected, _ = by_hand(layer, X, None, last)

    class Scaler:
        def get_scale(self):
            return 1024.0

    record = train(Net(layer, last), scale=1024.0, scaler=Scaler()).to_dict()
    assert record["hidden_gradient_norm"][0, 0, :STEPS] == pytest.approx(expected, rel=1e-4)


@pytest.mark.slow
def test_it_is_seen_at_some_steps_and_the_training_is_the_same_bit_for_bit():
    ends = []
    for watched in (True, False):
        torch.manual_seed(0)
        model = Net(tn.LSTM(3, UNITS, **FIRST), last)
        if watched:
            record = train(model, steps=194).to_dict()
        else:
            optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
            for _ in range(194):
                optimizer.zero_grad()
                model(X).square().sum().backward()
                optimizer.step()
        ends.append([p.detach().numpy().copy() for p in model.parameters()])
    known = np.flatnonzero(~np.isnan(record["time_rate"][:, 0])).tolist()
    assert known == [0, 1, 2, 4, 8, 16, 32, 64, 128, 192]
    for one, other in zip(*ends, strict=True):
        assert np.array_equal(one, other)


def test_recorded_steps_are_counted():
    record = train(Net(tn.RNN(3, UNITS, **FIRST), last), steps=13, every=3).to_dict()
    assert record["steps"].tolist() == [0, 3, 6, 9, 12]
    assert np.isnan(record["time_rate"][:, 0]).tolist() == [False, False, False, True, False]


class Steps(tn.Module):
    """Calls its layer once for each step of time."""

    def __init__(self):
        super().__init__()
        self.rnn = tn.GRU(3, UNITS, **FIRST)

    def forward(self, x):
        state = None
        for t in range(x.shape[1]):
            y, state = self.rnn(x[:, t : t + 1], state)
        return y[:, -1]


class Packed(tn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = tn.GRU(3, UNITS, **FIRST)

    def forward(self, x):
        lengths = torch.arange(STEPS, STEPS - BATCH, -1)
        packed = tn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True)
        return self.rnn(packed)[1][-1]


class Own(tn.GRU):
    def forward(self, x, state=None):
        y, last = super().forward(x, state)
        return 2 * y, last


def changed():
    """A hook makes something else of what comes out."""
    model = Net(tn.GRU(3, UNITS, **FIRST), last)
    model.rnn.register_forward_hook(lambda module, args, output: (output[0] + 0.01, output[1]))
    return model


@pytest.mark.filterwarnings("ignore:LSTM with projections")
@pytest.mark.parametrize(
    "model",
    [
        pytest.param(Steps, id="step by step"),
        pytest.param(Packed, id="packed"),
        pytest.param(lambda: Net(Own(3, UNITS, **FIRST), last), id="a forward of its own"),
        pytest.param(
            lambda: Net(tn.GRU(3, UNITS, bidirectional=True, **FIRST), last), id="both ways"
        ),
        pytest.param(
            lambda: Net(tn.GRU(3, UNITS, num_layers=2, dropout=0.5, **FIRST), last), id="noise"
        ),
        pytest.param(lambda: Net(tn.LSTM(3, UNITS, proj_size=2, **FIRST), last), id="projected"),
        pytest.param(changed, id="changed"),
    ],
)
def test_what_cannot_be_gone_through_again_is_no_recurrent_layer(model):
    record = train(model()).to_dict()
    assert record["recurrent_layers"].tolist() == []
    assert "recurrent" not in record["roles"].tolist()


def test_where_the_loss_takes_the_cell_nothing_is_said():
    flow = train(Net(tn.LSTM(3, UNITS, **FIRST), lambda y, state: state[1][-1]))
    assert np.isnan(flow.to_dict()["time_rate"]).all()
    assert "is not seen where the loss takes the last cell" in str(flow.to_dict()["note"])


def test_what_was_changed_later_is_said():
    model = Net(tn.GRU(3, UNITS, **FIRST), last)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    flow = watch(model, optimizer)
    for _ in range(2):
        value = model(X).square().sum()
        value.backward()
        optimizer.step()
        model.rnn.register_forward_hook(
            lambda module, args, output: (output[0] + 0.01, output[1]), prepend=True
        )
    record = flow.to_dict()
    assert np.isnan(record["time_rate"][:, 0]).tolist() == [False, True]
    assert "step 1: what goes through time is not seen: gone through" in str(record["note"])
