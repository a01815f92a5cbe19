"""The errors themselves: what can be caught, and what is said."""

import math
import time

import pytest

import nnscratch as nn
from nnscratch.cli import line_of
from nnscratch.errors import ListedError, TooLargeError, require_count, require_number, unknown_name


@pytest.mark.parametrize(
    ("error", "built_in"),
    [
        (nn.ConfigError, ValueError),
        (nn.UnknownNameError, KeyError),
        (nn.UnknownNameError, ValueError),
        (nn.ShapeError, ValueError),
        (nn.DtypeError, TypeError),
        (nn.DataError, ValueError),
        (nn.FileError, OSError),
        (nn.NonFiniteError, ArithmeticError),
    ],
)
def test_each_error_is_also_the_built_in_one(error, built_in):
    assert issubclass(error, nn.NnscratchError)
    assert issubclass(error, built_in)


def test_unknown_name_suggests_and_lists():
    message = str(unknown_name("loss", "sofmax", ["softmax", "sigmoid"]))
    assert message == ("unknown loss 'sofmax': did you mean 'softmax'? known are sigmoid, softmax")
    assert "did you mean" not in str(unknown_name("loss", "xyz", ["softmax"]))
    assert "did you mean 'relu'" in str(unknown_name("x", "RELU", ["elu", "relu"]))
    assert "did you mean 'mnist-bn-elu'" in str(unknown_name("x", "mnist", ["mnist-bn-elu"]))


def test_mappings_answer_get_and_in():
    model = nn.Sequential(nn.Dense(2, 2))
    assert model.params.get("0.wieght") is None
    assert "0.wieght" not in model.params
    with pytest.raises(KeyError, match=r"^unknown parameter '0.wieght': did you mean '0.weight'"):
        model.params["0.wieght"]


@pytest.mark.parametrize("value", [-1, 0, math.nan, math.inf, "1", None, True, 1j])
def test_require_number_refuses(value):
    with pytest.raises(nn.ConfigError, match=r"rate must be a finite number > 0, got "):
        require_number("rate", value, above=0)


def test_require_number_limits():
    assert require_number("rate", 1, above=0, most=1) == 1.0
    with pytest.raises(nn.ConfigError, match=r"a finite number >= 0 and < 1, got 1"):
        require_number("rate", 1, least=0, below=1)


@pytest.mark.parametrize("value", [0, -2, 1.0, "3", None, True])
def test_require_count_refuses(value):
    with pytest.raises(nn.ConfigError, match="n must be a whole number >= 1, got"):
        require_count("n", value)


def test_a_name_beside_very_many_others_is_asked_for_at_once():
    names = [f"column {i}" for i in range(200_000)]
    start = time.process_time()
    assert "200,000 in all" in str(unknown_name("column", "colmn 77", names))
    assert time.process_time() - start < 1.5


def test_what_an_error_says_is_one_line_whatever_names_are_in_it():
    for kind in (nn.DataError, nn.FileError, nn.UnknownNameError, TooLargeError):
        assert str(kind("no such file: a\nb\x1b[2J")) == "no such file: a\\nb\\x1b[2J"


def test_an_error_that_lists_has_lines_but_gives_no_orders():
    assert str(ListedError("so:\n1. a\x1b[2J")) == "so:\n1. a\\x1b[2J"


def test_a_warning_of_the_command_is_one_line():
    assert line_of(UserWarning("kept in a\nb"), UserWarning, "x.py", 3) == "kept in a\\nb\n"
