"""``nnscratch train``: train one network, and watch, record and judge its gradient flow."""

from __future__ import annotations

import argparse
import contextlib
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nnscratch import datasets, initializers, layers, optimizers
from nnscratch.arrays import Array
from nnscratch.backend import flush_subnormals
from nnscratch.cli.arguments import HUGE, SEED, HelpFormatter, add_data, count, rate
from nnscratch.clipping import Clip, ClipByGlobalNorm, ClipByValue
from nnscratch.console import Console
from nnscratch.errors import ConfigError, NnscratchError, unknown_name
from nnscratch.experiments import ladder
from nnscratch.files import make_folder
from nnscratch.flow import Forensics, GradientFlow
from nnscratch.flow.live import LiveTable
from nnscratch.flow.stream import SUFFIX
from nnscratch.initializers import Initializer, for_activation
from nnscratch.losses import SoftmaxCrossEntropy
from nnscratch.model import Sequential
from nnscratch.optimizers import Optimizer
from nnscratch.theory import Prediction, predict_layers
from nnscratch.training import Callback, Trainer

PROBE = 200  # test images on which the units are counted
_WITH_MOMENTUM = ("sgd", "momentum", "nesterov")


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``train`` to the command line."""
    command = commands.add_parser(
        "train",
        help="train one network; show, record and judge its gradient flow",
        description="Train one network of equal hidden layers on images, and look at how the\n"
        "gradient flows through it: in the terminal, in a file, in a page, in sentences.\n"
        "Exit code: 0 trained to the end, 1 ended by NaN or infinity, 130 interrupted.",
        formatter_class=HelpFormatter,
        epilog=names_to_choose_from(),
    )
    add_network(command)
    training = add_training(command)
    training.add_argument(
        "--epochs", type=count("epochs"), default=ladder.Settings.epochs, help="epochs"
    )
    training.add_argument(
        "--flush-subnormals",
        action="store_true",
        help="take numbers below 1.2e-38 for zero: faster where gradients vanish",
    )
    training.add_argument(
        "--go-on", action="store_true", help="warn of NaN and infinity, but do not stop"
    )
    looking = command.add_argument_group("gradient flow")
    looking.add_argument(
        "--live", action="store_true", help="a table of all layers that fits the screen"
    )
    looking.add_argument(
        "--record",
        type=Path,
        metavar="FILE",
        help=f"append every step to FILE ({SUFFIX}); it survives a killed process",
    )
    looking.add_argument(
        "--every", type=count("every"), default=1, help="record one step in so many"
    )
    looking.add_argument("--html", type=Path, metavar="FILE", help="one page about the run")
    looking.add_argument(
        "--diagnose", action="store_true", help="say at the end what is wrong, why and what helps"
    )
    looking.add_argument(
        "--forensics",
        type=Path,
        metavar="DIR",
        help="save the state before the first NaN or infinity in DIR, for `nnscratch replay`",
    )
    add_data(command, choose=True)
    command.set_defaults(run=run)


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


def add_network(command: argparse.ArgumentParser) -> None:
    """Add what the network is."""
    defaults = ladder.Settings()
    network = command.add_argument_group("network")
    network.add_argument(
        "--depth", type=count("depth", most=HUGE), default=defaults.depth, help="hidden layers"
    )
    network.add_argument(
        "--width", type=count("width", most=HUGE), default=defaults.width, help="units in each"
    )
    network.add_argument("--activation", default="relu", metavar="NAME", help="after each")
    network.add_argument(
        "--init", metavar="NAME", help="of the weights (default: what goes with the activation)"
    )
    network.add_argument("--batchnorm", action="store_true", help="before each activation")


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


@dataclass(frozen=True)
class _Recorded:
    """The training and what watched it."""

    trainer: Trainer
    flow: GradientFlow
    live: LiveTable | None


def run(options: argparse.Namespace) -> int:
    """Train, and write and print what was asked for, also after Ctrl-C or NaN."""
    console = Console()
    _check_files(options)
    optimizer = make_optimizer(options)
    rung = make_rung(options)
    data = datasets.load(options.data, data_dir=options.data_dir, download=options.download)
    made = _make(options, rung, data, optimizer)
    parameters = made.trainer.model.params.flat.size
    console.print(
        f"{rung.label}: {options.depth} hidden layers x {options.width}, {parameters:,} "
        f"parameters, on {options.data} ({len(data[0]):,} training and {len(data[2]):,} test "
        f"images), {optimizer!r}, batch {options.batch}, seed {options.seed}",
        highlight=False,
        soft_wrap=True,
    )
    predicted = _predicted(made.trainer.model, data[0], options.batch)
    foreseen = (
        f"no prediction: {predicted}"
        if isinstance(predicted, str)
        else f"predicted: gradient first/last {predicted.ratio:.1e}, {predicted.word}"
    )
    console.print(foreseen, highlight=False, soft_wrap=True)
    _fit(made, options, data)
    _, accuracy = made.trainer.evaluate(data[2], data[3])
    history = made.trainer.history
    console.print(
        f"test accuracy {accuracy:.4f} after {history.epochs} epochs, {made.trainer.steps:,} "
        f"steps, {history.seconds:.1f} s",
        highlight=False,
    )
    _report(made, options, console, predicted)
    if history.interrupted:
        raise KeyboardInterrupt
    return 1 if history.diverged else 0


def _fit(made: _Recorded, options: argparse.Namespace, data: Sequence[Array]) -> None:
    x_train, y_train, x_test, y_test = data
    callbacks: list[Callback] = [made.flow]
    if options.forensics is not None:
        callbacks.append(Forensics(options.forensics))
    if made.live is not None:
        callbacks.append(made.live)
    try:
        with flush_subnormals() if options.flush_subnormals else contextlib.nullcontext():
            made.trainer.fit(
                x_train,
                y_train,
                epochs=options.epochs,
                batch_size=options.batch,
                validation=(x_test, y_test),
                callbacks=callbacks,
                seed=options.seed,
                stop_on_nonfinite=not options.go_on,
            )
    finally:
        if made.live is not None:
            made.live.close()
        made.flow.close()


def _predicted(model: Sequential, x: Array, batch: int) -> Prediction | str:
    """Return what theory expects of the first step, or why it expects nothing."""
    try:
        return predict_layers(model, x, batch_size=min(batch, len(x)))
    except NnscratchError as error:
        return str(error)


def _report(
    made: _Recorded, options: argparse.Namespace, console: Console, predicted: Prediction | str
) -> None:
    """Write and print what was asked for."""
    if not len(made.flow):
        return
    reading = made.flow.reading()
    beside = "" if isinstance(predicted, str) else f", predicted {predicted.ratio:.1e}"
    console.print(
        f"gradient flow: {reading.word}; norm {reading.first:.1e} at the first and "
        f"{reading.last:.1e} at the last dense layer (median over the steps); first/last "
        f"{reading.ratio:.1e}{beside}",
        highlight=False,
        soft_wrap=True,
    )
    if options.record is not None:
        console.print(f"wrote {options.record}", soft_wrap=True, highlight=False)
    findings = None
    if options.diagnose or options.html is not None:
        from nnscratch.flow.findings import find

        findings = find(made.flow.to_dict())
    if options.diagnose:
        console.print(str(findings), highlight=False, soft_wrap=True, markup=False)
    if options.html is not None:
        from nnscratch_plots.report import write_report

        told = predicted if isinstance(predicted, str) else predicted.to_dict()
        write_report(made.flow.to_dict(), options.html, findings=findings, predictions=told)
        console.print(f"wrote {options.html}", soft_wrap=True, highlight=False)


def _make(
    options: argparse.Namespace, rung: ladder.Rung, data: Sequence[Array], optimizer: Optimizer
) -> _Recorded:
    model = make_model(options, rung, data)
    flow = GradientFlow(
        model, options.every, probe=data[2][:PROBE], label=rung.label, file=options.record
    )
    live = LiveTable(flow) if options.live else None
    return _Recorded(Trainer(model, SoftmaxCrossEntropy(), optimizer), flow, live)


def make_rung(options: argparse.Namespace) -> ladder.Rung:
    """Return what the network of the options is; raise for an unknown name."""
    parts = [options.activation, options.init, "batch norm" if options.batchnorm else None]
    label = ", ".join(part for part in parts if part)
    return ladder.Rung("train", label, options.activation, _init(options), options.batchnorm)


def make_model(options: argparse.Namespace, rung: ladder.Rung, data: Sequence[Array]) -> Sequential:
    """Return the network of the options for these data."""
    settings = ladder.Settings(depth=options.depth, width=options.width, seed=options.seed)
    return ladder.build(rung, data[0].shape[1], int(data[1].max()) + 1, settings)


def _init(options: argparse.Namespace) -> str | Initializer:
    """Return the initializer; raise for an unknown activation or initializer."""
    if options.activation not in layers.activation_names():
        raise unknown_name("activation", options.activation, layers.activation_names())
    if options.init is None:
        return for_activation(options.activation)
    return initializers.get(options.init)


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


def _check_files(options: argparse.Namespace) -> None:
    """Raise before anything is trained if a file could not be written at the end."""
    for file, suffix in ((options.record, SUFFIX), (options.html, ".html")):
        if file is None:
            continue
        if file.suffix != suffix:
            raise ConfigError(f"{file} must end in {suffix}")
        make_folder(file.parent)
