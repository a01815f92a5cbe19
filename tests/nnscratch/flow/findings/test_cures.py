"""The line that a report begins with is pasted, and run: the network then trains."""

import copy
import itertools
import re

import numpy as np
import pytest

import nnscratch as nn
from nnscratch import layers
from nnscratch.flow.findings import cures, find
from nnscratch.theory import gradient_rate
from nnscratch.theory.suited import suited_init, suited_scale

U = nn.initializers.Uniform
C = nn.initializers.Constant


def mlp(widths, activation=nn.ReLU, *end, seed=0, **options):
    parts = []
    for i, (n_in, n_out) in enumerate(itertools.pairwise(widths)):
        parts.append(nn.Dense(n_in, n_out, **options))
        if i < len(widths) - 2 and activation:
            parts.append(activation())
    return nn.Sequential(*parts, *end, seed=seed)


def rings():
    rng = np.random.default_rng(0)
    angle, far = rng.uniform(0, 6.3, 400), rng.integers(0, 2, 400)
    radius = np.where(far, 1.0, 0.4) + 0.05 * rng.standard_normal(400)
    x = np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])
    return x.astype(np.float32), far[:, None].astype(np.float32)


def blobs(scale=1.0, shift=0.0):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 400)
    x = rng.standard_normal((400, 6)) + 2 * rng.standard_normal((3, 6))[y]
    return (shift + scale * x).astype(np.float32), y


def line(scale=1.0, shift=0.0):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((300, 4))
    y = x @ np.array([[1.0], [-2.0], [0.5], [1.5]])
    return x.astype(np.float32), (shift + scale * y / y.std()).astype(np.float32)


BCE, CCE, MSE = nn.SigmoidCrossEntropy, nn.SoftmaxCrossEntropy, nn.MeanSquaredError


class SoftmaxMSE:
    """Somebody's own: a softmax, and the squared error of what it gives."""

    def __call__(self, z, t):
        e = np.exp(z - z.max(1, keepdims=True))
        p = e / e.sum(1, keepdims=True)
        g = 2 * (p - t) / p.size
        return float(((p - t) ** 2).mean()), (p * (g - (g * p).sum(1, keepdims=True))).astype(
            z.dtype
        )


def numbers(seed=0):
    x = np.arange(-1, 6, dtype=np.float32)[:, None]
    return x, 2 * x - 1


# What is wrong; the network, loss, optimizer, data, batch, steps; what the report must name first.
SICK = {
    "raw inputs": (
        lambda: mlp([6, 16, 3]), CCE, nn.SGD(lr=0.1), lambda: blobs(200.0), 32, 200, "input scale"
    ),
    "inputs far from zero": (
        lambda: mlp([6, 16, 3], nn.Tanh), CCE, nn.SGD(lr=0.1), lambda: blobs(1.0, 60.0), 32, 200,
        "input scale",
    ),
    "targets of thousands": (
        lambda: mlp([4, 16, 1]), MSE, nn.SGD(lr=0.05), lambda: line(3000.0, 9000.0), 32, 200,
        "target scale",
    ),
    "a softmax over one output": (
        lambda: mlp([2, 16, 1], nn.Tanh), SoftmaxMSE, nn.Adam(lr=0.02), rings, 32, 300,
        "softmax over one unit",
    ),
    "a softmax layer over one unit": (
        lambda: mlp([2, 16, 1], nn.Tanh, nn.Softmax()), nn.BinaryCrossEntropy, nn.Adam(lr=0.02),
        rings, 32, 300, "softmax over one unit",
    ),
    "softmax twice": (
        lambda: mlp([6, 16, 3], nn.ReLU, nn.Softmax()), CCE, nn.SGD(lr=0.1), blobs, 32, 200,
        "softmax twice",
    ),
    "a sigmoid for numbers to 11": (
        lambda: mlp([1, 8, 1], nn.Tanh, nn.Sigmoid()), MSE, nn.Adam(lr=0.03), numbers, 7, 600,
        "output activation",
    ),
    "all weights zero": (
        lambda: mlp([6, 16, 3], init="zeros"), CCE, nn.SGD(lr=0.1), blobs, 32, 200,
        "symmetric units",
    ),
    "all weights equal": (
        lambda: mlp([2, 10, 10, 1], nn.Tanh, init=C(0.1)), BCE, nn.SGD(lr=0.3), rings, 32, 900,
        "symmetric units",
    ),
    "weights too large": (
        lambda: mlp([6, 64, 64, 64, 64, 64, 3], init=nn.initializers.Normal(0.4)), CCE,
        nn.SGD(lr=0.05), blobs, 32, 200, "initial weights",
    ),
    "weights too small": (
        lambda: mlp([6] + [32] * 8 + [3], nn.Tanh, init=nn.initializers.Normal(0.02)), CCE,
        nn.SGD(lr=0.05), blobs, 32, 300, "initial weights",
    ),
    "weights on one side": (
        lambda: mlp([2, 20, 20, 20, 20, 20, 1], nn.Tanh, init=U(0.0, 1.0)), BCE,
        nn.SGD(lr=0.01, momentum=0.9), rings, 32, 600, "initial weights",
    ),
    "biases of -10": (
        lambda: mlp([6, 32, 32, 3], bias_init=C(-10.0)), CCE, nn.SGD(lr=0.05), blobs, 32, 200,
        "initial biases",
    ),
    "twelve sigmoids": (
        lambda: mlp([6] + [24] * 12 + [3], nn.Sigmoid), CCE, nn.SGD(lr=0.05), blobs, 32, 400,
        "activation",
    ),
    "sixteen ReLUs of five": (
        lambda: mlp([6] + [5] * 15 + [3], seed=0, init="he_normal"), CCE, nn.SGD(lr=0.05), blobs,
        32, 600, "activation",
    ),
    "no activation": (
        lambda: mlp([2, 24, 24, 1], None), BCE, nn.SGD(lr=0.3), rings, 32, 900, "no activation"
    ),
    "a rate of 8": (
        lambda: mlp([6, 24, 24, 3]), CCE, nn.SGD(lr=8.0), blobs, 32, 300, "learning rate too large"
    ),
    "Adam at 5": (
        lambda: mlp([6, 24, 24, 3]), CCE, nn.Adam(lr=5.0), blobs, 32, 300,
        "learning rate too large",
    ),
    "momentum at 1": (
        lambda: mlp([4, 24, 1]), MSE, nn.SGD(lr=1.0, momentum=0.9), line, 32, 400,
        "learning rate too large",
    ),
    "a rate of 1e-6": (
        lambda: mlp([6, 24, 24, 3]), CCE, nn.SGD(lr=1e-6), blobs, 32, 400,
        "learning rate too small",
    ),
    "a clip at 1e-4": (
        lambda: mlp([6, 24, 24, 3]), CCE, nn.SGD(lr=0.05, clip=nn.ClipByGlobalNorm(1e-4)), blobs,
        32, 200, "clip always",
    ),
    "one unit for rings": (
        lambda: mlp([2, 1, 1], nn.Tanh), BCE, nn.Adam(lr=0.03), rings, 32, 400, "capacity"
    ),
}  # fmt: skip


class Bench:
    """The names that a line may use, and a training of what they stand for."""

    def __init__(self, make, loss, optimizer, data, batch, steps):
        x, y = data()
        self.names = {"nn": nn, "np": np, "x": x, "y": y, "model": make(), "loss": loss()}
        self.names["optimizer"] = copy.deepcopy(optimizer)
        self.batch, self.steps = batch, steps

    def train(self):
        """Return the findings, and how much of what there is to learn was learned."""
        n = self.names
        flow = nn.GradientFlow(n["model"], histograms=False)
        trainer = nn.Trainer(n["model"], n["loss"], n["optimizer"])
        n["trainer"] = trainer
        with np.errstate(all="ignore"):
            trainer.fit(
                n["x"].astype(np.float32),
                n["y"],
                epochs=self.steps,
                batch_size=self.batch,
                max_steps=self.steps,
                callbacks=[flow],
                progress=False,
            )
            record = flow.to_dict()
        losses, constant = record["loss"], record["loss_constant"]
        constant = constant[~np.isnan(constant)][-1]
        return find(record), 1 - float(np.mean(losses[-max(1, len(losses) // 10) :])) / constant


@pytest.mark.parametrize("name", SICK)
def test_the_first_line_mends_the_network(name):
    *setup, kind = SICK[name]
    bench = Bench(*setup)
    found, sick = bench.train()
    assert found[0].kind == kind, found
    assert found[0].severity != "notice" or kind in ("softmax twice", "capacity")
    old = bench.names["model"]
    exec(found.first.line, bench.names)
    if bench.names["model"] is old:  # begin again, with the weights that it began with
        bench.names["model"] = setup[0]()
        if found.first.line.startswith(("x =", "y =", "loss =")):
            bench.names["optimizer"] = copy.deepcopy(setup[2])
    again, mended = bench.train()
    assert not sick > 0.7
    assert mended > max(0.6, sick), (found, again)
    assert kind not in [one.kind for one in again.at_least("serious")]


@pytest.mark.parametrize("name", SICK)
def test_a_report_names_one_rate_and_no_cure_that_is_there(name):
    *setup, _ = SICK[name]
    bench = Bench(*setup)
    found, _ = bench.train()
    lines = [one.line for finding in found for one in finding.advice]
    rates = set(re.findall(r"optimizer(?:\.lr = | = nn\.\w+\(lr=)([0-9.e-]+)", "\n".join(lines)))
    assert len(rates) <= 1 or kind_of_optimizer(lines)
    present = {type(layer).__name__.lower() for layer in bench.names["model"].layers.values()}
    for one in lines:
        assert not ("activation=" in one and re.search(r'activation="(\w+)"', one)[1] in present)


def kind_of_optimizer(lines):
    """Another optimizer may come with its own usual rate."""
    return any("nn.Adam(lr=0.01)" in line for line in lines)


def test_no_line_names_what_does_not_exist(run):
    """Every line of every kind of advice is Python of this package."""

    def everything(record):
        run.stuck(record)
        record["output_zeros"][:, 1] = 1.0

    names = {"nn": nn, "np": np}
    said = [
        *(one for finding in run(everything) for one in finding.advice),
        *(cures.STANDARDISE_INPUTS, cures.STANDARDISE_TARGETS, cures.LOOK_AT_ANSWERS),
    ]
    for one in said:
        for name in re.findall(r"nn\.((?:\w+\.)*\w+)", one.line):
            eval(f"nn.{name}", names)


@pytest.mark.parametrize("name", layers.activation_names())
def test_the_advised_weights_keep_the_gradient(name):
    layer = layers.activation(name)
    scale = suited_scale(layer.kind)
    if name in ("sigmoid", "softplus", "exponential", "hard_sigmoid"):
        assert np.isnan(scale)  # units would saturate, or the signal grow
        assert suited_init(layer.kind) is None
        return
    q = 1e-4 if not np.isnan(layer.saturation).any() else 1.0
    assert gradient_rate(layer, q, scale) == pytest.approx(1, abs=1e-3)
    init = suited_init(layer.kind)
    assert 100 * init.variance(100, 100) == pytest.approx(scale, rel=0.08)
    made = eval(cures.init_for(layer.kind), {"nn": nn})
    assert nn.initializers.get(made) == init


def test_what_is_not_ours_has_no_weights_that_suit_it():
    assert np.isnan(suited_scale("mine"))
    assert cures.suits("mine", 17.0)


@pytest.mark.parametrize(
    ("scale", "suits"), [(2.4, True), (2.6, False), (1.65, True), (1.55, False)]
)
def test_weights_within_a_quarter_suit(scale, suits):
    assert cures.suits("relu", scale) == suits


def test_no_cure_is_what_the_network_has(run):
    relu = run.view(scale=2.0)
    assert cures.suitable_init(relu) == ()
    assert cures.suitable_init(run.view(scale=1.0))[0].line == run.remade('init="he_normal"')
    assert cures.batch_norm(relu)[0].line == run.remade("norm=True")
    normed = run.view(kinds="dense batchnorm relu dense", widths=(20, 3))
    assert cures.batch_norm(normed) == ()
    assert cures.batch_norm(run.view(batch=7)) == ()
    assert cures.batch_norm(run.view(batch=8)) != ()
    assert cures.other_activation(run.view(kinds="dense elu dense", widths=(20, 3)), "elu") == ()
    assert cures.other_activation(relu, "relu")[0].line == run.remade('activation="elu"')
    assert cures.adaptive(run.view(optimizer="Adam(lr=0.1)")) == ()
    assert cures.adaptive(relu) != ()


def test_an_optimizer_whose_text_is_no_python_gives_no_line():
    assert cures.optimizer_python("SGD(lr=<function rate at 0x7f>, momentum=0.5)") == ""
    assert cures.optimizer_python("SGD") == ""
    assert cures.optimizer_python("Somebodys(lr=0.1)") == ""
    assert cures.optimizer_python("SGD(lr=0.5)", 0.1) == "nn.SGD(lr=0.1)"


@pytest.mark.parametrize(
    ("kinds", "changes", "kept"),
    [
        ("dense relu dense relu dense", 'activation="elu"', True),
        ("dense relu dense dense", 'activation="elu"', False),
        ("dense relu dense relu dense", "norm=True", False),
        ("dense dense dense", 'init="he_normal"', True),
    ],
)
def test_rates_by_layer_are_named_where_layers_keep_their_numbers(run, kinds, changes, kept):
    text = "SGD(lr=0.1, rates={'0.dense': 0.5, '4': 2.0}, clip=ClipByValue(1.0))"
    advice = cures.remade(run.view(kinds=kinds, optimizer=text), "it", changes, expect="Good.")
    rates = ", rates={'0.dense': 0.5, '4': 2.0}" if kept else ""
    assert advice.line.endswith(f", nn.SGD(lr=0.1{rates}, clip=nn.ClipByValue(1.0))")
    assert advice.expect == ("Good." if kept else "Good. " + "Layers get other numbers: name those "
                             "of rates= anew.")  # fmt: skip
