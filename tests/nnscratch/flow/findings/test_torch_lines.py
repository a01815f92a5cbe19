"""Lines of torch: each does what the line of this package does, or there is none."""

import pytest

from nnscratch.flow.findings.cures import LOGARITHMS
from nnscratch.flow.findings.finding import Advice, Finding
from nnscratch.flow.findings.torch_lines import OPTIMIZER, in_torch

RESET = 'model.apply(lambda m: m.reset_parameters() if hasattr(m, "reset_parameters") else None)'
NEW = "optimizer = torch.optim.SGD(model.parameters(), lr=0.1)"
EACH = "[model.set_submodule(n, torch.nn.{}()) for n in ['1', '3']]"
BEHIND = "[model.set_submodule(n, torch.nn.Sequential(model.get_submodule(n), {})) for n in {}]"
NORM = "torch.nn.BatchNorm1d(model.get_submodule(n).out_features)"
DRAW = (
    'model.apply(lambda m: torch.nn.init.kaiming_normal_(m.weight, nonlinearity="{}") '
    "if isinstance(m, torch.nn.Linear) else None)"
)
KAIMING, FORWARD = DRAW.format("relu"), DRAW.format("linear")


@pytest.mark.parametrize(
    ("line", "torch"),
    [
        (
            'model = nn.remake(model, activation="relu")',
            f"{EACH.format('ReLU')}; {RESET}; {KAIMING}; {NEW}",
        ),
        (
            'model = nn.remake(model, activation="tanh", init="he_normal")',
            f"{EACH.format('Tanh')}; {RESET}; {KAIMING}; {NEW}",
        ),
        ('model = nn.remake(model, init="lecun_normal")', f"{RESET}; {FORWARD}; {NEW}"),
        ("model = nn.remake(model, width=16)", ""),
        ('model = nn.remake(model, activation="softsign")', ""),
        ('model = nn.remake(model, init="normal")', ""),
        ("optimizer.lr = 0.5", 'for group in optimizer.param_groups: group["lr"] = 0.5'),
        ("loss = nn.SoftmaxCrossEntropy()", "loss = torch.nn.CrossEntropyLoss()"),
        ("optimizer = nn.SGD(lr=0.5)", NEW.replace("0.1", "0.5")),
        ("optimizer = nn.SGD(lr=0.1, momentum=0.9)", f"{NEW[:-1]}, momentum=0.9)"),
        ("trainer.fit(x, y, epochs=3)", ""),
        ("print(np.unique(y, axis=0))", "print(torch.unique(y, dim=0))"),
        (
            "model, optimizer = nn.remake(model), nn.SGD(lr=0.5)",
            f"{RESET}; {NEW.replace('0.1', '0.5')}",
        ),
        ("model, loss = nn.remake(model, width=9), nn.MeanSquaredError()", ""),
        (
            'model = nn.remake(model, norm="batch")',
            f"{BEHIND.format(NORM, ['0', '2'])}; {RESET}; {NEW}",
        ),
        (
            'model = nn.remake(model, bias_init="zeros")',
            f"{RESET}; model.apply(lambda m: torch.nn.init.zeros_(m.bias) "
            f"if isinstance(m, torch.nn.Linear) else None); {NEW}",
        ),
        (
            "optimizer.clip = nn.ClipByGlobalNorm(1.0)",
            "torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)",
        ),
        (
            "optimizer = nn.Adam(lr=0.001)",
            "optimizer = torch.optim.Adam(model.parameters(), lr=0.001)",
        ),
        ("steps = nn.something(model)", ""),
        ("loss = nn.losses", ""),
        ("x = (x - x.mean(0)) / x.std(0)", "x = (x - x.mean(0)) / x.std(0)"),
        ("x = x / 255; y = nn.f(y)", "x = x / 255; y = nn.f(y)"),
        ("look at the data", ""),
    ],
)
def test_a_line_of_torch(run, line, torch):
    assert said(run.view(), line) == torch


def said(view, line):
    finding = Finding("depth", "serious", (), 0, "It is.", "", (Advice("do", line),), {})
    return in_torch([finding], view)[0].advice[0].line


def test_where_no_activation_stands_one_is_put_behind_each_layer(run):
    line = 'model = nn.remake(model, activation="relu")'
    told = said(run.view(kinds="dense dense dense"), line)
    assert told == f"{BEHIND.format('torch.nn.ReLU()', ['0', '1'])}; {RESET}; {KAIMING}; {NEW}"


def test_behind_others_one_is_put_where_none_stands(run):
    line = 'model = nn.remake(model, activation="relu")'
    view = run.view(kinds="dense relu dense dense", widths=(20, 20, 3))
    told = said(view, line)
    assert told == f"{BEHIND.format('torch.nn.ReLU()', ['2'])}; {RESET}; {KAIMING}; {NEW}"

    def looked_up(record):
        record["roles"] = ["lookup", *record["roles"][1:]]

    view = run.view(looked_up, kinds="dense dense dense", widths=(20, 20, 3))
    assert "for n in ['1']" in said(view, line)
    assert said(run.view(looked_up, kinds="dense dense", widths=(20, 3)), line) == ""


def test_an_activation_of_the_output_gives_way(run):
    line = "model, loss = nn.remake(model, output=None), nn.SoftmaxCrossEntropy()"
    identity = "[model.set_submodule(n, torch.nn.Identity()) for n in ['3']]"
    new = f"{RESET}; loss = torch.nn.CrossEntropyLoss()"
    view = run.view(kinds="dense relu dense softmax", widths=(20, 3))
    assert said(view, line) == f"{identity}; {new}"
    assert said(run.view(), line) == new


def test_logarithms_of_tensors(run):
    torch = pytest.importorskip("torch")
    made = {"torch": torch, "y": torch.exp(torch.linspace(-3, 3, 50))[:, None]}
    exec(said(run.view(), LOGARITHMS.line), made)
    assert float(made["y"].std()) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("function", [False, True])
def test_dropout_is_set_where_it_is_a_module(run, function):
    def change(record):
        if function:
            record["layers"] = ["0.dense", "relu", "dropout()", "3.dense"]

    view = run.view(change, kinds="dense relu dropout dense", widths=(20, 3))
    told = said(view, "model = nn.remake(model, dropout=0.2)")
    each = "for m in model.modules() if isinstance(m, torch.nn.modules.dropout._DropoutNd)]"
    wanted = f'[setattr(m, "p", 0.2) {each}; {RESET}; {NEW}'
    assert told == ("" if function else wanted)
    assert said(view, "model = nn.remake(model, something=3)") == ""  # no line that leaves it out


def test_settings_that_are_pairs_keep_both_brackets(run):
    view = run.view(optimizer="Adam(lr=0.002, betas=(0.5, 0.999))")
    told = "optimizer = torch.optim.Adam(model.parameters(), lr=0.002, betas=(0.5, 0.999))"
    assert said(view, OPTIMIZER) == told
    lower = told.replace("lr=0.002, betas", "lr=0.5, betas")
    assert said(view, "optimizer = nn.Adam(lr=0.5)") == lower


def test_a_function_is_no_module_that_could_be_replaced(run):
    def called(record):
        record["layers"][1] = "relu()"

    view = run.view(called)
    assert said(view, 'model = nn.remake(model, activation="elu")') == ""
    assert said(view, 'model = nn.remake(model, init="he_normal")').startswith(RESET)


def test_convolutions_are_drawn_and_normalised_as_what_they_are(run):
    def slides(record):
        record["kinds"] = ["conv2d", "relu", "convtranspose1d", "relu", "dense"]
        record["layers"] = [f"{i}.{kind}" for i, kind in enumerate(record["kinds"])]

    view = run.view(slides)
    drawn = said(view, 'model = nn.remake(model, init="he_normal")')
    kinds = "(torch.nn.Linear, torch.nn.Conv2d, torch.nn.ConvTranspose1d)"
    assert f"if isinstance(m, {kinds}) else None" in drawn
    normed = said(view, 'model = nn.remake(model, norm="batch")')
    behind = "torch.nn.Sequential(model.get_submodule(n), torch.nn.BatchNorm{}d("
    for axes, name in ((2, "0"), (1, "2")):
        inner = f"{behind.format(axes)}model.get_submodule(n).out_channels)"
        assert f"{inner})) for n in ['{name}']]" in normed


def test_a_line_of_torch_stays_as_it_is(run):
    line = "model.parts = torch.nn.ModuleList(model.parts)"
    assert said(run.view(), line) == line
