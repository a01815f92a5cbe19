"""The report: the results' tables as Markdown for a file, and on the terminal through rich."""

from __future__ import annotations

from benchmarks.contenders import CONTENDERS, OURS
from benchmarks.results import Results
from benchmarks.tables import tables

NARROWEST = 120  # columns on the terminal; where there are fewer, the lines wrap

METHOD = """\
Every contender runs in a process of its own, pinned to the same cores with the same number of
threads, on the same resident batch from the same weights. Its losses and weights after two steps
are first compared with plain NumPy in float64; who is wrong is not timed. Then the contenders take
turns in rounds; while one is timed, the others are stopped. Each step ends with the loss as a
number in Python. Times are microseconds a step: the minimum over all steps, and in brackets the
median over rounds. The spread is by how much nnscratch's minima differ from round to round. The
limit is the roofline: the step's matrix products at the measured peak of the tile, or its bytes at
the measured bandwidth, whichever takes longer. Environment variables that tune a library for one
machine are removed beforehand. Before each measurement with several threads the runner waits until
they have cores of their own, which is not always so on a virtual machine; where that did not come,
a remark says so."""


def markdown(results: Results) -> str:
    """Return the whole report."""
    machine = results.machine
    width = f" with {str(machine['isa']).upper()} alone" if "isa" in machine else ""
    libraries = ", ".join(
        f"{CONTENDERS[name].label} {version}"
        for name, version in results.libraries.items()
        if name not in (OURS, "torch-compile") and not CONTENDERS[name].recorded
    )
    lines = [
        "# Benchmarks",
        "",
        f"nnscratch {results.version} ({results.commit or 'no commit'}), {results.date}, "
        f"{results.mode} run of {results.seconds / 60:.1f} minutes"
        + (", **interrupted**" if results.interrupted else "")
        + ".",
        f"{machine['processor']}{width}, {machine['cores']} cores, {machine['memory_gib']} GiB, "
        f"{machine['system']}, Python {machine['python']}; {libraries}.",
        "",
        METHOD,
        "",
        *(table.markdown() for table in tables(results)),
    ]
    return "\n".join(lines).rstrip() + "\n"


def print_tables(results: Results) -> None:
    """Print the tables on the terminal, without the medians."""
    from rich.console import Console
    from rich.table import Table as RichTable

    console = Console()
    console.width = max(console.width, NARROWEST)
    for table in tables(results, brief=True):
        shown = RichTable(title=table.heading, title_justify="left", caption=table.remark or None)
        for i, column in enumerate(table.columns):
            shown.add_column(column, justify="left" if i == 0 else "right")
        for row in table.rows:
            shown.add_row(*row)
        console.print(shown)
