"""Recurrent networks that learn a task of made-up sequences, and their loss on others."""

from __future__ import annotations

from collections.abc import Callable

from nnscratch.arrays import Array
from nnscratch.clipping import ClipByGlobalNorm
from nnscratch.experiments.claims.claim import Measured, Trial
from nnscratch.experiments.claims.pictures import Picture, interval_rows
from nnscratch.initializers import Normal
from nnscratch.layers import LSTM, RNN, Layer
from nnscratch.losses import Loss
from nnscratch.network.model import Sequential
from nnscratch.optimizers import Adam
from nnscratch.training import Trainer

BATCH, LOOKS, FRESH = 20, 5, 1000
_APART = 10**9  # between the seeds of what is learned and of what is judged

Made = Callable[[int, Trial], Layer]
"""A layer of so many features in."""

REMEMBERS, FORGETS, IDENTITY = "LSTM, forget bias 1", "tanh, PyTorch", "ReLU, identity"
LAYERS: dict[str, Made] = {
    REMEMBERS: lambda n, s: LSTM(n, s["units"], forget_bias=1.0),
    FORGETS: lambda n, s: RNN(n, s["units"], defaults="pytorch"),
    IDENTITY: lambda n, s: RNN(
        n, s["units"], activation="relu", recurrent_init="identity", init=Normal(0.1)
    ),
}


def learned(
    parts: tuple[Layer, ...],
    loss: Loss,
    drawn: Callable[[int, int], tuple[Array, Array]],
    trial: Trial,
    seed: int,
) -> float:
    """Train on sequences that are never seen twice; return the loss on `FRESH` others.

    drawn : ``(examples, seed) -> x, y``
    """
    model = Sequential(*parts, seed=seed)
    trainer = Trainer(model, loss, Adam(lr=trial["lr"], clip=ClipByGlobalNorm(1.0)))
    for look in range(LOOKS):
        x, y = drawn(BATCH * trial["updates"] // LOOKS, 1000 * seed + look)
        trainer.fit(x, y, epochs=1, batch_size=BATCH, seed=seed, progress=False).whole()
    x, y = drawn(FRESH, _APART + seed)
    return loss(model.predict(x), y)[0]


def losses_picture(title: str, log: bool, measured: Measured) -> Picture:
    """Draw losses as parts of that of who remembers nothing, which is 1."""
    return Picture(
        interval_rows(
            measured.quantities,
            log=log,
            xlabel="loss on fresh sequences, as a part of that of who remembers nothing",
            title=title,
            at=1,
        ),
        height=1.8 + 0.36 * len(measured.quantities),
    )
