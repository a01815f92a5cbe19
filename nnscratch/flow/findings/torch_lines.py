"""Advice for networks of PyTorch: the same changes, as lines of torch."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import replace

from nnscratch.flow.findings.cures import (
    LOGARITHMS,
    SIGNED_TARGETS,
    UNIT_TARGETS,
    WITHOUT_FAR,
    init_for,
)
from nnscratch.flow.findings.finding import Advice, Finding
from nnscratch.flow.findings.training.stability import LOOK
from nnscratch.flow.findings.view import View

_ACTIVATIONS = {
    "relu": "ReLU",
    "elu": "ELU",
    "selu": "SELU",
    "gelu": "GELU",
    "silu": "SiLU",
    "tanh": "Tanh",
    "sigmoid": "Sigmoid",
    "softmax": "Softmax",
    "mish": "Mish",
    "leaky_relu": "LeakyReLU",
}
_LOSSES = {
    "SoftmaxCrossEntropy": "CrossEntropyLoss",
    "SigmoidCrossEntropy": "BCEWithLogitsLoss",
    "MeanSquaredError": "MSELoss",
}
_INITS = {
    "he_normal": 'kaiming_normal_(m.weight, nonlinearity="relu")',
    "he_uniform": 'kaiming_uniform_(m.weight, nonlinearity="relu")',
    "lecun_normal": 'kaiming_normal_(m.weight, nonlinearity="linear")',
    "glorot_normal": "xavier_normal_(m.weight)",
    "glorot_uniform": "xavier_uniform_(m.weight)",
    "orthogonal": "orthogonal_(m.weight)",
}
_GATED = {"forget_bias": "LSTM", "update_bias": "GRU"}  # of either it is the second block
_CHANGES = {
    *("activation", "init", "norm", "output", "bias_init", "recurrent_init", "dropout"),
    *_GATED,
}
_RESET = 'model.apply(lambda m: m.reset_parameters() if hasattr(m, "reset_parameters") else None)'
_OTHERS = {
    "print(np.unique(y, axis=0))": "print(torch.unique(y, dim=0))",
    "print(np.unique(y, return_counts=True), np.unique(y_held, return_counts=True))": "print("
    "torch.unique(y, return_counts=True), torch.unique(y_held, return_counts=True))",
    "nn.datasets.check_inputs(x)": "assert torch.isfinite(x).all()",
    LOOK.line: "import nnscratch.pytorch; guard = nnscratch.pytorch.first_nonfinite(model)",
    WITHOUT_FAR.line: "",
    LOGARITHMS.line: "y = y - y.amin(0); y = torch.log(y + torch.quantile(y[y > 0], 0.05)); "
    "y = (y - y.mean(0)) / (y.std(0) + 1e-8)",
    UNIT_TARGETS.line: "y = (y - y.amin(0)) / (y.amax(0) - y.amin(0) + 1e-8)",
    SIGNED_TARGETS.line: "y = 2 * (y - y.amin(0)) / (y.amax(0) - y.amin(0) + 1e-8) - 1",
    "model.unfreeze()": "model.requires_grad_(True); {optimizer}",
    "callbacks = [nn.EarlyStopping()]": "",
    "callbacks = [nn.Penalty(l2=0.0001)]": "",
}
_WORDS = {LOOK.what: "begin anew with a guard: the step that fails says which module made it"}
_SLIDES = re.compile(r"conv(transpose)?([123])d")
_WIDTH = ("features", "channels")  # what a linear layer and a convolution call theirs
FUNCTION = "()"  # the end of the name of what is a function, no module
OPTIMIZER = "{optimizer}"  # in a line that a record brings: what makes the run's optimizer anew


def in_torch(found: Sequence[Finding], view: View) -> list[Finding]:
    """Return findings whose lines are those of torch."""
    return [replace(one, advice=tuple(_advice(a, view) for a in one.advice)) for one in found]


def _advice(advice: Advice, view: View) -> Advice:
    what = _WORDS.get(advice.what, advice.what)
    return replace(advice, what=what, line=_line(advice, view))


def _line(advice: Advice, view: View) -> str:
    """Return a line of torch that does what one of this package's does; empty for none."""
    line = "" if advice.line.startswith("trainer.") else _OTHERS.get(advice.line, advice.line)
    if "torch." in line or OPTIMIZER in line:
        return line.replace(OPTIMIZER, optimizer_line(view))
    try:
        tree = ast.parse(line).body
    except SyntaxError:
        return ""
    if len(tree) != 1 or not isinstance(tree[0], ast.Assign) or "nn." not in line:
        rate = line.removeprefix("optimizer.lr = ")
        return (
            f'for group in optimizer.param_groups: group["lr"] = {rate}' if rate != line else line
        )
    names, value = tree[0].targets[0], tree[0].value
    parts = value.elts if isinstance(value, ast.Tuple) else [value]
    wanted = names.elts if isinstance(names, ast.Tuple) else [names]
    told = [_told(ast.unparse(name), part, view) for name, part in zip(wanted, parts, strict=True)]
    if not all(told):
        return ""
    if len(told) == 1 and "remake" in line:  # new weights want new moments
        told.append([optimizer_line(view)])
    return "; ".join(statement for statements in told for statement in statements)


def _told(name: str, value: ast.expr, view: View) -> list[str]:
    """Return statements that make what is called `name`."""
    if not isinstance(value, ast.Call):
        return []
    what = ast.unparse(value.func).rpartition(".")[2]
    given = {str(one.arg): one.value for one in value.keywords}
    if what == "remake":
        return _remade(given, view)
    if what in _LOSSES:
        return [f"loss = torch.nn.{_LOSSES[what]}()"]
    if what in ("ClipByGlobalNorm", "ClipByNorm"):
        most = ast.unparse(value.args[0])
        return [f"torch.nn.utils.clip_grad_norm_(model.parameters(), {most})"]
    if name == "optimizer":
        keys = ("lr", "momentum", "weight_decay")
        changed = {key: ast.unparse(given[key]) for key in keys if key in given}
        return [optimizer_line(view, what, **changed)]
    return []


def optimizer_line(view: View, name: str = "", **changed: str) -> str:
    """Return the line that makes the run's optimizer, or another one, with settings `changed`."""
    text = view.text("optimizer")
    own, _, settings = text.partition("(")
    told = (
        [one for one in settings.removesuffix(")").split(", ") if one] if name in ("", own) else []
    )
    kept = [one for one in told if one.partition("=")[0] not in changed]
    told = [*(f"{key}={value}" for key, value in changed.items()), *kept]
    return f"optimizer = torch.optim.{', '.join([f'{name or own}(model.parameters()', *told])})"


def _remade(changes: dict[str, ast.expr], view: View) -> list[str]:
    """Return statements that change a network, and draw its weights anew; none where none can."""
    given = {key: ast.unparse(value).strip("'\"") for key, value in changes.items()}
    hidden = [i for i in view.columns("activation") if view.weights and i < view.weights[-1]]
    behind = view.weights[:-1]
    kind, init = given.get("activation", ""), given.get("init", "")
    swapped = _ACTIVATIONS.get(kind, "")
    if not given.keys() <= _CHANGES or (kind and not swapped) or (init and init not in _INITS):
        return []
    made: list[str] = []
    if kind:
        init = init or init_for(kind).strip('"')
        others = [i for i in hidden if view.kinds[i] != kind]
        bare = [i for i in view.hidden_weights if view.after(i, "activation") is None]
        bare = [i for i in bare if view.roles[i] != "lookup"]
        within = f"torch.nn.Sequential(model.get_submodule(n), torch.nn.{swapped}())"
        swaps = others if bare else hidden
        made += [_each(view, swaps, f"torch.nn.{swapped}()")] if swaps else []
        made += [_each(view, bare, within)] if bare else []
        if not made:
            return []
    if "norm" in given:
        for axes in dict.fromkeys(_axes(view.kinds[i]) for i in behind):
            norm = f"torch.nn.BatchNorm{axes or 1}d(model.get_submodule(n).out_{_WIDTH[axes > 0]})"
            within = f"torch.nn.Sequential(model.get_submodule(n), {norm})"
            made.append(_each(view, [i for i in behind if _axes(view.kinds[i]) == axes], within))
    if "output" in given and view.output_activation:
        last = [i for i in view.columns("activation") if i > view.weights[-1]][-1:]
        made.append(_each(view, last, "torch.nn.Identity()"))
    if "dropout" in given:
        functions = [i for i in view.columns("noise") if view.layers[i].endswith(FUNCTION)]
        each = "for m in model.modules() if isinstance(m, torch.nn.modules.dropout._DropoutNd)]"
        made.append("" if functions else f'[setattr(m, "p", {given["dropout"]}) {each}')
    if not all(made):
        return []
    made.append(_RESET)
    if init in _INITS:
        made.append(_drawn(view, _INITS[init]))
    if given.get("bias_init"):
        made.append(_drawn(view, "zeros_(m.bias)"))
    recurrent = given.get("recurrent_init", "")
    if recurrent:
        each = "[torch.nn.init.orthogonal_(w) for n, p in model.named_parameters()"
        within = 'if "weight_hh" in n for w in p.data.split(p.shape[1])]'
        made.append(f"{each} {within}" if recurrent == "orthogonal" else "")
    for option, cell in _GATED.items():
        if option in given:  # of two biases, which are added up
            gate = "b.data[m.hidden_size : 2 * m.hidden_size]"
            each = f"for m in model.modules() if isinstance(m, torch.nn.{cell})"
            within = 'for n, b in m.named_parameters() if "bias" in n]'
            made.append(f"[{gate}.fill_({float(given[option]) / 2:g}) {each} {within}")
    return made if all(made) else []


def _axes(kind: str) -> int:
    """Return over how many axes a layer of weights slides; 0: it takes all features."""
    found = _SLIDES.fullmatch(kind)
    return int(found[2]) if found else 0


def _drawn(view: View, how: str) -> str:
    """Return a statement that draws the weights of all layers of the kinds that there are."""
    kinds = [found for i in view.weights if (found := _SLIDES.fullmatch(view.kinds[i]))]
    names = ["Conv" + ("Transpose" if one[1] else "") + one[2] + "d" for one in kinds]
    names = [f"torch.nn.{name}" for name in dict.fromkeys(["Linear", *names])]
    of = names[0] if len(names) == 1 else f"({', '.join(names)})"
    return f"model.apply(lambda m: torch.nn.init.{how} if isinstance(m, {of}) else None)"


def _each(view: View, columns: Sequence[int], new: str) -> str:
    """Return a statement that puts `new` in the place of modules n; empty if one is a function."""
    names = list(dict.fromkeys(_module(view, i) for i in columns))
    if any(name.endswith(FUNCTION) for name in names):
        return ""
    return f"[model.set_submodule(n, {new}) for n in {names!r}]"


def _module(view: View, column: int) -> str:
    """Return the name of a layer's module: one that is only a number has its kind behind it."""
    name = view.layers[column].partition("#")[0]
    own = name.removesuffix(f".{view.kinds[column]}")
    return own if own.rpartition(".")[2].isdecimal() else name
