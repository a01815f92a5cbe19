"""Recurrent layers against PyTorch, float64, 1e-10: outputs, all gradients, ten training steps."""

import numpy as np
import pytest

import nnscratch as nn

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

N_IN, N, CLASSES = 3, 6, 4
TWINS = {"rnn": torch.nn.RNN, "relu": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}


def layer(name, n_in=N_IN, **options):
    if name == "relu":
        return nn.RNN(n_in, N, activation="relu", **options)
    return {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}[name](n_in, N, **options)


def twin_of(name, ours, n_in=N_IN):
    """PyTorch's layer with our parameters. Where it adds two biases up, one stays 0."""
    options = {"nonlinearity": "relu"} if name == "relu" else {}
    made = TWINS[name](n_in, N, batch_first=True, dtype=torch.float64, **options)
    second = ours["recurrent_bias"] if "recurrent_bias" in ours else 0 * ours["bias"]
    given = ours["weight"].T, ours["recurrent_weight"].T, ours["bias"], second
    with torch.no_grad():
        for parameter, values in zip(made.parameters(), given, strict=True):
            parameter.copy_(torch.tensor(np.array(values)))
    made.bias_hh_l0.requires_grad_("recurrent_bias" in ours)
    return made


def pairs(layer_arrays, twin, gradients=False):
    """Our arrays beside PyTorch's, by name."""
    names = {"weight": "weight_ih_l0", "recurrent_weight": "weight_hh_l0"}
    names |= {"bias": "bias_ih_l0", "recurrent_bias": "bias_hh_l0"}
    for name, values in layer_arrays.items():
        theirs = getattr(twin, names[name])
        yield name, values, (theirs.grad if gradients else theirs).detach().numpy().T


def relative(ours, theirs):
    return np.abs(ours - theirs).max() / max(np.abs(theirs).max(), 1e-300)


@pytest.mark.parametrize("steps", [1, 2, 30])
@pytest.mark.parametrize("name", TWINS)
def test_outputs_and_all_gradients(name, steps):
    rng = np.random.default_rng(steps)
    ours = layer(name, bias_init="normal").initialize(1, np.float64)
    twin = twin_of(name, ours.params)
    x, dy = rng.standard_normal((5, steps, N_IN)), rng.standard_normal((5, steps, N))
    given = torch.tensor(x, requires_grad=True)
    y, _ = twin(given)
    y.backward(torch.tensor(dy))
    found, cache = ours.forward(x)
    assert relative(found, y.detach().numpy()) < 1e-10
    dx = ours.backward(dy, cache)
    assert relative(dx, given.grad.numpy()) < 1e-10
    for parameter, mine, theirs in pairs(ours.grads, twin, gradients=True):
        assert relative(mine, theirs) < 1e-10, parameter


@pytest.mark.parametrize("everywhere", [False, True], ids=["last step", "every step"])
@pytest.mark.parametrize("name", TWINS)
def test_ten_training_steps_of_two_layers(name, everywhere):
    rng = np.random.default_rng(7)
    parts = [layer(name), layer(name, N, recurrent_init="glorot_normal")]
    model = nn.Sequential(
        *parts, *[nn.LastStep()] * (not everywhere), nn.Dense(N, CLASSES), dtype=np.float64, seed=3
    )
    loss, optimizer = nn.SoftmaxCrossEntropy(), nn.SGD(lr=0.1, momentum=0.9)
    twins = [twin_of(name, part.params, n) for part, n in zip(parts, (N_IN, N), strict=True)]
    head = torch.nn.Linear(N, CLASSES, dtype=torch.float64)
    dense = model[len(model) - 1].params
    with torch.no_grad():
        head.weight.copy_(torch.tensor(np.array(dense["weight"].T)))
        head.bias.copy_(torch.tensor(np.array(dense["bias"])))
    learned = [p for made in (*twins, head) for p in made.parameters() if p.requires_grad]
    theirs = torch.optim.SGD(learned, lr=0.1, momentum=0.9)
    for _ in range(10):
        x = rng.standard_normal((5, 12, N_IN))
        labels = rng.integers(0, CLASSES, (5, 12) if everywhere else 5)
        h = torch.tensor(x)
        for twin in twins:
            h, _ = twin(h)
        logits = head(h if everywhere else h[:, -1])
        value = torch.nn.functional.cross_entropy(
            logits.reshape(-1, CLASSES), torch.tensor(labels.ravel())
        )
        theirs.zero_grad()
        value.backward()
        assert model.training_pass(x, labels, loss) == pytest.approx(value.item(), rel=1e-12)
        optimizer.step(model.params, model.grads)
        theirs.step()
    for part, twin in zip(parts, twins, strict=True):
        for parameter, mine, wanted in pairs(part.params, twin):
            assert relative(mine, wanted) < 1e-10, parameter


def test_every_gradient_of_a_state_is_the_one_that_pytorch_finds():
    """One step at a time, so that PyTorch keeps every h_t and c_t."""
    rng = np.random.default_rng(0)
    ours = nn.LSTM(N_IN, N).initialize(2, np.float64)
    cell = torch.nn.LSTMCell(N_IN, N, dtype=torch.float64)
    with torch.no_grad():
        cell.weight_ih.copy_(torch.tensor(np.array(ours.params["weight"].T)))
        cell.weight_hh.copy_(torch.tensor(np.array(ours.params["recurrent_weight"].T)))
        cell.bias_ih.copy_(torch.tensor(np.array(ours.params["bias"])))
        cell.bias_hh.zero_()
    x, dy = rng.standard_normal((4, 9, N_IN)), rng.standard_normal((4, 9, N))
    states = [(torch.zeros(4, N, dtype=torch.float64),) * 2]
    for t in range(9):
        states.append(cell(torch.tensor(x[:, t]), states[-1]))
        for state in states[-1]:
            state.retain_grad()
    sum((h * torch.tensor(dy[:, t])).sum() for t, (h, _) in enumerate(states[1:])).backward()
    _, cache = ours.forward(x)
    ours.backward(dy, cache)
    inside = ours.inside(cache)
    for t, (h, c) in enumerate(states[1:]):
        assert relative(inside["hidden"][:, t], h.detach().numpy()) < 1e-10
        assert relative(inside["cell"][:, t], c.detach().numpy()) < 1e-10
        assert relative(inside["hidden_gradient"][:, t], h.grad.numpy()) < 1e-10
        assert relative(inside["cell_gradient"][:, t], c.grad.numpy()) < 1e-10
