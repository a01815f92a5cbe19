"""A small trainer and its data, all bits of what it has done, and callbacks that look or meddle."""

import signal

import numpy as np

import nnscratch as nn

RNG = np.random.default_rng(0)
X = RNG.standard_normal((70, 6)).astype(np.float32)
LABELS = (X[:, :3] + 0.1 * RNG.standard_normal((70, 3))).argmax(axis=1)
SETTINGS = {"epochs": 3, "batch_size": 20, "progress": False}


def make(optimizer=None, seed=0, dtype=np.float32):
    model = nn.Sequential(
        nn.Dense(6, 12), nn.BatchNorm(12), nn.ELU(), nn.Dropout(0.2), nn.Dense(12, 3),
        seed=seed, dtype=dtype,
    )  # fmt: skip
    return nn.Trainer(model, nn.SoftmaxCrossEntropy(), optimizer or nn.SGD(0.1, momentum=0.9))


def bits(trainer):
    model = trainer.model
    return (
        model.params.flat.tobytes() + model.statistics.flat.tobytes(),
        {name: array.tobytes() for name, array in trainer.optimizer.state_dict().items()},
        trainer.history.loss,
        trainer.history.train_loss,
        trainer.history.lr,
        trainer.history.epoch_steps,
    )


class Watch(nn.Callback):
    """Writes down what it is called with."""

    def __init__(self):
        self.calls, self.steps, self.backward, self.before = [], [], [], []

    def on_fit_start(self, trainer):
        self.calls.append("start")

    def on_step_start(self, trainer, step):
        self.calls.append("step start")
        self.before.append((step, trainer.model.params.flat.copy(), trainer.optimizer.steps))

    def on_backward(self, trainer, step):
        self.calls.append("backward")
        self.backward.append((step, trainer.model.grads.flat.copy()))

    def on_step(self, trainer, step):
        self.calls.append("step")
        self.steps.append(step)

    def on_epoch_end(self, trainer, history):
        self.calls.append(f"epoch {history.epochs}")

    def on_fit_end(self, trainer, history):
        self.calls.append("end")


class At(nn.Callback):
    """Does something at one step."""

    def __init__(self, hook, number, action):
        self.number, self.action = number, action
        self.hook = hook

    def on_backward(self, trainer, step):
        if self.hook == "on_backward" and step.step == self.number:
            self.action(trainer)

    def on_step(self, trainer, step):
        if self.hook == "on_step" and step.step == self.number:
            self.action(trainer)


def interrupt(trainer):
    raise KeyboardInterrupt


def press_ctrl_c(trainer):
    signal.raise_signal(signal.SIGINT)
