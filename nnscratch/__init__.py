"""See, predict and cure vanishing and exploding gradients.

A neural-network engine written out by hand: explicit layers, each with its own forward and
backward, on readable NumPy or fast Numba kernels, and a record of the gradient on its way through
them.

>>> import nnscratch as nn
>>> x_train, y_train, x_test, y_test = nn.datasets.digits()
>>> model = nn.Sequential(nn.Dense(64, 100), nn.Sigmoid(), nn.Dense(100, 10))
>>> flow = nn.GradientFlow(model)
>>> trainer = nn.Trainer(model, nn.SoftmaxCrossEntropy(), nn.SGD(lr=0.1))
>>> history = trainer.fit(x_train, y_train, epochs=5, batch_size=50, callbacks=[flow])
>>> figure = flow.plot()
"""

import nnscratch_start.signals  # noqa: F401, I001  (first: Ctrl-C while the rest is imported)
import importlib
from typing import TYPE_CHECKING, Any

from nnscratch import datasets, initializers, layers, losses, optimizers, schedules
from nnscratch.backend import (
    active_kernels,
    flush_subnormals,
    get_num_threads,
    set_num_threads,
    use_kernels,
)
from nnscratch.network.blocks import Bidirectional, Residual
from nnscratch.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from nnscratch.clipping import ClipByGlobalNorm, ClipByNorm, ClipByValue, ClipReport
from nnscratch.datasets.far import only_near
from nnscratch.datasets.standard import Standardizer
from nnscratch.errors import (
    ConfigError,
    DataError,
    DtypeError,
    FileError,
    NnscratchError,
    NonFiniteError,
    ShapeError,
    UnknownNameError,
)
from nnscratch.flow import (
    CsvLog,
    Forensics,
    GradientFlow,
    LayerInfo,
    LiveTable,
    ParamInfo,
    Recorder,
    gradient_by_lag,
    replay_nonfinite,
    through_time,
)
from nnscratch.network.freezing import keep_frozen
from nnscratch.gradcheck import GradientMismatch, check_gradients
from nnscratch.initializers import for_activation, lsuv
from nnscratch.layers.activations import *
from nnscratch.layers.base import *
from nnscratch.layers.batchnorm import *
from nnscratch.layers.dense import *
from nnscratch.layers.dropout import *
from nnscratch.layers.gru import *
from nnscratch.layers.hard import *
from nnscratch.layers.joins import *
from nnscratch.layers.lstm import *
from nnscratch.layers.norms import *
from nnscratch.layers.pooling import *
from nnscratch.layers.rectifiers import *
from nnscratch.layers.rnn import *
from nnscratch.layers.rrelu import *
from nnscratch.layers.softmax import *
from nnscratch.layouts import read_weights, write_weights
from nnscratch.losses import (
    BinaryCrossEntropy,
    CategoricalCrossEntropy,
    Huber,
    MeanAbsoluteError,
    MeanSquaredError,
    SigmoidCrossEntropy,
    SoftmaxCrossEntropy,
)
from nnscratch.network.model import Sequential
from nnscratch.nonfinite import NonFinite, find_nonfinite
from nnscratch.optimizers import SGD, SteepestDescent
from nnscratch.optimizers.adaptive import *
from nnscratch.remaking import remake
from nnscratch.sequences import RandomTruncation
from nnscratch.scores import accuracy, confusion, r2
from nnscratch.training import (
    Callback,
    EarlyStopping,
    Evaluation,
    History,
    Omega,
    Penalty,
    RateTest,
    StepInfo,
    Trainer,
    evaluate,
    find_rate,
)
from nnscratch_records import check_record

if TYPE_CHECKING:
    from nnscratch.curing import Cure, cure
    from nnscratch.flow.export import TensorBoardLog
    from nnscratch.sweeping.sweep import Sweep, sweep
    from nnscratch.theory import predict

    __version__: str
else:
    # What takes as long to import as the engine itself waits until somebody asks for it.
    _LATER = {
        "Cure": "curing",
        "Sweep": "sweeping",
        "TensorBoardLog": "flow.export",
        "cure": "curing",
        "predict": "theory",
        "sweep": "sweeping",
    }

    def __getattr__(name: str) -> Any:
        if name == "__version__":
            globals()[name] = importlib.import_module("importlib.metadata").version(__name__)
        elif name in _LATER:
            room = importlib.import_module(f"{__name__}.{_LATER[name]}")
            globals()[name] = getattr(room, name)
        elif name in _LATER.values():
            importlib.import_module(f"{__name__}.{name}")
        else:
            said = f"module {__name__!r} has no attribute {name!r}"
            if not name.startswith("_"):  # which a person types; others only ask
                said += importlib.import_module(f"{__name__}.elsewhere").hint(name, __all__)
            raise AttributeError(said)
        return globals()[name]

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})


__all__ = [
    "SGD",
    "Bidirectional",
    "BinaryCrossEntropy",
    "Callback",
    "CategoricalCrossEntropy",
    "Checkpoint",
    "ClipByGlobalNorm",
    "ClipByNorm",
    "ClipByValue",
    "ClipReport",
    "ConfigError",
    "CsvLog",
    "Cure",
    "DataError",
    "DtypeError",
    "EarlyStopping",
    "Evaluation",
    "FileError",
    "Forensics",
    "GradientFlow",
    "GradientMismatch",
    "History",
    "Huber",
    "LayerInfo",
    "LiveTable",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "NnscratchError",
    "NonFinite",
    "NonFiniteError",
    "Omega",
    "ParamInfo",
    "Penalty",
    "RandomTruncation",
    "RateTest",
    "Recorder",
    "Residual",
    "Sequential",
    "ShapeError",
    "SigmoidCrossEntropy",
    "SoftmaxCrossEntropy",
    "Standardizer",
    "SteepestDescent",
    "StepInfo",
    "Sweep",
    "TensorBoardLog",
    "Trainer",
    "UnknownNameError",
    "__version__",
    "accuracy",
    "active_kernels",
    "check_gradients",
    "check_record",
    "confusion",
    "cure",
    "datasets",
    "evaluate",
    "find_nonfinite",
    "find_rate",
    "flush_subnormals",
    "for_activation",
    "get_num_threads",
    "gradient_by_lag",
    "initializers",
    "keep_frozen",
    "layers",
    "load_checkpoint",
    "losses",
    "lsuv",
    "only_near",
    "optimizers",
    "predict",
    "r2",
    "read_weights",
    "remake",
    "replay_nonfinite",
    "save_checkpoint",
    "schedules",
    "set_num_threads",
    "sweep",
    "through_time",
    "use_kernels",
    "write_weights",
]
# Files of layers and of adaptive optimizers say what they give.
__all__ += [name for name in (*layers.__all__, *optimizers.__all__) if name in globals()]
__all__ = sorted(set(__all__))
