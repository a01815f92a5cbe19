"""The scorecard as one page, in Markdown and in HTML."""

from __future__ import annotations

import base64
import html
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from nnscratch.experiments.claims.claim import (
    CONDITION,
    FAILS,
    HOLDS,
    UNCHECKED,
    Quantity,
    text,
)
from nnscratch.experiments.claims.runner import Outcome
from nnscratch.files import write_atomically

MARKS = {HOLDS: "✔", CONDITION: "◐", FAILS: "✘", UNCHECKED: "?"}

INTRODUCTION = (
    "Each sentence of the blog post that this project began with, and of the papers behind it, "
    "that can be tried on a laptop: what is claimed, how it was tried, what was measured over "
    "several seeds, and whether it holds. Numbers are means over the seeds with their 95 % "
    "t-interval in brackets; in pictures bands run from the lowest to the highest seed. The rule "
    "that decides was written before the run, in the claim's own file in "
    "nnscratch/experiments/claims/; it was tried out on seeds below 1000 and judges here seeds "
    "that had no part in it. Where an interval reaches across a limit of the rule, the verdict is "
    "that it cannot be checked here. Claims that fail are shown as failing."
)
QUICK = (
    "This page was made with --quick: few seeds, short runs, wide intervals. Its verdicts are "
    "provisional."
)


def write_pages(outcomes: Sequence[Outcome], folder: Path, name: str, colophon: str) -> list[Path]:
    """Write ``name.md`` and ``name.html`` into `folder`; return their paths.

    The Markdown page refers to the pictures where they are, the HTML page holds them in itself.
    `colophon` is the page's last line.
    """
    pages = {
        "md": markdown(outcomes, folder, colophon),
        "html": page_html(outcomes, colophon),
    }
    return [
        write_atomically(folder / f"{name}.{kind}", content.encode())
        for kind, content in pages.items()
    ]


def verdict_text(outcome: Outcome) -> str:
    """Return mark and word of the verdict, and whether it is that of a quick run."""
    word = outcome.verdict.word
    quick = " (quick)" if outcome.quick and outcome.measured is not None else ""
    return f"{MARKS[word]} {word}{quick}"


def summary(outcomes: Sequence[Outcome]) -> str:
    """Return how many claims got which verdict, in a sentence."""
    counts = Counter(outcome.verdict.word for outcome in outcomes)
    parts = [f"{counts[word]} {MARKS[word]} {word}" for word in MARKS if counts[word]]
    return f"{len(outcomes)} claims: {', '.join(parts)}."


def expectation(quantity: Quantity) -> str:
    """Return what was expected, and by whom."""
    expected = quantity.expected
    if expected is None:
        return ""
    if isinstance(expected, tuple):
        said = f"{text(float(expected[0]))} to {text(float(expected[1]))}"
    else:
        said = text(float(expected))
    return f"{said} ({quantity.whose})" if quantity.whose else said


def markdown(outcomes: Sequence[Outcome], folder: Path, colophon: str) -> str:
    """Return the page in Markdown, with pictures by their path relative to `folder`."""
    lines = ["# Scorecard", "", _md(INTRODUCTION), ""]
    if any(outcome.quick for outcome in outcomes):
        lines += [f"**{_md(QUICK)}**", ""]
    lines += [_md(summary(outcomes)), "", "| claim | source | verdict |", "|---|---|---|"]
    for o in outcomes:
        claim = f"[{o.claim.name}](#{o.claim.name}): {_md(o.claim.sentence)}"
        lines.append(f"| {claim} | {_md(o.claim.source)} | {verdict_text(o)} |")
    for o in outcomes:
        lines += ["", f"## {o.claim.name}", "", f"> {_md(o.claim.sentence)}", ">"]
        lines += [f"> ({_md(o.claim.source)})", ""]
        lines += [f"**{verdict_text(o)}**: {_md(o.verdict.reason)}.", ""]
        if o.measured is not None:
            lines += ["| measured | mean [95 % interval] | expected |", "|---|--:|--:|"]
            lines += [
                f"| {_md(q.what)} | {q} | {_md(expectation(q))} |"
                for q in o.measured.quantities.values()
            ]
            lines.append("")
        if o.picture is not None:
            path = o.picture.relative_to(folder).as_posix()
            lines += [f"![{_md(o.claim.name)}]({path})", ""]
        lines += [f"*Tried on*: {_md(o.claim.described(o.settings))}.", ""]
        lines += [f"*Rule*: {_md(o.claim.rule)}"]
    return "\n".join([*lines, "", "---", "", _md(colophon), ""])


def page_html(outcomes: Sequence[Outcome], colophon: str) -> str:
    """Return the page in HTML, all in one file."""
    rows, sections = [], []
    for o in outcomes:
        name, claim = html.escape(o.claim.name), html.escape(o.claim.sentence)
        source = html.escape(o.claim.source)
        verdict = f'<b class="v{list(MARKS).index(o.verdict.word)}">{verdict_text(o)}</b>'
        rows.append(
            f'<tr><td><a href="#{name}">{name}</a>: {claim}</td><td>{source}</td>'
            f"<td>{verdict}</td></tr>"
        )
        body = [f'<section id="{name}"><h2>{name}</h2>']
        body.append(f"<blockquote>{claim} <cite>({source})</cite></blockquote>")
        body.append(f"<p>{verdict}: {html.escape(o.verdict.reason)}.</p>")
        if o.measured is not None:
            body.append("<table><tr><th>measured<th>mean [95 % interval]<th>expected</tr>")
            body += [
                f"<tr><td>{html.escape(q.what)}</td><td class=n>{q}</td>"
                f"<td class=n>{html.escape(expectation(q))}</td></tr>"
                for q in o.measured.quantities.values()
            ]
            body.append("</table>")
        if o.picture is not None:
            content = base64.b64encode(o.picture.read_bytes()).decode()
            body.append(f'<img alt="{name}" src="data:image/png;base64,{content}">')
        body.append(f"<p><i>Tried on</i>: {html.escape(o.claim.described(o.settings))}.</p>")
        body.append(f"<p><i>Rule</i>: {html.escape(o.claim.rule)}</p></section>")
        sections.append("\n".join(body))
    quick = f"<p><b>{QUICK}</b></p>" if any(o.quick for o in outcomes) else ""
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>Scorecard</title>\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<style>{_CSS}</style></head>\n<body><h1>Scorecard</h1>\n"
        f"<p>{html.escape(INTRODUCTION)}</p>{quick}<p>{html.escape(summary(outcomes))}</p>\n"
        f"<table><tr><th>claim<th>source<th>verdict</tr>\n"
        + "\n".join(rows)
        + "</table>\n"
        + "\n".join(sections)
        + f"\n<footer>{html.escape(colophon)}</footer></body></html>\n"
    )


def _md(words: str) -> str:
    """Return `words` so that Markdown takes no sign of them as its own."""
    for sign in "\\*|`[]":
        words = words.replace(sign, f"\\{sign}")
    return words.replace("<", "&lt;")


_CSS = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
  color: #222; background: #fff }
table { border-collapse: collapse; width: 100%; margin: 1rem 0; font-size: 0.9rem }
th, td { text-align: left; vertical-align: top; padding: 0.3rem 0.6rem;
  border-bottom: 1px solid #ddd }
td.n { font-variant-numeric: tabular-nums }
blockquote { border-left: 4px solid #0072b2; margin: 0.5rem 0; padding: 0.2rem 1rem;
  background: #f4f7fa }
cite { color: #555 } img { max-width: 100%; height: auto }
section { margin-top: 2.5rem; break-inside: avoid-page } footer { margin: 3rem 0; color: #555 }
b.v0 { color: #00684c } b.v1 { color: #8a5a00 } b.v2 { color: #b03000 } b.v3 { color: #555 }
"""
