"""Widths: the spread over draws of a ReLU network's signal depends on them through beta alone."""

from __future__ import annotations

import numpy as np

from nnscratch.arrays import Array
from nnscratch.experiments.claims.claim import Claim, Measured, Quantity, Trial, Verdict
from nnscratch.experiments.claims.pictures import Picture, interval_rows, seed_lines

_NEAR = 0.25  # variances within a quarter of 5 beta

# All with beta = sum 1/n = 0.4, but the last: as many units and layers as the second, beta 0.62.
SHAPES: dict[str, tuple[int, ...]] = {
    "20 layers x 50": (50,) * 20,
    "10 layers x 25": (25,) * 10,
    "10 x 100, then 6 x 20": (100,) * 10 + (20,) * 6,
    "uneven: 10 and 40 in turn": (10, 40) * 5,
}


def beta(widths: tuple[int, ...]) -> float:
    """Return ``sum 1 / n``."""
    return sum(1 / n for n in widths)


def run(trial: Trial) -> Measured:
    draws = trial["draws"]
    quantities, samples = {}, {}
    for name, widths in trial.over(list(SHAPES.items())):
        logs = [_log_squares(widths, draws, seed) for seed in trial["seeds"]]
        b = beta(widths)
        variance = [float(one.var(ddof=1)) for one in logs]
        quantities[name] = Quantity(
            f"variance of ln |h|^2, {name} (beta {b:.2f})", variance, 5 * b, "5 beta"
        )
        mean = [float(one.mean()) for one in logs]
        quantities[f"mean {name}"] = Quantity(
            f"mean of ln |h|^2, {name}", mean, -2.5 * b, "-2.5 beta"
        )
        edges = np.linspace(-9, 5, 29)
        samples[name] = (np.histogram(np.concatenate(logs), edges, density=True)[0]).tolist()
    return Measured(quantities, {"density": samples})


def _log_squares(widths: tuple[int, ...], draws: int, seed: int) -> Array:
    """Return ln of the mean square of the last layer, for one input of mean square 1.

    ``draws`` independent networks at once: each layer multiplies each network's own vector by its
    own Gaussian matrix of He's variance, so only the result's distribution is drawn: given h, the
    n pre-activations are independent with variance ``2 |h|^2 / n_in``.
    """
    rng = np.random.default_rng(seed)
    square = np.ones(draws)  # mean square of h
    for n in widths:
        z = rng.standard_normal((draws, n)) * np.sqrt(2 * square)[:, None]
        square = np.mean(np.maximum(z, 0) ** 2, axis=1)
    # Where every unit of a layer is silent nothing is left: 2^-n of the draws, left out.
    return np.log(square[square > 0])


def verdict(measured: Measured) -> Verdict:
    rows = {name: measured[name] for name in SHAPES}
    said = "; ".join(
        f"{name}: {row.mean:.2f} for {5 * beta(SHAPES[name]):.2f}" for name, row in rows.items()
    )
    said = f"variance of ln |h|^2 for 5 beta: {said}"
    same = [rows[name].interval for name in list(SHAPES)[:3]]
    uneven, even = rows["uneven: 10 and 40 in turn"].interval, rows["10 layers x 25"].interval
    expected = [5 * beta(widths) for widths in SHAPES.values()]
    near = [
        row.interval.within(v * (1 - _NEAR), v * (1 + _NEAR))
        for row, v in zip(rows.values(), expected, strict=True)
    ]
    alike = max(one.mean for one in same) < (1 + _NEAR) * min(one.mean for one in same)
    if not alike or uneven.high < even.low:
        return Verdict.fails(said)
    if all(near) and uneven.low > even.high:
        return Verdict.holds(f"{said}. Uneven widths spread more than even ones of as many units")
    if uneven.low > even.high:
        narrow = [name for name, ok in zip(rows, near, strict=True) if not ok]
        return Verdict.with_condition(
            f"{said}. 5 beta is too little for such narrow layers: {narrow[0]}"
        )
    return Verdict.unchecked(f"{said}; too wide intervals")


def picture(measured: Measured) -> Picture:
    edges = np.linspace(-9, 5, 29)
    return Picture(
        interval_rows(
            {f"{name} (beta {beta(w):.2f})": measured[name] for name, w in SHAPES.items()},
            xlabel="variance over draws of ln |h|^2 (expected: 5 beta)",
            title="Spread of the signal's size over draws",
        ),
        seed_lines(
            measured.curves["density"],
            x=(edges[1:] + edges[:-1]) / 2,
            xlabel="ln |h|^2 at the last layer",
            ylabel="density over draws",
            title="Distribution over draws",
            ylim=(0, 0.45),
        ),
        width=10.5,
    )


WIDTHS = Claim(
    name="widths-beta",
    sentence="How much the size of a ReLU network's signal varies from draw to draw of He's "
    "weights depends on the widths through beta = sum 1/n alone, so that narrow or uneven layers "
    "make initialization a gamble: ln |h|^2 has a variance of about 5 beta.",
    source="Hanin 2018, theorems 1 to 3",
    configuration="ReLU networks of the four shapes below, Gaussian He weights, one input; "
    "{draws} draws of the weights in each of {seeds} groups; before training",
    rule="Holds if the three shapes of equal beta have variances within a factor of "
    f"{1 + _NEAR:g} of each other, all four are within {_NEAR:.0%} of 5 beta (whole intervals), "
    "and uneven widths spread more than even ones with as many units and layers (intervals apart); "
    f"with a condition if only 5 beta is not met; does not hold if equal betas differ more, or "
    "uneven widths spread less.",
    full={"seeds": 20, "draws": 2000},
    quick={"seeds": 8, "draws": 1000},
    run=run,
    verdict=verdict,
    picture=picture,
)
