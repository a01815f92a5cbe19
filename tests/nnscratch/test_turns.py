"""A model, an optimizer or a loss in several threads: right, or refused at once."""

from __future__ import annotations

import copy
import threading

import numpy as np
import pytest

import nnscratch as nn

RNG = np.random.default_rng(3)
X = RNG.standard_normal((60, 12)).astype(np.float32)
Y = RNG.integers(0, 4, 60)


class Waiting(nn.Layer):
    """Passes on what it gets; tells when it is inside and waits until it may go on."""

    kind, role = "waiting", "shape"

    def __init__(self):
        super().__init__()
        self.inside, self.go_on = threading.Event(), threading.Event()

    def forward(self, x, training=False):
        self.inside.set()
        assert self.go_on.wait(30)
        return x, None

    def backward(self, dy, cache, accumulate=False, input_gradient=True):
        return dy


def test_a_second_thread_is_refused_while_the_first_is_inside():
    waiting = Waiting()
    model = nn.Sequential(nn.Dense(12, 4), waiting)
    found = []
    first = threading.Thread(target=lambda: found.append(model.forward(X).copy()))
    first.start()
    assert waiting.inside.wait(30)
    number, weights = model.number, model.params.flat.copy()
    loss, optimizer = nn.SoftmaxCrossEntropy(), nn.SGD(lr=0.1)
    for call in (
        lambda: model.forward(X),
        lambda: model.training_pass(X, Y, loss),
        lambda: model.trace(X, Y, loss),
        lambda: model.captured(X, Y, loss),
        lambda: nn.GradientFlow(model, probe=X).attached(optimizer).__enter__(),
        lambda: nn.GradientFlow(model).record(1.0),
        lambda: optimizer.step(model.params, model.grads),
    ):
        with pytest.raises(nn.ConfigError, match=r"is at work already.*copy.deepcopy"):
            call()
    assert (model.number, optimizer.steps, model.tap) == (number, 0, None)
    np.testing.assert_array_equal(model.params.flat, weights)
    waiting.go_on.set()
    first.join()
    np.testing.assert_array_equal(found[0], model.forward(X))  # and it is free again


def fit(model, optimizer, loss=None, **options):
    trainer = nn.Trainer(model, loss or nn.SoftmaxCrossEntropy(), optimizer)
    trainer.fit(X, Y, epochs=2, batch_size=20, progress=False, **options)
    return model.params.flat.copy()


def made():
    return nn.Sequential(nn.Dense(12, 8), nn.Tanh(), nn.Dense(8, 4), seed=1)


class Calls(nn.Callback):
    def __init__(self, function):
        self.function, self.errors = function, []

    def on_step_start(self, trainer, number):
        if not self.errors:
            try:
                self.function()
            except nn.ConfigError as error:
                self.errors.append(str(error))


@pytest.mark.parametrize("shared", ["model", "optimizer"])
def test_two_trainers_at_once_of_one_model_or_one_optimizer_are_refused(shared):
    model, optimizer = made(), nn.Adam(lr=0.01)
    expected = fit(copy.deepcopy(model), nn.Adam(lr=0.01))
    second = Calls(
        lambda: fit(
            model if shared == "model" else made(),
            optimizer if shared == "optimizer" else nn.Adam(lr=0.01),
        )
    )
    found = fit(model, optimizer, callbacks=[second])
    named = {"model": "this Sequential", "optimizer": "this Adam"}[shared]
    assert len(second.errors) == 1
    assert second.errors[0].startswith(named)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("make", [lambda: nn.Adam(lr=0.01), lambda: nn.SGD(lr=0.01)])
def test_an_optimizer_that_keeps_state_is_refused_to_another_threads_model(make):
    optimizer, errors = make(), []
    expected = fit(made(), optimizer)

    def work():
        try:
            np.testing.assert_array_equal(fit(made(), optimizer), expected)
        except nn.ConfigError as error:
            errors.append(str(error))

    other = threading.Thread(target=work)
    other.start()
    other.join()
    assert len(errors) == len(optimizer.state) / 2
    assert all("another thread trains" in error for error in errors)


def test_one_loss_serves_several_threads():
    loss = nn.SoftmaxCrossEntropy()
    expected = fit(made(), nn.SGD(lr=0.1))
    found = [np.empty(0)] * 4

    def work(i):
        found[i] = fit(made(), nn.SGD(lr=0.1), loss)

    workers = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    for params in found:
        np.testing.assert_array_equal(params, expected)


def is_taken(turn):
    with (mine := threading.Lock()):
        try:
            turn.take(mine, "it")
        except nn.ConfigError:
            return True
    return False


def test_what_a_recorder_measures_belongs_to_the_pass():
    """Nobody else comes in between a pass, or an update, and what is measured of it."""
    model, optimizer, inside = made(), nn.Adam(lr=0.01), []
    flow = nn.GradientFlow(model)
    with flow.attached(optimizer):
        tap = model.tap
        for name in ("passed", "before_update", "updated"):
            whole = getattr(tap, name)

            def work(*arguments, name=name, whole=whole, **options):
                inside.append((name, is_taken(model.turn)))
                return whole(*arguments, **options)

            setattr(tap, name, work)
        model.training_pass(X, Y, nn.SoftmaxCrossEntropy())
        optimizer.step(model.params, model.grads)
    assert inside == [("passed", True), ("before_update", True), ("updated", True)]
    assert len(flow) == 1


def test_recording_begins_and_ends_while_other_threads_train():
    model, optimizer, loss = made(), nn.Adam(lr=0.01), nn.SoftmaxCrossEntropy()
    flow = nn.GradientFlow(model, probe=X, probe_every=3)
    over, errors = threading.Event(), []

    def refused_or_right(work):
        while not over.is_set():
            try:
                work()
            except Exception as error:
                if not isinstance(error, nn.ConfigError) or "at work already" not in str(error):
                    errors.append(error)
            over.wait(2e-4)  # so that the others get a turn, and there is something to record

    def step():
        model.training_pass(X, Y, loss)
        optimizer.step(model.params, model.grads)

    def record():
        with flow.attached(optimizer):
            over.wait(2e-3)

    def read():
        if len(flow):
            nn.check_record(flow.to_dict())

    for work in (step, record):
        work()  # compiled
    workers = [
        threading.Thread(target=refused_or_right, args=(work,))
        for work in (step, step, record, read)
    ]
    for worker in workers:
        worker.start()
    while len(flow) < 50 and not errors:
        over.wait(0.01)
    over.set()
    for worker in workers:
        worker.join()
    assert errors == []
    nn.check_record(flow.to_dict())  # in it: steps increase


def test_an_optimizer_of_two_models_is_recorded_for_one():
    first, second, optimizer = made(), made(), nn.SGD(lr=0.1)
    flow = nn.GradientFlow(first)
    with flow.attached(optimizer):
        for model in (first, second, first):
            model.training_pass(X, Y, nn.SoftmaxCrossEntropy())
            optimizer.step(model.params, model.grads)
    assert flow.to_dict()["steps"].tolist() == [0, 2]


def test_copies_have_a_turn_of_their_own():
    model, optimizer = made(), nn.Adam(lr=0.01)
    with (mine := threading.Lock()):
        for turn in (model.turn, model.fitting, optimizer.fitting):
            turn.take(mine)
        fit(copy.deepcopy(model), copy.deepcopy(optimizer))


def test_whoever_is_refused_or_stopped_before_it_was_noted_holds_nobody_up():
    turn, stopped = made().turn, threading.Lock()
    stopped.acquire()  # and a signal handler raised something
    with (mine := threading.Lock()):
        turn.take(mine, "it")
        with pytest.raises(nn.ConfigError, match="it is at work already"):
            turn.take(stopped, "it")
        assert is_taken(turn)
    assert not is_taken(turn)


def test_whoever_waits_comes_in_when_the_other_has_left():
    turn, came = made().turn, []

    def wait():
        with (own := threading.Lock()):
            turn.take(own)
            came.append(len(came))

    with (mine := threading.Lock()):
        turn.take(mine, "it")
        other = threading.Thread(target=wait)
        other.start()
        other.join(0.05)
        assert came == []
    other.join()
    assert came == [0]
    assert not is_taken(turn)
