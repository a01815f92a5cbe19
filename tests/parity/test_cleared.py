"""Gradients that are cleared before the update that was to follow them, in loops of PyTorch."""

import pytest

import nnscratch as nn

torch = pytest.importorskip("torch", reason="torch is not installed")

from nnscratch.pytorch import watch  # noqa: E402

tn, F = torch.nn, torch.nn.functional
KIND = "gradients cleared too soon"
X, Y = (torch.from_numpy(part[:400]) for part in nn.datasets.digits()[:2])


class ByRow(tn.Module):
    def __init__(self):
        super().__init__()
        self.cell, self.head = tn.GRU(8, 12, batch_first=True), tn.Linear(12, 10)

    def forward(self, x):
        return self.head(self.cell(x.view(-1, 8, 8))[0][:, -1])


MODELS = {
    "dense": lambda: tn.Sequential(tn.Linear(64, 16), tn.ReLU(), tn.Linear(16, 10)),
    "by row": ByRow,
}
OPTIMIZERS = {
    "SGD": lambda parameters: torch.optim.SGD(parameters, lr=0.1, momentum=0.9),
    "AdamW": lambda parameters: torch.optim.AdamW(parameters, lr=1e-2),
}


def trained(clear, model="dense", optimizer="SGD", steps=20, batch=20, before=True):
    """Train with `clear(model, optimizer, step)` between backward() and step()."""
    torch.manual_seed(0)
    model, loss = MODELS[model](), tn.CrossEntropyLoss()
    optimizer = OPTIMIZERS[optimizer](model.parameters())
    flow = watch(model, optimizer, histograms=False)
    for step in range(steps):
        rows = torch.arange(step * batch, (step + 1) * batch) % len(X)
        if before:
            optimizer.zero_grad()
        loss(model(X[rows]), Y[rows]).backward()
        clear(model, optimizer, step)
        optimizer.step()
    return flow


def told(flow):
    return next((one for one in flow.findings() if one.kind == KIND), None)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("to_none", [True, False])
def test_gradients_that_are_cleared_before_the_update(model, optimizer, to_none):
    flow = trained(lambda m, o, _: o.zero_grad(to_none), model, optimizer, before=False)
    seen = flow.findings()[0]
    assert (seen.kind, seen.severity) == (KIND, "serious")
    assert seen.advice[0].line.startswith("optimizer.zero_grad(); loss(model(x), y).backward()")
    assert seen.numbers["came"] > 0
    assert str(flow.to_dict()["clip"]) == ""  # nothing clips them


def test_the_model_clears_them_as_well():
    assert told(trained(lambda m, o, _: m.zero_grad(), before=False))


def test_gradients_that_are_there_at_the_update():
    assert not told(trained(lambda *_: None))
    clip = trained(lambda m, *_: tn.utils.clip_grad_norm_(m.parameters(), 1e-3))
    assert not told(clip)
    assert "clip_grad_norm_" in str(clip.to_dict()["clip"])


def test_one_bias_that_keeps_its_gradient_is_enough():
    def all_but_one(model, *_):
        for name, parameter in model.named_parameters():
            if name != "2.bias":
                parameter.grad = None

    flow = trained(all_but_one)
    assert 0.5 < flow.to_dict()["gradient_lost"][0] < 1
    assert not told(flow)


@pytest.mark.parametrize(("kept", "wrong"), [(16, False), (14, True)])
def test_bad_steps_may_be_left_out(kept, wrong):
    """Steps 0, 1, 2, 3, 4, 6, 8, 12, 16 are looked at: of those the later half counts."""

    def skip(model, optimizer, step):
        if step != kept:
            optimizer.zero_grad()

    assert bool(told(trained(skip, before=False))) == wrong


def test_what_another_optimizer_clears_is_its_own():
    torch.manual_seed(0)
    made, judge = MODELS["dense"](), tn.Linear(10, 1)
    mine, other = (torch.optim.Adam(m.parameters(), lr=1e-3) for m in (made, judge))
    flow = watch(made, mine, histograms=False)
    for _ in range(20):
        mine.zero_grad()
        judge(made(X[:20])).mean().backward()
        other.zero_grad()
        mine.step()
        (-judge(made(X[:20])).mean()).backward()
        mine.zero_grad()
        other.step()
    assert not told(flow)


@pytest.mark.parametrize("iterations", [2, 6])
def test_a_closure_clears_before_it_sends_back(iterations):
    torch.manual_seed(0)
    model, loss = MODELS["dense"](), tn.CrossEntropyLoss()
    optimizer = torch.optim.LBFGS(model.parameters(), lr=0.1, max_iter=iterations)
    flow = watch(model, optimizer, histograms=False)

    def closure():
        optimizer.zero_grad()
        value = loss(model(X[:50]), Y[:50])
        value.backward()
        return value

    for _ in range(8):
        optimizer.step(closure)
    assert KIND not in str(flow.to_dict()["mistakes"])


def by_epochs(clear=lambda o: o.zero_grad(), passes=4, given=lambda x: x, steps=12):
    """Train with an update behind so many passes, in front of each of which is cleared."""
    torch.manual_seed(0)
    model, loss = MODELS["dense"](), tn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    flow = watch(model, optimizer, histograms=False)
    for step in range(steps):
        for i in range(passes):
            clear(optimizer)
            rows = torch.arange(20) + (step * passes + i) * 20
            loss(model(given(X[rows % len(X)])), Y[rows % len(X)]).backward()
        optimizer.step()
        optimizer.zero_grad()
    return flow


@pytest.mark.parametrize(("passes", "wrong"), [(1, False), (2, False), (3, True), (10, True)])
def test_passes_of_which_the_last_one_counts(passes, wrong):
    found = told(by_epochs(passes=passes))
    assert bool(found) == wrong
    if wrong:
        assert found.sentence.startswith(f"{passes} passes go back before each update")


def test_gradients_that_are_added_up():
    assert not told(by_epochs(lambda o: None))


def test_passes_that_look_for_what_to_add_to_the_inputs():
    assert not told(by_epochs(given=lambda x: x.clone().requires_grad_()))


@pytest.mark.parametrize("detached", [False, True])
def test_passes_for_the_steps_of_a_critic_are_its_own(detached):
    torch.manual_seed(0)
    made, critic = MODELS["dense"](), tn.Linear(10, 1)
    mine, other = (torch.optim.Adam(m.parameters(), lr=1e-3) for m in (made, critic))
    flow = watch(made, mine, histograms=False)
    for _ in range(60):
        for _ in range(4):
            mine.zero_grad()
            other.zero_grad()
            given = made(torch.randn(20, 64))
            critic(given.detach() if detached else given).mean().backward()
            other.step()
        mine.zero_grad()
        (-critic(made(torch.randn(20, 64))).mean()).backward()
        mine.step()
    assert not told(flow)


def test_lost_passes_of_a_run_that_has_learned_are_not_told():
    torch.manual_seed(0)
    model = MODELS["dense"]()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    flow = watch(model, optimizer, histograms=False)
    for _ in range(120):
        for _ in range(3):
            optimizer.zero_grad()
            F.cross_entropy(model(X), Y).backward()
        optimizer.step()
    assert not told(flow)


def test_a_watcher_that_has_seen_no_step_is_one():
    model = MODELS["dense"]()
    flow = watch(model, torch.optim.SGD(model.parameters(), lr=0.1))
    assert len(flow) == 0
    assert flow
