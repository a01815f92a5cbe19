"""The page as a file: complete, safe, self-contained, and readable without a script."""

import base64
import hashlib
import io
import json
import os
import re
from html import unescape
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib import colormaps, image
from matplotlib.colors import to_hex, to_rgb

import nnscratch_plots.report as reports
from nnscratch_plots.cells import COLORMAP, LOOKS
from nnscratch_plots.records import read_run
from nnscratch_plots.report.findings import level
from nnscratch_plots.report.glance import glance
from nnscratch_plots.report.overview import overview
from nnscratch_plots.report.words import words
from nnscratch_records.errors import ConfigError, FileError
from nnscratch_records.words import printable

NASTY = '</script><script>alert("x")</script><img src=x onerror=alert(1)>&amp;\u2028{{data}}'


def finding(sentence="the gradient loses a factor 1e4", **more):
    given = {"kind": "vanishing", "severity": "serious", "cause": "", "cures": ()}
    return SimpleNamespace(sentence=sentence, **{**given, **more})


def script_blocks(page):
    return re.findall(r"<script([^>]*)>(.*?)</script>", page, flags=re.S)


def test_labels_cannot_break_out_of_the_page(run):
    record = run(NASTY)
    record["layers"][0] = "0.<b>dense"
    record["note"] = NASTY
    bad = finding(NASTY, kind=NASTY, cause=NASTY, cures=[NASTY], step=3, layers=('"><i>',))
    page = reports.report_html(record, findings=[bad], title=NASTY)
    blocks = script_blocks(page)
    assert [attributes for attributes, _ in blocks] == [
        ' type="application/json" id="data"',
        "",
    ]
    assert json.loads(blocks[0][1])["runs"][0]["label"] == printable(NASTY)
    rest = page.replace(blocks[1][1], "")
    for text in ("<img src=x", "<script>alert", "<b>dense", "<i>"):
        assert text not in rest
    assert "{{data}}" in unescape(rest)  # and was not replaced


def test_a_name_that_is_no_text_is_written_with_escapes(run, tmp_path):
    path = reports.write_report(run("\udcfe.flow"), tmp_path / "page.html", title="run \udcff")
    assert r"<h1>run \udcff</h1>" in path.read_text("utf-8")


def test_only_the_page_s_own_script_may_run_and_nothing_may_be_fetched(run):
    page = reports.report_html(run())
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1]
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["default-src"] == "'none'"
    digest = hashlib.sha256(script_blocks(page)[1][1].encode()).digest()
    assert rules["script-src"] == f"'sha256-{base64.b64encode(digest).decode()}'"
    assert re.findall(r"https?:[^\"'\s]*", page) == ["http://www.w3.org/2000/svg"]  # a name
    assert not re.search(r"@import|url\(|<iframe|<object|fetch\(|XMLHttp|import\(", page)
    sources = re.findall(r'\b(?:src|href)="([^"]{0,16})', page)
    assert all(source.startswith("data:") for source in sources)


def test_findings_and_tables_are_there_without_a_script(run):
    found = [finding(cause="sigmoid", cures=["batch norm", "ELU"], step=4, layers=("2.dense",))]
    page = reports.report_html(run("first"), findings=found)
    before = page[: page.index("<noscript>")]
    for said in ("the gradient loses a factor 1e4", "Cause: sigmoid", "batch norm", "ELU"):
        assert said in before
    assert 'data-run="0" data-step="4" data-layer="2.dense"' in before
    table = re.search(r'<table class="numbers"><thead>.*?</table>', page)[0]
    rows = re.findall(r'<tr><th scope="row">(.*?)</th>(.*?)</tr>', table)
    assert [name for name, _ in rows] == run()["layers"].tolist()
    cells = [re.findall("<td>(.*?)</td>", row) for _, row in rows]
    norms = [float(row[0]) for row in cells]
    np.testing.assert_allclose(norms, run()["gradient_norm"][-1], rtol=6e-4)
    assert cells[1][2] == ""  # an activation has no weights
    assert page.count("data:image/png") == 1


@pytest.mark.parametrize(("count", "end"), [(3, ""), (4, " ...")])
def test_the_title_names_three_runs(run, count, end):
    page = reports.report_html([run(f"run {i}") for i in range(count)])
    assert f"<title>Gradient flow: run 0, run 1, run 2{end}</title>" in page


def test_findings_per_run(run):
    records = [run("a"), run("b"), run("c")]
    page = reports.report_html(records, findings=[[finding("only a")], None, []])
    articles = re.findall('<details class="run">.*?</details>', page, flags=re.S)
    assert ["only a" in one for one in articles] == [True, False, False]
    assert ["Nothing was found" in one for one in articles] == [False, False, True]
    table = re.search('<table class="numbers overview">.*?</table>', page)[0]
    assert ["vanishing" in row for row in table.split("<tr>")[2:]] == [True, False, False]
    assert re.findall("<td>(not looked for|nothing)</td>", table) == ["not looked for", "nothing"]
    for wrong in ([finding()], [[], []], [finding()] * 3):
        with pytest.raises(ValueError, match="for 3 records"):
            reports.report_html(records, findings=wrong)


@pytest.mark.parametrize(
    ("severity", "expected"),
    [("fatal", "high"), ("serious", "medium"), ("notice", "low"), ("odd", "medium"), (3, "medium")],
)
def test_severity(severity, expected):
    assert level(severity) == expected
    assert f'class="finding {expected}"' in reports.findings_html([finding(severity=severity)])


@pytest.mark.parametrize(
    ("severity", "looks"),
    [
        ("fatal", ("high", "■", "#d64545")),
        ("serious", ("medium", "▲", "#b06f00")),
        ("notice", ("low", "●", "#3b82c4")),
    ],
)
def test_a_badge_says_how_serious_a_kind_is_but_in_a_table(run, severity, looks):
    height, mark, colour = looks
    one = finding(severity=severity)
    plain, bold = f'<span class="badge {height}">{mark}', f'style="color:{colour};font-weight:bold"'
    assert f"{plain} {severity}: vanishing</span>" in reports.findings_html([one])
    assert f"{bold}>{mark} {severity}: vanishing" in reports.findings_html([one], inline=True)
    told = overview([read_run(run())] * 2, [[one, one], None], [None, None])
    assert f"<td>{plain} vanishing</span><br>{plain} vanishing</span></td>" in told
    assert told.count("badge") == 4  # and two below
    assert bold not in told


def test_the_glance_counts_what_is_not_finite(run):
    record = run(growth=50.0)
    record["gradient_norm"][2, 4] = 0.0
    said = " ".join(glance(read_run(record)))
    first = int(np.flatnonzero(~np.isfinite(record["loss"]))[0])
    assert f"not finite from step {first} on" in said
    infinite, nans = (
        np.isinf(record["gradient_norm"]).sum(),
        np.isnan(record["gradient_norm"]).sum(),
    )
    assert f"gradient infinite {infinite} time" in said
    assert f"gradient NaN {nans} times" in said
    assert "gradient exactly 0 1 time, at 1 recorded step; the first is step 2, at 4.dense" in said


def test_the_glance_of_odd_records(run):
    one = run(steps=1, blocks=1, histograms=False)
    assert "3 layers, 2 of them with weights, 1 recorded step" in glance(read_run(one))[0]
    dead = run()
    dead["gradient_norm"][:] = 0
    assert "at 10.dense it is exactly 0 at some steps" in glance(read_run(dead))[2]
    dead["gradient_norm"][:] = np.nan
    assert "no step has finite gradients" in glance(read_run(dead))[2]
    for record in (one, dead):
        assert "data:image/png" in reports.record_html(record)
        assert len(reports.report_html(record)) > 10_000


def test_a_fragment_for_notebooks(run):
    record = run("<label>", growth=50.0)
    record["note"] = "of the steps one in 4 is kept"
    html = reports.record_html(record)
    assert html.startswith("<div")
    assert "&lt;label&gt;" in html
    assert "one in 4 is kept" in html
    assert "<script" not in html
    assert len(html) < 20_000
    png = base64.b64decode(re.search(r"base64,([^\"]*)", html)[1])
    assert png.startswith(b"\x89PNG")
    pixels = image.imread(io.BytesIO(png))
    special = [to_rgb(look["facecolor"]) for look in LOOKS.values()]
    known = np.concatenate([colormaps[COLORMAP](np.arange(256))[:, :3], special])
    off = np.abs(pixels[..., None, :3] - known).max(axis=-1).min(axis=-1)
    assert off.max() < 1 / 255


def test_the_picture_of_a_long_deep_run_stays_small(run):
    record = run(blocks=100, steps=1000, histograms=False)
    html = reports.record_html(record)
    assert len(html) < 300_000
    assert "height:220px" in html
    few, more = (reports.record_html(run(blocks=blocks, steps=9)) for blocks in (2, 8))
    assert "height:48px" in few
    assert f"height:{7 * len(run(blocks=8, steps=9)['layers'])}px" in more


@pytest.mark.slow
def test_200_layers_and_thousands_of_steps_stay_below_5_megabytes(run):
    record = run("deep", blocks=200, steps=300)
    for key, values in record.items():  # ten times as long without ten times the work
        if isinstance(values, np.ndarray) and values.shape[:1] == (300,):
            record[key] = np.concatenate([values] * 10)
    record["steps"] = np.arange(3000)
    one = len(reports.report_html(record))
    several = len(reports.report_html([record, record, record]))
    assert 2_000_000 < one < 5_000_000
    assert several < 5_000_000


def test_the_same_records_give_the_same_bytes(run):
    assert reports.report_html(run()) == reports.report_html(run())


def test_a_file_is_written_whole_or_not_at_all(run, tmp_path, monkeypatch):
    path = tmp_path / "report.html"
    assert reports.write_report(run(), path) == path
    content = path.read_bytes()
    assert content.startswith(b"<!DOCTYPE html>")
    assert content.rstrip().endswith(b"</html>")

    def fails(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fails)
    with pytest.raises(FileError, match=r"report\.html': No space left"):
        reports.write_report([run(), run()], str(path))
    assert path.read_bytes() == content
    assert os.listdir(tmp_path) == ["report.html"]


def test_wrong_places_are_named(run, tmp_path):
    with pytest.raises(ConfigError, match=r"got suffix '.pdf', expected .html or .htm"):
        reports.write_report(run(), tmp_path / "report.pdf")
    with pytest.raises(FileError, match="nowhere' does not exist"):
        reports.write_report(run(), tmp_path / "nowhere" / "report.html")


def test_the_page_begins_with_what_to_do_first(run):
    class Begun(list):
        def begin_with(self):
            return "Do this first: do it", "line(<1>)", "because"

    page = reports.report_html(run(), findings=Begun([finding()]))
    assert "<pre><code>line(&lt;1&gt;)</code></pre><div>because</div>" in page


def test_the_colours_of_the_page_are_those_of_the_pictures():
    colours = words()["map"]
    for share, colour in ((0.0, colours[0]), (0.5, colours[len(colours) // 2]), (1.0, colours[-1])):
        assert colour == to_hex(colormaps[COLORMAP](share))


def test_a_run_is_finite_up_to_the_step_at_which_one_layer_is_not(run):
    record = run()
    told = overview([read_run(record)] * 2, [None, None], [None, None])
    assert "<td>always</td>" in told
    record["gradient_norm"][3, 2] = np.nan
    step = int(record["steps"][3])
    told = overview([read_run(record)] * 2, [None, None], [None, None])
    assert f"<td>not from step {step}</td>" in told
