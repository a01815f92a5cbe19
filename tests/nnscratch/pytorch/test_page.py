"""What docs/pytorch.md shows runs from top to bottom."""

import re
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

PAGE = Path(__file__).parents[3] / "docs" / "pytorch.md"


def test_the_page_runs(capsys):
    names = {}
    torch.manual_seed(0)
    for block in re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL):
        exec(block, names)
    plt.close("all")
    assert "torch.nn" in capsys.readouterr().out
    assert len(names["flow"]) == 40
