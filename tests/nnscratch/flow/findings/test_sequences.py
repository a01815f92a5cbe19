"""Sequences: lines hand a mask on and scale a feature over all its steps; padding that is read."""

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.flow.findings.cures import STANDARDISE_BOTH
from nnscratch.flow.findings.data.flaws import IN_FRONT

from .test_flaws import at

RNG = np.random.default_rng(0)


def lines(found):
    return [advice.line for one in found for advice in one.advice]


@pytest.mark.parametrize(
    ("kinds", "known", "scaled", "mask"),
    [
        ("dense dense", {}, "x.mean(axis=0)) / (x.std(axis=0)", ""),
        ("gru laststep dense", {}, "x.mean(axis=(0, 1))) / (x.std(axis=(0, 1))", ""),
        (
            "gru laststep dense",
            {"masked_steps": 0.0},
            "x[mask].mean(axis=0)) / (x[mask].std(axis=0)",
            ", mask=mask[:20]",
        ),
    ],
)
def test_inputs_are_scaled_by_feature_and_the_mask_is_named(run, kinds, known, scaled, mask):
    found = run(at(0.0, input_std=300.0, **known), kinds=kinds, widths=(20, 3))
    told = lines(found)
    assert any(scaled in line for line in told)
    tried = next(line for line in told if line.startswith("trainer.fit(x[:20], y[:20], "))
    assert tried.endswith(f"{mask})")
    assert ("mask" in tried) == bool(mask)


@pytest.mark.parametrize(
    ("kinds", "targets"),
    [("gru laststep dense", "y.mean(axis=0)"), ("gru dense", "y.mean(axis=(0, 1))")],
)
def test_targets_are_scaled_over_the_steps_that_have_some(run, kinds, targets):
    known = {"target_classes": 0, "target_std": 300, "target_mean": 0, "input_std": 300}
    known["loss_kind"] = "MeanSquaredError"
    found = run(at(0.0, **known), kinds=kinds, widths=(20, 1))
    assert any(targets in line for line in lines(found)), lines(found)


def test_the_line_runs_and_helps():
    lengths = RNG.integers(3, 12, (200, 1))
    mask = np.arange(12) < lengths
    x = 100 + 300 * RNG.standard_normal((200, 12, 2)).astype(np.float32)
    y = (x[:, 0, 0] > 100).astype(int)
    x[~mask] = 0
    model = nn.Sequential(nn.GRU(2, 8), nn.LastStep(), nn.Dense(8, 2), seed=0)
    loss, optimizer = nn.SoftmaxCrossEntropy(), nn.SGD(lr=0.01)
    flow = nn.GradientFlow(model)
    trainer = nn.Trainer(model, loss, optimizer)
    given = {"batch_size": 20, "mask": mask, "progress": False}
    trainer.fit(x, y, epochs=6, callbacks=[flow], **given)
    line = next(line for line in lines(flow.findings()) if "x[mask]" in line)
    names = {"nn": nn, "np": np, "x": x, "y": y, "mask": mask, "model": model}
    exec(line, names)
    assert abs(names["x"][mask].mean()) < 1e-3
    assert names["x"][mask].std() == pytest.approx(1, abs=1e-3)


def test_a_run_without_a_mask_names_none(run):
    assert "mask" not in " ".join(lines(run(at(0.0), kinds="gru dense", widths=(20, 3))))
    assert "x.mean(axis=0)" in STANDARDISE_BOTH.line  # what is to be turned


@pytest.mark.parametrize(
    ("share", "padded", "kinds", "told"),
    [
        (0.0, 0.31, "gru laststep dense", True),
        (0.0, 0.29, "gru laststep dense", False),
        (0.3, 0.9, "gru laststep dense", False),  # it learns all the same
        (0.0, 0.9, "gru dense", False),  # the answer is given at every step
    ],
)
def test_padding_that_is_read(run, share, padded, kinds, told):
    found = run(at(share, padded_steps=padded), kinds=kinds, widths=(20, 3))
    one = run.of(found, "padding read")
    assert (one is not None) == told
    if told:
        assert "31 % of the 30 steps" in one.sentence
        assert one.advice[0].line.startswith(IN_FRONT.line)
        assert "mask=(x != 0).any(axis=2)" in one.advice[1].line


def test_padding_is_put_in_front():
    x = np.array([[5, 0, 6, 0, 0], [1, 2, 3, 4, 7], [0, 0, 0, 0, 0]])[:, :, None]
    names = {"x": x, "np": np}
    exec(IN_FRONT.line, names)
    assert names["x"][:, :, 0].tolist() == [[0, 0, 5, 0, 6], [1, 2, 3, 4, 7], [0] * 5]
