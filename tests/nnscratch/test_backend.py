import os
import subprocess
import sys

import numpy as np
import pytest

import nnscratch as nn
import nnscratch_kernels
from nnscratch.backend import kernels


@pytest.fixture(autouse=True)
def put_back():
    before = nn.active_kernels()
    yield
    nn.use_kernels(before)


def test_switching_takes_effect_at_once():
    for name, module in nnscratch_kernels.SETS.items():
        nn.use_kernels(name)
        assert nn.active_kernels() == name
        assert kernels.dense_forward.__module__.startswith(module)


def test_a_block_ends_with_the_set_it_began_with():
    nn.use_kernels("numba")
    with nn.use_kernels("reference"):
        assert nn.active_kernels() == "reference"
        with nn.use_kernels("numba"):
            assert nn.active_kernels() == "numba"
        assert nn.active_kernels() == "reference"
    assert nn.active_kernels() == "numba"
    with pytest.raises(RuntimeError, match="inside"), nn.use_kernels("reference"):
        raise RuntimeError("inside")
    assert nn.active_kernels() == "numba"


def test_an_unknown_set_is_refused():
    before = nn.active_kernels()
    with pytest.raises(nn.ConfigError, match=r"unknown kernel set 'nunba': did you mean 'numba'\?"):
        nn.use_kernels("nunba")
    assert nn.active_kernels() == before


def test_an_unknown_kernel_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no kernel 'conv_forward'"):
        _ = kernels.conv_forward


def test_a_model_goes_on_with_the_other_set_in_the_middle_of_a_training():
    rng = np.random.default_rng(0)
    x, labels = rng.standard_normal((20, 6)), rng.integers(0, 3, 20)

    def train(sets):
        layers = nn.Dense(6, 8), nn.BatchNorm(8), nn.ELU(), nn.Dropout(0.2), nn.Dense(8, 3)
        model = nn.Sequential(*layers, seed=0, dtype=np.float64)
        loss = nn.SoftmaxCrossEntropy()
        for name in sets:
            nn.use_kernels(name)
            model.backward(loss(model.forward(x, training=True), labels)[1])
            model.params.flat[...] -= 0.1 * model.grads.flat
        return model.params.flat

    expected = train(["reference"] * 4)
    np.testing.assert_allclose(train(["numba"] * 4), expected, rtol=1e-10, atol=1e-13)
    mixed = train(["numba", "reference", "numba", "reference"])
    np.testing.assert_allclose(mixed, expected, rtol=1e-10, atol=1e-13)


def in_a_new_process(variable):
    environment = {**os.environ, "NNSCRATCH_KERNELS": variable}
    code = "from nnscratch import backend; print(backend.active_kernels())"
    command = [sys.executable, "-c", code]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("variable", "name"), [("reference", "reference"), ("numba", "numba"), ("", "numba")]
)
def test_the_environment_chooses_the_set(variable, name):
    assert in_a_new_process(variable).stdout.strip() == name


def test_a_wrong_environment_is_named():
    error = in_a_new_process("cuda").stderr
    assert "NNSCRATCH_KERNELS is 'cuda'; expected one of numba, reference" in error
