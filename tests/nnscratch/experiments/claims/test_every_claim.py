"""Every claim from end to end, in its quick setting with two seeds; one of them among the fast."""

import os
from pathlib import Path

import pytest

from nnscratch.experiments.claims import Data, page, registry
from nnscratch.experiments.claims.claim import FAILS, HOLDS
from nnscratch.experiments.claims.runner import run_claims

REAL = Path(os.environ.get("NNSCRATCH_DATA", "../shared/data/mnist"))
LARGEST_PICTURE = 64_000  # bytes


def run_one(name, folder, seeds=(0, 1)):
    claims = registry.select([name])
    if claims[0].needs and not REAL.is_dir():
        pytest.skip("needs MNIST: name its folder in NNSCRATCH_DATA")
    data = Data(REAL if REAL.is_dir() else None)
    (outcome,) = run_claims(claims, folder, data, quick=True, seeds=seeds)
    assert outcome.measured is not None
    assert outcome.verdict.reason
    assert all(len(q.values) >= len(seeds) for q in outcome.measured.quantities.values())
    assert outcome.picture.stat().st_size < LARGEST_PICTURE
    assert name in page.markdown([outcome], folder, "")
    (again,) = run_claims(claims, folder, data, quick=True, seeds=seeds)
    assert again.kept
    assert again.verdict == outcome.verdict
    assert repr(again.measured) == repr(outcome.measured)  # NaN is not equal to itself
    return outcome


@pytest.mark.parametrize(
    ("name", "word"), [("table-rows", FAILS), ("weight-gradients-mislead", HOLDS)]
)
def test_some(name, word, tmp_path):
    assert run_one(name, tmp_path, seeds=(0, 1, 2)).verdict.word == word


@pytest.mark.slow
@pytest.mark.parametrize("name", registry.names())
def test_every(name, tmp_path):
    run_one(name, tmp_path)
