"""The history: a plain record."""

import json
import math

import pytest

from nnscratch.training.history import History

HISTORY = History(
    loss=[2.0, 1.5, 1.25, 1.0],
    epoch_steps=[2, 4],
    train_loss=[1.75, 1.125],
    val_loss=[1.5, 1.0],
    val_accuracy=[0.5, 0.75],
    lr=[0.1, 0.05],
    epoch_seconds=[1.0, 2.0],
    seconds=3.5,
)


def test_dict_and_back():
    values = HISTORY.to_dict()
    assert History.from_dict(json.loads(json.dumps(values))) == HISTORY
    values["loss"].append(0.0)
    assert len(HISTORY.loss) == 4
    del values["lr"]
    with pytest.raises(KeyError, match="lr"):
        History.from_dict(values)


def test_repr():
    assert HISTORY.epochs == 2
    assert repr(HISTORY) == (
        "History(2 epochs, 4 steps, 3.5 s; loss 2 -> 1; validation accuracy 0.7500)"
    )
    assert repr(History()) == "History(0 epochs, 0 steps, 0.0 s)"
    early = History(loss=[math.nan], message="the loss became nan")
    assert "loss nan -> nan; the loss became nan" in repr(early)


def test_one_epoch_is_not_epochs():
    assert repr(History(loss=[2.0], epoch_steps=[1], seconds=0.1)).startswith(
        "History(1 epoch, 1 step, 0.1 s"
    )
