"""What `nnscratch.cure` makes of sick networks: its lines are pasted, run and trained."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

import nnscratch as nn
from nnscratch.arrays import Array
from nnscratch.curing import Cure
from nnscratch.experiments.public.case import GH, Sick
from nnscratch.experiments.public.data import blobs, circles
from nnscratch.experiments.public.recipe import (
    BCE,
    BCE_P,
    CCE,
    CCE_P,
    HE_UNIFORM,
    KERAS_1,
    MAE,
    MSE,
    Recipe,
    score,
    targets,
)
from nnscratch.initializers import Constant, Normal
from nnscratch.optimizers import SGD, Adam, Optimizer, RMSProp
from nnscratch.training import Trainer

OTHER_SEED: Final = 100  # added for the training by the lines: weights that no trial has seen

# Causes that no change of a network mends.
BEYOND: Final = frozenset({"labels", "frozen parameters", "inputs alike"})

# AutoTrainer (Zhang et al., ICSE 2021) sorts sick trainings into vanishing and exploding gradients,
# dying ReLUs, oscillating losses and slow convergence. Hidden layers, weights and optimizers like
# those of its networks on two data sets; they end in every way that such networks do.
_HIDDEN: Final[tuple[tuple[str, Any, Optimizer], ...]] = (
    ("12*5 sigmoid", HE_UNIFORM, SGD(lr=0.01)),
    ("10*5 tanh", KERAS_1, SGD(lr=0.01)),
    ("9*5 exponential", HE_UNIFORM, SGD(lr=0.01)),
    ("5*5 exponential", HE_UNIFORM, Adam(lr=0.001)),
    ("9*5 relu", Normal(2.0), SGD(lr=0.01)),
    ("15*5 relu", HE_UNIFORM, SGD(lr=0.01)),
    ("8*5 relu", KERAS_1, Adam(lr=0.001)),
    ("4*5 relu", HE_UNIFORM, SGD(lr=10.0)),
    ("4*5 tanh", "glorot_uniform", Adam(lr=1.0)),
    ("3*5 sigmoid", "glorot_uniform", SGD(lr=1e-5)),
    ("6*5 relu", HE_UNIFORM, RMSProp(lr=0.5)),
    ("3*5 relu", Constant(0.1), SGD(lr=0.1)),
)
_ENDS: Final = {
    "clouds": (("softmax", CCE_P), ("sigmoid", CCE_P), ("", CCE), ("softmax", MSE)),
    "rings": (("sigmoid", BCE_P), ("", BCE), ("sigmoid", MSE), ("sigmoid", MAE)),
}


def autotrainer_like() -> Iterator[Sick]:
    """Yield 24 sick networks like AutoTrainer's, each with the score that says it trains."""
    for name, data, outputs, reach in (
        ("clouds", blobs(700, 3, spread=2), 3, 0.85),
        ("rings", circles(700, 0.1), 1, 0.7),
    ):
        for i, (hidden, init, optimizer) in enumerate(_HIDDEN):
            last, loss = _ENDS[name][i % 4]
            recipe = Recipe(f"2, {hidden}, {outputs} {last}", data, loss, optimizer, 900, init=init)
            title = f"{name}: {hidden}, {optimizer!r}, {last or 'scores'}, {loss}"
            source = GH + "shiningrain/AUTOTRAINER"
            yield Sick(
                title, source, "like AutoTrainer's networks", "activation", recipe, {}, reach
            )


@dataclass(frozen=True)
class Treated:
    """A sick case, what `cure` found, and scores: of the case as it is, and by the lines."""

    case: Sick
    cure: Cure
    before: float
    score: float

    @property
    def trains(self) -> bool:
        """Whether a training by the lines, or as long as is said, reaches what the case says."""
        # What is wrong beyond the network is not there in a training that merely goes on.
        goes_on = self.longer > 0 and not is_beyond(self.case)
        return (self.cure.best is not None or goes_on) and self.score >= self.case.reach

    @property
    def longer(self) -> int:
        """How many steps to train for as it is; 0 where something else is the advice."""
        return longer(self.case, self.cure)

    @property
    def change(self) -> str:
        """What is advised, in words; empty for nothing."""
        if self.cure.best is not None:
            return self.cure.best.label
        return f"train longer, {self.longer:,} steps" if self.longer else ""

    def to_dict(self) -> dict[str, Any]:
        """Return the result as JSON knows it."""
        return {
            "case": self.case.name,
            "cause": self.case.cause,
            "before": self.before,
            "score": self.score,
            "reach": self.case.reach,
            "trains": self.trains,
            "beyond": is_beyond(self.case),
            "change": self.change or None,
            "steps": self.longer or None,
            "lines": self.cure.lines,
        }


def is_beyond(case: Sick) -> bool:
    """Whether no change of the network mends a case.

    A cut through time is the trainer's; what is learned by heart may need other data.
    """
    rows = case.cause == "overfitting" and "data" in case.mended
    return case.cause in BEYOND or rows or case.recipe.truncate is not None


def longer(case: Sick, cure: Cure) -> int:
    """Return for how many steps to train a case as it is, where that is the advice, or where it is
    called healthy after more steps than it had; else 0.
    """
    healthy = cure.best is None and not cure.sick
    trial = cure.conditions.steps if healthy else 0
    return cure.longer or (trial if trial > case.recipe.steps else 0)


def treat(case: Sick, seed: int = 0, most_steps: int = 1000, **options: Any) -> Treated:
    """Cure a case in trials of at most `most_steps` steps, then paste the lines and train by them.

    The training has as many steps as the recipe that mends the case, and other weights than any
    trial; where the advice is to train longer, as many as that says, and nothing else is changed.
    `options` are those of `nnscratch.cure`.
    """
    recipe = case.recipe
    data = recipe.data(np.random.default_rng(seed))
    x, model, loss = data.x.astype(np.float32), recipe.network(seed), getattr(nn, recipe.loss)()
    y = targets(data.y, model.output_shape(x.shape)[-1], recipe.loss)
    steps, batch = max(recipe.steps, case.cured.steps), min(recipe.batch, len(x))
    names = {"nn": nn, "np": np, "x": x, "y": y, "model": model, "loss": loss}
    names["optimizer"] = copy.deepcopy(recipe.optimizer)
    penalty = nn.Penalty(l2=recipe.l2) if recipe.l2 else None
    options = {"penalty": penalty, "seed": seed, "progress": False, **options}
    options = {"steps": min(steps, most_steps), **options}
    found = nn.cure(model, loss, recipe.optimizer, x, y, batch_size=batch, **options)
    judged = data.held_out or (data.x, data.y)
    before = _trained({**names, "penalty": penalty}, batch, recipe.steps, seed, judged)
    other = seed + OTHER_SEED
    exec("\n".join(found.lines).replace(f"seed={seed}", f"seed={other}"), names)
    after = before
    if found.best is not None:
        after = _trained(names, batch, steps, other, judged)
    elif going_on := longer(case, found):
        same = {"model": recipe.network(other), "optimizer": copy.deepcopy(recipe.optimizer)}
        names |= {**same, "penalty": penalty}
        after = _trained(names, batch, going_on, other, judged)
    return Treated(case, found, before, after)


def _trained(
    names: dict[str, Any], batch: int, steps: int, seed: int, judged: tuple[Array, Array]
) -> float:
    """Train what the names say, and return the score."""
    x, y, model, loss = (names[key] for key in ("x", "y", "model", "loss"))
    trainer = Trainer(model, loss, names["optimizer"])
    penalty = names.get("penalty")
    epochs = math.ceil(steps / math.ceil(len(x) / batch))
    with np.errstate(all="ignore"):
        trainer.fit(
            *(x, y),
            epochs=epochs,
            batch_size=batch,
            callbacks=[] if penalty is None else [penalty],
            progress=False,
            seed=seed,
            max_steps=steps,
        )
        held = judged[0].astype(np.float32)
        outputs = model.predict(names["inputs"](held) if "inputs" in names else held)
        outputs = names["targets"].undo(outputs) if "targets" in names else outputs
    return score(outputs, judged[1], type(loss).__name__)
