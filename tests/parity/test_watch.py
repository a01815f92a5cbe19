"""A PyTorch network that is watched leaves the record of the same network of our own."""

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.flow import load_record
from nnscratch_records import FIELDS

torch = pytest.importorskip("torch", reason="torch is not installed")

from nnscratch.pytorch import watch  # noqa: E402

STEPS, BATCH = 30, 40
# Of a gradient that is 0 up to rounding, that of a bias before batch norm, each component is
# noise: the fraction clipped, and the update of weights that begin at 0. PyTorch's running variance
# is that of n - 1 examples.
MEASURED = [
    name
    for name, field in FIELDS.items()
    if field.kind == "real"
    and "steps" in field.axes
    and name
    not in ("clip_fraction", "update_ratio", "batchnorm_mean_gap", "batchnorm_variance_ratio")
    # Each of our passes writes its gradients anew, and the update that follows finds them.
    and name not in ("gradient_kept", "gradient_lost", "loss_slope")
]
SAME = ("census", "depths", "edges", "features", "saturation", "param_fan_in", "param_sizes")


def twins(dtype="float32"):
    own = nn.Sequential(
        *(nn.Dense(64, 30), nn.BatchNorm(30, momentum=0.9), nn.ELU(), nn.Dense(30, 20), nn.Tanh()),
        *(nn.Dense(20, 20), nn.ReLU(), nn.Dense(20, 10)),
        seed=1,
        dtype=dtype,
    )
    tn, double = torch.nn, torch.float64 if dtype == "float64" else torch.float32
    other = tn.Sequential(
        *(
            tn.Linear(64, 30),
            tn.BatchNorm1d(30, eps=own.layers["1.batchnorm"].epsilon, momentum=0.1),
        ),
        *(tn.ELU(), tn.Linear(30, 20), tn.Tanh(), tn.Linear(20, 20), tn.ReLU(inplace=True)),
        tn.Linear(20, 10),
    ).to(double)
    with torch.no_grad():
        for i in (0, 3, 5, 7):
            other[i].weight.copy_(torch.from_numpy(own.params[f"{i}.weight"].T.copy()))
            other[i].bias.copy_(torch.from_numpy(own.params[f"{i}.bias"].copy()))
    return own, other


def both(tmp_path, dtype):
    x, y, _, _ = nn.datasets.digits()
    x = np.asarray(x, dtype)
    own, other = twins(dtype)
    loss, optimizer = (
        nn.SoftmaxCrossEntropy(),
        nn.SGD(lr=0.1, momentum=0.9, clip=nn.ClipByGlobalNorm(0.5)),
    )
    flow = nn.GradientFlow(own, probe=x[:100])
    theirs = torch.optim.SGD(other.parameters(), lr=0.1, momentum=0.9)
    criterion = torch.nn.CrossEntropyLoss()
    watched = watch(other, theirs, probe=torch.from_numpy(x[:100]), file=tmp_path / "a.flow")
    with flow.attached(optimizer):
        for step in range(STEPS):
            batch = slice(step * BATCH, (step + 1) * BATCH)
            own.training_pass(x[batch], y[batch], loss)
            optimizer.step(own.params, own.grads)
            theirs.zero_grad()
            criterion(other(torch.from_numpy(x[batch])), torch.from_numpy(y[batch])).backward()
            torch.nn.utils.clip_grad_norm_(other.parameters(), 0.5)
            theirs.step()
    watched.close()
    return flow, watched


@pytest.mark.parametrize(("dtype", "close"), [("float32", 1e-4), ("float64", 1e-6)])
def test_thirty_steps_agree_with_our_own_recorder(tmp_path, dtype, close):
    flow, watched = both(tmp_path, dtype)
    ours, theirs = flow.to_dict(), watched.to_dict()
    for name in MEASURED:
        known = ours[name][np.isfinite(ours[name])]
        largest = np.abs(known).max(initial=0)  # the scale of what is 0 up to rounding
        np.testing.assert_allclose(
            theirs[name], ours[name], rtol=close, atol=close * largest, err_msg=name
        )
    assert np.isnan(theirs["loss_slope"]).all()  # of what autograd derives nobody needs to ask
    for name in ("gradient_kept", "gradient_lost"):
        assert np.isnan(ours[name]).all()
        assert not np.nan_to_num(theirs[name]).any()
    for name in (*SAME, "loss_kind"):
        np.testing.assert_array_equal(theirs[name], ours[name], err_msg=name)
    assert watched.findings().kinds == flow.findings().kinds
    np.testing.assert_equal(load_record(tmp_path / "a.flow"), theirs)
