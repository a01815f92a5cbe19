"""MNIST: found in the right folder, and verified bit for bit."""

import os
import time
from pathlib import Path

import numpy as np
import platformdirs
import pytest

from nnscratch import datasets
from nnscratch.datasets.mnist import FILES, cache_folder, choose_folder
from nnscratch.errors import ConfigError, DataError, DtypeError, FileError

from .small_files import TEST_X, TEST_Y, TRAIN_X, TRAIN_Y, check_small, content_of, write_all

SIBLING = Path(__file__).parents[4].parent / "shared" / "data" / "mnist"
REAL = Path(os.environ.get("NNSCRATCH_DATA") or SIBLING)
needs_real = pytest.mark.skipif(
    not any((REAL / f"{TRAIN_X}{end}").is_file() for end in ("", ".gz")),
    reason="no MNIST files: name their folder with NNSCRATCH_DATA",
)


@pytest.mark.parametrize("end", ["", ".gz"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_four_files_of_a_folder(tmp_path, small, end, dtype):
    write_all(tmp_path, small, end)
    check_small(datasets.mnist(tmp_path, dtype=dtype), small, dtype)
    check_small(datasets.mnist(str(tmp_path), dtype=dtype), small, dtype)


def test_what_is_gzipped_is_told_by_content_not_by_name(tmp_path, small):
    write_all(tmp_path, small, ".gz")
    for name in (TRAIN_X, TEST_Y):
        (tmp_path / f"{name}.gz").rename(tmp_path / name)
    (tmp_path / f"{TRAIN_Y}.gz").write_bytes(content_of(small[TRAIN_Y]))
    check_small(datasets.mnist(tmp_path), small)


def test_the_places_and_their_order(tmp_path, small, monkeypatch):
    write_all(cache_folder(), small)
    check_small(datasets.mnist(), small)

    monkeypatch.setenv("NNSCRATCH_DATA", "")
    assert choose_folder().path == tmp_path / "nnscratch" / "mnist"
    monkeypatch.setenv("NNSCRATCH_DATA", str(tmp_path / "named"))
    assert choose_folder().path == tmp_path / "named"
    assert choose_folder(tmp_path / "given").path == tmp_path / "given"
    monkeypatch.setenv("HOME", str(tmp_path))
    assert choose_folder("~/x").path == Path(os.path.expanduser("~")) / "x"


def test_a_named_folder_never_falls_back_to_another(tmp_path, small, monkeypatch):
    write_all(cache_folder(), small)
    with pytest.raises(FileError, match=r"not in .*empty \(data_dir\), which does not exist"):
        datasets.mnist(tmp_path / "empty")
    monkeypatch.setenv("NNSCRATCH_DATA", str(tmp_path))
    with pytest.raises(FileError, match=r"\(the environment variable NNSCRATCH_DATA\): missing"):
        datasets.mnist()


def test_missing_files_are_told_with_what_to_do(tmp_path, small):
    write_all(tmp_path, small)
    (tmp_path / TEST_X).unlink()
    (tmp_path / TRAIN_Y).unlink()
    with pytest.raises(FileError) as caught:
        datasets.mnist(tmp_path)
    message = str(caught.value)
    assert f"missing {TRAIN_Y}, {TEST_X} (each" in message
    for part in (
        f"1. data_dir=... (--data-dir): {tmp_path}\n",
        "2. the environment variable NNSCRATCH_DATA: not set\n",
        f"3. the cache folder: {cache_folder()}\n",
        "download=True (--download)",
    ):
        assert part in message


def test_a_file_or_an_empty_name_as_folder_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(FileError, match=r"file \(data_dir\) cannot be read as a folder"):
        datasets.mnist(tmp_path / "file")
    with pytest.raises(ConfigError, match="data_dir is an empty name"):
        datasets.mnist("")


def test_another_type_is_refused_before_anything_is_read(tmp_path):
    with pytest.raises(DtypeError, match="float32 or float64"):
        datasets.mnist(tmp_path / "nothing", dtype=np.float16)


@needs_real
def test_the_real_files():
    start = time.perf_counter()
    x_train, y_train, x_test, y_test = datasets.mnist(REAL)
    assert time.perf_counter() - start < 5  # about 0.25 s; generous, for a machine at work
    assert x_train.shape == (60000, 784)
    assert x_test.shape == (10000, 784)
    assert y_train.shape == (60000,)
    assert y_test.shape == (10000,)
    assert (x_train.min(), x_train.max()) == (0, 1)
    # Well-known numbers of MNIST: the mean of the pixels, the first labels.
    assert x_train.mean(dtype=np.float64) == pytest.approx(0.1307, abs=5e-5)
    np.testing.assert_array_equal(y_train[:5], [5, 0, 4, 1, 9])
    np.testing.assert_array_equal(y_test[:5], [7, 2, 1, 0, 4])
    assert datasets.check_inputs(x_train) is x_train
    assert datasets.check_labels(y_train, 10, 60000) is y_train


@needs_real
@pytest.mark.parametrize(("a", "b"), [(TRAIN_X, TEST_X), (TEST_Y, TRAIN_Y), (TEST_X, TEST_Y)])
def test_the_real_files_swapped(tmp_path, a, b):
    swapped = {a: b, b: a}
    for name in FILES:
        source = swapped.get(name, name)
        end = "" if (REAL / source).is_file() else ".gz"
        (tmp_path / f"{name}{end}").symlink_to(REAL / f"{source}{end}")
    with pytest.raises(DataError, match=r"in the place of .*: files are swapped"):
        datasets.mnist(tmp_path)


def test_without_a_home_folder_one_is_asked_for(tmp_path, monkeypatch):
    def homeless(name):
        raise RuntimeError("could not determine the home directory")

    monkeypatch.setattr(platformdirs, "user_cache_dir", homeless)
    monkeypatch.delenv("NNSCRATCH_DATA", raising=False)
    with pytest.raises(FileError, match=r"for want of a home folder .* name one with data_dir"):
        datasets.mnist()
    with pytest.raises(FileError, match=r"3\. the cache folder: none, for want of a home folder"):
        datasets.mnist(tmp_path)
