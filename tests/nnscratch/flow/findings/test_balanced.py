"""A penalty whose factor is known, and a loss that stands where it undoes what the loss teaches."""

import numpy as np
import pytest

import nnscratch as nn

L2 = "Penalty(l1=0, l2=0.05)"  # its gradient: a tenth of the weights


def held(run, pull=0.31, left=0.5, share=0.9, penalty=L2):
    """Weights of norm 1, of `left` of what they began with, and a gradient that is left over."""

    def change(record):
        run.stuck(record, (1 - share) * record["loss_constant"][0])
        record["penalty"] = penalty
        record["param_norm"][...] = 1.0
        record["param_norm_initial"] = np.full(6, 1 / left)
        record["param_gradient_norm"][...] = 0.1 / pull

    return change


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({}, True),
        ({"pull": 0.29}, False),
        ({"left": 0.89}, True),
        ({"left": 0.91}, False),
        ({"share": 0.94}, True),
        ({"share": 0.96}, False),
        ({"share": 0.21}, True),
        ({"penalty": ""}, False),
        ({"penalty": "Omega(2)"}, False),
    ],
)
def test_a_loss_that_stands_where_the_penalty_undoes_what_it_teaches(run, changed, told):
    found = run.of(run(held(run, **changed)), "penalty")
    assert (found is not None) == told


@pytest.mark.parametrize(("pull", "told"), [(0.31, True), (0.29, False)])
def test_the_gradient_of_sizes_is_a_sign_for_each_weight(run, pull, told):
    def change(record):
        held(run, penalty="Penalty(l1=0.1, l2=0)")(record)
        record["param_gradient_norm"][...] = 0.1 * np.sqrt(record["param_sizes"]) / pull

    assert (run.of(run(change), "penalty") is not None) == told


def test_it_says_what_pulls_and_how_much(run):
    found = run.of(run(held(run)), "penalty")
    assert found.severity == "notice"
    assert found.sentence.startswith(
        "The loss stands where the penalty's own gradient is 31 % of the whole one; 90 % of what "
        "there is to learn is learned, and the norm of the weights below the last layer is 50 %"
    )
    assert found.cause == "A penalty on them, or their decay, takes back what the loss teaches."
    assert found.advice[0].line.startswith("callbacks = [nn.Penalty(l2=0.0001)]; model")


def test_no_more_than_the_whole_gradient_is_said(run):
    """The penalty's gradient and the loss's, which undo each other, are each larger than both."""
    assert "is 100 % of the whole one" in run.of(run(held(run, pull=40.0)), "penalty").sentence


@pytest.mark.parametrize(
    ("optimizer", "lr", "update", "told"),
    [
        ("SGD(lr=0.1, weight_decay=0.1)", 0.1, 1.0, True),
        ("Adam(lr=0.1, weight_decay=0.09)", 0.1, 1.0, False),
        # Decoupled: of what the step is, and the rate is in it.
        ("AdamW(lr=0.1, weight_decay=2.0)", 0.1, 0.6, True),
        ("AdamW(lr=0.1, weight_decay=2.0)", 0.1, 0.7, False),
    ],
)
def test_decay_of_an_optimizer_is_known_by_its_factor(run, optimizer, lr, update, told):
    def change(record):
        held(run, pull=0.31, penalty="")(record)
        record["param_update_norm"][...] = update

    found = run.of(run(change, optimizer=optimizer, lr=lr), "penalty")
    assert (found is not None) == told


def test_a_loss_that_falls_is_not_held(run):
    def change(record):
        held(run, left=0.7)(record)
        record["loss"] = np.linspace(1.0, 0.3, len(record["loss"]))

    assert "penalty" not in run(change).kinds


def test_what_other_examples_tell_is_all_that_is_to_be_had(run):
    """Most of what there is to learn is noise: the run does what it should."""

    def change(told):
        def changed(record):
            held(run, left=0.7, share=0.4)(record)
            run.fill(guess_linear=told, guess_neighbours=0.0)(record)

        return changed

    assert "penalty" not in run(change(0.44)).kinds
    assert "penalty" in run(change(0.45)).kinds


def test_half_of_the_layers_decide(run):
    def change(layers):
        def changed(record):
            held(run, pull=0.01)(record)
            record["param_gradient_norm"][:, [0, 2, 4][:layers]] = 0.1

        return changed

    assert "penalty" in run(change(2)).kinds
    assert "penalty" not in run(change(1)).kinds


def test_a_trainer_tells_the_record_what_is_added_to_the_loss():
    x, y, _, _ = nn.datasets.digits()
    texts = []
    for callbacks in ([], [nn.Penalty(l2=0.25)], [nn.Penalty(l1=0.5), nn.Omega(0.5)]):
        model = nn.Sequential(nn.RNN(8, 4), nn.LastStep(), nn.Dense(4, 10), seed=0)
        flow = nn.GradientFlow(model, histograms=False)
        trainer = nn.Trainer(model, nn.SoftmaxCrossEntropy(), nn.SGD(lr=0.1))
        rows = x[:40].reshape(40, 8, 8)
        callbacks = [*callbacks, flow]
        trainer.fit(rows, y[:40], epochs=1, batch_size=20, callbacks=callbacks, progress=False)
        texts.append(flow.to_dict()["penalty"])
    assert texts[:2] == ["nothing", "Penalty(l1=0, l2=0.25)"]
    assert texts[2] == "Penalty(l1=0.5, l2=0); Omega(weight=0.5, form='paper')"


def test_a_penalty_that_keeps_a_network_from_the_rest():
    """All of it is real: the same network without a penalty learns the digits."""
    x, y, _, _ = nn.datasets.digits()
    found = []
    for l2 in (0.03, 1e-5):
        layers = [nn.Dense(64, 24), nn.Tanh(), nn.Dense(24, 24), nn.Tanh(), nn.Dense(24, 10)]
        model = nn.Sequential(*layers, seed=0)
        flow = nn.GradientFlow(model, histograms=False)
        trainer = nn.Trainer(model, nn.SoftmaxCrossEntropy(), nn.SGD(lr=0.3))
        callbacks = [flow, nn.Penalty(l2=l2)]
        trainer.fit(x, y, epochs=30, batch_size=64, callbacks=callbacks, progress=False)
        found.append(flow.findings().kinds)
    assert found == [("penalty",), ()]
