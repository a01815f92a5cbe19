"""The call every initializer shares: shapes, dtypes, generators, determinism."""

import dataclasses

import numpy as np
import pytest

import nnscratch.initializers as init
from nnscratch.errors import ConfigError, DtypeError, ShapeError

EVERY = [
    init.Zeros(),
    init.Constant(-1.5),
    init.Normal(0.3, 1.0),
    init.Uniform(-2.0, 0.5),
    init.TruncatedNormal(0.3, -1.0),
    init.VarianceScaling(2.0),
    init.VarianceScaling(1.0, "fan_avg", "uniform"),
    init.VarianceScaling(1.0, "fan_out", "truncated_normal"),
    init.TF1VarianceScaling(),
    init.Orthogonal(1.2),
]


@pytest.mark.parametrize("initializer", EVERY, ids=str)
def test_same_seed_gives_the_same_numbers_in_both_dtypes(initializer: init.Initializer) -> None:
    rngs = [np.random.default_rng(7) for _ in range(3)]
    single, again, double = (
        initializer((30, 20), rng, dtype)
        for rng, dtype in zip(rngs, (np.float32, np.float32, np.float64), strict=True)
    )
    assert single.dtype == np.float32
    assert double.dtype == np.float64
    np.testing.assert_array_equal(single, again)
    np.testing.assert_array_equal(single, double.astype(np.float32))
    assert rngs[0].random() == rngs[1].random() == rngs[2].random()


@pytest.mark.parametrize("initializer", EVERY, ids=str)
def test_another_seed_gives_other_numbers_and_float32_is_the_default(
    initializer: init.Initializer,
) -> None:
    first, second = (initializer((30, 20), np.random.default_rng(seed)) for seed in (0, 1))
    assert first.dtype == np.float32
    assert first.shape == (30, 20)
    assert first.flags.c_contiguous
    assert first.flags.writeable
    fixed = isinstance(initializer, init.Zeros | init.Constant)
    assert np.array_equal(first, second) == fixed


@pytest.mark.parametrize("initializer", EVERY[:-1], ids=str)
def test_vectors_and_single_weights_can_be_drawn(initializer: init.Initializer) -> None:
    rng = np.random.default_rng(0)
    assert initializer((5,), rng).shape == (5,)
    assert initializer((1, 1), rng).shape == (1, 1)
    assert initializer([np.int64(2), 3], rng).shape == (2, 3)


@pytest.mark.parametrize("initializer", EVERY, ids=str)
def test_the_global_random_state_is_left_alone(initializer: init.Initializer) -> None:
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    initializer((9, 9), np.random.default_rng(0))
    np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002


@pytest.mark.parametrize("initializer", EVERY, ids=str)
def test_initializers_are_frozen_values(initializer: init.Initializer) -> None:
    assert initializer == dataclasses.replace(initializer)
    assert hash(initializer) == hash(dataclasses.replace(initializer))
    with pytest.raises(dataclasses.FrozenInstanceError):
        initializer.scale = 1.0


def test_fans() -> None:
    assert init.fans((784, 300)) == (784, 300)
    assert init.fans((10,)) == (10, 10)


@pytest.mark.parametrize(
    "shape", [(), (0,), (3, 0), (-1, 2), (2, 3, 4), (2.0, 3), (True, 2), 5, "ab", None], ids=repr
)
def test_bad_shapes_are_refused(shape: object) -> None:
    with pytest.raises(ShapeError, match=r"cannot initialize shape .*expected \(n_in, n_out\)"):
        init.fans(shape)
    with pytest.raises(ShapeError, match="cannot initialize shape"):
        init.Normal()(shape, np.random.default_rng(0))


@pytest.mark.parametrize("dtype", [np.float16, np.int64, np.complex64, "U3"])
def test_other_dtypes_are_refused(dtype: object) -> None:
    with pytest.raises(DtypeError, match="float32 or float64"):
        init.Normal()((2, 2), np.random.default_rng(0), dtype)


@pytest.mark.parametrize("rng", [0, None, np.random.RandomState(0)], ids=["int", "None", "old"])
def test_only_a_generator_is_a_source_of_randomness(rng: object) -> None:
    with pytest.raises(ConfigError, match=r"rng of Zeros\(\).*default_rng"):
        init.Zeros()((2, 2), rng)


@pytest.mark.parametrize(
    ("initializer", "dtype"),
    [
        (init.Constant(1e39), np.float32),
        (init.Normal(1e300), np.float32),
        (init.TruncatedNormal(1.7e308, 1.7e308), np.float64),
    ],
    ids=str,
)
def test_values_that_overflow_are_refused(initializer: init.Initializer, dtype: type) -> None:
    with pytest.raises(ConfigError, match="cannot hold"):
        initializer((50, 50), np.random.default_rng(0), dtype)
