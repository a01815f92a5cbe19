"""The live table fits the screen whatever the depth, redraws seldom and gives the screen back."""

import io

import numpy as np
import pytest
from rich.console import Console

import nnscratch as nn
from nnscratch.flow import live
from nnscratch.flow.glance import glance
from nnscratch.flow.live import LiveTable, render, sparkline

RNG = np.random.default_rng(0)
X = RNG.standard_normal((30, 6)).astype(np.float32)
Y = RNG.integers(0, 3, 30)


def network(depth, init="he_normal", activation=nn.Tanh):
    parts = []
    for n in (6, *[5] * (depth - 1)):
        parts += [nn.Dense(n, 5, init=init), activation()]
    model = nn.Sequential(*parts, nn.Dense(5, 3))
    return nn.Trainer(model, nn.SoftmaxCrossEntropy(), nn.SGD(0.01))


def screen(width, height, terminal=True, **options):
    file = io.StringIO()
    console = Console(
        file=file, width=width, height=height, force_terminal=terminal, color_system=None, **options
    )
    return console, file


@pytest.fixture(scope="module")
def rows():
    """The latest row of networks of 3, 12 and 200 layers with weights."""
    found = {}
    for depth in (2, 11, 199):
        trainer = network(depth)
        flow = nn.GradientFlow(trainer.model)
        trainer.fit(X, Y, epochs=2, batch_size=30, progress=False, callbacks=[flow])
        found[depth + 1] = glance(flow.latest())
    return found


@pytest.mark.parametrize("size", [(80, 24), (80, 50), (200, 24), (40, 15), (80, 10)])
@pytest.mark.parametrize("layers", [3, 12, 200])
def test_it_fits_the_screen(rows, layers, size):
    console, _ = screen(*size)
    group = render(rows[layers], "run: step 1,234, epoch 3/20", [2.0, 1.0], console)
    lines = console.render_lines(group, pad=False)
    texts = ["".join(segment.text for segment in line) for line in lines]
    assert len(lines) <= size[1] - 1
    assert max(map(len, texts)) <= size[0]
    if size[0] >= 80:
        assert any(text.startswith(("0.dense", "0..")) for text in texts)
        assert sum("…" in text for text in texts) == 0
        assert "out std" in texts[2]


def test_every_layer_has_a_row_where_there_is_room(rows):
    console, _ = screen(80, 50)
    lines = console.render_lines(render(rows[12], "run", [], console), pad=False)
    firsts = ["".join(s.text for s in line).split(" ")[0] for line in lines]
    assert [name for name in firsts if name[:1].isdigit()] == rows[12].layers


def test_without_unicode(rows):
    file = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    console = Console(file=file, width=80, height=24, color_system=None)
    console.print(render(rows[200], "run", [1.0, float("nan"), 2.0], console))
    file.flush()
    text = file.buffer.getvalue().decode("ascii")
    assert "#" in text
    assert " !#" in text  # the losses


def test_sparkline():
    assert sparkline([0, 1, 2, float("inf"), 7], live.BLOCKS) == "▁▂▃!█"
    assert sparkline([3.0, 3.0], live.BLOCKS) == "▁▁"
    assert sparkline([], live.BLOCKS) == ""
    assert sparkline([float("nan")], live.BLOCKS) == "!"


def test_a_training_is_shown_and_the_screen_given_back(monkeypatch):
    monkeypatch.setattr(live, "REFRESH_SECONDS", 0.0)
    console, file = screen(80, 24)
    trainer = network(20)
    flow = nn.GradientFlow(trainer.model, label="mine")
    table = LiveTable(flow, console)
    trainer.fit(X, Y, epochs=3, batch_size=10, progress=False, callbacks=[flow, table])
    shown = file.getvalue()
    assert shown.count("mine: step") >= 9
    assert "mine: step 8, epoch 3/3, done, loss" in shown
    assert shown.count("\x1b[?25l") == shown.count("\x1b[?25h") == 1
    assert "0.dense" in shown or "0..2" in shown


def test_at_most_four_times_a_second(monkeypatch):
    clock = [100.0]
    monkeypatch.setattr(live.time, "perf_counter", lambda: clock[0])

    class Tick(nn.Callback):
        def on_step(self, trainer, step):
            clock[0] += 0.01

    console, _ = screen(80, 24)
    trainer = network(3)
    flow = nn.GradientFlow(trainer.model)
    table = LiveTable(flow, console)
    drawn = []
    monkeypatch.setattr(table, "_draw", lambda: drawn.append(clock[0]))
    trainer.fit(X, Y, epochs=100, batch_size=30, progress=False, callbacks=[flow, table, Tick()])
    assert 4 <= len(drawn) <= 6  # in one second, and once at the end
    assert len(table.losses) <= 24


def test_the_screen_is_given_back_after_an_error():
    class Break(nn.Callback):
        def on_step(self, trainer, step):
            raise RuntimeError("broken")

    console, file = screen(80, 24)
    trainer = network(3)
    flow = nn.GradientFlow(trainer.model)
    table = LiveTable(flow, console)
    with pytest.raises(RuntimeError, match="broken"):
        trainer.fit(X, Y, epochs=1, batch_size=30, progress=False, callbacks=[flow, table, Break()])
    table.close()
    table.close()
    assert file.getvalue().count("\x1b[?25h") == 1


def test_a_line_an_epoch_where_there_is_no_terminal():
    console, file = screen(80, 24, terminal=False)
    trainer = network(30, init="glorot_normal", activation=nn.Sigmoid)
    flow = nn.GradientFlow(trainer.model)
    table = LiveTable(flow, console)
    trainer.fit(X, Y, epochs=3, batch_size=10, progress=False, callbacks=[flow, table])
    lines = file.getvalue().splitlines()
    assert [line.split(",")[1] for line in lines] == [" epoch 1/3", " epoch 2/3", " epoch 3/3"]
    assert "vanishing: 0.dense and " in lines[-1]
    assert "\x1b" not in file.getvalue()


def test_it_takes_the_place_of_the_bar(capsys):
    console, file = screen(200, 24, terminal=False)
    trainer = network(3)
    flow = nn.GradientFlow(trainer.model)
    trainer.fit(
        X, Y, epochs=2, batch_size=10, validation=(X, Y), callbacks=[flow, LiveTable(flow, console)]
    )
    assert capsys.readouterr().err == ""
    assert file.getvalue().count("validation accuracy 0.") == 2


def test_the_message_of_an_early_end_is_shown():
    console, file = screen(400, 24, terminal=False)
    trainer = network(3)
    trainer.model.params["0.weight"][0, 0] = np.nan
    flow = nn.GradientFlow(trainer.model)
    trainer.fit(
        X, Y, epochs=3, batch_size=10, progress=False, callbacks=[flow, LiveTable(flow, console)]
    )
    assert "first the weight of 0.dense" in file.getvalue()


def test_watching_changes_no_bit():
    ended = []
    for watched in (False, True):
        trainer = network(5)
        flow = nn.GradientFlow(trainer.model)
        callbacks = [flow, LiveTable(flow, screen(80, 24)[0])] if watched else []
        trainer.fit(X, Y, epochs=3, batch_size=10, progress=False, callbacks=callbacks)
        ended.append(trainer.model.params.flat.tobytes())
    assert ended[0] == ended[1]
