"""Lines of torch: each does what the line of this package does, or there is none."""

import pytest

from nnscratch.flow.findings.finding import Advice, Finding
from nnscratch.flow.findings.torch_lines import in_torch

RESET = 'model.apply(lambda m: m.reset_parameters() if hasattr(m, "reset_parameters") else None)'
NEW = "optimizer = torch.optim.SGD(model.parameters(), lr=0.1)"
EACH = "[model.set_submodule(n, torch.nn.{}()) for n in ['1', '3']]"
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
        ("trainer.fit(x, y, epochs=3)", ""),
        ("print(np.unique(y, axis=0))", "print(torch.unique(y, dim=0))"),
    ],
)
def test_a_line_of_torch(run, line, torch):
    view = run.view()
    finding = Finding("depth", "serious", (), 0, "It is.", "", (Advice("do", line),), {})
    assert in_torch([finding], view)[0].advice[0].line == torch
