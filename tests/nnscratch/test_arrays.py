import numpy as np
import pytest

import nnscratch as nn
from nnscratch.arrays import as_array, check_dtype, empty, filled, fitted
from nnscratch.errors import DataError, DtypeError, ShapeError, TooLargeError


@pytest.mark.parametrize("dtype", [np.float16, int, "nonsense", object, ">f4", [[1]]])
def test_other_types_are_refused(dtype):
    with pytest.raises(DtypeError, match="float32 or float64"):
        check_dtype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, "float64", np.dtype(np.float32)])
def test_the_two_types_are_taken(dtype):
    assert check_dtype(dtype) == np.dtype(dtype)


def test_numbers_are_fitted_into_a_type_or_refused():
    float32 = np.dtype(np.float32)
    same = np.zeros(2, np.float32)
    assert fitted(same, float32, "x") is same
    assert fitted(np.array([1.5, np.inf, np.nan]), float32, "x").dtype == float32
    assert fitted(np.array([True, False]), float32, "x").tolist() == [1, 0]
    with pytest.raises(DataError, match=r"x holds -1e\+39, beyond the range of float32: scale it"):
        fitted(np.array([np.inf, 1.0, -1e39]), float32, "x")
    for wrong in (np.array([1j]), np.array(["1"]), np.array([None])):
        with pytest.raises(DtypeError, match="x must hold numbers that float32 can be"):
            fitted(wrong, float32, "x")


def test_an_array_that_does_not_fit_into_memory_is_refused_before_it_is_taken():
    with pytest.raises(TooLargeError, match=r"an array of 1,125,899,906,842,624 numbers needs 9.*"):
        empty(2**50, np.float64)
    with pytest.raises(TooLargeError, match=r"needs .* TB of memory, and .* are free"):
        filled((2**40, 2**40), 0.0, np.float32)


MASKED = np.ma.array(np.arange(6.0).reshape(3, 2), mask=[[0, 0], [0, 1], [0, 0]])


class Tensor:
    """As PyTorch's, where gradients are wanted."""

    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("Can't call numpy() on Tensor that requires grad. Use detach()")


def test_what_is_no_plain_array_becomes_one_or_is_refused():
    plain = np.zeros(3)
    assert as_array(plain, "x") is plain
    for other in (np.ma.array([1.0, 2.0]), [1, 2], range(2)):
        assert type(as_array(other, "x")) is np.ndarray
    with pytest.raises(
        DataError, match=r"x has 1 masked values of 6.*fill them in, with its method filled"
    ):
        as_array(MASKED, "x")
    inside = np.array([np.zeros((3, 2)), None], dtype=object)
    for rows in ([[1], [1, 2]], np.array([np.zeros((3, 2)), np.zeros((4, 2))], dtype=object)):
        with pytest.raises(ShapeError, match=r"x has rows of different lengths: .* with mask="):
            as_array(rows, "x")
    assert as_array(inside, "x").dtype == object  # not all of it is arrays
    inside[1] = np.ones((3, 2))
    assert as_array(inside, "x").shape == (2, 3, 2)
    with pytest.raises(DataError, match=r"x cannot be read as an array: .* Use detach\(\)"):
        as_array(Tensor(), "x")


def trained(x, y, **options):
    model = nn.Sequential(nn.Dense(2, 2), seed=0)
    trainer = nn.Trainer(model, nn.SoftmaxCrossEntropy(), nn.SGD(lr=0.1))
    trainer.fit(x, y, epochs=2, batch_size=2, progress=False, **options)
    return model.params.flat


X, Y = np.random.default_rng(0).standard_normal((3, 2)), np.array([0, 1, 1])


def read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (X, Y),
        (np.asfortranarray(X), Y.astype(np.uint8)),
        (X, Y.astype(">i4")),
        (np.repeat(X, 2, axis=0)[::2], np.repeat(Y, 2)[::2]),
        (read_only(X), read_only(Y)),
        (np.ma.array(X), np.ma.array(Y)),
        (X.tolist(), Y.tolist()),
    ],
)
def test_inputs_of_every_kind_train_to_the_same_bits(x, y):
    np.testing.assert_array_equal(trained(x, y), trained(X.astype(np.float32), Y))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"x": MASKED}, "x has 1 masked values of 6"),
        ({"y": np.ma.array(Y, mask=[0, 0, 1])}, "y has 1 masked values of 3"),
        ({"y": np.ma.array(X, mask=[[1, 0]] * 3)}, "y has 3 masked values of 6"),
        ({"sample_weights": np.ma.array(Y, mask=True)}, "sample_weights has 3 masked values"),
        ({"x": Tensor()}, "x cannot be read as an array"),
        ({"x": X * 1e39}, r"x holds 6\.40423e\+38, beyond the range of float32"),
        ({"y": np.full((3, 2), 1e200)}, "y holds 1e.200, beyond the range of float32"),
    ],
)
def test_inputs_that_would_be_taken_for_others_are_refused(arguments, said):
    with pytest.raises(DataError, match=said):
        trained(**{"x": X, "y": Y, **arguments})


def test_a_pass_by_itself_refuses_them_too():
    model = nn.Sequential(nn.Dense(2, 2), seed=0)
    masked = MASKED.astype(np.float32)
    with pytest.raises(DataError, match=r"the input of layer '0\.dense' has 1 masked values"):
        model.forward(masked)
    output = model.forward(X.astype(np.float32))
    with pytest.raises(DataError, match="dlogits has 1 masked values"):
        model.backward(masked)
    with pytest.raises(DataError, match="targets has 1 masked values"):
        nn.MeanSquaredError()(output, masked)
