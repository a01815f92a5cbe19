"""Every public callable with each of its arguments replaced by what it cannot be: refused by an
error of this package, or right.

What is public is asked of the package: a new function or class is tried without being named here.
One whose parameters are called as no other's fails until `RIGHT` says what is right for them.
"""

import inspect
import warnings

import numpy as np
import pytest

import nnscratch as nn
from nnscratch import datasets, flow, initializers, layers, losses, optimizers, schedules
from nnscratch.errors import shown

RNG = np.random.default_rng(0)
X = RNG.standard_normal((12, 4)).astype(np.float32)
Y = np.arange(12) % 3
SEQUENCES = RNG.standard_normal((12, 5, 4)).astype(np.float32)
LOSS = nn.SoftmaxCrossEntropy()
HUGE = 10**5000  # which Python does not even print
FOREIGN = (
    *(None, "text", "", "a\0b", "\ud800", b"bytes", object(), int, lambda *given: None),
    *([], {}, (), set(), [None], ["text"], {"text": 1}, range(3)),
    *(-1, 0, 2.5, float("nan"), float("inf"), True, HUGE, -HUGE, 1j, np.float64(3)),
    *(np.zeros(3), np.zeros((2, 2, 2)), np.zeros(0), np.array(None), np.array(["a"])),
    np.array([{}]),
)
ENDLESS = ("epochs", "steps", "max_tries", "tries", "patience")  # where as many as you like will do


def model():
    return nn.Sequential(nn.Dense(4, 5), nn.Tanh(), nn.Dense(5, 3), seed=0)


def trainer():
    made = nn.Trainer(model(), LOSS, nn.SGD(lr=0.1))
    made.fit(X, Y, epochs=1, batch_size=6, progress=False)
    return made


def recorded():
    made = nn.Trainer(model(), LOSS, nn.SGD(lr=0.1))
    watched = nn.GradientFlow(made.model)
    made.fit(X, Y, epochs=1, batch_size=6, callbacks=[watched], progress=False)
    return watched


def in_time():
    made = nn.Sequential(nn.RNN(4, 5), nn.LastStep(), nn.Dense(5, 3), seed=0)
    made.trace(SEQUENCES, Y, LOSS)
    return made


def lstm():
    return nn.LSTM(4, 3).initialize(0)


def recorder():
    infos = [
        nn.LayerInfo("dense", "dense", 3, role="weights"),
        nn.LayerInfo("relu", "relu", 3, role="activation"),
        nn.LayerInfo("norm", "norm", 3, role="norm", by_batch=True),
        nn.LayerInfo("rnn", "rnn", 3, role="recurrent"),
    ]
    made = nn.Recorder(infos, [nn.ParamInfo("dense.weight", "dense", "weight", (4, 3))])
    made.input(X)
    return made


# What is right for parameters of these names; of a function, what it returns.
RIGHT = {
    **dict.fromkeys(("n_in", "n_out", "features", "features_in", "n", "steps", "every", "last"), 3),
    **dict.fromkeys(("lr", "threshold", "max_norm", "initial", "final", "factor"), 0.1),
    **dict.fromkeys(("std", "mean", "low", "rate", "value", "probability", "schedule"), 0.1),
    **dict.fromkeys(("examples", "length", "blanks"), 12),
    **dict.fromkeys(("model", "old", "new"), model),
    **dict.fromkeys(("folder", "path", "table"), "written.npz"),
    "x": X,
    "y": Y,
    "loss": LOSS,
    "seed": 0,
    "batch_size": 6,
    "epochs": 1,
    "high": 1.0,
    "outputs": X[:, :3],
    "labels": Y,
    "predictions": X[:, :1],
    "targets": X[:, 1:2],
    "names": {},
    "kind": "dense",
    "layout": "pytorch",
    "norm": "l2",
    "array": X,
    "classes": 3,
    "shape": (3, 4),
    "initializer": "zeros",
    "role": "weights",
    "g": X,
    "parts": nn.Dense(4, 3),
    "layer": lstm,
    "trainer": trainer,
    "flow": recorded,
    "source": b"idx",
    "scale": 1.0,
    "target": model,
    "step": 0,
    "record": lambda: recorded().to_dict(),
    "optimizer": lambda: nn.SGD(lr=0.1),
    "rng": lambda: np.random.default_rng(0),
    "weights": lambda: nn.write_weights(lstm(), "pytorch"),
    "layers": lambda: [nn.LayerInfo("dense", "dense", 3, role="weights")],
    "infos": lambda: [nn.LayerInfo("dense", "dense", 3, role="weights")],
}
# The same for parameters of one callable.
OWN = {
    "activation": {"name": "relu"},
    "for_activation": {"name": "relu"},
    "optimizer": {"name": "sgd"},
    "load": {"name": "digits"},
    "LayerInfo": {"name": "0.dense"},
    "ParamInfo": {"name": "0.weight", "layer": "0.dense", "role": "weight"},
    "through_time": {"model": in_time},
    "gradient_by_lag": {"model": in_time},
    "find_nonfinite": {"model": in_time},
    "check_gradients": {
        "target": lambda: nn.Sequential(nn.Dense(4, 3), dtype=np.float64),
        "x": X.astype(np.float64),
    },
}
# What others make, and what is tried elsewhere or is for the whole process.
LEFT_OUT = {
    *("Attribution", "ClipReport", "Cure", "Evaluation", "LSUVResult", "NonFinite", "RateTest"),
    *("Reading", "Replay", "StepInfo", "Sweep", "ThroughTime", "set_num_threads", "use_kernels"),
    *("Layer", "Loss", "Optimizer", "Initializer", "cure", "sweep", "mnist", "Callback"),
}
ARRAYS = {"params": lambda: model().params, "grads": lambda: model().grads}
# Methods that people call: of what they are, and what is right for their parameters.
METHODS = (
    (
        "forward training_pass trace predict freeze unfreeze output_shape captured backward "
        "save_weights load_weights set_noise_state",
        model,
        {"names": "0.dense", "given": (6, 4), "states": [], "dlogits": X[:, :3]},
    ),
    ("forward training_pass", in_time, {"x": SEQUENCES}),
    ("fit resume evaluate stop", trainer, {"validation": (X, Y)}),
    ("record plot report save remark attached", recorded, {"loss": 1.0, "text": "so"}),
    (
        "input output gradient param answers clipped batchnorm recurrent census end_step",
        recorder,
        {
            "layer": "dense",
            "y": X[:, :3],
            "dy": X[:, :3],
            "name": "dense.weight",
            "values": X[:4, :3],
            "before": 1.0,
            "after": 1.0,
            "outputs": X[:, :3],
            **dict.fromkeys(("mean", "variance", "running_mean", "running_variance"), np.ones(3)),
            **dict.fromkeys(("hidden_gradient", "upstream"), SEQUENCES[..., :3]),
            **dict.fromkeys(("weight", "weight_gradient"), X[:3, :3]),
            "gates": None,
        },
    ),
    ("__call__ undo", lambda: nn.Standardizer(X), {"z": X}),
    ("initialize", lambda: nn.Dense(4, 3), {}),
    ("step load_state_dict", lambda: nn.Adam(lr=0.1), {"state": {}, **ARRAYS}),
    ("clip", lambda: nn.ClipByNorm(1.0), ARRAYS),
    ("add", lambda: nn.Penalty(l2=0.1), {}),
    ("add", nn.Omega, {}),
    ("between", lambda: nn.through_time(in_time()), {}),
    ("at_least", lambda: recorded().findings(), {"severity": "serious"}),
    ("between", lambda: recorded().attribution(), {"lower": "0.dense", "upper": "2.dense"}),
)


def functions():
    """Yield every public function and class with its name, and what makes it."""
    seen = set()
    for room in (nn, datasets, flow, initializers, layers, losses, optimizers, schedules):
        for name in getattr(room, "__all__", vars(room)):
            thing = getattr(room, name)
            ours = callable(thing) and str(getattr(thing, "__module__", "")).startswith("nnscratch")
            error = inspect.isclass(thing) and issubclass(thing, BaseException)
            if ours and not error and not name.startswith(("_", "require_")) and thing not in seen:
                seen.add(thing)
                yield name, (lambda thing=thing: thing), OWN.get(name, {})


def methods():
    for names, make, own in METHODS:
        for name in names.split():
            yield name, (lambda make=make, name=name: getattr(make(), name)), own


def parameters(thing):
    try:
        return inspect.signature(thing).parameters.values()
    except ValueError:  # no signature
        return []


def value_of(name, own):
    value = {**RIGHT, **own}[name]
    return value() if inspect.isfunction(value) else value


def said(make, given):
    """Return what is wrong with how a call ends."""
    thing, several = make(), given.pop("*", ())
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            thing(*several, **given)
    except nn.NnscratchError as error:
        told = str(error)
        return "" if told and len(told) < 4000 else f"says {told[:100]!r} ..."
    except Exception as error:
        trace = error.__traceback__
        if isinstance(error, TypeError) and trace.tb_next is None:
            return ""  # Python's own, for a parameter that is missing
        while trace.tb_next:
            trace = trace.tb_next
        where = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
        return f"{type(error).__name__}: {error!s:.150} ({where})"
    return ""


def required(make):
    kinds = inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL
    return [
        one.name for one in parameters(make()) if one.default is one.empty and one.kind not in kinds
    ]


def wrong(name, make, own):
    """Yield what is wrong with a call, with every parameter replaced by everything foreign."""
    needed = required(make)
    for one in parameters(make()):
        several = one.kind is one.VAR_POSITIONAL
        for value in () if one.kind is one.VAR_KEYWORD else FOREIGN:
            if one.name in ENDLESS and value is HUGE:
                continue
            given = {name: value_of(name, own) for name in needed}
            found = said(make, given | ({"*": (value,)} if several else {one.name: value}))
            if found:
                yield f"{name}({one.name}={shown(value)}): {found}"


PUBLIC = [pytest.param(*one, id=one[0]) for one in functions() if one[0] not in LEFT_OUT]
CALLED = [pytest.param(*one, id=f"{i} {one[0]}") for i, one in enumerate(methods())]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "make", "own"), [*PUBLIC, *CALLED])
def test_what_an_argument_cannot_be_is_refused(name, make, own, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    unknown = [one for one in required(make) if one not in RIGHT | own]
    assert not unknown, f"say in RIGHT what is right for {', '.join(unknown)} of {name}"
    found = list(wrong(name, make, own))
    assert not found, "\n".join(found)
