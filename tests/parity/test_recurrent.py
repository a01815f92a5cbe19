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


LENGTHS = [7, 1, 4, 6]
THERE = np.arange(7) < np.array(LENGTHS)[:, None]


@pytest.mark.parametrize("name", TWINS)
def test_sequences_of_different_lengths_are_those_that_pytorch_packs(name):
    rng = np.random.default_rng(8)
    ours = layer(name, bias_init="normal").initialize(1, np.float64)
    twin = twin_of(name, ours.params)
    x, dy = rng.standard_normal((4, 7, N_IN)), rng.standard_normal((4, 7, N)) * THERE[..., None]
    given = torch.tensor(x, requires_grad=True)
    packed = torch.nn.utils.rnn.pack_padded_sequence(
        given, LENGTHS, batch_first=True, enforce_sorted=False
    )
    y, _ = torch.nn.utils.rnn.pad_packed_sequence(twin(packed)[0], batch_first=True)
    y.backward(torch.tensor(dy))
    found, cache = ours.forward(x, mask=THERE)
    assert relative(found[THERE], y.detach().numpy()[THERE]) < 1e-10
    for example, length in enumerate(LENGTHS):
        last = np.broadcast_to(found[example, length - 1], (7 - length, N))
        np.testing.assert_array_equal(found[example, length:], last)
    dx = ours.backward(dy, cache)
    np.testing.assert_array_equal(dx[~THERE], 0)
    assert relative(dx, given.grad.numpy()) < 1e-10
    for parameter, mine, theirs in pairs(ours.grads, twin, gradients=True):
        assert relative(mine, theirs) < 1e-10, parameter


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("name", TWINS)
def test_two_layers_in_both_directions(name, masked):
    """PyTorch in one module, which feeds both directions of the first layer to the second."""
    rng = np.random.default_rng(9)
    parts = [nn.Bidirectional(layer(name)), nn.Bidirectional(layer(name, 2 * N))]
    model = nn.Sequential(*parts, dtype=np.float64, seed=5)
    options = {"nonlinearity": "relu"} if name == "relu" else {}
    twin = TWINS[name](N_IN, N, 2, batch_first=True, bidirectional=True, dtype=torch.float64,
                       **options)  # fmt: skip
    for k, part in enumerate(parts):
        for side, suffix in ((part.layer, ""), (part.other, "_reverse")):
            single = twin_of(name, side.params, side.features_in)
            with torch.no_grad():
                for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
                    getattr(twin, f"{kind}_l{k}{suffix}").copy_(getattr(single, f"{kind}_l0"))
    x = rng.standard_normal((4, 7, N_IN))
    dy = rng.standard_normal((4, 7, 2 * N)) * (THERE[..., None] if masked else 1)
    given = torch.tensor(x, requires_grad=True)
    if masked:
        packed = torch.nn.utils.rnn.pack_padded_sequence(
            given, LENGTHS, batch_first=True, enforce_sorted=False
        )
        y, _ = torch.nn.utils.rnn.pad_packed_sequence(twin(packed)[0], batch_first=True)
    else:
        y, _ = twin(given)
    y.backward(torch.tensor(dy))
    found = model.forward(x, training=True, mask=THERE if masked else None)
    there = THERE if masked else THERE | True
    assert relative(found[there], y.detach().numpy()[there]) < 1e-10
    assert relative(model.backward(dy, input_gradient=True), given.grad.numpy()) < 1e-10
    for k, part in enumerate(parts):
        for side, suffix in ((part.layer, ""), (part.other, "_reverse")):
            theirs = getattr(twin, f"weight_hh_l{k}{suffix}").grad.numpy().T
            assert relative(side.grads["recurrent_weight"], theirs) < 1e-10


@pytest.mark.parametrize("name", TWINS)
def test_a_given_state_and_its_gradient(name):
    rng = np.random.default_rng(10)
    ours = layer(name).initialize(1, np.float64)
    twin = twin_of(name, ours.params)
    x, dy = rng.standard_normal((4, 5, N_IN)), rng.standard_normal((4, 5, N))
    state = {key: rng.standard_normal((4, N)) for key in ours.state_shapes()}
    theirs = [torch.tensor(values[None], requires_grad=True) for values in state.values()]
    y, ends = twin(torch.tensor(x), tuple(theirs) if name == "lstm" else theirs[0])
    y.backward(torch.tensor(dy))
    found, cache = ours.forward(x, state=state)
    ours.backward(dy, cache)
    assert relative(found, y.detach().numpy()) < 1e-10
    for key, given in zip(state, theirs, strict=True):
        gradient = ours.inside(cache)[f"initial_{key}_gradient"]
        assert relative(gradient, given.grad.numpy()[0]) < 1e-10
    ends = ends if isinstance(ends, tuple) else (ends,)
    for mine, end in zip(ours.ends(cache).values(), ends, strict=True):
        assert relative(mine, end.detach().numpy()[0]) < 1e-10
