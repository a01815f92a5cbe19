"""The numbers of a recorder in the real Weights & Biases and MLflow, without a network."""

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.flow.logging import numbers_of

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]


def train(log):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((40, 3)).astype(np.float32)
    flow = nn.GradientFlow(nn.Sequential(nn.Dense(3, 4), nn.Tanh(), nn.Dense(4, 2)), log=log)
    trainer = nn.Trainer(flow.model, nn.SoftmaxCrossEntropy(), nn.SGD(lr=0.1))
    trainer.fit(
        x, (x[:, 0] > 0).astype(int), epochs=2, batch_size=10, callbacks=[flow], progress=False
    )  # fmt: skip
    return numbers_of(flow.to_dict())


def test_weights_and_biases(tmp_path, monkeypatch):
    wandb = pytest.importorskip("wandb", reason="wandb is not installed")
    monkeypatch.setenv("WANDB_SILENT", "true")
    with wandb.init(project="nnscratch", dir=tmp_path, mode="offline") as run:
        told = train(wandb.log)
        wandb.log({}, step=8)  # what comes with the next step ends the one before
        assert run.step == 8
        kept = dict(run.summary)
    assert {name: kept[name] for name in told} == pytest.approx(told)


def test_mlflow(tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow", reason="mlflow is not installed")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    mlflow.set_tracking_uri((tmp_path / "runs").as_uri())  # a folder that it makes itself
    with mlflow.start_run() as run:
        told = train(mlflow.log_metrics)
    assert mlflow.get_run(run.info.run_id).data.metrics == pytest.approx(told)
    kept = mlflow.MlflowClient().get_metric_history(run.info.run_id, "loss")
    assert [one.step for one in kept] == list(range(8))
