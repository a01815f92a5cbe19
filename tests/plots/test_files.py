"""Saved figures, and what drawing leaves alone."""

import os
import subprocess
import sys

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

import nnscratch_plots as plots
from nnscratch_records.errors import ConfigError, FileError

STARTS = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF", ".PNG": b"\x89PNG"}


def every_picture(record):
    records = [record("falls", per_layer=0.5), record("bursts", growth=50.0)]
    return {
        "norms": plots.gradient_norms(records).figure,
        "norms_figure": plots.gradient_norm_figure(records),
        "heatmap": plots.gradient_norm_heatmap(records[1]).figure,
        "heatmaps": plots.heatmap_figure(records),
        "accuracy": plots.accuracy_curves({"a": [0.5, 0.6]}).figure,
        "loss": plots.loss_curves(records).figure,
        "bars": plots.attribution_bars(records[0]).figure,
        "units": plots.dead_units(records[0]).figure,
    }


def full(record):
    """A record that has something for every picture."""
    options = {"layers": 3, "batchnorm": True, "clip": True, "growth": 20.0, "histograms": True}
    return record("everything", **options)


def some_pictures(record):
    given = record("bursts", growth=50.0)
    return {
        "norms": plots.gradient_norms(given).figure,
        "heatmap": plots.gradient_norm_heatmap(given).figure,
    }


@pytest.mark.parametrize("suffix", list(STARTS))
def test_each_kind_of_file_is_written_alone_and_whole(record, tmp_path, suffix):
    path = tmp_path / f"picture{suffix}"
    assert plots.save_figure(plots.gradient_norm_figure(record("a")), path) == path
    assert path.read_bytes().startswith(STARTS[suffix])
    assert os.listdir(tmp_path) == [path.name]


def test_axes_and_strings_are_accepted_and_a_file_is_replaced(record, tmp_path):
    path = tmp_path / "picture.png"
    path.write_text("old")
    plots.save_figure(plots.gradient_norms(record("a")), str(path))
    assert path.read_bytes().startswith(STARTS[".png"])
    nested = Figure().subfigures(1, 2)[0].subplots()
    plots.save_figure(nested, path)


@pytest.mark.parametrize("suffix", [".png", pytest.param(".svg", marks=pytest.mark.slow), ".pdf"])
def test_the_same_records_give_the_same_bytes(record, tmp_path, suffix):
    for name in ("a", "b"):
        pictures = every_picture(record) if suffix == ".svg" else some_pictures(record)
        for title, figure in pictures.items():
            plots.save_figure(figure, tmp_path / f"{title}-{name}{suffix}", dpi=50)
    first = sorted(tmp_path.glob("*-a.*"))
    again = sorted(tmp_path.glob("*-b.*"))
    assert len(first) == len(again) >= 2
    for one, other in zip(first, again, strict=True):
        assert one.read_bytes() == other.read_bytes(), one.name


@pytest.mark.parametrize("name", ["picture", "picture.jpeg", "picture.png.txt"])
def test_an_unknown_suffix_is_refused(tmp_path, name):
    with pytest.raises(ConfigError, match=r"expected \.png, \.svg or \.pdf"):
        plots.save_figure(Figure(), tmp_path / name)
    assert os.listdir(tmp_path) == []


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(FileError, match=r"folder '.*nowhere' does not exist"):
        plots.save_figure(Figure(), tmp_path / "nowhere" / "picture.png")


def test_what_is_no_figure_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="got str"):
        plots.save_figure("picture", tmp_path / "picture.png")


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    path = tmp_path / "picture.png"
    path.write_text("old")

    def full(self, file, **options):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Figure, "savefig", full)
    with pytest.raises(FileError, match=r"picture\.png': No space left"):
        plots.save_figure(Figure(), path)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["picture.png"]


def test_a_folder_in_the_way_is_named(tmp_path):
    (tmp_path / "picture.png").mkdir()
    with pytest.raises(FileError, match=r"cannot save the figure as .*picture\.png"):
        plots.save_figure(Figure(), tmp_path / "picture.png")
    assert os.listdir(tmp_path) == ["picture.png"]


def test_drawing_leaves_pyplot_and_the_settings_alone(record):
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    before = matplotlib.rcParams.copy()
    every_picture(record)
    assert plt.get_fignums() == []
    assert matplotlib.rcParams == before


def every_figure():
    return [
        plots.attribution_figure,
        plots.batchnorm_figure,
        plots.clip_figure,
        plots.comparison_figure,
        plots.dead_unit_figure,
        plots.gradient_norm_figure,
        plots.heatmap_figure,
        plots.histogram_figure,
        plots.overview_figure,
        plots.saturation_figure,
        plots.update_ratio_figure,
    ]


QUICK = plots.gradient_norm_figure, plots.heatmap_figure
EVERY_FIGURE = pytest.mark.parametrize(
    "draw",
    [pytest.param(one, marks=[pytest.mark.slow] * (one not in QUICK)) for one in every_figure()],
)


@EVERY_FIGURE
def test_own_figures_look_the_same_under_any_style_sheet(record, tmp_path, draw):
    import matplotlib.pyplot as plt

    given = full(record)
    ours = plots.save_figure(draw(given), tmp_path / "ours.png", dpi=40)
    with plt.style.context("dark_background"):
        figure = draw(given)
        theirs = plots.save_figure(figure, tmp_path / "theirs.png", dpi=40)
    assert ours.read_bytes() == theirs.read_bytes()


@EVERY_FIGURE
def test_a_picture_is_the_same_whatever_layers_are_called(record, draw):
    given = full(record)
    new = {name: f"encoder.fc{i}" for i, name in enumerate(given["layers"].tolist())}
    foreign = dict(given, params=np.array([f"{i}.bias.weight" for i in range(len(new))]))
    for key in ("layers", "batchnorm_layers", "census_layers"):
        foreign[key] = np.array([new[name] for name in given[key].tolist()])

    def drawn(figure):
        lines = [line for ax in figure.axes for line in ax.get_lines()]
        values = [line.get_xydata() for line in lines if line.get_gid() == "values"]
        patches = [patch for ax in figure.axes for patch in ax.patches if patch.get_gid()]
        bars = [
            one.get_bbox().bounds if isinstance(one, Rectangle) else one.get_path().vertices
            for one in patches
        ]
        meshes = [mesh.get_array() for ax in figure.axes for mesh in ax.collections]
        return [np.array(one) for one in values + bars + meshes if one is not None]

    here, there = drawn(draw(given)), drawn(draw(foreign))
    assert len(here) == len(there) > 0
    for one, other in zip(here, there, strict=True):
        np.testing.assert_array_equal(one, other)


@EVERY_FIGURE
def test_nothing_is_cut_off_and_no_text_lies_on_a_panel(record, draw):
    options = {"layers": 60, "steps": 4, "batchnorm": True, "clip": True, "growth": 1e20}
    figure = draw(record("a rather long name of a configuration that is drawn", **options))
    figure.draw_without_rendering()
    page = figure.bbox
    texts = [text.get_window_extent() for text in figure.texts]
    panels = [ax.get_tightbbox() for ax in figure.axes]
    for box in texts + panels:
        assert page.x0 <= box.x0 <= box.x1 <= page.x1
        assert page.y0 <= box.y0 <= box.y1 <= page.y1
    for text in texts:
        for panel in panels:
            across = min(text.x1, panel.x1) - max(text.x0, panel.x0)
            up = min(text.y1, panel.y1) - max(text.y0, panel.y0)
            assert across <= 2 or up <= 2


def test_import_changes_nothing_and_needs_neither_pyplot_nor_the_project():
    code = """
import sys, matplotlib
from matplotlib import rcParams
settings = lambda: {key: rcParams[key] for key in rcParams if key != 'backend'}
before = settings()
import nnscratch_plots
assert settings() == before
assert 'matplotlib.pyplot' not in sys.modules
assert not {'nnscratch', 'nnscratch_kernels'} & set(sys.modules)
"""
    environment = {key: value for key, value in os.environ.items() if key != "DISPLAY"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
