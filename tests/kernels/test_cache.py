"""What is kept of compiled code: whole, current, and never one variant for another."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import nnscratch_kernels
from nnscratch_kernels.cache import VariantsFile


def variants(folder, stamp="now"):
    return VariantsFile(str(folder), "function", stamp)


def test_what_is_saved_is_loaded(tmp_path):
    variants(tmp_path).save("float32", "narrow")
    variants(tmp_path).save("float64", "wide")
    assert variants(tmp_path).load("float32") == "narrow"
    assert variants(tmp_path).load("float64") == "wide"
    assert variants(tmp_path).load("float16") is None


def test_two_processes_at_once_do_not_mix_up_what_they_compile(tmp_path, monkeypatch):
    one, other = variants(tmp_path), variants(tmp_path)
    write = one._save_data

    def interrupted(name, data):
        other.save("float64", "wide")
        write(name, data)

    monkeypatch.setattr(other, "_load_index", dict)  # it looked when nothing was there
    monkeypatch.setattr(one, "_save_data", interrupted)
    one.save("float32", "narrow")
    monkeypatch.undo()
    assert variants(tmp_path).load("float32") in ("narrow", None)
    assert variants(tmp_path).load("float64") in ("wide", None)  # None: compiled once more
    other.save("float64", "wide")
    one.save("float32", "narrow")
    assert variants(tmp_path).load("float32") == "narrow"
    assert variants(tmp_path).load("float64") == "wide"


def test_other_sources_find_nothing_and_replace_what_is_there(tmp_path):
    variants(tmp_path).save("float32", "old")
    assert variants(tmp_path, "later").load("float32") is None
    variants(tmp_path, "later").save("float32", "new")
    assert variants(tmp_path, "later").load("float32") == "new"
    assert len(list(tmp_path.iterdir())) == 2


CALLER = """
from nnscratch_kernels.jit import jit
from nnscratch_kernels.callee import callee

@jit
def caller(x):
    return callee(x)
"""
CALLEE = """
from nnscratch_kernels.jit import jit

@jit
def callee(x):
    return x + {}
"""


@pytest.mark.parametrize("folder", [None, "elsewhere"])
def test_a_kernel_is_compiled_anew_when_one_that_it_calls_has_changed(
    tmp_path, monkeypatch, folder
):
    package = tmp_path / "nnscratch_kernels"
    shutil.copytree(
        Path(nnscratch_kernels.__file__).parent,
        package,
        ignore=shutil.ignore_patterns("__pycache__", "compiled", "reference"),
    )
    (package / "__init__.py").write_text("")
    (package / "caller.py").write_text(CALLER)
    if folder is None:
        monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    else:
        monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / folder))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    program = "from nnscratch_kernels.caller import caller; print(caller(1), caller.stats)"
    told = []
    for change in (1, 1, 10):
        (package / "callee.py").write_text(CALLEE.format(change))
        told.append(subprocess.check_output([sys.executable, "-c", program], text=True).split()[0])
    assert told == ["2", "2", "11"]
