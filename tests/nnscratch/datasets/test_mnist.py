"""MNIST: found in the right folder, verified bit for bit, refused by name."""

import gzip
import hashlib
import os
import sys
import time
from pathlib import Path

import numpy as np
import platformdirs
import pooch
import pytest

from nnscratch import datasets
from nnscratch.datasets.idx import write_idx
from nnscratch.datasets.mnist import FILES, MIRRORS, Known, cache_folder, choose_folder
from nnscratch.errors import ConfigError, DataError, DtypeError, FileError

TRAIN_X, TRAIN_Y, TEST_X, TEST_Y = FILES
SIBLING = Path(__file__).parents[3].parent / "shared" / "data" / "mnist"
REAL = Path(os.environ.get("NNSCRATCH_DATA") or SIBLING)
needs_real = pytest.mark.skipif(
    not any((REAL / f"{TRAIN_X}{end}").is_file() for end in ("", ".gz")),
    reason="no MNIST files: name their folder with NNSCRATCH_DATA",
)


@pytest.fixture(autouse=True)
def _alone(monkeypatch, tmp_path):
    """No folder of this machine and no network takes part."""

    def call(self, url, output_file, pooch):
        raise AssertionError(f"a test reached for {url}")

    monkeypatch.delenv("NNSCRATCH_DATA", raising=False)
    monkeypatch.setattr(platformdirs, "user_cache_dir", lambda name: str(tmp_path / name))
    monkeypatch.setattr(pooch.HTTPDownloader, "__call__", call)


@pytest.fixture
def small(monkeypatch):
    """Four small arrays, known to the loader as the right content."""
    rng = np.random.default_rng(0)
    arrays = {
        name: rng.integers(0, 10 if len(known.shape) == 1 else 256, (n, *known.shape[1:]), np.uint8)
        for (name, known), n in zip(FILES.items(), (6, 6, 4, 4), strict=True)
    }
    for name, array in arrays.items():
        monkeypatch.setitem(
            FILES, name, Known(array.shape, hashlib.sha256(content_of(array)).hexdigest())
        )
    return arrays


def content_of(array):
    return b"\0\0\x08" + bytes([array.ndim]) + np.array(array.shape, ">u4").tobytes() + bytes(array)


def write_all(folder, arrays, end=""):
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in arrays.items():
        write_idx(folder / f"{name}{end}", array)


def check_small(split, small, dtype=np.float32):
    expected = [small[TRAIN_X], small[TRAIN_Y], small[TEST_X], small[TEST_Y]]
    for got, array in zip(split, expected, strict=True):
        assert got.flags.c_contiguous
        assert got.flags.writeable
        if array.ndim == 3:
            assert got.dtype == dtype
            np.testing.assert_array_equal(got, array.reshape(-1, 784).astype(dtype) / dtype(255))
        else:
            assert got.dtype == np.int64
            np.testing.assert_array_equal(got, array)


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


def damage_pixel(content):
    return content[:-1] + bytes([content[-1] ^ 1])


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        (TRAIN_X, damage_pixel, r"has the form of train-images.*\(SHA-256 .*damaged"),
        (TEST_Y, damage_pixel, r"has the form of t10k-labels.*\(SHA-256 .*damaged"),
        (TRAIN_X, lambda content: content[:-5], "is truncated: .* 4,720 bytes .* found 4,715"),
        (TRAIN_Y, lambda content: content + b"a", "goes on after its end"),
        (TEST_X, lambda content: b"", r"is empty \(0 bytes\)"),
        (TEST_X, lambda content: gzip.compress(content)[:-9], "is a truncated gzip file"),
        (
            TRAIN_X,
            lambda content: content[:3] + b"\x01" + content[4:],
            r"is not train-images.* \(magic number 00000801\) says shape \(6,\) of uint8, "
            r"expected \(6, 28, 28\)",
        ),
        (
            TRAIN_Y,
            lambda content: content[:3] + b"\x03" + content[4:],
            r"is truncated inside its header: 14 bytes, expected 16 for 3 dimensions",
        ),
        (
            TEST_Y,
            lambda content: content[:2] + b"\x09" + content[3:],
            r"is not t10k-labels.* \(magic number 00000901\) says shape \(4,\) "
            r"of int8, expected \(4,\) of uint8",
        ),
        (TEST_X, lambda content: b"<!DOCTYPE html>", "is no IDX file: it begins with .* 3c 21"),
    ],
)
def test_wrong_files_are_refused_by_name(tmp_path, small, name, change, message):
    write_all(tmp_path, small)
    (tmp_path / name).write_bytes(change(content_of(small[name])))
    with pytest.raises(DataError, match=f"^{tmp_path / name} {message}") as caught:
        datasets.mnist(tmp_path)
    assert f"Replace it by the original {name}" in str(caught.value)


@pytest.mark.parametrize(
    ("a", "b"), [(TRAIN_X, TEST_X), (TRAIN_Y, TEST_Y), (TRAIN_X, TRAIN_Y), (TEST_X, TEST_Y)]
)
def test_swapped_files_are_recognised(tmp_path, small, a, b):
    write_all(tmp_path, small | {a: small[b], b: small[a]})
    message = rf"{a} is {b} \(\d+ \w+\), in the place of {a} \(\d+ \w+\): files are swapped"
    with pytest.raises(DataError, match=message):
        datasets.mnist(tmp_path)


def test_a_folder_a_broken_link_and_a_locked_file_are_refused(tmp_path, small, monkeypatch):
    write_all(tmp_path, small)
    (tmp_path / TEST_X).unlink()
    (tmp_path / TEST_X).mkdir()
    with pytest.raises(FileError, match=f"{TEST_X}: it is a directory, not a file"):
        datasets.mnist(tmp_path)
    (tmp_path / TEST_X).rmdir()
    (tmp_path / TEST_X).symlink_to(tmp_path / "gone")
    with pytest.raises(FileError, match=f"no such file: .*{TEST_X}"):
        datasets.mnist(tmp_path)

    def forbidden(*arguments):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("os.open", forbidden)
    with pytest.raises(FileError, match=f"cannot read .*{TRAIN_X}: Permission denied"):
        datasets.mnist(tmp_path)


def test_a_folder_that_may_not_be_read_is_refused(tmp_path, monkeypatch):
    def forbidden(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("os.listdir", forbidden)
    with pytest.raises(FileError, match="cannot be read as a folder: Permission denied"):
        datasets.mnist(tmp_path)


def test_synthetic_files_of_the_right_form_are_refused(tmp_path):
    write_all(tmp_path, {name: np.zeros(known.shape, np.uint8) for name, known in FILES.items()})
    with pytest.raises(DataError, match=r"has the form of .* not its content .* another data set"):
        datasets.mnist(tmp_path)


def test_a_larger_data_set_is_told_by_its_shape(tmp_path):
    write_all(tmp_path, {name: np.zeros((1, 1), np.uint8) for name in FILES})
    write_idx(tmp_path / TRAIN_X, np.zeros((70000, 28, 28), np.uint8))
    with pytest.raises(DataError, match=r"says shape \(70000, 28, 28\) of uint8, expected"):
        datasets.mnist(tmp_path)


@pytest.fixture
def served(monkeypatch):
    """What the mirrors serve: a table from address to bytes, and the addresses asked for."""
    table, asked = {}, []

    def call(self, url, output_file, pooch):
        asked.append(url)
        if url not in table:
            raise ConnectionError
        output_file.write(table[url])

    monkeypatch.setattr(pooch.HTTPDownloader, "__call__", call)
    return table, asked


def test_a_download_fills_the_cache_folder_once(small, served):
    table, asked = served
    good, other = MIRRORS
    for name, array in small.items():
        table[f"{good}{name}.gz"] = gzip.compress(content_of(array))
    table[f"{other}{TEST_X}.gz"] = table.pop(f"{good}{TEST_X}.gz")
    table[f"{good}{TEST_X}.gz"] = gzip.compress(b"an old page")
    check_small(datasets.mnist(download=True), small)
    assert sorted(os.listdir(cache_folder())) == sorted(f"{name}.gz" for name in FILES)
    assert len(asked) == 5
    check_small(datasets.mnist(download=True), small)
    check_small(datasets.mnist(), small)
    assert len(asked) == 5


def test_a_download_adds_only_what_is_missing_to_a_named_folder(tmp_path, small, served):
    table, asked = served
    write_all(tmp_path / "named", small)
    (tmp_path / "named" / TRAIN_Y).unlink()
    address = f"{MIRRORS[0]}{TRAIN_Y}.gz"
    table[address] = gzip.compress(content_of(small[TRAIN_Y]))
    check_small(datasets.mnist(tmp_path / "named", download=True), small)
    assert asked == [address]
    assert not cache_folder().exists()


def test_without_a_network_a_download_says_so_and_leaves_nothing(small, served):
    with pytest.raises(FileError) as caught:
        datasets.mnist(download=True)
    for mirror in MIRRORS:
        assert f"{mirror}{TRAIN_X}.gz: no answer (ConnectionError)" in str(caught.value)
    assert os.listdir(cache_folder()) == []


def test_wrong_content_from_every_mirror_is_not_kept(small, served):
    table, _ = served
    for mirror in MIRRORS:
        table[f"{mirror}{TRAIN_X}.gz"] = gzip.compress(content_of(small[TEST_X]))
    with pytest.raises(FileError, match=f"is {TEST_X} .* in the place of {TRAIN_X}"):
        datasets.mnist(download=True)
    assert os.listdir(cache_folder()) == []


def test_a_wrong_file_is_never_overwritten_by_a_download(tmp_path, small, served):
    write_all(tmp_path, small)
    (tmp_path / TEST_Y).write_bytes(b"mine")
    with pytest.raises(DataError, match="is no IDX file"):
        datasets.mnist(tmp_path, download=True)
    assert (tmp_path / TEST_Y).read_bytes() == b"mine"


def test_a_download_folder_that_cannot_be_made_is_refused(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    module = sys.modules["nnscratch.datasets.mnist"]
    monkeypatch.setattr(module, "cache_folder", lambda: tmp_path / "file" / "mnist")
    with pytest.raises(FileError, match="Not a directory"):
        datasets.mnist(download=True)


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
