"""What a trainer refuses, before it trains."""

import numpy as np
import pytest

import nnscratch as nn

from .runs import LABELS, SETTINGS, Watch, X, make


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"epochs": 0}, "epochs must be a whole number >= 1"),
        ({"batch_size": 0}, "batch_size must be"),
        ({"batch_size": 2.5}, "batch_size must be"),
        ({"seed": -1}, "seed must be"),
        ({"max_steps": 0}, "max_steps must be"),
        ({"batch_size": 71, "drop_last": True}, "drop_last leaves nothing"),
        ({"callbacks": Watch()}, r"callbacks=\[Watch"),
        ({"callbacks": [print]}, "callbacks must be a list, each of it a Callback"),
        *(
            ({"validation": one}, "validation must be a pair")
            for one in (X, X[:2], 3, (X,), (X, LABELS, None, 1))
        ),
    ],
)
def test_nonsense_is_refused(changes, match):
    trainer = make()
    before = trainer.model.params.flat.copy()
    with pytest.raises(nn.ConfigError, match=match):
        trainer.fit(X, LABELS, **{**SETTINGS, **changes})
    np.testing.assert_array_equal(trainer.model.params.flat, before)
    assert trainer.run is None


def test_bad_data_are_refused_before_training():
    trainer = make()
    bad = X.copy()
    bad[3, 2] = np.nan
    with pytest.raises(nn.DataError, match="x is not finite: nan at row 3, column 2"):
        trainer.fit(bad, LABELS, **SETTINGS)
    with pytest.raises(nn.DataError, match="validation x is not finite"):
        trainer.fit(X, LABELS, **SETTINGS, validation=(bad, LABELS))
    with pytest.raises(nn.DataError, match="label 3 at index"):
        trainer.fit(X, LABELS + 1, **SETTINGS)
    with pytest.raises(nn.ShapeError, match="x has 5 features"):
        trainer.evaluate(X[:, :5], LABELS)
    assert trainer.steps == 0


def test_parts_of_the_wrong_kind_are_refused():
    model, loss, optimizer = make().model, nn.SoftmaxCrossEntropy(), nn.SGD(0.1)
    with pytest.raises(nn.ConfigError, match="model must be a Sequential"):
        nn.Trainer("model", loss, optimizer)
    with pytest.raises(
        nn.ConfigError, match=r"loss must be a loss such as SoftmaxCrossEntropy\(\)"
    ):
        nn.Trainer(model, nn.SoftmaxCrossEntropy, optimizer)
    with pytest.raises(nn.ConfigError, match="optimizer must be an optimizer"):
        nn.Trainer(model, loss, 0.1)
