"""What records hold by layer or by parameter, how it is named, and how a newcomer reads it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Quantity:
    """A recorded quantity: `over` names the axis beside the steps.

    `scale` is "log", or "fraction" for what lies from 0 to 1. A `signed` quantity is drawn as its
    magnitude, and its names say so.
    """

    title: str
    axis: str
    short: str
    over: str = "layers"
    reading: str = ""
    scale: str = "log"
    signed: bool = False


def _of_tensor(name: str, symbol: str, title: str) -> dict[str, Quantity]:
    key = name.split("_")[0]
    return {
        f"{name}_mean": Quantity(
            f"{title}: magnitude of the mean",
            f"|mean of the {name}|",
            f"|mean {symbol}|",
            signed=True,
        ),
        f"{name}_std": Quantity(
            f"{title}: standard deviation", f"standard deviation of the {name}", f"sd of {symbol}"
        ),
        f"{name}_max": Quantity(
            f"{title}: largest magnitude", f"largest |{name}|", f"max |{symbol}|"
        ),
        f"{name}_zeros": Quantity(
            f"{title}: fraction of zeros",
            f"fraction of {key}s that are 0",
            "zeros",
            scale="fraction",
        ),
        f"{name}_nonfinite": Quantity(
            f"{title}: components not finite", f"{key}s that are NaN or infinite", "not finite"
        ),
    }


QUANTITIES: dict[str, Quantity] = {
    "gradient_norm": Quantity(
        title="Back-propagated gradient",
        axis="norm of the back-propagated gradient, ‖∂L/∂y‖",
        short="‖∂L/∂y‖",
        reading="a level line means that every layer receives a gradient of similar size; one that "
        "falls towards the input (left) shows a vanishing gradient, one that rises towards it an "
        "exploding gradient",
    ),
    "param_gradient_norm": Quantity(
        title="Weight gradient",
        axis="norm of the weight gradient, ‖∂L/∂W‖",
        short="‖∂L/∂W‖",
        over="params",
        reading="layers where a line lies low are taught little, and a steep line means that some "
        "layers learn far faster than others; a level line alone does not prove a healthy network, "
        "so look at the back-propagated gradient too",
    ),
    "output_norm": Quantity(
        title="Forward signal",
        axis="norm of the output, ‖y‖",
        short="‖y‖",
        reading="a level line means that the signal keeps its size on its way through the layers; "
        "one that falls to the right dies out, one that rises to the right blows up",
    ),
    "param_norm": Quantity(
        title="Weights", axis="norm of the weights, ‖W‖", short="‖W‖", over="params"
    ),
    "param_mean": Quantity(
        title="Weights: magnitude of the mean",
        axis="|mean of the weights|",
        short="|mean W|",
        over="params",
        signed=True,
    ),
    "param_update_norm": Quantity(
        title="Update", axis="norm of the update, ‖ΔW‖", short="‖ΔW‖", over="params"
    ),
    "update_ratio": Quantity(
        title="Update-to-weight ratio",
        axis="update-to-weight ratio, ‖ΔW‖ / ‖W‖",
        short="‖ΔW‖ / ‖W‖",
        over="params",
        reading="healthy training moves the weights by about a thousandth per step (the line at "
        "0.001); inside the shaded band from 0.0001 to 0.01 is fine, below it a layer hardly "
        "learns, above it each step overwrites what was learnt",
    ),
    "param_nonfinite": Quantity(
        title="Weights that are not finite",
        axis="weights that are NaN or infinite",
        short="not finite",
        over="params",
    ),
    "param_gradient_nonfinite": Quantity(
        title="Weight gradients that are not finite",
        axis="weight gradients that are NaN or infinite",
        short="not finite",
        over="params",
    ),
    "saturated_low": Quantity(
        title="Outputs at the low end",
        axis="fraction of outputs at the low end",
        short="saturated low",
        scale="fraction",
    ),
    "saturated_high": Quantity(
        title="Outputs at the high end",
        axis="fraction of outputs at the high end",
        short="saturated high",
        scale="fraction",
    ),
    "batchnorm_mean_gap": Quantity(
        title="Batch norm: batch mean against running mean",
        axis="gap of the means, in standard deviations",
        short="mean gap",
        over="batchnorm_layers",
        reading="far below 1: batches resemble the statistics that will be used for prediction; "
        "near or above 1: prediction sees other numbers than training did",
    ),
    "batchnorm_variance_ratio": Quantity(
        title="Batch norm: batch variance over running variance",
        axis="batch variance / running variance",
        short="variance ratio",
        over="batchnorm_layers",
        reading="at 1 the running variance fits the batches",
    ),
    "batchnorm_scale": Quantity(
        title="Batch norm: scale on the gradient",
        axis="scale |gamma / sigma|",
        short="|gamma / sigma|",
        over="batchnorm_layers",
        reading="the factor by which the layer multiplies signal and gradient: above 1 it "
        "amplifies the gradient, below 1 it damps it",
    ),
    "batchnorm_scale_max": Quantity(
        title="Batch norm: largest scale of a unit",
        axis="largest |gamma / sigma|",
        short="max |gamma / sigma|",
        over="batchnorm_layers",
    ),
    **_of_tensor("output", "y", "Output"),
    **_of_tensor("gradient", "∂L/∂y", "Back-propagated gradient"),
}


def quantity_named(name: str) -> Quantity:
    """The quantity of that name; ValueError with the known names otherwise."""
    if name not in QUANTITIES:
        known = ", ".join(repr(known) for known in QUANTITIES)
        raise ValueError(f"quantity must be one of {known}, got {name!r}")
    return QUANTITIES[name]
