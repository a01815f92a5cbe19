"""What a docstring calls the default of a parameter is the default."""

import ast
import inspect
import re

import pytest

import nnscratch as nn

# "beta1, beta2 : float in [0, 1), default 0.9 and 0.999"
DOCUMENTED = re.compile(r"^(\w[\w, ]*) : .*, default (.+)$", re.MULTILINE)


def documented():
    for place in (nn, nn.initializers):
        for name in dir(place):
            given = getattr(place, name)
            doc = given.__dict__.get("__doc__") if inspect.isclass(given) else None
            for parameters, values in DOCUMENTED.findall(inspect.cleandoc(doc or "")):
                for parameter, value in zip(
                    parameters.split(", "), values.split(" and "), strict=False
                ):
                    yield pytest.param(given, parameter, value, id=f"{name}-{parameter}")


@pytest.mark.parametrize(("kind", "parameter", "value"), list(documented()))
def test_defaults_are_as_documented(kind, parameter, value):
    up, _, down = value.partition("/")
    expected = ast.literal_eval(up) / ast.literal_eval(down) if down else ast.literal_eval(up)
    assert inspect.signature(kind).parameters[parameter].default == expected


def test_many_defaults_are_documented():
    assert len(list(documented())) > 30


def overriding():
    """Methods of what this package defines, with the method of the base that they stand in for."""
    bases = [nn.layers.Layer, nn.losses.Loss, nn.optimizers.Optimizer, nn.Callback]
    while bases:
        base = bases.pop()
        for kind in base.__subclasses__():
            if kind.__module__.startswith("nnscratch"):
                bases.append(kind)
                for name, method in vars(kind).items():
                    if inspect.isfunction(method) and not name.startswith("__"):
                        above = getattr(base, name, None)
                        if above is not None:
                            yield pytest.param(method, above, id=f"{kind.__name__}.{name}")


@pytest.mark.parametrize(("method", "above"), list(overriding()))
def test_a_method_has_the_defaults_of_the_one_it_stands_in_for(method, above):
    expected = inspect.signature(above).parameters
    for name, parameter in inspect.signature(method).parameters.items():
        if name in expected and parameter.kind is not parameter.VAR_KEYWORD:
            assert parameter.default == expected[name].default, name
