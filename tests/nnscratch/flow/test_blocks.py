"""A network of blocks is recorded whole, branch and skip, and its attribution adds up."""

import numpy as np
import pytest

import nnscratch as nn

BLOCKS = 4


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    rng = np.random.default_rng(0)
    x, labels = rng.standard_normal((60, 6)), rng.integers(0, 4, 60)
    blocks = [
        nn.Residual(nn.LayerNorm(6), nn.ReLU(), nn.Dense(6, 6, init="he_normal"))
        for _ in range(BLOCKS)
    ]
    model = nn.Sequential(nn.Dense(6, 6), *blocks, nn.Dense(6, 4), dtype=np.float64)
    path = tmp_path_factory.mktemp("blocks") / "run.flow"
    flow = nn.GradientFlow(model, probe=x, file=path)
    trainer = nn.Trainer(model, nn.SoftmaxCrossEntropy(), nn.SGD(lr=0.05))
    trainer.fit(x, labels, epochs=5, batch_size=20, callbacks=[flow], progress=False)
    flow.close()
    return model, flow, path


def test_whole_branch_and_skip_are_recorded(run):
    model, flow, _ = run
    record = flow.to_dict()
    names = [str(name) for name in record["layers"]]
    assert names == list(model.layers)
    trace = model.last
    for i, name in enumerate(names):
        norm = np.linalg.norm(trace[name].upstream)
        assert record["gradient_norm"][-1, i] == pytest.approx(norm, rel=1e-9)
    whole = trace["0.dense"].upstream
    np.testing.assert_allclose(
        trace["1.branch"].upstream + trace["1.skip"].upstream, whole, rtol=1e-12
    )
    assert [str(block) for block in record["blocks"]] == [
        "",
        *(str(i) for i in range(1, BLOCKS + 1) for _ in range(6)),
        "",
    ]


@pytest.mark.parametrize("step", [0, 14])
def test_the_attribution_adds_up_along_any_way(run, step):
    _, flow, _ = run
    found, record = flow.attribution(), flow.to_dict()
    names = [str(name) for name in record["layers"]]
    row = list(record["steps"]).index(step)
    first, last = (record["gradient_norm"][row, names.index(n)] for n in ("0.dense", "5.dense"))
    for path in ((), ("2.branch", "2.sum"), ("1.0.layernorm", "1.sum", "4.1.relu")):
        terms = found.between("0.dense", "5.dense", step, path=path)
        assert sum(terms.values()) == pytest.approx(np.log10(first / last), abs=1e-12)
        if not path:  # nothing but the last layer's weights, and what the branches add
            used = {name for name, value in terms.items() if value}
            assert used <= {"weights", "sum"}
            assert terms["sum"] > 0


def test_the_file_holds_the_same(run):
    from nnscratch.flow.records import load_record

    _, flow, path = run
    record, saved = flow.to_dict(), load_record(path)
    assert set(saved) == set(record)
    for name, values in record.items():
        np.testing.assert_array_equal(saved[name], values, name)


def test_a_nan_in_a_branch_is_named_and_replayed(tmp_path):
    rng = np.random.default_rng(0)
    x, labels = rng.standard_normal((20, 6)), rng.integers(0, 4, 20)
    model = nn.Sequential(
        nn.Residual(nn.Dense(6, 6), nn.ReLU(), nn.Dense(6, 6)), nn.Dense(6, 4), dtype=np.float64
    )
    trainer = nn.Trainer(model, nn.SoftmaxCrossEntropy(), nn.SGD(lr=1e200))
    forensics = nn.Forensics(tmp_path)
    history = trainer.fit(x, labels, epochs=9, batch_size=20, callbacks=[forensics], progress=False)
    assert history.diverged
    replay = nn.replay_nonfinite(forensics.path)
    assert replay.same
    assert list(replay.model.layers) == list(model.layers)
