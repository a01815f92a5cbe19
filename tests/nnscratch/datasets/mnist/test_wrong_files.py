"""Files of MNIST that are damaged, swapped, locked or others are refused by name."""

import gzip

import numpy as np
import pytest

from nnscratch import datasets
from nnscratch.datasets.idx import write_idx
from nnscratch.datasets.mnist import FILES
from nnscratch.errors import DataError, FileError

from .small_files import TEST_X, TEST_Y, TRAIN_X, TRAIN_Y, content_of, write_all


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
