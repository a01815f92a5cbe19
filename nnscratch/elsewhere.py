"""What a name that is not here was meant to be: mistyped, or as another framework has it."""

from __future__ import annotations

from collections.abc import Sequence

from nnscratch_records.errors import closest

_OURS = {
    "linear": "Dense",
    "batchnorm1d": "BatchNorm",
    "batchnormalization": "BatchNorm",
    "layernormalization": "LayerNorm",
    "simplernn": "RNN",
    "swish": "SiLU",
    "crossentropyloss": "SoftmaxCrossEntropy",
    "sparsecategoricalcrossentropy": "SoftmaxCrossEntropy",
    "bcewithlogitsloss": "SigmoidCrossEntropy",
    "bceloss": "BinaryCrossEntropy",
    "mse": "MeanSquaredError",
    "mseloss": "MeanSquaredError",
    "mae": "MeanAbsoluteError",
    "l1loss": "MeanAbsoluteError",
    "huberloss": "Huber",
    "smoothl1loss": "Huber",
}
_WATCHED = ("conv", "maxpool", "avgpool", "embedding", "multihead", "attention", "transformer")


def hint(name: str, known: Sequence[str]) -> str:
    """Return what to write instead of `name`, or nothing where nothing comes close.

    >>> hint("CrossEntropyLoss", ["SoftmaxCrossEntropy"])
    ': that is nn.SoftmaxCrossEntropy here'
    """
    plain = name.lower()
    if plain in _OURS:
        return f": that is nn.{_OURS[plain]} here"
    if plain.startswith(_WATCHED):
        return (
            ": there is no such layer here; a PyTorch network that has one is watched by "
            "nnscratch.pytorch.watch(model, optimizer)"
        )
    near = closest(name, known)
    return f": did you mean {near!r}?" if near else ""
