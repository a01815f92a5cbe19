"""What `import nnscratch` and the command load, and what waits until somebody asks for it."""

import importlib.metadata
import os
import re
import subprocess
import sys

import pytest

import nnscratch as nn
from nnscratch import elsewhere
from nnscratch.cli import COMMANDS

# They take as long to import as the engine: theory, findings and cures; tables of rich; Numba.
WAITING = {
    "concurrent.futures",
    "email",
    "importlib.metadata",
    "llvmlite",
    "matplotlib",
    "multiprocessing",
    "nnscratch.cli",
    "nnscratch.curing",
    "nnscratch.experiments",
    "nnscratch.flow.export",
    "nnscratch.flow.findings",
    "nnscratch.pytorch",
    "nnscratch.sklearn",
    "nnscratch.sweeping",
    "nnscratch.theory",
    "nnscratch_kernels.compiled",
    "nnscratch_plots",
    "numba",
    "pandas",
    "platformdirs",
    "rich",
    "torch",
}


def loaded(code):
    """Return the modules of a new process after it ran `code`."""
    code += "\nimport sys; print(*sys.modules, file=sys.stderr)"
    # Not with what coverage loads in every process that it measures.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("COVERAGE_")}
    process = subprocess.run(
        [sys.executable, "-c", code],
        env={**environment, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(process.stderr.split())


def test_importing_the_package_loads_the_engine_alone():
    assert loaded("import nnscratch").isdisjoint(WAITING)


def test_the_list_of_commands_and_the_version_load_no_command():
    code = "import contextlib, nnscratch_start.signals; from nnscratch.cli import main\n"
    for argument in ("--help", "--version"):
        code += f"with contextlib.suppress(SystemExit): main(['{argument}'])\n"
    rest = loaded(code) & WAITING
    assert rest == {"email", "importlib.metadata", "nnscratch.cli"}  # the version's


@pytest.mark.parametrize("name", ["cure", "Cure", "predict", "sweep", "Sweep", "theory"])
def test_what_waits_is_there_when_asked_for_and_listed(name):
    assert getattr(nn, name) is getattr(nn, name)
    assert name in dir(nn)


def test_the_version_is_that_of_the_package_and_nothing_else_is_made_up():
    assert nn.__version__ == importlib.metadata.version("nnscratch")
    with pytest.raises(AttributeError, match="'nnscratch' has no attribute 'cures'"):
        _ = nn.cures


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Relu", "did you mean 'ReLU'?"),
        ("LeakyRelu", "did you mean 'LeakyReLU'?"),
        ("GradientFlw", "did you mean 'GradientFlow'?"),
        ("Linear", "that is nn.Dense here"),
        ("CrossEntropyLoss", "that is nn.SoftmaxCrossEntropy here"),
        ("Conv2d", "no such layer here; a PyTorch network that has one is watched by"),
    ],
)
def test_a_name_that_is_not_here_says_which_is(name, said):
    with pytest.raises(AttributeError, match=re.escape(said)):
        getattr(nn, name)


def test_every_name_that_another_framework_has_is_told_one_that_is_here():
    assert set(elsewhere._OURS.values()) <= set(nn.__all__)
    for asked in ("__wrapped__", "_Relu", "qqqq"):
        with pytest.raises(AttributeError, match=f"has no attribute '{asked}'$"):
            getattr(nn, asked)


def test_every_command_has_a_module_that_says_what_it_takes():
    for name in COMMANDS:
        module = importlib.import_module(f"nnscratch.cli.{name.replace('-', '_')}")
        assert callable(module.add_arguments)
        assert callable(module.run)
