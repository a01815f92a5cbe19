"""Running claims one after the other: what is done is kept, and not done again."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from nnscratch.errors import ConfigError, DataError, NnscratchError
from nnscratch.experiments.claims import store
from nnscratch.experiments.claims.claim import (
    Claim,
    Data,
    Measured,
    Progress,
    Settings,
    Trial,
    Verdict,
)
from nnscratch.files import make_folder

LEAST_SEEDS = 2

Show = Callable[[Claim, float, str], None]


@dataclass(frozen=True)
class Outcome:
    """A claim and what came of it.

    Attributes
    ----------
    claim : Claim
    settings : mapping
    quick : bool
    measured : Measured or None
        None where the claim was not run, because its data are missing.
    verdict : Verdict
    seconds : float
        What the run took, when it was run.
    kept : bool
        Whether it was read from an earlier run.
    earlier : bool
        Whether that run was of other settings or an earlier version of the program.
    picture : path or None
        Where the picture was written.
    """

    claim: Claim
    settings: Settings
    quick: bool
    measured: Measured | None
    verdict: Verdict
    seconds: float = 0.0
    kept: bool = False
    earlier: bool = False
    picture: Path | None = None


def run_claims(
    claims: Sequence[Claim],
    folder: Path,
    data: Data,
    *,
    quick: bool = False,
    seeds: Sequence[int] | None = None,
    fresh: bool = False,
    only: Collection[str] | None = None,
    show: Show | None = None,
) -> Iterator[Outcome]:
    """Run `claims`, and yield what came of each as soon as it is known.

    Results (JSON) and pictures (PNG) are written into `folder` as each claim ends, so that Ctrl-C
    loses only the claim that is under way; the next run with the same settings reads them unless
    `fresh`. With `only`, claims of other names are not run: what `folder` holds of them is taken,
    also of an earlier version of the program. A claim whose data cannot be had is not run, and its
    verdict says why. `show` is told how far each claim has come. Raises `ConfigError` for seeds
    that make no interval.
    """
    _check_seeds(seeds)
    make_folder(folder)
    for claim in claims:
        settings = claim.settings(quick=quick, seeds=seeds)
        if only is not None and claim.name not in only:
            yield _as_kept(claim, settings, quick, folder)
            continue
        missing = _missing(claim, data)
        if missing:
            reason = f"it needs {' and '.join(claim.needs)}: {missing}"
            yield Outcome(claim, settings, quick, None, Verdict.unchecked(reason))
            continue
        path = folder / f"{claim.name}.json"
        kept = None if fresh else _kept(path, claim, settings)
        if kept is None:
            started = time.perf_counter()
            measured = claim.run(Trial(settings, data, _progress(claim, show)))
            seconds = time.perf_counter() - started
            measured = store.save(path, claim, settings, measured, seconds)
        else:
            measured, seconds = kept
        yield Outcome(
            claim,
            settings,
            quick,
            measured,
            claim.verdict(measured),
            seconds,
            kept is not None,
            picture=_draw(claim, measured, folder),
        )


def _as_kept(claim: Claim, settings: Settings, quick: bool, folder: Path) -> Outcome:
    """Return what `folder` holds of a claim, of whatever version."""
    path = folder / f"{claim.name}.json"
    kept = store.load(path, claim, None)
    if kept is None:
        return Outcome(
            claim, settings, quick, None, Verdict.unchecked(f"{folder} holds no result of it")
        )
    earlier = store.load(path, claim, settings) is None
    measured, seconds = kept
    picture = folder / f"{claim.name}.png"
    word = claim.verdict(measured)
    return Outcome(claim, settings, quick, measured, word, seconds, True, earlier, picture)


def _check_seeds(seeds: Sequence[int] | None) -> None:
    if seeds is None:
        return
    if len(seeds) < LEAST_SEEDS:
        raise ConfigError(
            f"a claim needs at least {LEAST_SEEDS} seeds for an interval, got {len(seeds)}: "
            "say for example --seeds 0 1 2"
        )
    if len(set(seeds)) < len(seeds):
        raise ConfigError(f"seeds must differ from each other, got {', '.join(map(str, seeds))}")


def _missing(claim: Claim, data: Data) -> str:
    """Return why the claim's data cannot be had, or nothing."""
    try:
        for name in claim.needs:
            getattr(data, name)()
    except (NnscratchError, OSError) as error:
        return str(error).splitlines()[0].rstrip(".")
    return ""


def _kept(path: Path, claim: Claim, settings: Settings) -> tuple[Measured, float] | None:
    try:
        return store.load(path, claim, settings)
    except DataError:
        return None  # damaged: measured anew, and written over


def _progress(claim: Claim, show: Show | None) -> Progress:
    if show is None:
        return Progress()
    return Progress(lambda fraction, note: show(claim, fraction, note))


def _draw(claim: Claim, measured: Measured, folder: Path) -> Path:
    import nnscratch_plots as plots

    return plots.save_figure(claim.picture(measured).draw(), folder / f"{claim.name}.png", dpi=84)
