"""Mean activations near zero: ELU's units beside those of ReLU and leaky ReLU."""

from __future__ import annotations

import numpy as np

from nnscratch import layers
from nnscratch.arrays import Array
from nnscratch.experiments.claims.claim import Claim, Measured, Quantity, Trial, Verdict
from nnscratch.experiments.claims.networks import Activation, activation_outputs, stack, train
from nnscratch.experiments.claims.pictures import Picture, interval_rows, seed_lines
from nnscratch.network.model import Sequential
from nnscratch.optimizers import SGD
from nnscratch.training import Callback, History, Trainer

KINDS: dict[str, Activation] = {
    "ELU": "elu",
    "leaky ReLU": lambda: layers.LeakyReLU(0.1),
    "ReLU": "relu",
}


class _Medians(Callback):
    """After every epoch: the median over all hidden units of their mean activation."""

    def __init__(self, model: Sequential, x: Array) -> None:
        self.model, self.x = model, x
        self.medians = [self._median()]

    def _median(self) -> float:
        outputs = activation_outputs(self.model, self.x, training=False)
        return float(np.median(np.concatenate([out.mean(axis=0) for out in outputs])))

    def on_epoch_end(self, trainer: Trainer, history: History) -> None:
        self.medians.append(self._median())


def run(trial: Trial) -> Measured:
    digits = trial.data.digits()
    x = digits[0]
    medians: dict[str, list[list[float]]] = {kind: [] for kind in KINDS}
    losses: dict[str, list[list[float]]] = {kind: [] for kind in KINDS}
    for seed in trial.seeds("seed"):
        for kind, activation in KINDS.items():
            widths = [trial["width"]] * trial["depth"]
            model = stack(x.shape[1], widths, activation, "he_normal", seed=seed)
            watch = _Medians(model, x)
            history = train(model, digits, SGD(lr=trial["lr"]), trial, seed, callbacks=[watch])
            medians[kind].append(watch.medians)
            losses[kind].append(history.train_loss)
    # Over training: the mean of its size over all epochs.
    size = {kind: np.abs(np.array(rows)[:, 1:]).mean(axis=1) for kind, rows in medians.items()}
    last = {kind: np.log(np.array(rows)[:, -1]) for kind, rows in losses.items()}
    return Measured(
        {
            **{
                kind: Quantity(f"|median of the units' means|, {kind}, mean over the epochs", s)
                for kind, s in size.items()
            },
            "ELU first": Quantity(
                "ln of that, ELU less leaky ReLU, seed by seed",
                np.log(size["ELU"] / size["leaky ReLU"]),
            ),
            "ReLU last": Quantity(
                "ln of that, leaky ReLU less ReLU, seed by seed",
                np.log(size["leaky ReLU"] / size["ReLU"]),
            ),
            "loss": Quantity(
                "ln of training loss at the end, ELU less ReLU, seed by seed",
                last["ELU"] - last["ReLU"],
            ),
        },
        {"median": medians},
    )


def verdict(measured: Measured) -> Verdict:
    first, last, loss = (measured[name].interval for name in ("ELU first", "ReLU last", "loss"))
    sizes = ", ".join(f"{kind} {measured[kind].mean:.3f}" for kind in KINDS)
    said = f"|median of the units' means|: {sizes}; ELU's training loss is {np.exp(loss.mean):.2f} "
    said += "times ReLU's"
    if first.above(0) or loss.above(0):
        return Verdict.fails(said)
    if first.below(0) and last.below(0) and loss.below(0):
        return Verdict.holds(said)
    if first.below(0) and loss.below(0):
        return Verdict.with_condition(f"{said}. Leaky ReLU is not clearly between the two")
    return Verdict.unchecked(f"{said}; the intervals of these seeds include no difference")


def picture(measured: Measured) -> Picture:
    medians = measured.curves["median"]
    return Picture(
        seed_lines(
            medians,
            x=range(len(medians["ELU"][0])),
            xlabel="epoch",
            ylabel="median of the units' mean activation",
            title="Median over all hidden units, during training",
            level=0,
        ),
        interval_rows(
            {kind: measured[kind] for kind in KINDS},
            xlabel="|median|, mean over the epochs",
            title="How far from 0",
        ),
        width=10.5,
    )


MEDIAN = Claim(
    name="elu-median",
    sentence="The units of an ELU network have mean activations nearer to 0 during training than "
    "those of leaky ReLU and ReLU networks, and the network learns faster.",
    source="Clevert et al. 2015, section 4.1.1 and figure 4",
    configuration="digits in place of MNIST, {depth} layers x {width}, He, SGD at {lr}, batch "
    "{batch}, {epochs} epochs, leaky ReLU with slope 0.1; {seeds} seeds",
    rule="Holds if |median over the hidden units of their mean activation|, averaged over the "
    "epochs, is ELU < leaky ReLU < ReLU, and the training loss at the end ELU < ReLU (seed by "
    "seed, intervals clear of 0); with a condition if only leaky ReLU against ReLU is not shown; "
    "does not hold if ELU is not nearest to 0 or not faster.",
    full={"seeds": 8, "depth": 8, "width": 128, "lr": 0.01, "batch": 64, "epochs": 30},
    quick={"seeds": 4, "epochs": 10},
    run=run,
    verdict=verdict,
    picture=picture,
)
