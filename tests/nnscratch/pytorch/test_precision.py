"""Watching in mixed precision: gradients unscaled, skipped steps said, low precision as floats."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from nnscratch.pytorch import watch  # noqa: E402

tn = torch.nn


def test_skipped_steps_are_said_and_gradients_unscaled(classes):
    model, (x, y) = tn.Linear(12, 3), classes
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**10)
    flow = watch(model, optimizer, scaler=scaler)
    for step in range(6):
        optimizer.zero_grad()
        value = tn.CrossEntropyLoss()(model(x), y)
        if step == 2:
            value = value * float("inf")
        scaler.scale(value).backward()
        scaler.step(optimizer)
        scaler.update()
    record = flow.to_dict()
    assert len(flow) == 5
    assert "a step was skipped" in record["note"]
    assert (record["gradient_norm"] < 1).all()
    assert np.isnan(record["clip_before"]).all()
    whole = np.sqrt((record["param_gradient_norm"][-1] ** 2).sum())
    grads = [p.grad.norm().item() for p in model.parameters()]
    assert whole == pytest.approx(np.linalg.norm(grads), rel=1e-5)


def test_lower_precision_is_measured_as_floats(classes):
    model, (x, y) = tn.Linear(12, 3), classes
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    flow = watch(model, optimizer)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = tn.CrossEntropyLoss()(model(x), y)
    value.backward()
    optimizer.step()
    assert (flow.to_dict()["gradient_norm"] > 0).all()
