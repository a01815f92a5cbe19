"""What both estimators are: a network, its trainer, and the record of its training."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from nnscratch.arrays import Array, fitted
from nnscratch.errors import (
    ConfigError,
    require_count,
    require_flag,
    require_list,
    require_number,
    shown,
)
from nnscratch.flow import GradientFlow
from nnscratch.flow.findings import Findings
from nnscratch.flow.findings.optimizer import optimizer_python
from nnscratch.initializers import Initializer, for_activation
from nnscratch.layers import BatchNorm, Dense, activation
from nnscratch.losses import Loss
from nnscratch.network.model import Sequential
from nnscratch.optimizers import Optimizer, optimizer
from nnscratch.sklearn.lines import Setting, in_sklearn
from nnscratch.training import Callback, EarlyStopping, Trainer

# What decides a network, which is made once: a rate alone can be set for a network that goes on.
_FIXED = ("hidden", "activation", "init", "batchnorm", "build", "loss", "optimizer")


class FindingWarning(ConvergenceWarning):  # type: ignore[misc]  # without types it is of type Any
    """What `fit` warns with: the first finding of a training that is held up or misled."""


@dataclass(eq=False, repr=False)
class Network(BaseEstimator):  # type: ignore[misc]
    """What both estimators are: a network, its trainer, and the record of its training.

    Parameters
    ----------
    hidden : sequence of int
        Units of each hidden dense layer.
    activation : str
        Behind each of them; see `nnscratch.layers.activation_names`.
    init : str, Initializer or None
        Of the weights; None: what theory says suits the activation.
    batchnorm : bool
        Before each activation.
    build : callable or None
        ``build(n_in, n_out)`` returns the layers and blocks of another network, in the place of the
        four above: ``lambda n, m: [nn.Dense(n, 50), nn.ELU(), nn.Dense(50, m)]``.
    loss : Loss or None
        None: `MeanSquaredError`; of classes `SoftmaxCrossEntropy`, of several labels
        `SigmoidCrossEntropy`.
    optimizer : str or Optimizer
        A name, with `lr`; or an optimizer such as ``nn.SGD(lr=0.1, clip=nn.ClipByGlobalNorm(1))``,
        of which a copy is used.
    lr : float or Schedule
    batch_size, epochs : int
    early_stopping : bool
        Hold out `validation_fraction` of the examples, and end the training after `patience`
        epochs in which their loss was no better, with the best weights.
    warm_start : bool
        Whether `fit` goes on from where it was.
    record : int
        Record every step (1), one in so many, or none (0).
    callbacks : sequence of Callback
        Handed on to `nnscratch.Trainer.fit`.
    random_state : int, RandomState or None
        Decides the weights, the order of the examples and those held out.
    verbose : bool
        Show the progress.

    Attributes
    ----------
    trainer_ : Trainer
        With the network (`model_`), its optimizer and its history.
    flow_ : GradientFlow
        The record: ``flow_.plot()``, ``flow_.report("run.html")``. A copy of an estimator keeps
        what was recorded, and begins a new record when it is trained further.
    findings_ : Findings
        What is wrong, in sentences; its lines change the estimator, called `estimator` there.
    loss_curve_ : list of float
        The mean loss of each epoch.
    n_iter_ : int
        Epochs that were finished.
    """

    hidden: Sequence[int] = (100,)
    activation: str = "relu"
    init: str | Initializer | None = None
    batchnorm: bool = False
    build: Callable[[int, int], Sequence[Any]] | None = None
    loss: Loss | None = None
    optimizer: str | Optimizer = "adam"
    lr: Any = 0.001
    batch_size: int = 200
    epochs: int = 200
    early_stopping: bool = False
    validation_fraction: float = 0.1
    patience: int = 10
    warm_start: bool = False
    record: int = 1
    callbacks: Sequence[Callback] = ()
    random_state: Any = None
    verbose: bool = False

    @property
    def model_(self) -> Sequential:
        """See the class."""
        return self.trainer_.model

    @property
    def _loss(self) -> Any:
        return self.trainer_.loss

    @property
    def findings_(self) -> Findings:
        """See the class."""
        check_is_fitted(self)
        if not self.record:
            raise AttributeError(
                f"a {type(self).__name__} with record=0 keeps no record, and has no findings: "
                f"fit it with record=1"
            )
        return in_sklearn(self.flow_.findings(), self._setting())

    def _setting(self) -> Setting:
        """Return what the lines of findings depend on."""
        run = self.trainer_.run
        examples = self.batch_size if run is None else run.examples
        return Setting(
            hidden=None if self.build else tuple(self.hidden),
            optimizer=self.optimizer if isinstance(self.optimizer, str) else None,
            made=optimizer_python(repr(self.trainer_.optimizer)),
            batch_size=min(self.batch_size, examples),
            epochs=self.epochs,
            steps=-(-examples // self.batch_size),
        )

    @property
    def loss_curve_(self) -> list[float]:
        """See the class."""
        check_is_fitted(self)
        return self.trainer_.history.train_loss

    @property
    def n_iter_(self) -> int:
        """See the class."""
        check_is_fitted(self)
        return self.trainer_.history.epochs

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike, sample_weight: Any = None) -> Self:
        """Train on `X` (examples, features) and `y`; warn with the first finding.

        An example of weight 2 counts as two, one of weight 0 as none.
        """
        anew = not (self.warm_start and hasattr(self, "trainer_"))
        self._train(X, y, sample_weight, anew, self.epochs, None)
        self._warn()
        return self

    def _train(self, X: Any, y: Any, weights: Any, anew: bool, epochs: int, classes: Any) -> None:
        kinds = (np.float64, np.float32)
        X, y = validate_data(self, X, y, dtype=kinds, multi_output=True, reset=anew)
        y = y.toarray() if hasattr(y, "toarray") else y
        answers, n_out, loss = self._answers(y, anew, classes)
        weights = self._weights(X, y, weights)
        random = check_random_state(self.random_state)
        if weights is not None:
            there = weights > 0
            X, answers, weights = X[there], answers[there], weights[there]
            weights = weights * (len(weights) / weights.sum())
        validation, chosen = None, [*require_list("callbacks", self.callbacks, Callback)]
        if self.early_stopping:
            rows, others = self._held_out(answers, random)
            validation = X[others], answers[others]
            X, answers = X[rows], answers[rows]
            weights = None if weights is None else weights[rows]
            chosen.append(EarlyStopping(self.patience))
        if anew:
            self._begin(X, n_out, loss, random)
        else:
            self._go_on()
        self.trainer_.fit(
            *(X, answers),
            epochs=epochs,
            batch_size=self.batch_size,
            validation=validation,
            callbacks=[*self._recorders(anew), *chosen],
            progress=self.verbose,
            seed=self._seed,
            sample_weights=weights,
        )

    def _begin(self, X: Array, n_out: int, loss: Loss, random: Any) -> None:
        """Make the network and its trainer."""
        self._seed = int(random.randint(2**31 - 1))
        self._made = {name: getattr(self, name) for name in _FIXED}
        parts = self._parts(X.shape[1], n_out)
        model = Sequential(*parts, seed=self._seed, dtype=X.dtype)
        if isinstance(self.optimizer, str):
            made = optimizer(self.optimizer, self.lr)
        else:
            made = copy.deepcopy(self.optimizer)
        self.trainer_ = Trainer(model, loss if self.loss is None else self.loss, made)

    def _go_on(self) -> None:
        """Take over the rate, which may have been set since the network was made; nothing else."""
        for name, made in self._made.items():
            if repr(getattr(self, name)) != repr(made):
                raise ConfigError(
                    f"{name} is {shown(getattr(self, name))}, and was {shown(made)} when the "
                    f"network was made, with which this goes on: set it back, or begin anew with a "
                    f"fit of warm_start=False"
                )
        if isinstance(self.optimizer, str):
            self.trainer_.optimizer.lr = self.lr

    def _held_out(self, answers: Array, random: Any) -> list[Array]:
        """Return the rows to train on and those to judge by, of every class if they suffice."""
        part = require_number("validation_fraction", self.validation_fraction, above=0, below=1)
        counts = np.unique(answers, return_counts=True)[1]
        enough = answers.ndim == 1 and counts.min() > 1
        enough &= len(counts) <= part * len(answers) and len(counts) <= (1 - part) * len(answers)
        made: list[Array] = train_test_split(
            np.arange(len(answers)),
            test_size=part,
            random_state=random,
            stratify=answers if enough else None,
        )
        return made

    def _parts(self, n_in: int, n_out: int) -> Iterable[Any]:
        if self.build is None:
            return self._layers(n_in, n_out)
        parts = self.build(n_in, n_out) if callable(self.build) else None
        if not isinstance(parts, Iterable) or isinstance(parts, Sequential):
            got = self.build if parts is None else parts
            raise ConfigError(
                f"build must be a function (n_in, n_out) that returns a list of layers and blocks, "
                f"such as lambda n, m: [nn.Dense(n, 50), nn.ELU(), nn.Dense(50, m)], got "
                f"{shown(got)}"
            )
        return parts

    def _layers(self, n_in: int, n_out: int) -> list[Any]:
        if isinstance(self.hidden, str) or not isinstance(self.hidden, Sequence | np.ndarray):
            raise ConfigError(
                f"hidden must be a sequence of units such as (100, 50), got {shown(self.hidden)}"
            )
        init = for_activation(self.activation) if self.init is None else self.init
        parts: list[Any] = []
        for units in self.hidden:
            parts.append(Dense(n_in, units, init=init))
            parts += [BatchNorm(units)] * require_flag("batchnorm", self.batchnorm)
            parts.append(activation(self.activation))
            n_in = units
        return [*parts, Dense(n_in, n_out, init=init)]

    def _recorders(self, anew: bool) -> list[GradientFlow]:
        """Return who records; the one that goes on, unless it is a copy."""
        require_count("record", self.record, least=0)
        if anew or not self.record:
            vars(self).pop("flow_", None)  # type: ignore[attr-defined]
        if not self.record:
            return []
        if not isinstance(getattr(self, "flow_", None), GradientFlow):
            self.flow_ = GradientFlow(self.model_, self.record, label=type(self).__name__)
        return [self.flow_]

    def _warn(self) -> None:
        if not self.record:
            said = [self.trainer_.history.message] * self.trainer_.history.diverged
        else:
            found = self.findings_
            causes = [one for one in found.causes if one in found.at_least("serious")]
            said = [" ".join((one.sentence, one.cause)).strip() for one in causes[:1]]
            said += [f"{found.begin_with()[0]}. All of it: print(estimator.findings_)"] * len(said)
        if said:
            warnings.warn(" ".join(said), FindingWarning, stacklevel=3)

    def _outputs(self, X: Any) -> Array:
        check_is_fitted(self)
        X = validate_data(self, X, dtype=(np.float64, np.float32), reset=False)
        return self.model_.predict(fitted(X, self.model_.dtype, "X"))

    def _answers(self, y: Array, anew: bool, classes: Any) -> tuple[Array, int, Loss]:
        """Return what the network is to answer, its outputs, and the loss that goes with them."""
        raise NotImplementedError

    def _weights(self, X: Array, y: Array, weights: Any) -> Array | None:
        """Return the weights of the examples, None where all are 1."""
        if weights is None:
            return None
        return _check_sample_weight(weights, X, ensure_non_negative=True)
