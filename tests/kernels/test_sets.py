"""The two sets of kernels have the same names and signatures, under one naming law."""

import inspect

import pytest

import nnscratch_kernels

REFERENCE = nnscratch_kernels.load("reference")
COMPILED = nnscratch_kernels.load("numba")


def parameters(kernel):
    return list(inspect.signature(getattr(kernel, "py_func", kernel)).parameters)


def test_same_names():
    assert sorted(REFERENCE.__all__) == sorted(COMPILED.__all__)


@pytest.mark.parametrize("name", REFERENCE.__all__)
def test_same_signature(name):
    assert parameters(getattr(COMPILED, name)) == parameters(getattr(REFERENCE, name))


@pytest.mark.parametrize("name", [n for n in REFERENCE.__all__ if n.endswith("_forward")])
def test_naming_law(name):
    """Outputs first: y before x, dx before dy; every forward has its backward."""
    forward = parameters(getattr(REFERENCE, name))
    assert forward[0] == "y"
    assert "x" in forward
    stem = name.removesuffix("_forward")
    backward = [n for n in REFERENCE.__all__ if n.startswith(f"{stem}_backward")]
    assert backward
    for other in backward:
        found = parameters(getattr(REFERENCE, other))
        assert found[0].startswith("d")
        assert "dy" in found
