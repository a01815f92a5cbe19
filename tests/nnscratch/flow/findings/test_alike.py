"""Inputs that are all the same, or come with other answers too."""

import numpy as np
import pytest

import nnscratch as nn


def alike(run, spread=0.0, count=10):
    def change(record):
        run.stuck(record)
        record["feature_ratio"][...] = np.nan
        record["target_count"][...] = count
        record["output_spread"][:, 0] = spread

    return change


@pytest.mark.parametrize(
    ("spread", "count", "told"), [(9e-10, 8, True), (2e-9, 8, False), (0.0, 7, False)]
)
def test_inputs_that_are_all_the_same(run, spread, count, told):
    found = run(alike(run, spread, count))
    assert ("inputs alike" in found.kinds) == told
    if told:
        assert found[0].kind == "inputs alike"
        assert found[0].severity == "serious"
        assert "the answers have 3 values" in found[0].sentence
        assert found.first.line == "print(np.ptp(np.asarray(x), axis=0).max())"
        assert run.of(found, "does not learn").because == "inputs alike"
        assert "labels" not in found.kinds


def test_features_that_differ_are_not_alike_though_the_first_layer_gives_one_answer(run):
    def change(record):
        alike(run)(record)
        record["feature_ratio"][...] = 1.0

    assert "inputs alike" not in run(change).kinds


def test_a_first_layer_of_zeros_says_nothing_of_its_inputs(run):
    def change(record):
        alike(run)(record)
        record["param_norm_initial"][0] = 0.0

    assert "inputs alike" not in run(change).kinds


@pytest.mark.parametrize(("other", "told"), [(0.0, True), (1e-3, False)])
def test_sequences_that_are_all_the_same(other, told):
    """What a recurrent layer gives differs from step to step even then."""
    x = np.zeros((40, 5, 3), np.float32) + 0.5
    x[0] += other
    model = nn.Sequential(nn.LSTM(3, 4), nn.LastStep(), nn.Dense(4, 10), seed=0)
    flow = nn.GradientFlow(model, histograms=False)
    trainer = nn.Trainer(model, nn.SoftmaxCrossEntropy(), nn.SGD(lr=0.1))
    y = np.arange(40) % 10
    trainer.fit(x, y, epochs=30, batch_size=20, callbacks=[flow], progress=False)
    found = flow.findings()
    assert found.kinds[0] == "inputs alike"
    assert found[0].sentence.startswith(
        "All examples" if told else "98 % of the examples have inputs that come with other"
    )


@pytest.mark.parametrize(
    ("told", "loss", "found"),
    [
        (0.49, 1.0, True),
        (0.51, 1.0, False),
        (-0.1, 1.0, True),
        (0.4, 0.2, False),  # it has learned
    ],
)
def test_equal_inputs_with_other_answers(run, told, loss, found):
    def change(record):
        run.stuck(record, loss * record["loss_constant"][0])
        run.fill(repeated_share=0.8, repeated_told=told)(record)

    one = run.of(run(change), "inputs alike")
    assert (one is not None) == found
    if found:
        assert one.severity == "serious"
        assert one.sentence == (
            "80 % of the examples have inputs that come with other answers too: of the answers' "
            f"variance the inputs tell {max(0, told) * 100:.0f} %, and no network tells more of "
            "these examples."
        )
        assert "rounded, cut off" in one.cause
        assert "np.unique(" in one.advice[0].line


def drawn(run, count, batch=64, columns=5, steps=50, loss=2.0):
    def change(record):
        record["target_count"][...] = count
        record["loss"][:] = np.geomspace(2.3, loss, len(record["loss"]))

    found = run.of(run(change, batch=batch, n_in=columns, steps=steps), "inputs alike")
    return found if found is not None and "come again and again" in found.sentence else None


@pytest.mark.parametrize(
    ("count", "batch", "told"),
    [(4, 64, True), (5, 64, False), (4, 63, False), (2, 32, True), (1, 64, False)],
)
def test_few_examples_that_come_again_and_again(run, count, batch, told):
    found = drawn(run, count, batch)
    assert (found is not None) == told
    if told:
        assert found.severity == "serious"
        assert f"The same {count} examples" in found.sentence
        assert "a weight for each example" in found.cause


def test_of_few_columns_there_may_be_no_more_and_few_steps_say_little(run):
    assert drawn(run, 2)
    assert not drawn(run, 2, columns=4)  # a truth table
    assert not drawn(run, 2, steps=49)


def test_few_examples_that_are_learned_may_be_all_there_are(run):
    assert drawn(run, 2, loss=1e-4).severity == "notice"
