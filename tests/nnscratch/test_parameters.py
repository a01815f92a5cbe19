import numpy as np
import pytest

from nnscratch.errors import ShapeError
from nnscratch.parameters import Parameters

SHAPES = {"0.weight": (2, 3), "0.bias": (3,), "2.slope": (1,)}


@pytest.fixture
def parameters():
    return Parameters(SHAPES, np.float64)


def test_views_and_the_flat_array_are_one_memory(parameters):
    parameters.flat[...] = np.arange(10)
    assert parameters["0.weight"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert parameters["0.bias"].tolist() == [6, 7, 8]
    parameters["2.slope"][0] = -1
    assert parameters.flat[9] == -1
    assert all(np.shares_memory(view, parameters.flat) for view in parameters.values())
    assert all(view.flags.c_contiguous for view in parameters.values())


def test_offsets_say_where_each_name_lies(parameters):
    assert parameters.offsets.tolist() == [0, 6, 9, 10]
    assert parameters.offsets.dtype == np.int64
    parameters.flat[...] = np.arange(10)
    for i, name in enumerate(parameters.names):
        segment = parameters.flat[parameters.offsets[i] : parameters.offsets[i + 1]]
        assert np.array_equal(segment, parameters[name].ravel())


def test_is_a_mapping_in_order(parameters):
    assert list(parameters) == list(parameters.names) == list(SHAPES)
    assert len(parameters) == 3
    assert "0.bias" in parameters
    assert "1.bias" not in parameters
    assert parameters.get("1.bias") is None
    assert parameters.dtype == np.float64
    assert {name: view.shape for name, view in parameters.items()} == SHAPES
    assert not parameters.flat.any()


def test_may_be_empty():
    empty = Parameters({}, np.float32)
    assert empty.flat.shape == (0,)
    assert empty.offsets.tolist() == [0]


def test_an_unknown_name_is_a_readable_key_error(parameters):
    with pytest.raises(KeyError) as raised:
        parameters["0.wieght"]
    assert "did you mean '0.weight'?" in str(raised.value)
    assert not str(raised.value).startswith(('"', "'"))


def test_checked_values_lie_as_the_parameters_do(parameters):
    values = {name: np.full(shape, 2, np.float32) for name, shape in SHAPES.items()}
    values["0.bias"] = np.full(SHAPES["0.bias"], 3.0)
    view = parameters["0.bias"]
    parameters.flat = parameters.check(values, "file.npz")
    assert (parameters["0.bias"] == 3).all()
    assert sorted(set(parameters.flat.tolist())) == [2, 3]
    assert (view == 3).all()
    assert np.shares_memory(parameters["0.bias"], view)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"0.bias": None}, r"file\.npz does not fit this model: missing \['0\.bias'\], not in"),
        ({"3.bias": np.zeros(2)}, r"missing nothing, not in the model \['3\.bias'\]; build the"),
        ({"2.slope": np.zeros(2)}, r"'2\.slope' has shape \(2,\), the model expects \(1,\)"),
        ({"0.weight": np.ones((3, 2))}, r"'0\.weight' has shape \(3, 2\), the model expects"),
    ],
)
def test_what_does_not_fit_is_refused(parameters, change, message):
    values = {name: np.ones(shape) for name, shape in SHAPES.items()} | change
    with pytest.raises(ShapeError, match=message):
        parameters.check({k: v for k, v in values.items() if v is not None}, "file.npz")


def test_representation_lists_names_and_shapes(parameters):
    assert repr(parameters).splitlines() == [
        "Parameters(float64, 10 values)",
        "  0.weight: (2, 3)",
        "  0.bias: (3,)",
        "  2.slope: (1,)",
    ]
