"""What a recorder tells a logger at every step."""

import csv
import math

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.flow.logging import numbers_of

X = np.random.default_rng(0).standard_normal((40, 3)).astype("float32")
Y = (X[:, 0] > 0).astype(int)


def train(log, every=1):
    model = nn.Sequential(nn.Dense(3, 4), nn.Sigmoid(), nn.Dense(4, 2))
    flow = nn.GradientFlow(model, every, log=log)
    trainer = nn.Trainer(model, nn.SoftmaxCrossEntropy(), nn.SGD(lr=0.1))
    trainer.fit(X, Y, epochs=2, batch_size=10, callbacks=[flow], validation=(X, Y), progress=False)
    return flow


def test_a_logger_gets_loss_rate_and_logarithms_at_every_recorded_step():
    told = []
    flow = train(lambda numbers, step: told.append((step, numbers)), every=2)
    record = flow.to_dict()
    assert [step for step, _ in told[:4]] == [0, 2, 4, 6]
    for i, (_, numbers) in enumerate(told[:4]):
        assert numbers["loss"] == record["loss"][i]
        norms = record["gradient_norm"][i]
        assert numbers["log10_gradient_norm/0.dense"] == pytest.approx(math.log10(norms[0]))
        ratio = math.log10(norms[0] / norms[2])
        assert numbers["log10_first_over_last"] == pytest.approx(ratio)
        assert "log10_update_ratio/2.weight" in numbers
        assert all(math.isfinite(value) for value in numbers.values())
    seen = [numbers["validation_loss"] for _, numbers in told if "validation_loss" in numbers]
    assert seen == record["validation_loss"][~np.isnan(record["validation_loss"])].tolist()


def test_a_gradient_of_zero_is_left_out_and_changes_nothing_else():
    model = nn.Sequential(nn.Dense(3, 4), nn.ReLU(), nn.Dense(4, 2, init="zeros"))
    told = []
    flow = nn.GradientFlow(model, log=lambda numbers, step: told.append(numbers))
    optimizer = nn.SGD(lr=0.1)
    with flow.attached(optimizer):
        model.training_pass(X, Y, nn.SoftmaxCrossEntropy())
        optimizer.step(model.params, model.grads)
    assert "log10_gradient_norm/0.dense" not in told[0]
    assert "log10_first_over_last" not in told[0]
    assert "log10_gradient_norm/2.dense" in told[0]


def test_names_are_those_that_every_logger_takes():
    record = train(None).to_dict() | {"layers": np.array(["fc#2", "fc.relu()", "encoder.3.fc"])}
    names = {name for name in numbers_of(record) if name.startswith("log10_gradient_norm")}
    assert names == {f"log10_gradient_norm/{of}" for of in ("fc_2", "fc.relu_", "encoder.3.fc")}


def test_a_csv_file_has_a_row_for_each_number(tmp_path):
    flow = train(nn.CsvLog(tmp_path / "numbers.csv"))
    with (tmp_path / "numbers.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    losses = [float(row["value"]) for row in rows if row["name"] == "loss"]
    assert losses == flow.to_dict()["loss"].tolist()
    with pytest.raises(nn.FileError, match="cannot write"):
        nn.CsvLog(tmp_path / "nowhere" / "numbers.csv")


def test_a_log_that_is_no_function_is_refused_when_it_is_given():
    with pytest.raises(nn.ConfigError, match="log must be a function of numbers and step, got 'x"):
        nn.GradientFlow(nn.Sequential(nn.Dense(2, 2)), log="x.csv")
