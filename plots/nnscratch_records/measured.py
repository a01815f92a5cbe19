"""The fields that are measured at every step: of the step, of tensors, parameters, batch norm."""

from __future__ import annotations

from typing import Any, Final

from nnscratch_records.field import Field
from nnscratch_records.limits import FACTOR, LEAST_UPDATE, MOST_UPDATE, UPDATE

_FRACTION: dict[str, Any] = {"unit": "fraction", "scale": "fraction"}
_CLIP = "; NaN: no clip"


def _step(name: str, meaning: str, **more: Any) -> Field:
    return Field(name=name, axes=("steps",), meaning=meaning, **more)


STEPS: Final = (
    _step("steps", "number of each recorded step, increasing", kind="whole", scale="linear"),
    _step(
        "loss",
        "loss of the batch, before the step's update",
        signed=True,
        title="Training loss",
        axis="training loss",
        short="loss",
        sentence="it should fall and then level off",
    ),
    _step(
        "lr",
        "learning rate of the update; NaN: none was made",
        signed=True,
        title="Learning rate",
        axis="learning rate",
        short="learning rate",
    ),
    _step("batch_size", "examples in the batch", kind="whole", unit="examples", scale="linear"),
    _step(
        "clip_before",
        f"norm of the whole gradient before clipping{_CLIP}",
        title="Gradient before clipping",
        axis="norm of the whole gradient",
        short="before the clip",
        sentence="where the norms before and after part, the clip fired; at every step means that "
        "it has become the learning rate",
    ),
    _step(
        "clip_after",
        f"norm of the whole gradient after clipping{_CLIP}",
        title="Gradient after clipping",
        axis="norm of the whole gradient",
        short="after the clip",
    ),
    _step(
        "clip_fraction",
        f"fraction of its components that clipping changed{_CLIP}",
        title="Clipped components",
        axis="fraction of components that were clipped",
        short="clipped",
        **_FRACTION,
    ),
    _step(
        "clip_cosine",
        f"cosine of the angle between the gradient before and after clipping{_CLIP}",
        signed=True,
        scale="linear",
        title="Direction after clipping",
        axis="cosine of the angle that clipping turned the gradient by",
        short="cosine",
        sentence="at 1 clipping has kept the direction of the gradient",
    ),
)

_FALLING = "keeps its size on its way through the layers is healthy; one that falls from layer to "
_FALLING += "layer dies out, one that grows blows up"
_READING = {
    "gradient_norm": "where all layers receive a gradient of similar size the flow is healthy; it "
    f"vanishes where the first layer receives less than 1/{FACTOR:.0f} of what the last does, and "
    f"explodes where it receives more than {FACTOR:.0f} times as much",
    "output_norm": f"a signal that {_FALLING}",
    "output_std": f"a signal that {_FALLING}",
    "output_zeros": "of ReLU's outputs about half is usual; at 1 nothing passes",
}


def _of_tensor(key: str, axes: tuple[str, ...], what: str, noun: str, y: str) -> tuple[Field, ...]:
    """Return what is measured of one tensor y, `what`, which a title calls `noun`."""

    def measure(name: str, meaning: str, axis: str, short: str, **more: Any) -> Field:
        name = f"{key}_{name}"
        sentence = _READING.get(name, "")
        return Field(
            name=name, axes=axes, meaning=meaning, axis=axis, short=short, sentence=sentence, **more
        )

    title = noun[0].upper() + noun[1:]
    return (
        measure(
            "norm",
            f"Euclidean norm of {what}",
            f"norm of the {noun}, ‖{y}‖",
            f"‖{y}‖",
            title=title,
        ),
        measure(
            "mean",
            f"mean of {what}",
            f"|mean of the {noun}|",
            f"|mean {y}|",
            title=f"{title}: magnitude of the mean",
            signed=True,
        ),
        measure(
            "std",
            f"standard deviation of {what}",
            f"standard deviation of the {noun}",
            f"sd of {y}",
            title=f"{title}: standard deviation",
        ),
        measure(
            "max",
            f"largest finite magnitude of {what}",
            f"largest |{noun}|",
            f"max |{y}|",
            title=f"{title}: largest magnitude",
        ),
        measure(
            "zeros",
            f"fraction of zeros in {what}",
            f"fraction of {key}s that are 0",
            "zeros",
            title=f"{title}: fraction of zeros",
            **_FRACTION,
        ),
        measure(
            "nonfinite",
            f"NaN and infinities in {what}",
            f"{key}s that are NaN or infinite",
            "not finite",
            title=f"{title}: components not finite",
            unit="elements",
        ),
    )


_BY_LAYER = ("steps", "layers")
_DY = "the gradient that arrives at a layer's output, dL/dy"
TENSORS: Final = (
    *_of_tensor("input", ("steps",), "the batch of inputs", "input", "x"),
    *_of_tensor("output", _BY_LAYER, "a layer's output y", "output", "y"),
    *(
        Field(
            name=f"saturated_{end}",
            axes=_BY_LAYER,
            meaning=f"fraction of a layer's outputs at its {end} end; NaN: it has none",
            title=f"Outputs at the {end} end",
            axis=f"fraction of outputs at the {end} end",
            short=f"saturated {end}",
            sentence=f"an activation's outputs at the {end} end of its range ({examples}) pass "
            f"hardly any gradient",
            **_FRACTION,
        )
        for end, examples in (("low", "0 of ReLU, -1 of tanh"), ("high", "1 of sigmoid and tanh"))
    ),
    *_of_tensor("gradient", _BY_LAYER, _DY, "back-propagated gradient", "∂L/∂y"),
)


def _param(name: str, meaning: str, title: str, axis: str, short: str, **more: Any) -> Field:
    axes = ("steps", "params")
    return Field(name=name, axes=axes, meaning=meaning, title=title, axis=axis, short=short, **more)


PARAMS: Final = (
    _param(
        *("param_norm", "Euclidean norm after the step's update"),
        *("Weights", "norm of the weights, ‖W‖", "‖W‖"),
    ),
    _param(
        *("param_mean", "mean after the step's update"),
        *("Weights: magnitude of the mean", "|mean of the weights|", "|mean W|"),
        signed=True,
    ),
    _param(
        *("param_gradient_norm", "norm of the gradient before clipping"),
        *("Weight gradient", "norm of the weight gradient, ‖∂L/∂W‖", "‖∂L/∂W‖"),
        sentence="layers with a small weight gradient are taught little, and where it changes much "
        "from layer to layer some learn far faster than others; that it is even does not prove a "
        "healthy network, so look at the back-propagated gradient too",
    ),
    _param(
        *("param_update_norm", "norm of the change; NaN: no update, as in the next"),
        *("Update", "norm of the update, ‖ΔW‖", "‖ΔW‖"),
    ),
    _param(
        *("update_ratio", "norm of the change over the norm before it"),
        *("Update-to-weight ratio", "update-to-weight ratio, ‖ΔW‖ / ‖W‖", "‖ΔW‖ / ‖W‖"),
        sentence=f"healthy training moves the weights by about {UPDATE:g} of their norm per step; "
        f"{LEAST_UPDATE:g} to {MOST_UPDATE:g} is fine, below it a layer hardly learns, above it "
        "each step overwrites what was learnt",
    ),
    _param(
        *("param_nonfinite", "NaN and infinities after the update"),
        *("Weights that are not finite", "weights that are NaN or infinite", "not finite"),
        unit="elements",
    ),
    _param(
        *("param_gradient_nonfinite", "NaN and infinities in the gradient"),
        "Weight gradients that are not finite",
        *("weight gradients that are NaN or infinite", "not finite"),
        unit="elements",
    ),
)


def _norm(name: str, meaning: str, title: str, axis: str, short: str, **more: Any) -> Field:
    axes = ("steps", "batchnorm_layers")
    title = f"Batch norm: {title}"
    return Field(
        name=f"batchnorm_{name}",
        axes=axes,
        meaning=meaning,
        title=title,
        axis=axis,
        short=short,
        **more,
    )


BATCHNORM: Final = (
    _norm(
        "mean_gap",
        "root mean square of (batch mean - running mean) / running standard deviation",
        "batch mean against running mean",
        *("gap of the means, in standard deviations", "mean gap"),
        unit="standard deviations",
        sentence="far below 1, batches resemble the statistics that will be used for prediction; "
        "near or above 1, prediction sees other numbers than training did",
    ),
    _norm(
        "variance_ratio",
        "geometric mean of batch variance over running variance",
        "batch variance over running variance",
        *("batch variance / running variance", "variance ratio"),
        sentence="at 1 the running variance fits the batches; far from it, prediction sees other "
        "numbers than training did",
    ),
    _norm(
        "scale",
        "root mean square of |gamma| / sigma",
        "scale on the gradient",
        *("scale |gamma / sigma|", "|gamma / sigma|"),
        sentence="the factor by which the layer multiplies signal and gradient: above 1 it "
        "amplifies the gradient, below 1 it damps it",
    ),
    _norm(
        "scale_max",
        "largest |gamma| / sigma",
        "largest scale of a unit",
        *("largest |gamma / sigma|", "max |gamma / sigma|"),
    ),
)
