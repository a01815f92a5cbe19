"""What is kept of compiled code: whole, current, and never one variant for another."""

import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import llvmlite
import numba
import pytest

import nnscratch_kernels
from nnscratch_kernels.jit.cache import VariantsFile, keep


def variants(folder, stamp="now"):
    return VariantsFile(str(folder), "function", stamp)


def test_what_is_saved_is_loaded(tmp_path):
    variants(tmp_path).save("float32", "narrow")
    variants(tmp_path).save("float64", "wide")
    assert variants(tmp_path).load("float32") == "narrow"
    assert variants(tmp_path).load("float64") == "wide"
    assert variants(tmp_path).load("float16") is None


class Uncached:
    """A function of Numba's that cannot be kept."""

    def __init__(self, why):
        self.why = why

    def enable_caching(self):
        raise RuntimeError(self.why)


def test_what_cannot_be_kept_is_done_without(monkeypatch):
    keep(Uncached("cannot cache function: no locator available for file '<stdin>'"))
    with pytest.raises(RuntimeError, match="something else"):
        keep(Uncached("something else"))
    monkeypatch.setattr(numba.config, "DISABLE_JIT", True)
    keep(Uncached("something else"))


def test_two_processes_at_once_do_not_mix_up_what_they_compile(tmp_path):
    variants(tmp_path).save("float32", "narrow")
    variants(tmp_path).save("float64", "wide")
    one, other = sorted(tmp_path.iterdir())
    shutil.copy(one, other)  # a file of another variant in its place
    found = [variants(tmp_path).load(key) for key in ("float32", "float64")]
    assert sorted(found, key=str) in ([None, "narrow"], [None, "wide"])


def test_other_sources_find_nothing_and_replace_what_is_there(tmp_path):
    variants(tmp_path).save("float32", "old")
    assert variants(tmp_path, "later").load("float32") is None
    variants(tmp_path, "later").save("float32", "new")
    assert variants(tmp_path, "later").load("float32") == "new"
    assert len(list(tmp_path.iterdir())) == 1


def test_code_of_another_version_of_numba_or_llvmlite_is_not_run(tmp_path, monkeypatch):
    variants(tmp_path).save("float32", "old")
    for module in (numba, llvmlite):
        with monkeypatch.context() as patched:
            patched.setattr(module, "__version__", "0.0")
            assert variants(tmp_path).load("float32") is None
    assert variants(tmp_path).load("float32") == "old"


def test_damaged_files_are_as_good_as_none(tmp_path):
    variants(tmp_path).save("float32", list(range(20)))
    (file,) = tmp_path.iterdir()
    good = file.read_bytes()
    for length in range(len(good)):
        file.write_bytes(good[:length])
        assert variants(tmp_path).load("float32") is None
    for i in range(len(good)):
        file.write_bytes(good[:i] + bytes([good[i] ^ 1]) + good[i + 1 :])
        assert variants(tmp_path).load("float32") is None
    for content in (b"garbage", b"", pickle.dumps("foreign"), bytes(1000)):
        file.write_bytes(content)
        assert variants(tmp_path).load("float32") is None
    file.unlink()
    file.mkdir()
    assert variants(tmp_path).load("float32") is None
    with pytest.raises(OSError, match=r"directory|denied"):
        variants(tmp_path).save("float32", 1)
    assert list(tmp_path.iterdir()) == [file]


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


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A copy of what compiles kernels, in which kernels can be changed."""
    made = tmp_path / "nnscratch_kernels"
    shutil.copytree(
        Path(nnscratch_kernels.__file__).parent,
        made,
        ignore=shutil.ignore_patterns("__pycache__", "compiled", "reference"),
    )
    (made / "__init__.py").write_text("")
    (made / "caller.py").write_text(CALLER)
    (made / "callee.py").write_text(CALLEE.format(1))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return made


@pytest.mark.parametrize("folder", ["elsewhere", pytest.param(None, marks=pytest.mark.slow)])
def test_a_kernel_is_compiled_anew_when_one_that_it_calls_has_changed(
    tmp_path, monkeypatch, package, folder
):
    if folder is None:
        monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    else:
        monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / folder))
    program = "from nnscratch_kernels.caller import caller; print(caller(1), caller.stats)"
    told = []
    for change in (1, 1, 10):
        (package / "callee.py").write_text(CALLEE.format(change))
        told.append(subprocess.check_output([sys.executable, "-c", program], text=True).split()[0])
    assert told == ["2", "2", "11"]


USER = """
import os, sys
from nnscratch_kernels.caller import caller
if len(sys.argv) > 1:
    import shutil
    shutil.rmtree(os.environ["NUMBA_CACHE_DIR"])
    open(os.environ["NUMBA_CACHE_DIR"], "w").close()
print(caller(1))
"""


def test_a_cache_that_is_damaged_or_taken_away_is_made_anew_or_done_without(
    tmp_path, monkeypatch, package
):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))

    def run(*arguments):
        command = [sys.executable, "-c", USER, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.stdout, done.returncode) == ("2\n", 0), done.stderr

    run()
    kept = list((tmp_path / "cache").rglob("*.nbc"))
    assert len(kept) == 2
    for file in kept:
        os.truncate(file, 100)
    run()
    assert all(file.stat().st_size > 100 for file in kept)
    run("take the folder away")
    assert (tmp_path / "cache").is_file()
    run()
