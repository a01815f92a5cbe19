"""``nnscratch train``: train one network, and watch, record and judge its gradient flow."""

from __future__ import annotations

import argparse
import contextlib
from dataclasses import dataclass
from pathlib import Path

from nnscratch.backend import flush_subnormals
from nnscratch.cli.arguments import add_data, count, ladder_settings, make_folders
from nnscratch.cli.network import (
    Data,
    add_network,
    add_training,
    foreseen,
    load_data,
    make_loss,
    make_model,
    make_optimizer,
    make_rung,
    names_to_choose_from,
    option_for,
)
from nnscratch.console import Console
from nnscratch.errors import ConfigError
from nnscratch.experiments import ladder
from nnscratch.flow import Forensics, GradientFlow
from nnscratch.flow.findings import find
from nnscratch.flow.live import LiveTable
from nnscratch.flow.stream import SUFFIX
from nnscratch.optimizers import Optimizer
from nnscratch.theory import Prediction
from nnscratch.training import Callback, Trainer
from nnscratch_records.words import plural

# What `train` can be told to watch, and others that train do not.
UNWATCHED = {
    **dict.fromkeys(("flush_subnormals", "go_on", "live", "diagnose"), False),
    **dict.fromkeys(("record", "html", "forensics")),
    "every": 1,
}
PROBE = 200  # test images on which the units are counted


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    command.description = (
        "Train one network of equal hidden layers, and look at how the\n"
        "gradient flows through it: in the terminal, in a file, in a page, in sentences.\n"
        "Exit code: 0 trained to the end, 1 ended by NaN or infinity, 130 interrupted."
    )
    command.epilog = names_to_choose_from()
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


@dataclass(frozen=True)
class Recorded:
    """The training and what watched it."""

    trainer: Trainer
    flow: GradientFlow
    live: LiveTable | None


def run(options: argparse.Namespace) -> int:
    """Train, and write and print what was asked for, also after Ctrl-C or NaN."""
    console = Console()
    _check_files(options)
    made, predicted = train(options, console)
    history = made.trainer.history
    _report(made, options, console, predicted)
    if history.interrupted:
        raise KeyboardInterrupt
    return 1 if history.diverged else 0


def train(options: argparse.Namespace, console: Console) -> tuple[Recorded, Prediction | str]:
    """Train, and say what, and how well it went; return what was recorded and predicted."""
    optimizer = make_optimizer(options)
    rung, sizes = make_rung(options), ladder_settings(options)
    data = load_data(options, console)
    made = _make(options, rung, data, optimizer, console)
    parameters = made.trainer.model.params.flat.size
    console.say(
        f"{rung.label}: {plural(sizes.depth, 'hidden layer')} x {sizes.width}, {parameters:,} "
        f"parameters, on {options.data} ({len(data[0]):,} training and {len(data[2]):,} test "
        f"examples), {optimizer!r}, batch {options.batch}, seed {options.seed}"
    )
    predicted = foreseen(made.trainer.model, data, options, console)
    console.say(
        f"no prediction: {predicted}"
        if isinstance(predicted, str)
        else f"predicted: gradient first/last {predicted.ratio:.1e}, {predicted.word}",
        markup=False,
    )
    _fit(made, options, data)
    found = made.trainer.evaluate(data[2], data[3])
    history = made.trainer.history
    reached = f"R2 {found.r2:.4g}" if found.accuracy is None else f"accuracy {found.accuracy:.4f}"
    console.print(
        f"test {reached} after {plural(history.epochs, 'epoch')}, "
        f"{plural(made.trainer.steps, 'step')}, {history.seconds:.1f} s",
        highlight=False,
    )
    return made, predicted


def _fit(made: Recorded, options: argparse.Namespace, data: Data) -> None:
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


def _report(
    made: Recorded, options: argparse.Namespace, console: Console, predicted: Prediction | str
) -> None:
    """Write and print what was asked for."""
    if not len(made.flow):
        return
    reading = made.flow.reading()
    beside = "" if isinstance(predicted, str) else f", predicted {predicted.ratio:.1e}"
    console.say(
        f"gradient flow: {reading.word}; norm {reading.first:.1e} at the first and "
        f"{reading.last:.1e} at the last dense layer (median over the steps); first/last "
        f"{reading.ratio:.1e}{beside}"
    )
    if options.record is not None:
        console.wrote(options.record)
    findings = find(made.flow.to_dict())
    serious = ", ".join(dict.fromkeys(finding.kind for finding in findings.at_least("serious")))
    notices = ", ".join(findings.kinds)
    said = f"{serious} (--diagnose says why)" if serious else "nothing serious"
    if notices and not serious:
        said += f"; to notice: {notices} (--diagnose says why)"
    if options.diagnose:
        said = f"{findings}\n  {option_for(str(findings.first), options)}".rstrip()
    for row in f"findings: {said}".splitlines():
        console.say(row)
    if options.html is not None:
        from nnscratch_plots.report import write_report

        told = predicted if isinstance(predicted, str) else predicted.to_dict()
        write_report(made.flow.to_dict(), options.html, findings=findings, predictions=told)
        console.wrote(options.html)


def _make(
    options: argparse.Namespace,
    rung: ladder.Rung,
    data: Data,
    optimizer: Optimizer,
    console: Console,
) -> Recorded:
    model = make_model(options, rung, data, console)
    flow = GradientFlow(
        model, options.every, probe=data[2][:PROBE], label=rung.label, file=options.record
    )
    live = LiveTable(flow) if options.live else None
    return Recorded(Trainer(model, make_loss(data), optimizer), flow, live)


def _check_files(options: argparse.Namespace) -> None:
    """Raise before anything is trained if a file could not be written at the end."""
    for file, suffix in ((options.record, SUFFIX), (options.html, ".html")):
        if file is None:
            continue
        if file.suffix != suffix:
            raise ConfigError(f"{file} must end in {suffix}")
        make_folders(file)
