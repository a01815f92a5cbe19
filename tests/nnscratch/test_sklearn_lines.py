"""The lines of findings, as those that change an estimator."""

import warnings
from dataclasses import replace

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.flow.findings import Advice, Finding, Findings
from nnscratch.flow.findings.cures import STANDARDISE_BOTH, STANDARDISE_INPUTS

pytest.importorskip("sklearn", minversion="1.6", reason="scikit-learn is not installed")

from sklearn.compose import TransformedTargetRegressor
from sklearn.pipeline import Pipeline

from nnscratch.sklearn import FindingWarning, NeuralClassifier, NeuralRegressor
from nnscratch.sklearn.lines import Setting, in_sklearn

SETTING = Setting(*((30, 8), "adam", "nn.Adam(lr=0.001)"), batch_size=50, epochs=20, steps=4)
OWN = replace(SETTING, optimizer=None, made="nn.SGD(lr=0.1)")


def told(line, setting=SETTING):
    one = Finding("labels", "serious", (), 0, "seen", "why", (Advice("what", line, "expect"),))
    (made,) = in_sklearn(Findings((one,), "run", "scope"), setting)
    assert (made.advice[0].what, made.advice[0].expect) == ("what", "expect")
    return made.advice[0].line


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('nn.remake(model, activation="elu"), nn.Adam(lr=0.001)', "activation='elu'"),
        ('nn.remake(model, init="he_normal"), nn.Adam(lr=0.01)', "init='he_normal', lr=0.01"),
        ("nn.remake(model, norm=True), nn.Adam(lr=0.001)", "batchnorm=True"),
        ("nn.remake(model, width=16), nn.Adam(lr=0.001)", "hidden=(30, 16)"),
        ("nn.remake(model), nn.SGD(lr=0.5)", "optimizer='sgd', lr=0.5"),
        ("nn.remake(model), nn.Adam(lr=0.02)", "lr=0.02"),
    ],
)
def test_a_network_made_anew_is_an_estimator_set_anew(line, expected):
    assert told(f"model, optimizer = {line}") == f"estimator.set_params({expected})"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("optimizer = nn.Adam(lr=0.05)", "lr=0.05"),
        ("optimizer.lr = 0.05", "lr=0.05"),
        ("loss = nn.Huber()", "loss=nn.Huber()"),
        (
            "model, loss, optimizer = nn.remake(model, width=16), nn.Huber(), nn.Adam(lr=0.02)",
            "hidden=(30, 16), loss=nn.Huber(), lr=0.02",
        ),
        (
            "optimizer.clip = nn.ClipByGlobalNorm(2)",
            "optimizer=nn.Adam(lr=0.001, clip=nn.ClipByGlobalNorm(2))",
        ),
        ("callbacks = [nn.EarlyStopping()]", "early_stopping=True"),
        ("callbacks = [nn.Penalty(l2=0.0001)]", "callbacks=[nn.Penalty(l2=0.0001)]"),
        (
            "callbacks = [nn.Penalty(l2=0.0001)]; model, optimizer = nn.remake(model), nn.SGD(1)",
            "callbacks=[nn.Penalty(l2=0.0001)]",  # a fit begins anew
        ),
        ("trainer.fit(x, y, epochs=50, max_steps=50, batch_size=50)", "epochs=33"),  # 12.5 more
        ("trainer.fit(x, y, epochs=80, max_steps=80, batch_size=32)", "batch_size=32"),
    ],
)
def test_what_stands_beside_a_network_is_a_setting_too(line, expected):
    assert told(line) == f"estimator.set_params({expected})"


@pytest.mark.parametrize("scaling", [STANDARDISE_INPUTS, STANDARDISE_BOTH])
def test_what_is_set_is_set_before_numbers_are_scaled(scaling):
    line = f"{scaling.line}; model, optimizer = nn.remake(model, width=16), nn.Adam(lr=0.02)"
    assert told(line) == f"estimator.set_params(hidden=(30, 16), lr=0.02); {told(scaling.line)}"
    names = {"estimator": NeuralRegressor()}
    exec(told(line), names)
    assert isinstance(names["estimator"], Pipeline | TransformedTargetRegressor)
    assert not told(line.replace("width=16", 'output="identity"'))


@pytest.mark.parametrize(
    ("line", "setting"),
    [
        ('model, optimizer = nn.remake(model, output="identity"), nn.Adam(lr=0.001)', SETTING),
        ('model, optimizer = nn.remake(model, activation="elu"), nn.SGD(lr=0.1)', None),
        ("model, optimizer = nn.Sequential(nn.Dense(2, 3)), nn.Adam(lr=0.001)", SETTING),
        ("optimizer.lr = 0.05", OWN),
        ("trainer.truncate = None", SETTING),
        ("print(model.params)", SETTING),
        ("", SETTING),
    ],
)
def test_what_cannot_be_done_to_an_estimator_has_no_line(line, setting):
    assert told(line, setting or replace(OWN, hidden=None)) == ""


def test_an_optimizer_of_ones_own_is_given_whole():
    line = "model, optimizer = nn.remake(model, norm=True), nn.SGD(lr=0.01)"
    assert told(line, OWN) == "estimator.set_params(batchnorm=True, optimizer=nn.SGD(lr=0.01))"
    clipped = replace(OWN, made="nn.SGD(lr=0.1, clip=nn.ClipByGlobalNorm(max_norm=0.1))")
    assert told("optimizer.clip = nn.ClipByGlobalNorm(3)", clipped) == (
        "estimator.set_params(optimizer=nn.SGD(lr=0.1, clip=nn.ClipByGlobalNorm(3)))"
    )


@pytest.mark.parametrize("anew", ["", "; model, optimizer = nn.remake(model), nn.Adam(lr=0.001)"])
def test_lines_about_the_data_stay(anew):
    for line in ("print([(x[i], y[i]) for i in range(5)])", "y = (y - 3) / 4"):
        assert told(line + anew) == line


def test_a_fit_takes_as_many_columns_as_there_are():
    parts = "parts = [x[:, [j]] == np.unique(x[:, j]) for j in [1]]; x = np.hstack(parts)"
    line = f"{parts}; model, optimizer = nn.remake(model, inputs=x.shape[1]), nn.Adam(lr=0.1)"
    assert told(line) == parts
    # Another number of outputs is another estimator.
    assert told("y = y; model, loss = nn.remake(model, outputs=3), nn.SoftmaxCrossEntropy()") == ""


def pasted(estimator, x, y):
    """What the first line makes of an estimator, trained."""
    with pytest.warns(FindingWarning):
        estimator.fit(x, y)
    made = {"estimator": estimator, "nn": nn, "x": x, "y": y}
    exec(estimator.findings_.first.line, made)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FindingWarning)
        return made["estimator"].fit(x, y)


def test_the_line_that_is_told_first_helps():
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (300, 2))
    y = np.where(x.prod(axis=1) > 0, "alike", "unlike")
    line = NeuralClassifier((20, 20), activation="identity", epochs=60, lr=0.01, random_state=0)
    made = pasted(line, x, y)
    assert made.activation == "relu"
    assert made.score(x, y) > 0.9


def test_scales_are_those_of_pipelines():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 3))
    y = 5e4 + 1e4 * x[:, 0]
    far = NeuralRegressor((10,), epochs=20, batch_size=20, random_state=0)
    assert isinstance(pasted(far, x, y), TransformedTargetRegressor)
    wide = NeuralRegressor((10,), epochs=20, batch_size=20, random_state=0)
    assert isinstance(pasted(wide, 1e4 * x, x[:, 0]), Pipeline)
    both = NeuralRegressor((10,), epochs=60, batch_size=20, random_state=0)
    made = pasted(both, 200 * x, y)
    assert isinstance(made.regressor_, Pipeline)
    assert made.score(200 * x, y) > 0.8
