"""What is published: extras with something behind them, and a whole source distribution."""

import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib

import pytest

ROOT = pathlib.Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
FOR_DEVELOPERS = {"test", "lint", "peers"}


def names(requirements):
    return {re.split(r"[^\w-]", one)[0] for one in requirements}


def test_the_peers_hold_every_extra_so_that_nothing_is_skipped():
    peers = names(EXTRAS["peers"]) | names(EXTRAS["test"])
    for extra in EXTRAS.keys() - FOR_DEVELOPERS:
        assert names(EXTRAS[extra]) <= peers, extra


def test_the_changelog_begins_with_this_version():
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert re.search(r"^## (\S+)", text, re.MULTILINE)[1] == PROJECT["version"]


@pytest.mark.slow
def test_the_source_distribution_holds_tests_and_docs(tmp_path):
    pytest.importorskip("setuptools", minversion="77", reason="setuptools is too old to build with")
    tree = tmp_path / "tree"
    unwanted = shutil.ignore_patterns(
        ".*cache", ".venv*", ".git", "__pycache__", "runs", "*.egg-info"
    )
    shutil.copytree(ROOT, tree, ignore=unwanted)
    build = f"from setuptools import build_meta as b; b.build_sdist({str(tmp_path)!r})"
    subprocess.run([sys.executable, "-c", build], cwd=tree, check=True, capture_output=True)
    (archive,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        held = {"/".join(name.split("/")[1:]) for name in opened.getnames()}
    for wanted in (
        *("tests/test_packaging.py", "tests/parity/conftest.py", "docs/overview.png"),
        *("docs/sklearn.md", "nnscratch/py.typed", "nnscratch/datasets/digits.npz"),
        *("kernels/nnscratch_kernels/py.typed", "plots/nnscratch_plots/report/page/page.html"),
        *("CHANGELOG.md", "Makefile", ".ci/run"),
    ):
        assert wanted in held, wanted
    assert not any("__pycache__" in name for name in held)
