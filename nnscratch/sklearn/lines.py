"""Findings of an estimator, whose lines of Python are those of scikit-learn."""

from __future__ import annotations

import ast
import math
import re
from dataclasses import dataclass, replace
from typing import Any

from nnscratch.flow.findings import Advice, Finding, Findings
from nnscratch.flow.findings.cures import (
    STANDARDISE_BOTH,
    STANDARDISE_INPUTS,
    STANDARDISE_TARGETS,
)

_SCALER = "from sklearn.preprocessing import StandardScaler"
_PIPELINE = f"from sklearn.pipeline import make_pipeline; {_SCALER}"
_TARGETS = f"from sklearn.compose import TransformedTargetRegressor; {_SCALER}"
_SCALED = "make_pipeline(StandardScaler(), estimator)"
_TAKEN_BACK = "TransformedTargetRegressor({}, transformer=StandardScaler())"
_LINES = {
    STANDARDISE_INPUTS.line: f"{_PIPELINE}; estimator = {_SCALED}",
    STANDARDISE_TARGETS.line: f"{_TARGETS}; estimator = {_TAKEN_BACK.format('estimator')}",
    STANDARDISE_BOTH.line: f"{_PIPELINE}; {_TARGETS.partition(';')[0]}; "
    f"estimator = {_TAKEN_BACK.format(_SCALED)}",
}
_ANEW = "; model, optimizer = nn.remake(model)"
_FOR_MORE = "; model, optimizer = nn.remake(model, inputs="
_ADAPTED = {"activation": "activation", "init": "init", "norm": "batchnorm"}  # of `remake`
_FITS = re.compile(r"trainer\.fit\(x, y, epochs=\d+, max_steps=(\d+), batch_size=(\d+)\)")
_OWN = (
    "model",
    "optimizer",
    "trainer",
    "loss",
    "callbacks",
)  # what stands in no estimator's script


@dataclass(frozen=True)
class Setting:
    """How an estimator was made, as far as its lines depend on it.

    Attributes
    ----------
    hidden : units of its hidden layers; None where `build` says what the network is
    optimizer : the name it was given, None for an optimizer of one's own
    made : the optimizer, as Python
    batch_size : of the batches that were made, as many as there are examples at most
    epochs : as for the estimator
    steps : how many steps an epoch has
    """

    hidden: tuple[int, ...] | None
    optimizer: str | None
    made: str
    batch_size: int
    epochs: int
    steps: int


def in_sklearn(found: Findings, setting: Setting) -> Findings:
    """Return findings with lines that can be pasted beside ``estimator = NeuralClassifier(...)``.

    What cannot be done to an estimator keeps its words, and has no line.
    """
    return replace(found, findings=tuple(_told(one, setting) for one in found))


def _told(one: Finding, setting: Setting) -> Finding:
    return replace(one, advice=tuple(_advice(advice, setting) for advice in one.advice))


def _advice(advice: Advice, setting: Setting) -> Advice:
    return replace(advice, line=_line(advice.line, setting))


def _line(line: str, s: Setting) -> str:
    """Return the line that does to an estimator what one does to a network of one's own."""
    line = line.partition(_ANEW)[0].partition(_FOR_MORE)[0]  # a fit begins anew
    if line in _LINES:
        return _LINES[line]
    for scaling, told in reversed(_LINES.items()):
        if line.startswith(f"{scaling}; model"):  # and another change
            first = _line(line.removeprefix(f"{scaling}; "), s)
            return f"{first}; {told}" if first else ""
    if fits := _FITS.fullmatch(line):
        return _longer(int(fits[1]), int(fits[2]), s)
    if line == "callbacks = [nn.EarlyStopping()]":
        return _set(early_stopping=True)
    if line.startswith("callbacks = "):
        return f"estimator.set_params({line.replace(' = ', '=', 1)})"
    try:
        tree = ast.parse(line).body
    except SyntaxError:
        return ""
    if len(tree) == 1 and isinstance(tree[0], ast.Assign):
        target, value = tree[0].targets[0], tree[0].value
        names = target.elts if isinstance(target, ast.Tuple) else [target]
        values = value.elts if isinstance(value, ast.Tuple) else [value]
        wanted = [ast.unparse(name) for name in names]
        if {name.partition(".")[0] for name in wanted} <= {"model", "optimizer", "loss"}:
            return _changed(dict(zip(wanted, values, strict=True)), s)
    named = {node.id for node in ast.walk(ast.parse(line)) if isinstance(node, ast.Name)}
    return "" if named & set(_OWN) else line


def _changed(made: dict[str, ast.expr], s: Setting) -> str:
    """Return the call that sets what is made anew: the network, its optimizer, its loss."""
    settings: dict[str, str] = {}
    if "model" in made:
        network = _network(made["model"], s)
        if network is None:
            return ""
        settings |= network
    if "loss" in made:
        settings["loss"] = ast.unparse(made["loss"])
    if "optimizer.lr" in made:
        if s.optimizer is None:
            return ""
        settings["lr"] = ast.unparse(made["optimizer.lr"])
    if "optimizer.clip" in made:
        clip = f"clip={ast.unparse(made['optimizer.clip'])}"
        settings["optimizer"] = re.sub(r"\)$", f", {clip})", re.sub(r", clip=.*", ")", s.made))
    if "optimizer" in made:
        settings |= _optimizer(ast.unparse(made["optimizer"]), s)
    told = ", ".join(f"{name}={value}" for name, value in settings.items())
    return f"estimator.set_params({told})" if told else "estimator.fit(x, y)"


def _network(value: ast.expr, s: Setting) -> dict[str, str] | None:
    """Return the settings that make what `remake` would; None where none do."""
    if not (isinstance(value, ast.Call) and ast.unparse(value.func) == "nn.remake") or not s.hidden:
        return None
    settings = {}
    for one in value.keywords:
        name, text = str(one.arg), ast.unparse(one.value)
        if name == "width":
            least = int(text)
            settings["hidden"] = repr(tuple(max(units, least) for units in s.hidden))
        elif name in _ADAPTED:
            settings[_ADAPTED[name]] = text
        else:
            return None
    return settings


def _optimizer(text: str, s: Setting) -> dict[str, str]:
    """Return what has to be set for an optimizer, nothing where it is what it was."""
    if text == s.made:
        return {}
    rate = re.fullmatch(r"nn\.(\w+)\(lr=([^,()]+)\)", text)
    if rate is None or s.optimizer is None:
        return {"optimizer": text}
    same = s.made.partition("(")[0] == f"nn.{rate[1]}"
    named = {} if same else {"optimizer": repr(rate[1].lower())}
    return named | {"lr": rate[2]}


def _longer(steps: int, batch_size: int, s: Setting) -> str:
    """Return for how many epochs to train in all, with what batches."""
    if batch_size != s.batch_size:
        return _set(batch_size=batch_size)
    return _set(epochs=s.epochs + math.ceil(steps / max(1, s.steps)))


def _set(**settings: Any) -> str:
    return f"estimator.set_params({', '.join(f'{k}={v!r}' for k, v in settings.items())})"
