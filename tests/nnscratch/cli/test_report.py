"""``nnscratch report``: a page from recorded runs, and errors of one line."""

import shutil

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.cli import main
from nnscratch.files import save_npz
from nnscratch.flow import load_record


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """A folder with one short recorded run."""
    folder = tmp_path_factory.mktemp("runs")
    layers = [nn.Dense(6, 8), nn.Sigmoid(), nn.Dense(8, 8), nn.Sigmoid(), nn.Dense(8, 3)]
    model = nn.Sequential(*layers, seed=0)
    flow = nn.GradientFlow(model, label="two sigmoids")
    optimizer, loss = nn.SGD(lr=0.1), nn.SoftmaxCrossEntropy()
    rng = np.random.default_rng(0)
    with flow.attached(optimizer):
        for _ in range(6):
            x = rng.standard_normal((10, 6)).astype(np.float32)
            model.training_pass(x, rng.integers(0, 3, 10), loss)
            optimizer.step(model.params, model.grads)
    flow.save(folder / "first.npz")
    return folder


def test_a_page_from_one_run(recorded, tmp_path, capsys):
    out = tmp_path / "new" / "page.html"
    assert main(["report", str(recorded / "first.npz"), "--out", str(out)]) == 0
    page = out.read_text("utf-8")
    assert "<title>Gradient flow: two sigmoids</title>" in page
    assert "Read: 6 recorded steps" in page  # what the findings looked at
    said = capsys.readouterr().out
    assert said.startswith("1 run, ")
    assert str(out) in said.replace("\n", "")


def test_a_folder_of_runs_with_the_same_label(recorded, tmp_path):
    folder = shutil.copytree(recorded, tmp_path / "runs")
    shutil.copy(folder / "first.npz", folder / "second.npz")
    out = tmp_path / "page.html"
    assert main(["report", str(folder), "--out", str(out), "--title", "Two & two"]) == 0
    page = out.read_text("utf-8")
    assert "<h1>Two &amp; two</h1>" in page
    for label in ("two sigmoids (first)", "two sigmoids (second)"):
        assert f"<h3>{label}</h3>" in page


@pytest.mark.parametrize(
    ("runs", "out", "said"),
    [
        (["missing.npz"], "page.html", "no such file: missing.npz"),
        (["empty"], "page.html", "folder empty holds no recorded run"),
        (["broken.npz"], "page.html", "broken.npz is not a complete .npz file"),
        (["first.npz"], "page.pdf", "got suffix '.pdf', expected .html"),
        (["first.npz"], "first.npz/page.html", "cannot write first.npz/page.html"),
        (["backwards.npz"], "page.html", "steps must increase"),
    ],
)
def test_bad_input_is_an_error_of_one_line(
    runs, out, said, recorded, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    shutil.copy(recorded / "first.npz", "first.npz")
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken.npz").write_bytes((recorded / "first.npz").read_bytes()[:1000])
    record = load_record("first.npz")
    save_npz("backwards.npz", {**record, "steps": record["steps"][::-1].copy()})
    assert main(["report", *runs, "--out", out]) == 2
    message = capsys.readouterr().err
    assert said in message
    assert message.count("\n") == 1
