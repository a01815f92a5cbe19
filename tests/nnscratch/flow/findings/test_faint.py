"""Weights of recurrent layers far smaller than anything draws them by itself."""

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.flow.findings.finding import Finding
from nnscratch.flow.findings.recurrent import faint

STACK = {"kinds": "lstm lstm lstm laststep dense", "widths": (20, 20, 20, 2), "n_in": 20}
LEAST = 1 / 60  # of 20 units: PyTorch's, which Keras's for 20 inputs does not undercut


def shown(kind="constant output", step=0):
    return {kind: Finding(kind, "serious", (), step, "", "", ())}


def found(run, ratio, layers=3, symptoms=None, change=lambda record: None):
    def stuck(record):
        run.stuck(record)
        own = [i for i, role in enumerate(record["param_roles"]) if role == "weight"][:layers]
        for i in own:
            record["param_norm_initial"][i] = np.sqrt(ratio * LEAST * record["param_sizes"][i])
        change(record)

    return faint.find(run.view(stuck, **STACK), shown() if symptoms is None else symptoms)


@pytest.mark.parametrize(("ratio", "told"), [(0.099, True), (0.101, False)])
def test_a_layer_is_faint_below_a_tenth_of_the_least_usual_variance(run, ratio, told):
    made = found(run, ratio)
    assert bool(made) == told
    if told:
        assert "began too small: those of 0.lstm with standard deviation 0.041" in made[0].sentence
        assert "0.13 is the least that is drawn by default for 20 units (3 layers" in (
            made[0].sentence
        )
        changes = 'input_init="glorot_uniform", recurrent_init="orthogonal"'
        assert made[0].advice[0].line == run.remade(changes, "Adam(lr=0.005)")
        assert "vanishing through time" in made[0].explains
        # Nothing grows by weights that are too small.
        assert not made[0].explains & {"exploding", "diverged", "non-finite", "saturated"}
        assert "learning rate too large" not in made[0].explains


@pytest.mark.parametrize(("ratio", "told"), [(0.0099, True), (0.0101, False)])
def test_of_one_layer_alone_it_takes_a_hundredth(run, ratio, told):
    assert bool(found(run, ratio, layers=1)) == told


def test_of_many_inputs_keras_draws_the_least():
    assert faint.least_variance(20, 20) == LEAST
    assert faint.least_variance(200, 20) == 2 / (200 + 4 * 20)


@pytest.mark.parametrize(
    ("symptoms", "told"),
    [
        ({}, False),
        (shown("vanishing"), True),
        (shown("vanishing", 7), False),  # not what they began with
        (shown("saturated"), False),
    ],
)
def test_it_is_told_where_something_is_lost_on_the_way(run, symptoms, told):
    assert bool(found(run, 0.01, symptoms=symptoms)) == told


def test_not_of_a_run_that_learned_all_the_same(run):
    def learned(record):
        record["loss"] = run.falling(0.7, 0.01, len(record["steps"]))

    assert not found(run, 0.01, change=learned)


def test_five_lstms_that_were_drawn_small_learn_by_the_line_that_is_printed():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((240, 8, 2)).astype(np.float32)
    y = x.sum(axis=(1, 2))[:, None].astype(np.float32) / 4
    small = nn.initializers.Normal(0.02)
    layers = [nn.LSTM(16 if i else 2, 16, init=small, recurrent_init=small) for i in range(4)]
    model = nn.Sequential(*layers, nn.LastStep(), nn.Dense(16, 1))
    loss, optimizer, losses = nn.MeanSquaredError(), nn.SGD(lr=0.2), []
    for _ in range(2):
        flow = nn.GradientFlow(model, histograms=False)
        trainer = nn.Trainer(model, loss, optimizer)
        trainer.fit(x, y, epochs=25, batch_size=40, callbacks=[flow], progress=False)
        losses.append(float(np.mean(flow.to_dict()["loss"][-6:])))
        told = flow.findings()
        if len(losses) == 1:
            assert told.causes[0].kind == "initial weights", told
            made = {"nn": nn, "model": model}
            exec(told.first.line, made)
            model, optimizer = made["model"], made["optimizer"]
    assert losses[1] < 0.5 * losses[0]
