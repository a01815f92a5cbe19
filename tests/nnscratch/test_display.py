"""What prompts and notebooks show: whole tables, escaped; arrays by their shapes."""

import io
import re
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import nnscratch as nn
from nnscratch import console
from nnscratch.display import findings_html

VOID = {"img", "br"}


class Balanced(HTMLParser):
    """Fails on a tag that is not closed, and collects the cells and the text."""

    def __init__(self, text):
        super().__init__()
        self.open, self.cells, self.tags = [], [], set()
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        if tag not in VOID:
            self.open.append(tag)
        if tag in ("td", "th"):
            self.cells.append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in ("td", "th"):
            self.cells[-1] += data


@pytest.fixture
def model():
    return nn.Sequential(nn.Dense(6, 4), nn.BatchNorm(4), nn.ELU(), nn.Dense(4, 3), seed=0)


def test_a_model_is_a_table_of_its_layers(model):
    cells = Balanced(model._repr_html_()).cells
    assert cells[:4] == ["layer", "is", "gives", "parameters"]
    rows = [cells[4 + 4 * i : 8 + 4 * i] for i in range(4)]
    assert [row[0] for row in rows] == list(model.layers)
    assert [row[2] for row in rows] == ["(batch, 4)", "(batch, 4)", "(batch, 4)", "(batch, 3)"]
    assert [row[3] for row in rows] == ["28", "8", "-", "15"]
    assert "51 parameters, float32" in cells[-1]


def test_a_trace_shows_what_came_out_and_what_arrived(model):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((8, 6)).astype(np.float32)
    trace = model.trace(x, rng.integers(0, 3, 8), nn.SoftmaxCrossEntropy())
    cells = Balanced(trace._repr_html_()).cells
    row = cells[7:14]
    first = trace["0.dense"]
    assert row[:2] == ["0.dense", "(8, 4)"]
    expected = [
        first.output.mean(), first.output.std(), np.abs(first.output).max(),
        np.sqrt((first.upstream**2).sum()), first.upstream.std(),
    ]  # fmt: skip
    assert [float(cell) for cell in row[2:]] == pytest.approx(expected, rel=6e-3)
    assert cells[-1] == f"loss {trace.loss:.4g}"


def test_a_trace_before_a_backward_pass_and_one_with_nan(model):
    x = np.zeros((2, 6), dtype=np.float32)
    x[0, 0] = np.nan
    model.forward(x)
    cells = Balanced(model.last._repr_html_()).cells
    assert cells[12:14] == ["-", "-"]
    assert cells[9] == "nan"


def test_an_outdated_trace_says_so(model):
    x = np.ones((2, 6), dtype=np.float32)
    model.forward(x)
    old = model.last
    model.forward(x)
    assert "outdated" in old._repr_html_()


def test_findings_come_with_cause_and_cures_and_are_escaped():
    class Found(list):
        label, scope = "<b>run</b>", "Looked at 3 steps."

    one = SimpleNamespace(
        kind="vanishing", severity="serious", sentence="falls <script>alert(1)</script> by 1e4",
        cause="sigmoid & depth", cures=("batch norm", "ELU"), layers=("0.dense",), step=3,
    )  # fmt: skip
    html = findings_html(Found([one]))
    assert "script" not in Balanced(html).tags
    assert "&lt;script&gt;" in html
    assert "&lt;b&gt;run&lt;/b&gt;" in html
    for said in ("serious: vanishing", "sigmoid &amp; depth", "batch norm", "Looked at 3 steps."):
        assert said in html
    assert re.search(
        r"#[0-9a-f]{6}", html
    )  # its own colours, since a notebook has no sheet of ours
    assert "needs attention. Looked" in findings_html(Found())


def test_results_are_shown_without_the_numbers_of_their_arrays(model):
    x, y = np.zeros((5, 6), np.float32), np.zeros(5, np.int64)
    loss = nn.SoftmaxCrossEntropy()
    layer = model.trace(x, y, loss)["0.dense"]
    assert repr(layer) == (
        "LayerTrace(name='0.dense', inputs=(<float32 (5, 6)>,), output=<float32 (5, 4)>, "
        "upstream=<float32 (5, 4)>, downstreams=(<float32 (5, 6)>,), inside={})"
    )
    model.forward(x)
    found = nn.find_rate(model, loss, nn.SGD(lr=1.0), x, y, batch_size=5)
    assert repr(found) == f"RateTest({found})"
    memory = nn.Sequential(nn.LSTM(3, 4), nn.LastStep(), nn.Dense(4, 2), seed=0)
    predicted = nn.predict(memory, np.ones((2, 7, 3), np.float32))
    assert "relative_gradient=<float64 (7,)>" in repr(predicted.layers)
    for shown in (layer, model.last, found, predicted.layers):
        assert "array(" not in repr(shown)
        assert len(repr(shown)) < 1000


def test_text_is_made_in_a_notebook_without_showing_it_there(monkeypatch):
    seen = []
    monkeypatch.setattr("rich.console._is_jupyter", lambda: True)
    monkeypatch.setattr("rich.jupyter.display", lambda *shown: seen.append(shown))
    assert console.text_of("one", "two") == "one\ntwo"
    assert seen == []


def test_a_table_has_names_numbers_and_words():
    made = console.table_of("layer", ("rate",), "verdict")
    made.add_row("0.dense", "0.5", "vanishing")
    lines = [line.split() for line in console.text_of(made).splitlines()]
    assert ["layer", "rate", "verdict"] in lines
    assert ["0.dense", "0.5", "vanishing"] in lines


def test_a_sentence_is_one_line_and_not_coloured_on_a_terminal():
    shown = io.StringIO()
    printed = console.Console(file=shown, force_terminal=True, color_system="truecolor", width=30)
    printed.say("norm 0.5 of 'layer' is True, [b]which is wider than the terminal")
    printed.wrote(Path("a folder of some name/and a file.npz"))
    first, second, end = shown.getvalue().split("\n")
    assert first == "norm 0.5 of 'layer' is True, [b]which is wider than the terminal"
    assert (second, end) == ("wrote a folder of some name/and a file.npz", "")
