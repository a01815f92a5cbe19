"""A glance at one recorded step: each layer in a few numbers and a word, grouped into bands."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np

from nnscratch.arrays import Array
from nnscratch_records import Record

# A word is a first impression of a single step; `nnscratch.flow.findings` judges whole runs.
SPREAD = 100.0  # gradient norms that far apart train at different speeds
SATURATED = 0.5  # of an activation's outputs at an end where its slope is nearly 0
ZERO = 0.95  # of an activation's outputs
SMALL_UPDATE, LARGE_UPDATE = 1e-6, 1e-1  # of a weight, in one step

WORDS = {
    "not finite": 2,
    "exploding": 2,
    "vanishing": 2,
    "all zero": 2,
    "saturated": 1,
    "mostly zero": 1,
    "large updates": 1,
    "tiny updates": 1,
    "ok": 0,
}


@dataclass(frozen=True)
class Band:
    """Layers next to each other: medians of the numbers, and the word of the worst of them."""

    name: str
    output_std: float
    gradient: float
    least: float
    largest: float
    zeros: float
    saturated: float
    update_ratio: float
    word: str
    severity: int


@dataclass(frozen=True)
class Glance:
    """One step: per layer the numbers of a record, and a word."""

    layers: list[str]
    loss: float
    output_std: Array
    gradient: Array
    zeros: Array
    saturated: Array
    update_ratio: Array
    words: list[str]

    def bands(self, most: int) -> list[Band]:
        """Return the layers in at most `most` bands of about the same number of layers."""
        edges = np.linspace(0, len(self.layers), min(most, len(self.layers)) + 1).round()
        return [self._band(int(start), int(stop)) for start, stop in itertools.pairwise(edges)]

    def _band(self, start: int, stop: int) -> Band:
        worst = max(range(start, stop), key=lambda i: WORDS[self.words[i]])
        word = self.words[worst]
        name = self.layers[start]
        if stop - start > 1:
            name = f"{_short(name)}..{_short(self.layers[stop - 1])}"
            if word != "ok":
                word = f"{word} {self.layers[worst]}"
        gradient = self.gradient[start:stop]
        finite = gradient[np.isfinite(gradient)]
        return Band(
            name,
            _median(self.output_std[start:stop]),
            _median(gradient),
            float(finite.min()) if finite.size else math.nan,
            float(finite.max()) if finite.size else math.nan,
            _median(self.zeros[start:stop]),
            _median(self.saturated[start:stop]),
            _median(self.update_ratio[start:stop]),
            word,
            WORDS[self.words[worst]],
        )

    def scale(self) -> tuple[int, int]:
        """Return the powers of ten between which all gradient norms lie (zeros left out)."""
        seen = self.gradient[np.isfinite(self.gradient) & (self.gradient > 0)]
        if not seen.size:
            return -1, 0
        low, high = math.floor(math.log10(seen.min())), math.ceil(math.log10(seen.max()))
        return low, max(high, low + 1)

    def bar(self, band: Band, width: int, full: str, dot: str) -> str:
        """Return a band's gradient norms on the log scale: from the least to the largest.

        A single layer's bar begins at the left end.
        """
        if not band.largest > 0:
            return dot if band.largest == 0 else "!"
        low, high = self.scale()

        def place(value: float) -> int:
            if value <= 0:
                return 0
            return min(width - 1, int((math.log10(value) - low) / (high - low) * width))

        start = place(band.least) if ".." in band.name else 0
        stop = place(band.largest)
        return dot * start + full * (stop - start + 1)

    def line(self) -> str:
        """Return the step in a line: gradients at both ends, and what is wrong where."""
        text = f"gradient {self.gradient[0]:.1e} (first) to {self.gradient[-1]:.1e} (last)"
        wrong = [word for word in WORDS if word != "ok" and word in self.words]
        for word in wrong[:2]:
            where = [n for n, said in zip(self.layers, self.words, strict=True) if said == word]
            more = f" and {len(where) - 1} more" if len(where) > 1 else ""
            text += f"  {word}: {where[0]}{more}"
        return text


def glance(record: Record, row: int = -1) -> Glance:
    """Return a glance at the step in `row` of a record."""
    layers = [str(name) for name in record["layers"]]
    at = {name: record[name][row] for name in ("output_std", "gradient_norm", "output_zeros")}
    low, high = record["saturated_low"][row], record["saturated_high"][row]
    zeros = at["output_zeros"]
    # The floor of a ReLU is its zeros: told as such.
    ends = np.where(np.isnan(low) | (low == zeros), 0.0, low) + np.nan_to_num(high)
    saturated = np.where(np.isnan(high) & (np.isnan(low) | (low == zeros)), np.nan, ends)
    ratios = _weights_of(record, record["update_ratio"][row])
    bad = record["output_nonfinite"][row] + record["gradient_nonfinite"][row] > 0
    is_activation = record["roles"] == "activation"
    words = [
        _word(
            bool(bad[i]), at["gradient_norm"], i, saturated[i],
            zeros[i] if is_activation[i] else math.nan, ratios[i],
        )
        for i in range(len(layers))
    ]  # fmt: skip
    return Glance(
        layers,
        float(record["loss"][row]),
        at["output_std"],
        at["gradient_norm"],
        np.where(is_activation, zeros, np.nan),
        saturated,
        ratios,
        words,
    )


def _short(layer: str) -> str:
    """Return a layer's number where its name has one, else the name."""
    number, dot, _ = layer.rpartition(".")
    return number if dot and number.replace(".", "").isdecimal() else layer


def _word(bad: bool, gradients: Array, i: int, saturated: float, zeros: float, ratio: float) -> str:
    if bad:
        return "not finite"
    gradient, last = gradients[i], gradients[-1]
    if zeros == 1:
        return "all zero"
    if gradient > SPREAD * last:
        return "exploding"
    if gradient < last / SPREAD:
        return "vanishing"
    if saturated > SATURATED:
        return "saturated"
    if zeros > ZERO:
        return "mostly zero"
    if ratio > LARGE_UPDATE:
        return "large updates"
    if ratio < SMALL_UPDATE:
        return "tiny updates"
    return "ok"


def _weights_of(record: Record, ratios: Array) -> Array:
    """Return the ratio of each layer's first parameter, its weights; NaN without one."""
    made = np.full(len(record["layers"]), math.nan)
    owners = record["param_layers"]
    for owner in set(owners[owners >= 0].tolist()):
        made[owner] = ratios[np.argmax(owners == owner)]
    return made


def _median(values: Array) -> float:
    known = values[~np.isnan(values)]
    return float(np.median(known)) if known.size else math.nan
