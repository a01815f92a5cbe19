"""Causes come before what they bring, and the most serious cause first."""

import pytest

from nnscratch.flow.findings.finding import SEVERITIES, Finding
from nnscratch.flow.findings.graph import CAUSES, EXPLAINS, KINDS, SYMPTOMS, arrange


def finding(kind, severity="serious", step=0, explains=None, **more):
    explained = EXPLAINS.get(kind, frozenset()) if explains is None else frozenset(explains)
    return Finding(kind, severity, (), step, f"{kind}.", explains=explained, **more)


def told(*found):
    return [(one.kind, one.because) for one in arrange(found)]


def test_the_order_of_causes():
    """Written down a second time: what is learned, what the loss sees, how it begins, goes in..."""
    order = (
        "broadcast loss|gradients not cleared|gradients cleared too soon|weights set back|"
        "steps uphill|unused losses|targets not detached|"
        "batch taken for time|softmax over the batch|"
        "not log-probabilities|several labels|target values|unbounded loss|"
        "class weights by frequency|examples mixed|"
        "unused layers|shared layers|looks ahead|"
        "words hidden|no positions|state carried|data written over|padding counted|"
        "term outweighed|discriminator wins|"
        "clipped too soon|rounded updates|held-out inputs|training mode|"
        "category codes|"
        "labels|inputs alike|outliers|missing value code|softmax over one unit|norm over one unit|"
        "softmax twice|output activation|"
        "penalty|dropout|frozen parameters|padding read|"
        "symmetric units|small batches|input scale|target scale|initial weights|initial biases|"
        "forget bias|recurrent weights|truncation|learning rate too large|"
        "gradient spikes|"
        "activation|depth|no activation|clip always|epsilon|capacity|class weights|"
        "learning rate too small|too few steps|loss|evaluation mode|"
        "batch norm statistics|overfitting|naive forecast|clip never"
    )
    assert "|".join(CAUSES) == order
    shuffled = [finding(kind, explains=()) for kind in sorted(CAUSES)]
    assert "|".join(one.kind for one in arrange(shuffled)) == order


def test_the_order_of_symptoms_by_themselves():
    order = (
        "non-finite|diverged|dead layer|exploding|exploding through time|vanishing|"
        "vanishing through time|saturated|dead units|constant output|slow layer|does not learn"
    )
    assert "|".join(SYMPTOMS) == order
    assert set(KINDS) == {*CAUSES, *SYMPTOMS}
    lone = [finding(kind, explains=()) for kind in (*sorted(SYMPTOMS), "labels", "clip never")]
    kinds = [one.kind for one in arrange(lone)]
    assert kinds[:4] == ["non-finite", "diverged", "dead layer", "labels"]
    assert kinds[4:6] == ["clip never", "exploding"]


def test_every_kind_that_is_explained_is_one():
    for kind, brings in EXPLAINS.items():
        assert kind in KINDS
        assert brings <= set(KINDS)
        assert kind not in brings


@pytest.mark.parametrize(
    ("cause", "brings"),
    [
        ("category codes", "labels, input scale, does not learn, too few steps, overfitting"),
        ("labels", "does not learn, overfitting, too few steps"),
        ("softmax over one unit", "dead layer, vanishing, loss, does not learn"),
        ("norm over one unit", "dead layer, constant output, does not learn"),
        ("softmax twice", "too few steps, loss"),
        ("output activation", "non-finite, dead layer, saturated, constant output"),
        ("frozen parameters", "learning rate too large, does not learn"),
        ("symmetric units", "dead layer, constant output, capacity"),
        ("input scale", "saturated, diverged, learning rate too large, dead units, clip always"),
        ("input scale", "vanishing through time"),
        ("target scale", "vanishing through time"),
        ("target scale", "diverged, dead layer, learning rate too large, output activation"),
        ("initial weights", "exploding, vanishing, saturated, learning rate too large"),
        ("initial biases", "saturated, dead units, constant output"),
        ("learning rate too large", "diverged, non-finite, dead layer, saturated"),
        ("activation", "vanishing, dead layer, exploding, non-finite"),
        ("depth", "exploding, vanishing, clip always"),
        ("clip always", "learning rate too small, does not learn"),
        ("capacity", "saturated, too few steps, does not learn"),
        ("learning rate too small", "does not learn, constant output"),
        ("no activation", "does not learn, capacity"),
        (
            "inputs alike",
            "labels, input scale, dead units, dead layer, activation",
        ),
        ("outliers", "target scale, too few steps, overfitting, learning rate too large"),
        ("penalty", "frozen parameters, dead layer, constant output, learning rate too large"),
        ("dropout", "dead units, saturated, constant output, learning rate too large"),
        ("class weights", "does not learn, learning rate too small"),
        ("held-out inputs", "overfitting, labels, batch norm statistics"),
        ("small batches", "batch norm statistics, dead units, learning rate too large, exploding"),
    ],
)
def test_what_a_cause_brings_is_put_under_it(cause, brings):
    kinds = brings.split(", ")
    found = told(finding(cause), *(finding(kind, explains=()) for kind in kinds))
    assert found[0] == (cause, "")
    assert sorted(found[1:]) == sorted((kind, cause) for kind in kinds)


@pytest.mark.parametrize(
    ("cause", "other"),
    [
        ("initial biases", "diverged"),
        ("initial biases", "learning rate too large"),
        ("learning rate too large", "learning rate too small"),
        ("learning rate too small", "vanishing"),
        ("labels", "vanishing"),
        ("no activation", "vanishing"),
        ("clip always", "exploding"),
        ("capacity", "vanishing"),
        ("batch norm statistics", "does not learn"),
        ("overfitting", "does not learn"),
    ],
)
def test_what_a_cause_does_not_bring_stands_by_itself(cause, other):
    assert (other, "") in told(finding(cause), finding(other, explains=()))


def test_a_consequence_began_no_sooner():
    cause = finding("learning rate too large", step=5)
    assert told(cause, finding("dead layer", step=5))[1] == (
        "dead layer",
        "learning rate too large",
    )
    assert ("dead layer", "") in told(cause, finding("dead layer", step=4))


def test_consequences_of_consequences_go_under_the_cause():
    found = told(finding("initial biases"), finding("saturated"), finding("slow layer"))
    assert found[1:] == [("saturated", "initial biases"), ("slow layer", "initial biases")]


def test_the_first_cause_takes_what_several_explain():
    found = told(finding("target scale"), finding("input scale"), finding("diverged"))
    assert found == [("input scale", ""), ("diverged", "input scale"), ("target scale", "")]


def test_a_cause_that_comes_first_is_no_consequence_and_takes_what_it_explains():
    rate = finding("learning rate too large", first=True)
    found = told(finding("input scale"), rate, finding("diverged", "fatal", 1))
    assert found == [
        ("learning rate too large", ""),
        ("diverged", "learning rate too large"),
        ("input scale", ""),
    ]
    usual = finding("learning rate too large")
    found = told(finding("input scale"), usual, finding("diverged", "fatal", 1))
    assert found[0] == ("input scale", "")
    assert ("learning rate too large", "input scale") in found


def test_a_cause_is_as_serious_as_what_it_brings():
    found = arrange([finding("input scale"), finding("diverged", "fatal")])
    assert [one.severity for one in found] == ["fatal", "fatal"]
    found = arrange(
        [finding("labels", "notice"), finding("input scale"), finding("diverged", "fatal")]
    )
    assert [one.kind for one in found] == ["input scale", "diverged", "labels"]


def test_severities_come_in_order():
    found = arrange(
        [
            finding("clip never", "notice"),
            finding("labels", "notice"),
            finding("capacity", "serious", explains=()),
            finding("exploding", "fatal"),
        ]
    )
    assert SEVERITIES == ("fatal", "serious", "notice")
    assert [one.kind for one in found] == ["exploding", "capacity", "labels", "clip never"]
