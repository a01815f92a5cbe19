"""The command line: ``python -m benchmarks``."""

from __future__ import annotations

import argparse
import functools
import json
import math
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from benchmarks import history, machine, report
from benchmarks.contenders import CONTENDERS
from benchmarks.results import Results
from benchmarks.runner import SECTIONS, Plan, Runner
from benchmarks.tables import number
from benchmarks.workloads import GROWTH, MADE, MAIN, RECURRENT, SMALL, WORKLOADS
from nnscratch.errors import ConfigError, NnscratchError, unknown_name
from nnscratch.files import make_folder, write_atomically

BAD_INPUT, SLOWER, INTERRUPTED = 2, 1, 130


def parser() -> argparse.ArgumentParser:
    """Return the parser."""
    root = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Time nnscratch's training steps against peers, and against the machine.",
        epilog="Exit code: 0 done, 1 --compare found a slowdown, 2 bad input, 130 interrupted.",
    )
    root.add_argument(
        "--workloads",
        nargs="+",
        metavar="NAME",
        help="measure only the steps of these: "
        f"{', '.join(w.name for w in (*MAIN, *RECURRENT, *SMALL))}, "
        "depth-N, width-N, batch-N, tiny (default: all but the last)",
    )
    root.add_argument(
        "--threads",
        nargs="+",
        type=int,
        metavar="N",
        help="numbers of threads (default: 1, and 2 where there are two cores)",
    )
    root.add_argument(
        "--contenders", nargs="+", metavar="NAME", help=f"of {', '.join(CONTENDERS)} (default: all)"
    )
    root.add_argument(
        "--sections", nargs="+", metavar="NAME", help=f"of {', '.join(SECTIONS)} (default: all)"
    )
    root.add_argument(
        "--isa",
        choices=machine.ISAS,
        default=machine.NATIVE,
        help="instructions that every contender may use: all of the host's, or AVX2 alone",
    )
    root.add_argument("--rounds", type=int, metavar="N", help="turns that each contender gets")
    root.add_argument(
        "--quick", action="store_true", help="under two minutes: fewer cases and fewer rounds"
    )
    root.add_argument(
        "--wait",
        type=float,
        default=0.0,
        metavar="SECONDS",
        help="wait so long at most, all together, while several threads have to share cores with "
        "somebody else (default: 0)",
    )
    root.add_argument("--json", type=Path, metavar="FILE", help="write everything measured as JSON")
    root.add_argument(
        "--out", type=Path, metavar="DIR", help="write report.md and the pictures into a folder"
    )
    root.add_argument(
        "--no-history", action="store_true", help="do not append to benchmarks/history.jsonl"
    )
    root.add_argument(
        "--compare",
        action="store_true",
        help="measure nothing; compare the last two comparable runs of the history",
    )
    return root


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    options = parser().parse_args(arguments)
    try:
        if options.compare:
            return compare()
        plan = make_plan(options)
        if options.out is not None:
            make_folder(options.out)
        results = Runner(plan, functools.partial(print, file=sys.stderr, flush=True)).run()
        keep(results, options)
    except (NnscratchError, history.HistoryError, OSError) as error:
        print(f"python -m benchmarks: error: {error}", file=sys.stderr)
        return BAD_INPUT
    return INTERRUPTED if results.interrupted else 0


def make_plan(options: argparse.Namespace) -> Plan:
    """Return what the options ask for. Raises `ConfigError` for unknown names and bad numbers."""
    quick = options.quick
    names = options.workloads or [
        w.name for w in (*MAIN, *(() if quick else (*RECURRENT, *SMALL, *MADE, *GROWTH)))
    ]
    sections = options.sections or (("steps", "growth") if options.workloads else SECTIONS)
    cores = len(machine.available_cores())
    threads = options.threads or [n for n in (1, 2) if n <= cores]
    for n in threads:
        if not 1 <= n <= cores:
            raise ConfigError(
                f"--threads must be from 1 to {cores}, the cores of this process; {n} is not"
            )
    if not 0 <= options.wait < math.inf:
        raise ConfigError(f"--wait must be a number of seconds >= 0, got {options.wait}")
    if options.rounds is not None and options.rounds < 1:
        raise ConfigError(f"--rounds must be a whole number >= 1, got {options.rounds}")
    machine.check_isa(options.isa)
    chosen = _known("workload", names, WORKLOADS)
    return Plan(
        workloads=tuple(WORKLOADS[name] for name in chosen),
        threads=tuple(dict.fromkeys(threads)),
        isa=options.isa,
        contenders=_known("contender", options.contenders or CONTENDERS, CONTENDERS),
        sections=_known("section", sections, SECTIONS),
        quick=quick,
        rounds=options.rounds or (3 if quick else 10),
        step_seconds=0.04 if quick else 0.15,
        growth_rounds=options.rounds or (2 if quick else 4),
        kernel_rounds=options.rounds or (2 if quick else 4),
        kernel_seconds=0.01 if quick else 0.02,
        startup_runs=1 if quick else 5,
        recording_rounds=options.rounds or (3 if quick else 24),
        recording_seconds=0.02 if quick else 0.04,
        patience=options.wait,
    )


def _known(what: str, names: Iterable[str], known: Iterable[str]) -> tuple[str, ...]:
    known = list(known)
    names = list(dict.fromkeys(names))
    for name in names:
        if name not in known:
            raise unknown_name(what, name, known)
    return tuple(names)


def keep(results: Results, options: argparse.Namespace) -> None:
    """Write the files and print the tables; what one of them lacks does not lose the others."""
    writers: list[Callable[[], object]] = []
    if options.json is not None:
        text = json.dumps(results.as_json(), indent=1) + "\n"
        writers.append(lambda: write_atomically(options.json, text.encode()))
    if options.out is not None:
        from benchmarks import pictures

        markdown = report.markdown(results).encode()
        writers.append(lambda: write_atomically(options.out / "report.md", markdown))
        writers.append(lambda: pictures.draw(results, options.out))
    if not options.no_history and results.steps and not results.interrupted:
        writers.append(lambda: history.append(results, history.PATH))
    errors = []
    for write in writers:
        try:
            write()
        except OSError as error:
            errors.append(error)
    report.print_tables(results)
    if errors:
        raise errors[0]


def compare() -> int:
    """Print how nnscratch's times changed between the last two comparable runs."""
    from rich.console import Console
    from rich.table import Table

    before, now, changes = history.compare(history.read(history.PATH))
    table = Table(
        title=f"nnscratch {before['version']} {before.get('commit', '')} ({before['date']}) and "
        f"{now['version']} {now.get('commit', '')} ({now['date']}), {now['mode']} runs",
        caption="Microseconds a step (minimum). A slowdown is more than "
        f"{history.TOLERANCE:.0%} beyond what the peers' times changed between the two runs.",
        title_justify="left",
    )
    for column in ("workload", "threads", "before", "now", "now / before", "peers", ""):
        table.add_column(column, justify="left" if column in ("workload", "") else "right")
    for change in changes:
        table.add_row(
            change.workload,
            str(change.threads),
            number(change.before_us),
            number(change.now_us),
            f"{change.now_us / change.before_us:.2f}",
            "-" if change.peers is None else f"{change.peers:.2f}",
            "slower" if change.is_slower else "",
        )
    Console().print(table)
    return SLOWER if any(change.is_slower for change in changes) else 0


if __name__ == "__main__":
    sys.exit(main())
