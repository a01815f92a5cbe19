"""What every claim of the registry must have."""

import inspect
import re
from pathlib import Path

import pytest

import nnscratch as nn
from nnscratch.experiments.claims import registry
from nnscratch.experiments.claims.claim import Data

EVERY = pytest.mark.parametrize("claim", registry.CLAIMS, ids=registry.names())


def test_names_are_unique_and_fit_for_files():
    assert len(set(registry.names())) == len(registry.names())
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name) for name in registry.names())
    assert "all" not in registry.names()


@EVERY
def test_words(claim):
    assert claim.sentence.endswith(".")
    assert claim.rule.endswith(".")
    assert claim.rule.startswith("Holds if")
    assert "does not hold" in claim.rule
    assert claim.source
    assert not claim.source.endswith(".")


@EVERY
@pytest.mark.parametrize("quick", [False, True])
def test_settings(claim, quick):
    settings = claim.settings(quick=quick)
    assert len(settings["seeds"]) >= 2
    assert set(claim.quick) <= set(claim.full)
    described = claim.described(settings)
    assert "{" not in described
    assert str(len(settings["seeds"])) in described


@EVERY
def test_data_it_needs_exist(claim):
    assert all(callable(getattr(Data, name, None)) for name in claim.needs)


@EVERY
def test_a_file_of_its_own(claim):
    path = Path(inspect.getfile(claim.verdict))
    assert path.parent.name == "claims"
    assert len(path.read_text().splitlines()) <= 220


def test_select():
    some = registry.names()[::3]
    assert [claim.name for claim in registry.select(list(reversed(some)))] == list(some)
    assert registry.select(["all"]) == registry.CLAIMS
    with pytest.raises(nn.ConfigError, match="did you mean 'sigmoid-saturates'"):
        registry.select(["sigmoid-saturate"])
