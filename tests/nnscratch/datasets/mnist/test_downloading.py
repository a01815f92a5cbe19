"""Downloads of MNIST: only what is missing, and nothing that is wrong."""

import gzip
import os
import sys

import pooch
import pytest

from nnscratch import datasets
from nnscratch.datasets.mnist import FILES, MIRRORS, cache_folder
from nnscratch.errors import DataError, FileError

from .small_files import TEST_X, TEST_Y, TRAIN_X, TRAIN_Y, check_small, content_of, write_all


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
