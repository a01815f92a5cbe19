"""Where a record file goes."""

import pytest


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.flow"
