"""Saved files: what is written comes back, and anything damaged is refused by name."""

import os
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import nnscratch as nn
from nnscratch.errors import DataError, FileError, TooLargeError
from nnscratch.files import load_npz, make_folder, save_npz, write_atomically
from nnscratch_records import files, memory

unless_root = pytest.mark.skipif(
    hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may write everywhere"
)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("files") / "weights.npz"


names = st.text("abcxyz0123456789._ ", min_size=1, max_size=12).filter(lambda s: s.strip(" ./"))
arrays = hnp.arrays(
    st.sampled_from([np.float32, np.float64, np.int64, np.bool_]),
    hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(content=st.dictionaries(names, arrays | st.text(max_size=20), max_size=4))
def test_what_is_saved_comes_back_bit_for_bit(path, content):
    save_npz(path, content)
    loaded = load_npz(path)
    assert set(loaded) == set(content)
    for name, value in content.items():
        expected = np.asarray(value)
        assert loaded[name].dtype == expected.dtype
        assert loaded[name].shape == expected.shape
        assert loaded[name].tobytes() == expected.tobytes()


@pytest.fixture(scope="module")
def good(path):
    rng = np.random.default_rng(0)
    content = {"0.weight": rng.standard_normal((3, 4)), "0.bias": np.zeros(4), "label": "elu"}
    save_npz(path, content)
    return path.read_bytes()


def test_a_file_cut_off_at_any_byte_is_refused(path, good):
    for length in range(len(good)):
        path.write_bytes(good[:length])
        with pytest.raises(DataError, match=r"weights\.npz is not a complete \.npz file"):
            load_npz(path)


@settings(deadline=None, derandomize=True, max_examples=300)
@given(position=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_flipped_bit_never_changes_a_value(path, good, position, bit):
    damaged = bytearray(good)
    damaged[int(position * len(good))] ^= 1 << bit
    path.write_bytes(good)
    expected = load_npz(path)
    path.write_bytes(damaged)
    try:
        loaded = load_npz(path)
    except (DataError, FileError):
        return
    for name, values in loaded.items():  # a flip in what is no value: a date, say
        assert name not in expected or np.array_equal(values, expected[name])


@pytest.mark.parametrize(
    "content", [b"", b"no archive at all", b"\x93NUMPY\x01\x00", b"PK\x03\x04 and no more"]
)
def test_other_content_is_refused(tmp_path, content):
    (tmp_path / "other.npz").write_bytes(content)
    with pytest.raises(DataError, match=r"other\.npz is not a complete \.npz file"):
        load_npz(tmp_path / "other.npz")


def test_a_single_array_is_no_archive(tmp_path):
    np.save(tmp_path / "array.npy", np.zeros(3))
    with pytest.raises(DataError, match=r"array\.npy is not a complete \.npz file"):
        load_npz(tmp_path / "array.npy")


def test_an_archive_of_other_files_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "other.npz", "w") as archive:
        archive.writestr("readme.txt", "hello")
        archive.writestr("values.npy", "hello")
    with pytest.raises(DataError, match=r"other\.npz is not a complete \.npz file"):
        load_npz(tmp_path / "other.npz")


def test_any_name_will_do(tmp_path):
    content = {"file": np.zeros(1), "allow_pickle": np.ones(2), "a/b": np.ones(1)}
    save_npz(tmp_path / "named.npz", content)
    assert list(load_npz(tmp_path / "named.npz")) == list(content)
    with np.load(tmp_path / "named.npz") as archive:  # anyone can read it
        assert archive["file"].tolist() == [0]


def test_python_objects_are_neither_written_nor_read(tmp_path):
    objects = np.array([{"a": 1}], dtype=object)
    np.savez(tmp_path / "pickled.npz", objects=objects)
    with pytest.raises(DataError, match=r"pickled\.npz is not"):
        load_npz(tmp_path / "pickled.npz")
    with pytest.raises(ValueError, match="allow_pickle=False"):
        save_npz(tmp_path / "objects.npz", {"objects": objects})
    assert not (tmp_path / "objects.npz").exists()


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileError, match=r"no such file: .*nothing\.npz"):
        load_npz(tmp_path / "nothing.npz")


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(FileError, match="cannot read"):
        load_npz(tmp_path)


@pytest.mark.parametrize("failing", ["fsync", "replace"])
def test_a_failed_write_keeps_the_old_file_and_leaves_no_other(tmp_path, monkeypatch, failing):
    path = tmp_path / "weights.npz"
    save_npz(path, {"a": np.arange(3)})

    def disk_full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, failing, disk_full)
    with pytest.raises(FileError, match=r"cannot write .*weights\.npz: No space left on device"):
        save_npz(path, {"a": np.arange(1000)})
    monkeypatch.undo()
    assert load_npz(path)["a"].tolist() == [0, 1, 2]
    assert os.listdir(tmp_path) == ["weights.npz"]


def test_a_file_that_cannot_grow_keeps_the_old_one_and_leaves_no_other(tmp_path):
    resource = pytest.importorskip("resource", reason="no limits of file size here")
    path = tmp_path / "weights.npz"
    save_npz(path, {"a": np.arange(3)})
    before, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, most))
    try:
        with pytest.raises(FileError, match=r"cannot write .*weights\.npz: File too large"):
            save_npz(path, {"a": np.arange(400), "b": np.arange(400)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (before, most))
    assert load_npz(path)["a"].tolist() == [0, 1, 2]
    assert os.listdir(tmp_path) == ["weights.npz"]


def test_an_interrupt_while_writing_is_passed_on_and_leaves_nothing(tmp_path, monkeypatch):
    def interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(files.os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(tmp_path / "a", b"content")
    assert os.listdir(tmp_path) == []


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(FileError, match=r"cannot write .*nowhere.*a\.npz: No such file"):
        save_npz(tmp_path / "nowhere" / "a.npz", {})


@unless_root
def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(FileError, match="Permission denied"):
        write_atomically(tmp_path / "a", b"")
    with pytest.raises(FileError, match="choose another folder"):
        make_folder(tmp_path)


def test_folders_are_made_and_a_file_in_the_way_is_named(tmp_path):
    folder = make_folder(tmp_path / "a" / "b")
    assert folder.is_dir()
    assert make_folder(folder) == folder
    assert os.listdir(folder) == []
    (tmp_path / "file").touch()
    with pytest.raises(FileError, match=r"cannot write into folder .*file.b: Not a directory;"):
        make_folder(tmp_path / "file" / "b")
    with pytest.raises(FileError, match=r"choose another folder"):
        make_folder(tmp_path / "file")


@pytest.mark.skipif(os.name != "posix", reason="pipes of POSIX")
def test_pipes_and_devices_are_refused_as_input_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "pipe.npz")
    for path, kind in ((tmp_path / "pipe.npz", "pipe"), ("/dev/zero", "device")):
        with pytest.raises(FileError, match=f"cannot read .*: it is a {kind}, not a file"):
            load_npz(path)


def test_a_name_that_no_file_can_have_is_an_error_of_this_package():
    for use in (load_npz, make_folder, nn.CsvLog, lambda name: save_npz(name, {})):
        with pytest.raises(FileError):
            use("a\0b")


def test_what_does_not_fit_into_memory_is_said(tmp_path, monkeypatch):
    path = save_npz(tmp_path / "large.npz", {"a": np.zeros(10**7)})
    monkeypatch.setattr(memory, "available", lambda: 10**6)
    with pytest.raises(TooLargeError, match=r"large\.npz does not fit into memory: .*needs 80 MB"):
        load_npz(path)


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_files_get_the_usual_permissions(tmp_path):
    (tmp_path / "plain").touch()
    written = write_atomically(tmp_path / "written", b"")
    assert written.stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_safetensors_are_read_and_written_as_others_do(tmp_path):
    theirs = pytest.importorskip("safetensors.numpy", reason="safetensors is not installed")
    model = nn.Sequential(nn.Dense(3, 4), nn.BatchNorm(4), nn.Dense(4, 2), seed=1)
    model.save_weights(tmp_path / "model.safetensors")
    loaded = theirs.load_file(tmp_path / "model.safetensors")
    assert set(loaded) == {*model.params, *model.statistics}
    np.testing.assert_array_equal(loaded["0.weight"], model.params["0.weight"])
    twin = nn.Sequential(nn.Dense(3, 4), nn.BatchNorm(4), nn.Dense(4, 2), seed=2)
    twin.load_weights(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(twin.params.flat, model.params.flat)
    (tmp_path / "broken.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0{}      abc")
    with pytest.raises(nn.DataError, match="not a complete file of safetensors"):
        twin.load_weights(tmp_path / "broken.safetensors")
