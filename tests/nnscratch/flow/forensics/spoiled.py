"""Trainings that meet a NaN in each of their stages."""

import numpy as np

import nnscratch as nn
from nnscratch.initializers import Normal
from nnscratch.nonfinite import tensors_of_pass, tensors_of_update

RNG = np.random.default_rng(0)
X = RNG.standard_normal((60, 6)).astype(np.float32)
Y = RNG.integers(0, 3, 60)
TARGETS = np.eye(3, dtype=np.float32)[Y]


def noisy():
    return (
        nn.Dense(6, 8, init="he_normal"), nn.BatchNorm(8), nn.Dropout(0.2), nn.RReLU(),
        nn.Dense(8, 8), nn.PReLU(8), nn.Dense(8, 3),
    )  # fmt: skip


def plain():
    return nn.Dense(6, 8), nn.ReLU(), nn.Dense(8, 8), nn.ReLU(), nn.Dense(8, 3)


def huge():
    return nn.Dense(6, 8, init=Normal(1e10)), nn.ReLU(), nn.Dense(8, 3, init=Normal(1e10))


class Spoil(nn.Callback):
    """Multiplies the parameters before a step, once."""

    def __init__(self, at, factor):
        self.at, self.factor = at, factor

    def on_step_start(self, trainer, step):
        if step == self.at:
            with np.errstate(over="ignore"):
                trainer.model.params.flat[...] *= np.float32(self.factor)


class Look(nn.Callback):
    """Keeps what the training itself met."""

    def on_nonfinite(self, trainer, found):
        self.tensors = list(tensors_of_pass(trainer.model, found.loss))
        if found.kept:  # the parameters are no longer those of the pass
            self.tensors = list(tensors_of_update(trainer.model, trainer.optimizer.state))
        self.params = (found.kept[0] if found.kept else trainer.model.params.flat).copy()


CASES = {
    "forward": (plain, lambda: nn.SGD(0.1, momentum=0.9), 1e15),
    "forward, noise": (noisy, lambda: nn.Adam(0.01), 1e25),
    "given": (plain, lambda: nn.SGD(0.1), np.inf),
    "update": (huge, lambda: nn.SGD(1e37, momentum=0.9), 1),
    "update, clipped": (
        huge, lambda: nn.SGD(1e37, clip=nn.ClipByGlobalNorm(1e8)), 1,
    ),
}  # fmt: skip


def train(folder, case, targets=Y, **options):
    parts, optimizer, factor = CASES[case]
    trainer = nn.Trainer(
        nn.Sequential(*parts(), seed=1), options.pop("loss", nn.SoftmaxCrossEntropy()), optimizer()
    )
    watch, look = nn.Forensics(folder), Look()
    extra = options.pop("callbacks", [])
    history = trainer.fit(
        X, targets, epochs=2, batch_size=20, progress=False,
        callbacks=[*extra, Spoil(4, factor), look, watch], **options,
    )  # fmt: skip
    return trainer, history, watch, look
