"""Labels that held-out rows contradict, and two classes between which nothing tells."""

import math

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.flow.findings.data import labels


def held_out(values, share, **known):
    """A record whose own loss falls to a share of what there is to learn, beside held-out losses
    in parts of the way from a constant answer's loss (0) up (1)."""

    def change(record):
        start = float(record["loss_constant"][0])
        steps = len(record["steps"])
        record["loss"] = np.linspace(start, (1 - share) * start, steps)
        record["loss"][-10:] = (1 - share) * start
        record["validation_loss"] = np.full(steps, np.nan)
        rows = np.linspace(steps // 10, steps - 1, len(values)).astype(int)
        record["validation_loss"][rows] = start * (1 + np.array(values))
        for name, value in known.items():
            record[name][...] = value

    return change


FEW = {"target_count": 100.0, "guess_linear": -0.2, "guess_neighbours": -0.1}


@pytest.mark.parametrize(
    ("values", "share", "known", "told"),
    [
        ([0.01, 0.02, 0.06], 0.2, {}, True),
        ([0.01, 0.02, 0.04], 0.2, {}, False),  # hardly worse than a constant
        ([-0.01, 0.02, 0.06], 0.2, {}, False),  # once they were judged better than by a constant
        ([0.01, 0.02, 0.06], 0.04, {}, False),  # nothing is learned
        ([0.01, 0.06], 0.2, {}, False),  # two looks at them
        ([0.01, 0.02, 0.06], 0.9, {}, True),  # by heart, all of it
        ([0.01, 0.02, 0.06], 0.2, {"guess_neighbours": 0.14}, True),
        ([0.01, 0.02, 0.06], 0.2, {"guess_neighbours": 0.16}, False),
        ([0.01, math.inf, 0.06], 0.2, {}, False),
    ],
)
def test_few_rows_have_other_labels_where_held_out_ones_contradict_them(
    run, values, share, known, told
):
    found = run.of(run(held_out(values, share, **(FEW | known)), steps=300), "labels")
    assert (found is not None) == told
    if told:
        assert "of 100 examples half were guessed" in found.sentence
        little = "guess_neighbours" in known
        assert ("do much better than their mean" in found.sentence) == little
        assert found.severity == "serious"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({}, True),
        ({"target_count": 255.0}, False),  # a row is missing
        ({"input_std": 0.501}, False),  # no zeros and ones
        ({"input_mean": 0.25, "input_std": 0.4330127}, True),  # not drawn evenly so far
        ({"input_max": 1.01}, False),
    ],
)
def test_of_a_truth_table_no_row_need_be_told_of_others(run, change, told):
    """Of 8 bits: whether their sum is even, say."""
    bits = {"input_mean": 0.5, "input_std": 0.5, "input_max": 1.0, "target_count": 256.0}

    def unrelated(record):
        run.stuck(record)
        run.fill(guess_linear=-0.1, guess_neighbours=-0.1)(record)
        for name, value in (bits | change).items():
            record[name][...] = value

    (one,) = labels.find(run.view(unrelated, n_in=8, steps=300))
    assert one.severity == ("notice" if told else "serious")
    assert ("all rows of a truth table" in one.sentence) == told

    def timid(record):
        unrelated(record)
        record["loss"] *= 1.01
        record["update_ratio"][...] = 6e-4

    found = run(timid, n_in=8, steps=300, lr=0.01, optimizer="SGD(lr=0.01)")
    # Where nothing else is found it is what is left.
    assert found.kinds[0] == ("learning rate too small" if told else "labels")
    assert ("is not yet where one answer for all has it" in found[0].sentence) == told
    assert run(unrelated, n_in=8, steps=300).kinds[0] == "labels"


KNOWN = {"guess_linear": 0.4, "guess_neighbours": 0.3}


@pytest.mark.parametrize(
    ("values", "share", "known", "told"),
    [
        ([0.1, 0.2, 0.3], 0.9, {}, True),
        ([0.1, 0.2, 0.24], 0.9, {}, False),
        ([-0.01, 0.2, 0.3], 0.9, {}, False),  # learned by heart: something was gained at first
        ([0.1, 0.2, 0.3], 0.25, {}, True),
        ([0.1, 0.2, 0.3], 0.15, {}, False),
        ([0.1, 0.2, 0.3], 0.9, {"guess_linear": 0.16, "guess_neighbours": 0.0}, True),
        ([0.1, 0.2, 0.3], 0.9, {"target_classes": 0.0}, False),  # numbers may go somewhere else
    ],
)
def test_held_out_rows_of_another_kind(run, values, share, known, told):
    found = run.of(run(held_out(values, share, **(KNOWN | known)), steps=300), "labels")
    assert (found is not None) == told
    if told:
        assert "does not hold for the held-out examples" in found.sentence
        assert found.severity == "serious"
        assert "overfitting" in found.explains


def test_of_little_that_is_told_held_out_rows_show_that_it_is_nothing(run):
    little = {"guess_linear": 0.14, "guess_neighbours": 0.0}
    found = run.of(run(held_out([0.1, 0.2, 0.3], 0.9, **little), steps=300), "labels")
    assert "look unrelated to the inputs" in found.sentence


def test_batch_norm_judges_held_out_rows_in_its_own_way(run):
    change = held_out([0.1, 0.2, 0.3], 0.9, **KNOWN)
    kinds = "dense batchnorm relu dense relu dense"
    assert run.of(run(change, kinds=kinds, steps=300), "labels") is None


def pair(told=0.5, rows=160.0, now=1.0, held=math.nan, kind="SoftmaxCrossEntropy"):
    """A record of 400 examples of which so many are of two classes; losses: times their cost."""

    def change(record):
        cost = rows / 400 * math.log(2)
        start = float(record["loss_constant"][0])
        record["loss"] = np.linspace(start, now * cost, len(record["steps"]))
        record["loss"][-200:] = now * cost
        steps = len(record["steps"])
        record["validation_loss"][::30] = held * cost
        values = {"told": told, "rows": rows, "one": 1.0, "other": 2.0}
        record |= {f"pair_{name}": np.full(steps, value) for name, value in values.items()}
        record["loss_kind"] = kind

    return change


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, True),
        ({"told": 0.578}, True),  # 2 standard errors of 160 throws are 0.079
        ({"told": 0.581}, False),
        ({"now": 0.72}, True),
        ({"now": 0.68}, False),  # the network tells them apart
        ({"now": 2.95}, True),
        ({"now": 3.05}, False),  # too soon
        ({"now": 0.3, "held": 0.72}, True),  # only by heart
        ({"now": 0.3, "held": 0.68}, False),
        ({"kind": "MeanSquaredError"}, False),
        ({"told": math.nan}, False),
    ],
)
def test_two_classes_that_nothing_tells_apart(run, values, said):
    found = run.of(run(pair(**values), steps=300, widths=(20, 20, 5)), "labels")
    assert (found is not None) == said
    if said:
        assert "Nothing tells the classes 1 and 2 apart: of 160 examples" in found.sentence
        assert found.advice[0].line == "print(x[y == 1][:5], x[y == 2][:5])"


@pytest.mark.parametrize(
    ("between", "jump", "told"),
    [(0.81, 1.2, True), (0.79, 1.2, False), (0.81, 1.0, False)],  # of ln 3, a constant's loss
)
def test_classes_that_come_one_after_the_other(run, between, jump, told):
    def change(record):
        record["target_between"] = np.full(len(record["steps"]), between)
        record["loss"][60::20] = jump * record["loss_constant"][0]

    found = run.of(run(change), "labels")
    assert (found is not None) == told
    if told:
        assert "81 % of what tells answers apart lies between batches" in found.sentence
        assert "the loss jumps up to 1.32" in found.sentence
        assert found.severity == "serious"
        made = {"np": np, "x": np.arange(5), "y": np.arange(5)}
        exec(found.advice[0].line, made)
        assert (made["x"] == made["y"]).all()
        assert (made["x"] != np.arange(5)).any()


@pytest.mark.parametrize("mixed", [True, False])
def test_a_loop_that_goes_through_sorted_examples(mixed):
    rng = np.random.default_rng(0)
    y = np.repeat(np.arange(4), 100)
    x = (np.eye(4)[y] + 0.5 * rng.standard_normal((400, 4))).astype(np.float32)
    order = rng.permutation(400) if mixed else np.arange(400)
    model = nn.Sequential(nn.Dense(4, 16), nn.Tanh(), nn.Dense(16, 4), seed=0)
    flow, optimizer, loss = nn.GradientFlow(model), nn.SGD(lr=2.0), nn.SoftmaxCrossEntropy()
    with flow.attached(optimizer):
        for _ in range(6):
            for at in range(0, 400, 20):
                rows = order[at : at + 20]
                model.training_pass(x[rows], y[rows], loss)
                optimizer.step(model.params, model.grads)
    found = flow.findings()
    assert (found.kinds[:1] == ("labels",)) == (not mixed), found


@pytest.mark.parametrize(
    ("count", "values", "cost", "told"),
    [
        (100, 51, 0.92, True),
        (100, 50, 0.92, False),
        (39, 39, 0.92, False),
        (40, 40, 0.92, True),
        (100, 90, 0.88, False),  # rows of labels, one for each step of a sequence
    ],
)
def test_classes_of_one_example_each(run, count, values, cost, told):
    def change(record):
        run.fill(target_count=count, target_values=values)(record)
        run.fill(loss_constant=cost * math.log(values))(record)
        run.stuck(record)

    found = run.of(run(change, widths=(20, 20, 60)), "labels")
    assert (found is not None and "a class of its own" in found.sentence) == told
    if told:
        assert (
            f"the {count} looked at have {values} different ones, of 60 outputs" in found.sentence
        )


def test_a_number_that_was_taken_for_classes_is_told_as_that():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((300, 3)).astype(np.float32)
    y = np.unique((100 * x[:, 0]).astype(int), return_inverse=True)[1]
    model = nn.Sequential(nn.Dense(3, 20), nn.ReLU(), nn.Dense(20, int(y.max()) + 1), seed=0)
    flow = nn.GradientFlow(model)
    trainer = nn.Trainer(model, nn.SoftmaxCrossEntropy(), nn.Adam(lr=0.003))
    trainer.fit(x, y, epochs=10, batch_size=30, callbacks=[flow], progress=False)
    (found, *_) = flow.findings()
    assert found.kind == "labels"
    assert "Nearly every example is a class of its own" in found.sentence


def test_labels_of_every_step_are_no_class_of_their_own():
    rng = np.random.default_rng(0)
    x = rng.integers(0, 2, (200, 12, 1)).astype(np.float32)
    y = x[:, :, 0].astype(int)
    model = nn.Sequential(nn.RNN(1, 8), nn.Dense(8, 2), seed=0)
    flow = nn.GradientFlow(model)
    trainer = nn.Trainer(model, nn.SoftmaxCrossEntropy(), nn.SGD(lr=1e-5))
    trainer.fit(x, y, epochs=10, batch_size=20, callbacks=[flow], progress=False)
    assert "labels" not in flow.findings().kinds
