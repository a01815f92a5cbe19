"""fast.ai's product of a matrix with itself: when float32 can no longer hold it."""

from __future__ import annotations

import math

import numpy as np

from nnscratch.arrays import Array
from nnscratch.experiments.claims.claim import Claim, Measured, Quantity, Trial, Verdict
from nnscratch.experiments.claims.pictures import Picture, seed_lines

FIRST = (28, 29)  # products after which the first infinity is there, as computed
LEFT = (66, 74)  # products after which nothing is left
_DRAWN = 3  # draws in the picture, which look alike
_LARGEST = float(np.finfo(np.float32).max)
_SMALLEST = float(np.finfo(np.float32).smallest_subnormal)


def products(width: int, sd: float, steps: int, seed: int) -> Array:
    """Return the largest number of ``W ... W x`` in float32 after each product with the same W."""
    rng = np.random.default_rng([seed, 2])
    x = rng.standard_normal(width).astype(np.float32)
    weight = (sd * rng.standard_normal((width, width))).astype(np.float32)
    largest = []
    with np.errstate(all="ignore"):
        for _ in range(steps):
            x = weight @ x
            largest.append(float(np.abs(x).max()) if np.isfinite(x).all() else math.inf)
    return np.array(largest)


def run(trial: Trial) -> Measured:
    width, steps = trial["width"], trial["steps"]
    found = [
        (products(width, 1.0, steps, seed), products(width, trial["small"], steps, seed))
        for seed in trial.seeds("draw")
    ]
    large, small = (np.array(part) for part in zip(*found, strict=True))
    first = 1 + np.argmax(np.isinf(large), axis=1)
    gone = np.where((small == 0).any(axis=1), 1 + np.argmax(small == 0, axis=1), np.inf)
    return Measured(
        {
            "first": Quantity("products until the first infinity", first, FIRST, "computed"),
            "gone": Quantity("products until all is 0, small weights", gone, LEFT, "computed"),
        },
        {
            "size": {
                "N(0, 1)": np.where(np.isfinite(large), large, np.nan)[:_DRAWN],
                f"N(0, {trial['small']:g}²)": np.where(small > 0, small, np.nan)[:_DRAWN],
            },
            "expected": [trial["small"] * math.sqrt(width), math.sqrt(width)],
        },
    )


def verdict(measured: Measured) -> Verdict:
    first, gone = (np.array(measured[name].values) for name in ("first", "gone"))
    on_time = np.isin(first, FIRST)
    lost = (gone >= LEFT[0]) & (gone <= LEFT[1])
    said = (
        f"the first infinity comes after {first.min():.0f} to {first.max():.0f} products, after 28 "
        f"or 29 in {on_time.sum()} of {len(first)} draws; with small weights all is 0 after "
        f"{gone.min():.0f} to {gone.max():.0f}"
    )
    if on_time.all() and lost.all():
        return Verdict.holds(said)
    if on_time.mean() > 0.5 and lost.mean() > 0.5:
        return Verdict.with_condition(f"{said}: some draws differ")
    return Verdict.fails(said)


def picture(measured: Measured) -> Picture:
    size = measured.curves["size"]
    steps = len(next(iter(size.values()))[0])
    small, large = measured.curves["expected"]
    across = np.arange(1, steps + 1)
    return Picture(
        seed_lines(
            size,
            expected={
                "√512 = 22.6 a product": np.where(large**across < 1e46, large**across, np.nan),
                "0.226 a product": small**across,
                "largest float32": _LARGEST,
                "smallest float32 above 0": _SMALLEST,
            },
            log=True,
            xlabel="products with the same matrix",
            ylabel="largest number",
            title="A vector multiplied by one 512 x 512 matrix again and again",
            ylim=(1e-48, 1e46),
        )
    )


OVERFLOW = Claim(
    name="repeated-product-overflows",
    sentence="A vector multiplied again and again by one 512 x 512 matrix of N(0, 1) numbers is "
    "infinite in float32 after 28 or 29 products, because each makes it √512 = 22.6 times as "
    "large; with numbers a hundredth as large it is 0 after about 70.",
    source="fast.ai, lesson on initialization (02b_initializing), computed",
    configuration="{width} x {width} matrices, {steps} products in float32, the same matrix each "
    "time, also with a deviation of {small}; {seeds} draws",
    rule=f"Holds if in every draw the first infinity comes after 28 or 29 products and everything "
    f"is 0 after {LEFT[0]} to {LEFT[1]} with small numbers; with a condition if in most; does not "
    "hold otherwise.",
    full={"seeds": 20, "width": 512, "steps": 100, "small": 0.01},
    quick={"seeds": 5},
    run=run,
    verdict=verdict,
    picture=picture,
)
