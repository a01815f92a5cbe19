"""Arrays that somebody has write-protected: refused before a kernel writes."""

from __future__ import annotations

import numpy as np
import pytest

import nnscratch as nn

X = np.random.default_rng(0).standard_normal((8, 5)).astype(np.float32)
LABELS = np.arange(8) % 3
LOSS = nn.SoftmaxCrossEntropy()


class Training:
    def __init__(self, *between, clip=None):
        self.model = nn.Sequential(
            nn.Dense(5, 4), nn.BatchNorm(4), *[make() for make in between], nn.Dense(4, 3)
        )
        self.optimizer = nn.Adam(lr=0.01, clip=clip)
        self.run()

    def layer_by_layer(self):
        _, dlogits = LOSS(self.model.forward(X, training=True), LABELS)
        self.model.backward(dlogits)

    def run(self):
        self.model.training_pass(X, LABELS, LOSS)
        self.step()

    def step(self):
        self.optimizer.step(self.model.params, self.model.grads)

    def arrays(self):
        model = self.model
        own = {name: getattr(model, name).flat for name in ("params", "grads", "statistics")}
        return own | self.optimizer.state


def refused(array, call, *others):
    array.setflags(write=False)
    before = [other.copy() for other in (array, *others)]
    with pytest.raises(nn.ConfigError, match=r"write-protected .*setflags\(write=True\)"):
        call()
    for was, other in zip(before, (array, *others), strict=True):
        assert was.tobytes() == other.tobytes()
    array.setflags(write=True)
    call()
    assert array.tobytes() != before[0].tobytes()


@pytest.mark.parametrize("name", ["grads", "statistics"])
@pytest.mark.parametrize("between", [(), (lambda: nn.Dropout(0.1),)], ids=["captured", "not"])
def test_a_pass_does_not_write_into_a_protected_array(name, between):
    training = Training(*between)
    training.model.grads.flat[...] = 0
    arrays = training.arrays()
    refused(
        arrays.pop(name), lambda: training.model.training_pass(X, LABELS, LOSS), *arrays.values()
    )


@pytest.mark.parametrize("name", ["grads", "statistics"])
def test_forward_and_backward_do_not_write_into_a_protected_array(name):
    training = Training()
    training.model.grads.flat[...] = 0
    refused(training.arrays()[name], training.layer_by_layer)


@pytest.mark.parametrize("name", ["params", "first_moment", "second_moment"])
def test_a_step_does_not_write_into_a_protected_array(name):
    training = Training()
    arrays = training.arrays()
    refused(arrays.pop(name), training.step, *arrays.values())
    assert training.optimizer.steps == 2


def test_a_clip_does_not_write_into_protected_gradients():
    training = Training(clip=nn.ClipByGlobalNorm(1e-3))
    training.model.training_pass(X, LABELS, LOSS)
    refused(training.model.grads.flat, training.step, training.model.params.flat)


def test_a_forward_pass_that_only_predicts_reads_protected_arrays():
    training = Training()
    for array in training.arrays().values():
        array.setflags(write=False)
    assert training.model.forward(X).shape == (8, 3)
