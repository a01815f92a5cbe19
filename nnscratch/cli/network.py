"""The network, training and data of the options: what `train` and others take alike."""

from __future__ import annotations

import argparse
import math
import textwrap
from pathlib import Path
from typing import TypeAlias

from nnscratch import datasets, initializers, layers, optimizers
from nnscratch.arrays import Array
from nnscratch.cli.arguments import SEED, add_sizes, count, ladder_settings, rate
from nnscratch.clipping import Clip, ClipByGlobalNorm, ClipByValue
from nnscratch.console import Console
from nnscratch.datasets.tables import SUFFIXES
from nnscratch.errors import ConfigError, NnscratchError, require_name, unknown_name
from nnscratch.experiments import ladder
from nnscratch.initializers import Initializer, for_activation
from nnscratch.losses import Loss, MeanSquaredError, SoftmaxCrossEntropy
from nnscratch.network.model import Sequential
from nnscratch.optimizers import Optimizer
from nnscratch.theory import Prediction, predict_layers
from nnscratch_records.words import plural

Data: TypeAlias = ladder.Data

ACTIVATION = "relu"  # where none is named
_NAMES = {"batch": "batch norm", "layer": "layer norm", "rms": "RMS norm"}
_MANY = 1000  # layers that take seconds to be made
_WITH_MOMENTUM = ("sgd", "momentum", "nesterov")


def names_to_choose_from() -> str:
    """Return what the options that take a name may be."""
    return "\n".join(
        textwrap.fill(f"{what}: {', '.join(names)}", 78, subsequent_indent="  ")
        for what, names in (
            ("activations", layers.activation_names()),
            ("initializers", initializers.names()),
            ("optimizers", optimizers.names()),
        )
    )


def add_network(command: argparse.ArgumentParser, *, instead: str = "") -> None:
    """Add what the network is.

    instead : of what the network is trained where one is named, for commands that have a ladder of
        their own, and with it depth and width
    """
    network = command.add_argument_group("network", f"instead of {instead}" if instead else None)
    if not instead:
        add_sizes(network)
    network.add_argument(
        "--activation", metavar="NAME", help=f"after each hidden layer (default: {ACTIVATION})"
    )
    network.add_argument(
        "--init", metavar="NAME", help="of the weights (default: what goes with the activation)"
    )
    norm = network.add_mutually_exclusive_group()
    norm.add_argument(
        "--norm",
        choices=list(ladder.NORMS),
        help="before each activation; with --residual at the start of each branch",
    )
    norm.add_argument(
        "--batchnorm", action="store_const", dest="norm", const="batch", help="--norm batch"
    )
    network.add_argument(
        "--residual",
        nargs="?",
        type=rate("residual", above=-math.inf),
        const=1.0,
        metavar="SCALE",
        help="a way around each hidden layer but the first: h + SCALE * layer(h) (1 if not said)",
    )


def names_parts(options: argparse.Namespace) -> bool:
    """Whether the options say what the network is made of."""
    return _says(options, "activation", "init", "norm", "residual")


def names_a_network(options: argparse.Namespace) -> bool:
    """Whether the options say what the network is: of which parts or, where none of the ready ones
    is chosen, how large, or what it is to learn of a file.
    """
    own = getattr(options, "only", None) is None
    sized = own and (_says(options, "depth", "width") or is_file(options))
    return names_parts(options) or sized


def _says(options: argparse.Namespace, *names: str) -> bool:
    return any(getattr(options, name, None) is not None for name in names)


def chosen_rungs(options: argparse.Namespace) -> tuple[ladder.Rung, ...]:
    """Return the network that the options say, or the configurations that ``--only`` chooses."""
    if not names_a_network(options):
        return ladder.select(options.only)
    if options.only is not None:
        raise ConfigError(
            "--only chooses ready configurations: leave out --activation, --init, --norm and "
            "--residual"
        )
    return (make_rung(options),)


def add_training(command: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """Add optimizer, rate, clip, batch and seed."""
    defaults = ladder.Settings()
    training = command.add_argument_group("training")
    training.add_argument("--optimizer", default="sgd", metavar="NAME", help="see below")
    training.add_argument("--lr", type=rate("lr"), default=defaults.lr, help="learning rate")
    training.add_argument(
        "--momentum", type=rate("momentum"), metavar="M", help="of sgd and nesterov, below 1"
    )
    clip = training.add_mutually_exclusive_group()
    clip.add_argument(
        "--clip-norm", type=rate("clip-norm"), metavar="N", help="clip the gradient to this norm"
    )
    clip.add_argument(
        "--clip-value", type=rate("clip-value"), metavar="V", help="clip each component to +-V"
    )
    training.add_argument(
        "--batch", type=count("batch"), default=defaults.batch_size, help="batch size"
    )
    training.add_argument(
        "--seed",
        type=SEED,
        default=defaults.seed,
        help="random seed",
    )
    return training


def make_rung(options: argparse.Namespace) -> ladder.Rung:
    """Return what the network of the options is; raise for an unknown name."""
    activation = options.activation or ACTIVATION
    norm, residual = options.norm, options.residual
    parts = [activation, options.init, _NAMES.get(norm)]
    if residual is not None:
        parts.append("residual" if residual == 1 else f"residual of scale {residual:.3g}")
    label = ", ".join(part for part in parts if part)
    init = _init(activation, options.init)
    return ladder.Rung("network", label, activation, init, norm=norm, residual=residual)


def make_model(
    options: argparse.Namespace, rung: ladder.Rung, data: Data, console: Console
) -> Sequential:
    """Return the network of the options for these data; say so first where that takes a while."""
    settings = ladder_settings(options)
    require_memory(data, settings)
    if settings.depth >= _MANY:
        console.say(f"making {settings.depth:,} hidden layers x {settings.width:,} ...")
    return ladder.build(rung, data[0].shape[1], outputs(data), settings)


def require_memory(data: Data, settings: ladder.Settings) -> None:
    """Raise `TooLargeError` if no network of such a size can be trained on the data."""
    batch = min(settings.batch_size, len(data[0]))
    ladder.require_memory(data[0].shape[1], outputs(data), settings, batch)


def outputs(data: Data) -> int:
    """Return how many outputs a network for these data has."""
    y = data[1]
    return int(max(y.max(), data[3].max())) + 1 if names_classes(data) else y.shape[1]


def names_classes(data: Data) -> bool:
    """Whether the answers are classes; else they are numbers."""
    return data[1].dtype.kind == "i"


def targets(data: Data) -> Array | None:
    """Return the answers that are numbers to be met; None of classes."""
    return None if names_classes(data) else data[1]


def make_loss(data: Data) -> Loss:
    """Return the loss that goes with the answers."""
    return SoftmaxCrossEntropy() if names_classes(data) else MeanSquaredError()


def is_file(options: argparse.Namespace) -> bool:
    """Whether the data are a file of one's own."""
    return Path(options.data).suffix.lower() in SUFFIXES


def with_option(told: str, options: argparse.Namespace) -> str:
    """Return what to do to the data, with the option that does it to a file of one's own."""
    here = option_for(told, options)
    return f"{told} ({here})" if here else told


def option_for(told: str, options: argparse.Namespace) -> str:
    """Return the option that does to a file of one's own what is told; "" where there is none."""
    named = any(way in told for way in ("std(axis=0)", "nn.Standardizer"))
    return "here: --standardise" if named and is_file(options) and not options.standardise else ""


def foreseen(
    model: Sequential, data: Data, options: argparse.Namespace, console: Console
) -> Prediction | str:
    """Say what is wrong before the first step; return what theory expects, or why nothing."""
    batch = min(options.batch, len(data[0]))
    try:
        predicted = predict_layers(model, data[0], targets(data), batch_size=batch)
    except NnscratchError as error:
        return str(error)
    for concern in predicted.concerns:
        console.say(f"before the first step: {with_option(concern, options)}", markup=False)
    return predicted


def load_data(options: argparse.Namespace, console: Console) -> Data:
    """Return the data of the options; say what a file was taken for, and what the batch will be."""
    if not is_file(options):
        if options.data not in datasets.names():
            files = [f"FILE{suffix}" for suffix in SUFFIXES]
            raise unknown_name("data set", options.data, [*datasets.names(), *files])
        if options.target is not None or options.standardise or options.ignore:
            raise ConfigError(
                f"--target, --ignore and --standardise are for files of one's own, got --data "
                f"{options.data}"
            )
        data = datasets.load(options.data, data_dir=options.data_dir, download=options.download)
    else:
        of = options.target, options.standardise, options.seed, options.ignore or ()
        data = datasets.table(options.data, *of)
        answers = f"{outputs(data)} classes" if names_classes(data) else "numbers to be met"
        console.say(
            f"{options.data}: {plural(len(data[0]) + len(data[2]), 'example')} of "
            f"{plural(data[0].shape[1], 'column')}, answers are {answers}; split by seed "
            f"{options.seed}"
            + (", standardised by the training examples" if options.standardise else ""),
            markup=False,
        )
    batch = ladder_settings(options).batch_size
    if batch > len(data[0]):
        console.say(
            f"--batch {batch:,} of {len(data[0]):,} training examples: every step takes "
            f"all {len(data[0]):,}, an epoch is one step"
        )
    return data


def _init(activation: str, init: str | None) -> str | Initializer:
    """Return the initializer; raise for an unknown activation or initializer."""
    require_name("activation", activation, layers.activation_names())
    return for_activation(activation) if init is None else initializers.get(init)


def make_optimizer(options: argparse.Namespace) -> Optimizer:
    """Return the optimizer of the options, with its clip."""
    clip: Clip | None = None
    if options.clip_norm is not None:
        clip = ClipByGlobalNorm(options.clip_norm)
    elif options.clip_value is not None:
        clip = ClipByValue(options.clip_value)
    settings = {}
    if options.momentum is not None:
        if options.optimizer not in _WITH_MOMENTUM:
            raise ConfigError(
                f"--momentum is for {', '.join(_WITH_MOMENTUM)}, got --optimizer "
                f"{options.optimizer}: leave it out"
            )
        settings["momentum"] = options.momentum
    return optimizers.optimizer(options.optimizer, options.lr, clip=clip, **settings)
