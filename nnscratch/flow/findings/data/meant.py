"""What numbers mean: names of things, classes, the value that a series had last."""

from __future__ import annotations

import math

from nnscratch.flow.columns import SURE_KINDS
from nnscratch.flow.findings.cures import remade
from nnscratch.flow.findings.finding import Advice, Finding
from nnscratch.flow.findings.graph import EXPLAINS
from nnscratch.flow.findings.optimizer import fresh
from nnscratch.flow.findings.progress import ENOUGH
from nnscratch.flow.findings.view import View
from nnscratch_records.words import number, percent

IN_ORDER = 0.35  # how far distances go with the numbers: further, and they may be a measure
MORE = 0.2  # of the answers' variance that names tell, and the run has not learned
EASY = 0.5  # of the way down, by handing the last value on: less, and it says little


def find(view: View) -> list[Finding]:
    """Return what is taken for a measure and is a name, and a forecast that is no better than the
    last value.
    """
    return [*_codes(view), *_classes(view), *_naive(view)]


def _codes(view: View) -> list[Finding]:
    """Inputs that number things in no order."""
    told, p = view.latest("codes_told"), view.progress
    columns = [view.latest(f"codes_{of}") for of in ("one", "other")]
    columns = [int(one) for one in columns if math.isfinite(one)]
    # What others tell of inputs as they are is no measure for what their names would tell.
    if not told > 0 or not columns or (p.learned and not told > p.share + MORE):
        return []
    which = " and ".join(map(str, columns))
    several = len(columns) > 1
    parts = f"[x[:, [j]] == np.unique(x[:, j]) for j in {columns}]"
    line = f"parts = {parts}; x = np.hstack([np.delete(x, {columns}, axis=1), *parts])"
    made = remade(view, "", "inputs=x.shape[1]").line
    return [
        Finding(
            "category codes",
            view.harm,
            view.layers[:1],
            view.first_step,
            f"Input{'s' if several else ''} {which} number{'' if several else 's'} things in no "
            f"order: examples with the same number have much in common ({percent(told)} of the "
            f"answers' variance), and those with the next number no more than any others.",
            "A number that is a name - of a user, a shop, a kind - is no measure: from the size of "
            "it a network has to learn every single jump.",
            (
                Advice(
                    "give each of them a column of its own, of zeros and ones (or an embedding)",
                    "" if view.text("framework") else f"{line}.astype(np.float32); {made}",
                ),
            ),
            {"told": told, "column": float(columns[0])},
            EXPLAINS["category codes"],
        )
    ]


def _classes(view: View) -> list[Finding]:
    """Numbers of classes in no order that are learned as numbers."""
    told, order, count = (view.latest(f"kinds_{of}") for of in ("told", "order", "count"))
    p = view.progress
    sure = told >= SURE_KINDS and order < IN_ORDER and math.isfinite(count)
    if p.learned or not sure or p.rows < ENOUGH:
        return []
    return [
        Finding(
            "loss",
            view.harm,
            view.layers[-1:],
            view.first_step,
            f"The answers are {int(count)} whole numbers in no order: of {percent(told)} of the "
            f"examples the nearest other one has the same, and which lie close together has little "
            f"to do with which numbers do (a correlation of {number(order)}).",
            "They look like the numbers of classes. Learned as a measure, what is between two "
            "classes is answered with a third one.",
            (
                Advice(
                    "let the network choose among classes",
                    ""
                    if view.text("framework")
                    else "y = np.unique(y, return_inverse=True)[1].reshape(len(y)); "
                    + remade(
                        view,
                        "",
                        'output="identity", outputs=int(y.max()) + 1',
                        "nn.SoftmaxCrossEntropy()",
                    ).line,
                ),
            ),
            {"told": told, "order": order},
            frozenset({"too few steps", "does not learn", "target scale"}),
        )
    ]


def _naive(view: View) -> list[Finding]:
    """A forecast that is no better than to hand the last value on."""
    naive, column, p = view.latest("loss_naive"), view.latest("naive_column"), view.progress
    if not p.known or not p.constant - naive >= EASY * p.room or p.rows < ENOUGH or not p.learns:
        return []
    if not (p.now - 2 * p.error > naive and math.isfinite(column)):
        return []
    last = f"x.reshape(len(x), -1)[:, [{int(column)}]]"
    line = f"last = {last}; y = y - last; y = y / y.std(axis=0)"
    if view.recurrent:
        line = f"{line}; x = np.diff(x, axis=1) / np.diff(x, axis=1).std(axis=(0, 1))"
    made = "" if view.text("framework") else fresh(view)
    return [
        Finding(
            "naive forecast",
            "notice",
            view.layers[-1:],
            view.first_step,
            f"To hand input {int(column)} on as the answer costs {number(naive, 3)}, and the "
            f"network's loss stands at {number(p.now, 3)}: it is no better than that.",
            "Of a series that moves slowly the value before is nearly the next one; a loss far "
            "below a constant answer's says little then.",
            (
                Advice(
                    "learn by how much the answer differs from it, and add it after prediction",
                    f"{line}; model, optimizer = nn.remake(model), {made}" if made else "",
                ),
            ),
            {"naive": naive, "loss": p.now},
        )
    ]
