"""The callbacks for Lightning and Hugging Face, with the real packages."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

pytestmark = pytest.mark.filterwarnings("ignore")
tn = torch.nn
RNG = np.random.default_rng(0)
X = torch.from_numpy(RNG.standard_normal((64, 5)).astype("float32"))
Y = (X[:, 0] > 0).long()
CROSS_ENTROPY = tn.functional.cross_entropy


def sick():
    torch.manual_seed(0)
    parts = [part for _ in range(10) for part in (tn.Linear(8, 8), tn.Sigmoid())]
    return tn.Sequential(tn.Linear(5, 8), *parts, tn.Linear(8, 2))


def check(flow, losses):
    record = flow.to_dict()
    np.testing.assert_allclose(record["loss"], losses, rtol=1e-6)
    assert len(losses) == 16
    assert "vanishing" in flow.findings().kinds


def test_lightning(tmp_path):
    lightning = pytest.importorskip("lightning.pytorch", reason="Lightning is not installed")
    from nnscratch.pytorch.lightning import FlowCallback

    class Module(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.net, self.losses = sick(), []

        def training_step(self, batch, index):
            loss = CROSS_ENTROPY(self.net(batch[0]), batch[1])
            self.losses.append(loss.item())
            return loss

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=0.1)

    told = []
    watched = FlowCallback("net", log=lambda numbers, step: told.append(step))
    trainer = lightning.Trainer(
        max_epochs=4, callbacks=[watched], logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False, accelerator="cpu",
        default_root_dir=tmp_path,
    )  # fmt: skip
    data = torch.utils.data.TensorDataset(X, Y)
    module = Module()
    trainer.fit(module, torch.utils.data.DataLoader(data, batch_size=16))
    check(watched.flow, module.losses)
    assert told == list(range(16))
    assert np.isfinite(watched.flow.to_dict()["loss_constant"]).any()  # it is known what was asked


@pytest.mark.parametrize(
    ("part", "steps", "named"),
    [
        ("", lambda s, x: s(x), None),
        ("one", lambda s, x: s.two(s.one(x)), None),
        ("", lambda s, x: s.two(s.one(x)), "calls one and two without it: call them in forward"),
        ("", lambda s, x: s.one(x), r'calls one without it: name it, FlowCallback\("one"\), or'),
        ("ones", lambda s, x: s(x), "unknown part of the module 'ones': did you mean 'one'"),
        (5, lambda s, x: s(x), "FlowCallback part must be text, got 5"),
    ],
)
def test_what_lightning_trains_is_what_is_watched(part, steps, named, tmp_path):
    lightning = pytest.importorskip("lightning.pytorch", reason="Lightning is not installed")
    import nnscratch as nn
    from nnscratch.pytorch.lightning import FlowCallback

    class Module(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.one, self.two, self.loss = tn.Linear(5, 2), tn.Linear(2, 2), tn.CrossEntropyLoss()

        def forward(self, x):
            return self.two(self.one(x))

        def training_step(self, batch, index):
            return self.loss(steps(self, batch[0]), batch[1])

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=0.1)

    data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(X, Y), batch_size=16)

    def train():
        watched = FlowCallback(part)
        lightning.Trainer(
            max_epochs=1, callbacks=[watched], logger=False, enable_checkpointing=False,
            enable_progress_bar=False, enable_model_summary=False, accelerator="cpu",
            default_root_dir=tmp_path,
        ).fit(Module(), data)  # fmt: skip
        return watched.flow

    if named is None:
        flow = train()
        assert np.isfinite(flow.to_dict()["loss"]).all()
        assert len(flow.to_dict()["layers"]) > 0
    else:
        with pytest.raises(nn.ConfigError, match=named):
            train()


def test_hugging_face(tmp_path):
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    pytest.importorskip("accelerate", reason="accelerate is not installed")
    from nnscratch.pytorch.transformers import FlowCallback

    losses = []

    class Model(tn.Module):
        def __init__(self):
            super().__init__()
            self.net = sick()

        def forward(self, x, labels=None):
            logits = self.net(x)
            loss = CROSS_ENTROPY(logits, labels)
            losses.extend([loss.item()] if loss.requires_grad else [])
            return {"loss": loss, "logits": logits}

    watched = FlowCallback()
    arguments = transformers.TrainingArguments(
        output_dir=str(tmp_path), max_steps=16, per_device_train_batch_size=16, report_to=[],
        save_strategy="no", use_cpu=True, disable_tqdm=True, optim="sgd", learning_rate=0.1,
    )  # fmt: skip
    data = [{"x": x, "labels": y} for x, y in zip(X, Y, strict=True)]
    trainer = transformers.Trainer(Model(), arguments, train_dataset=data, callbacks=[watched])
    trainer.train()
    check(watched.flow, losses)
