"""What makes the updates where a network begins anew: its own optimizer, or a usual one."""

import math
from dataclasses import replace

import pytest

from nnscratch.flow.findings import Advice, Finding
from nnscratch.flow.findings.optimizer import adam, fresh, optimizer_python, with_one
from nnscratch.flow.findings.view import View

DEEP = {"kinds": "dense relu " * 5 + "dense", "widths": (20,) * 5 + (3,)}
DEEPER = {"kinds": "dense relu " * 6 + "dense", "widths": (20,) * 6 + (3,)}
NORMED = {**DEEPER, "kinds": "dense batchnorm relu " * 6 + "dense"}
ONE = {"kinds": "dense", "widths": (3,)}
IN_TIME = {"kinds": "rnn laststep dense", "widths": (20, 3)}


@pytest.mark.parametrize(
    ("text", "rate", "options", "made"),
    [
        ("SGD(lr=0.1)", 0.1, {}, "SGD(lr=0.1)"),
        ("SGD(lr=3.0)", 3.0, {}, "SGD(lr=3.0)"),
        ("SGD(lr=0.099)", 0.099, {}, "Adam(lr=0.01)"),
        ("SGD(lr=0.01, momentum=0.9)", 0.01, {}, "SGD(lr=0.01, momentum=0.9)"),
        ("SGD(lr=0.0099, momentum=0.9)", 0.0099, {}, "Adam(lr=0.01)"),
        ("SGD(lr=0.1, momentum=0.98)", 0.1, {}, "SGD(lr=0.1, momentum=0.98)"),
        ("SGD(lr=0.1, momentum=0.985)", 0.1, {}, "Adam(lr=0.01)"),
        # one layer has no plateau
        ("SGD(lr=0.001)", 0.001, ONE, "SGD(lr=0.1)"),
        ("SGD(lr=0.1)", 0.1, ONE, "SGD(lr=0.1)"),
        # many layers without a norm are thrown off
        ("SGD(lr=0.1)", 0.1, DEEP, "SGD(lr=0.1)"),
        ("SGD(lr=0.1)", 0.1, DEEPER, "Adam(lr=0.001)"),
        ("SGD(lr=0.1)", 0.1, NORMED, "SGD(lr=0.1)"),
        ("SGD(lr=0.01)", 0.01, NORMED, "Adam(lr=0.001)"),
        ("SGD(lr=0.1)", 0.1, IN_TIME, "Adam(lr=0.005)"),
        # of sums of many inputs, and through sigmoids
        ("SGD(lr=0.01)", 0.01, {"n_in": 100}, "Adam(lr=0.01)"),
        ("SGD(lr=0.01)", 0.01, {"n_in": 101}, "Adam(lr=0.002)"),
        ("SGD(lr=0.01)", 0.01, {**IN_TIME, "n_in": 101}, "Adam(lr=0.002)"),
        ("SGD(lr=0.5)", 0.5, {"kinds": "dense sigmoid dense", "widths": (20, 3)}, "Adam(lr=0.01)"),
        ("SGD(lr=0.5)", 0.5, {"kinds": "dense tanh dense", "widths": (20, 3)}, "SGD(lr=0.5)"),
        # of a size of their own
        ("Adam(lr=0.00099, beta1=0.5)", 0.00099, {"steps": 1516}, "Adam(lr=0.001, beta1=0.5)"),
        ("Adam(lr=0.001)", 0.001, {"steps": 1501}, "Adam(lr=0.001)"),
        ("Adam(lr=0.001)", 0.001, {"steps": 1499}, "Adam(lr=0.01)"),  # no weight could get to 1.5
        ("Adam(lr=0.02)", 0.02, {"steps": 40}, "Adam(lr=0.02)"),
        ("RMSProp(lr=1e-05)", 1e-5, {"n_in": 101}, "RMSProp(lr=0.002)"),
        ("Adam(lr=0.001)", 0.001, DEEPER, "Adam(lr=0.001)"),
        ("RMSProp(lr=0.04)", 0.04, {}, "RMSProp(lr=0.04)"),
        ("RMSProp(lr=0.041)", 0.041, {}, "RMSProp(lr=0.01)"),  # clearly beyond the usual ones
        ("Adam(lr=0.3)", 0.3, IN_TIME, "Adam(lr=0.005)"),
        ("Adagrad(lr=0.3)", 0.3, {}, "Adagrad(lr=0.3)"),
        ("Adagrad(lr=0.009)", 0.009, {}, "Adagrad(lr=0.01)"),
        # what all optimizers have goes along
        (
            "SGD(lr=0.01, momentum=0.5, clip=ClipByGlobalNorm(1.0), rates={'0': 0.5})",
            0.01,
            {},
            "Adam(lr=0.01, clip=nn.ClipByGlobalNorm(1.0), rates={'0': 0.5})",
        ),
        # a schedule stays as it is
        (
            "SGD(lr=Cosine(initial=0.001, steps=9))",
            0.001,
            {},
            "SGD(lr=nn.schedules.Cosine(initial=0.001, steps=9))",
        ),
    ],
)
def test_the_rate_to_begin_anew_with(run, text, rate, options, made):
    view = View(run.make(lr=rate, optimizer=text, **options))
    assert fresh(view) == f"nn.{made}"


@pytest.mark.parametrize(("text", "rate"), [("", 0.1), ("Somebodys(lr=1e-6)", 1e-6), ("SGD", 0.1)])
def test_of_an_optimizer_that_nobody_knows_nothing_is_made(run, text, rate):
    view = View(run.make(lr=rate, optimizer=text))
    assert fresh(view) == ""
    assert adam(view, text) == "nn.Adam(lr=0.01)"


def test_another_optimizer_takes_over_what_all_of_them_have():
    text = "SGD(lr=0.1, momentum=0.9, clip=ClipByNorm(2.0))"
    assert optimizer_python(text, 0.5, "Adam") == "nn.Adam(lr=0.5, clip=nn.ClipByNorm(2.0))"
    assert optimizer_python(text) == "nn.SGD(lr=0.1, momentum=0.9, clip=nn.ClipByNorm(2.0))"


@pytest.mark.parametrize(
    ("asked", "line", "made"),
    [
        ("nn.Adam(lr=0.01)", "nn.SGD(lr=0.1, momentum=0.5)", "nn.Adam(lr=0.01)"),
        ("nn.SGD(lr=0.2)", "nn.SGD(lr=0.1, momentum=0.5)", "nn.SGD(lr=0.2, momentum=0.5)"),
        ("nn.AdamW(lr=0.2)", "nn.AdamW(lr=9, weight_decay=1)", "nn.AdamW(lr=0.2, weight_decay=1)"),
    ],
)
def test_all_lines_name_the_optimizer_that_a_rate_asks_for(asked, line, made):
    """Settings of its own a line keeps where it is the same one."""
    rate = Finding(
        *("learning rate too small", "serious", (), 0, ""),
        advice=(Advice("fits", f"optimizer = {asked}"), Advice("or", "optimizer = nn.SGD(lr=1)")),
    )
    anew = "model, optimizer = nn.remake(model), "
    other = Finding("loss", "serious", (), 0, "", advice=(Advice("anew", anew + line),))
    one, two = with_one([rate, other])
    assert one == rate
    assert two.advice[0].line == anew + made
    brought = replace(rate, because="loss")
    assert with_one([brought, other]) == (brought, other)  # it is no cause


def test_a_rate_of_steps_of_their_own_size_is_lowered_by_no_first_gradient(run):
    """What divides by the gradient's size has steps as long as it says from the second one on."""

    def change(record):
        run.stuck(record)["update_ratio"][...] = 0.9
        record["optimizer"] = "RMSProp(lr=0.1)"

    one = run.of(run(change, lr=0.1, steps=1500), "learning rate too large")
    # Its first step is ten times as long as the next ones: 0.09 of the norm is 1e-3 / 0.011 times
    assert one.advice[0].line == "model, optimizer = nn.remake(model), nn.RMSProp(lr=0.001)"


@pytest.mark.parametrize(
    ("rate", "steps", "moved", "made"),
    [
        (0.5, 1501, 0.9, 0.001),
        (0.5, 1499, 0.9, 0.01),  # no weight could get far with less
        (0.05, 1499, 0.4, 0.005),  # but a tenth of what was too large
        (0.5, 1499, 9.0, 0.0005),  # the updates ask for less than one begins with
    ],
)
def test_a_lower_rate_gets_somewhere_in_so_many_steps(run, rate, steps, moved, made):
    def change(record):
        run.stuck(record)["update_ratio"][...] = moved
        record["optimizer"] = f"Adam(lr={rate})"

    one = run.of(run(change, lr=rate, steps=steps), "learning rate too large")
    assert one.advice[0].line == f"model, optimizer = nn.remake(model), nn.Adam(lr={made:g})"


@pytest.mark.parametrize(
    ("loss", "classes", "made"),
    [
        ("BinaryCrossEntropy", 1.0, ", nn.SigmoidCrossEntropy()"),
        ("BinaryCrossEntropy", 0.0, ", nn.MeanSquaredError()"),
        ("CategoricalCrossEntropy", 2.0, ", nn.SoftmaxCrossEntropy()"),
        ("MeanSquaredError", 0.0, ""),
    ],
)
def test_a_loss_of_probabilities_leaves_with_what_made_them(run, loss, classes, made):
    def change(record):
        run.stuck(record)
        run.fill(target_classes=classes, loss_floor=0.5)(record)
        record["loss_kind"] = loss

    found = run.of(run(change, kinds="dense relu dense softmax"), "output activation")
    names = "model, loss, optimizer" if made else "model, optimizer"
    assert found.advice[0].line == (
        f'{names} = nn.remake(model, output="identity"){made}, nn.SGD(lr=0.1)'
    )
    assert math.isclose(found.numbers["floor"], 0.5)
