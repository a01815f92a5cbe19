import numpy as np

from nnscratch.workspace import Workspace


def test_the_same_request_gives_the_same_array():
    workspace = Workspace()
    first = workspace.get("y", (3, 4), np.float32)
    assert first.shape == (3, 4)
    assert first.dtype == np.float32
    assert first.flags.c_contiguous
    assert workspace.get("y", (3, 4), np.float32) is first


def test_names_do_not_share():
    workspace = Workspace()
    y, dx = workspace.get("y", (3, 4), np.float32), workspace.get("dx", (3, 4), np.float32)
    assert not np.shares_memory(y, dx)


def test_smaller_shapes_live_in_the_same_storage():
    workspace = Workspace()
    large = workspace.get("y", (100, 4), np.float64)
    held = workspace.nbytes
    small = workspace.get("y", (7, 4), np.float64)
    assert np.shares_memory(large, small)
    assert small.flags.c_contiguous
    assert workspace.nbytes == held == 3200
    assert workspace.get("y", (100, 4), np.float64) is large


def test_larger_shapes_and_other_types_get_new_storage_and_the_old_is_given_up():
    workspace = Workspace()
    workspace.get("y", (10, 4), np.float64)
    large = workspace.get("y", (20, 4), np.float64)
    assert workspace.nbytes == 640
    assert np.shares_memory(workspace.get("y", (10, 4), np.float64), large)
    single = workspace.get("y", (20, 4), np.float32)
    assert single.dtype == np.float32
    assert workspace.nbytes == 320
    assert not np.shares_memory(single, large)


def test_empty_shapes_are_fine():
    assert Workspace().get("y", (0, 4), np.float32).shape == (0, 4)


def test_ever_new_shapes_do_not_pile_up():
    workspace = Workspace()
    largest = workspace.get("y", (3000, 4), np.float32)
    number = workspace.version
    for rows in range(1, 3000):
        view = workspace.get("y", (rows, 4), np.float32)
        assert view.ctypes.data == largest.ctypes.data
    assert len(workspace.arrays()) <= 512
    assert workspace.version == number  # nothing moved: what was captured stays right
