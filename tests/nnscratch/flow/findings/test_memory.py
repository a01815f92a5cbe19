"""Batch norm's running statistics, and the clip."""

import math

import numpy as np
import pytest

import nnscratch as nn

NORM = {"kinds": "dense batchnorm relu dense", "widths": (20, 3)}


@pytest.mark.parametrize(
    ("gap", "ratio", "told"),
    [
        (2.35 / math.sqrt(32), 1.0, True),
        (2.25 / math.sqrt(32), 1.0, False),
        (0.0, math.exp(0.54), True),  # 0.45 + 2.5 / 32 = 0.528
        (0.0, math.exp(0.52), False),
        (0.0, math.exp(-0.54), True),
    ],
)
def test_statistics_that_are_not_those_of_the_batches(run, gap, ratio, told):
    change = run.fill(batchnorm_mean_gap=gap, batchnorm_variance_ratio=ratio)
    found = run.of(run(change, **NORM), "batch norm statistics")
    assert (found is not None) == told
    if told:
        assert found.severity == "serious"
        assert found.layers == ("1.batchnorm",)
        assert found.advice[0].line == run.remade("momentum=0.9")


@pytest.mark.parametrize(
    ("steps", "severity"), [(50, "serious"), (49, "notice"), (20, "notice"), (19, "")]
)
def test_they_have_fifty_steps_to_arrive(run, steps, severity):
    found = run.of(
        run(run.fill(batchnorm_mean_gap=2.0), steps=steps, **NORM), "batch norm statistics"
    )
    assert (found.severity if found else "") == severity


@pytest.mark.parametrize(("left", "severity"), [(0.61, "serious"), (0.59, "notice")])
def test_those_on_the_way_are_only_told(run, left, severity):
    def change(record):
        record["batchnorm_mean_gap"][:, 0] = np.linspace(4.0, 4.0, 100)
        record["batchnorm_mean_gap"][50:, 0] = 4.0 * left

    found = run.of(run(change, **NORM), "batch norm statistics")
    assert found.severity == severity
    assert ("they are on the way" in found.cause) == (severity == "notice")
    assert ("have not arrived" in found.cause) == (severity == "serious")


def clipped(record, fired, before=1.0, after=1.0):
    steps = len(record["steps"])
    record["clip"] = "ClipByGlobalNorm(1.0)"
    record["clip_fraction"][...] = 0.0
    record["clip_fraction"][: round(fired * steps)] = 1.0
    record["clip_before"][...], record["clip_after"][...] = before, after


@pytest.mark.parametrize(
    ("fired", "before", "steps", "told"),
    [
        (0.98, 2.0, 100, True),
        (0.97, 2.0, 100, False),
        (1.0, 2.0, 99, False),
        (1.0, 10.5, 30, True),  # one that cuts by a factor of ten is told sooner
        (1.0, 9.5, 30, False),
        (1.0, 10.5, 29, False),
    ],
)
def test_a_clip_that_always_fires(run, fired, before, steps, told):
    found = run.of(run(lambda r: clipped(r, fired, before), steps=steps), "clip always")
    assert (found is not None) == told
    if told:
        assert found.severity == "notice"
        assert found.advice[0].line == f"optimizer.clip = nn.ClipByGlobalNorm({2 * before:.2g})"
        assert found.numbers == {"fired": fired, "before": before, "after": 1.0}


@pytest.mark.parametrize(
    ("optimizer", "share", "told"),
    [
        ("SGD(lr=0.1)", 0.21, True),
        ("Adam(lr=0.001)", 0.21, False),  # its steps are as long as ever, and it learns
        ("Adam(lr=0.001)", 0.19, True),
        ("", 0.21, True),  # it is not known
    ],
)
def test_a_clip_beside_steps_of_their_own_size_is_told_where_nothing_is_learned(
    run, optimizer, share, told
):
    def change(record):
        clipped(run.stuck(record, (1 - share) * record["loss_constant"][0]), 0.98, 10.5)

    found = run.of(run(change, optimizer=optimizer, steps=100), "clip always")
    assert (found is not None) == told


@pytest.mark.parametrize(("before", "severity"), [(10.5, "serious"), (9.5, "notice")])
def test_how_serious_that_is(run, before, severity):
    def change(record):
        clipped(run.stuck(record, 0.95), 1.0, before)

    assert run.of(run(change), "clip always").severity == severity


@pytest.mark.parametrize(
    ("left", "size", "optimizer", "first"),
    [
        (0.095, 1e-3, "SGD(lr=0.1)", True),  # as much as a rate of 0.0095
        (0.105, 1e-3, "SGD(lr=0.09)", False),  # a limit that others set: the gradient is large
        (0.095, 3e-3, "SGD(lr=0.1)", False),  # 100 such updates move the weights by 0.3 of them
        (0.095, 1e-3, "SGD(lr=0.11)", False),  # 0.0105
        (0.095, 1e-3, "Adam(lr=0.001)", False),  # whose steps do not know of it
    ],
)
def test_a_clip_that_leaves_no_step_comes_before_what_the_network_began_with(
    run, left, size, optimizer, first
):
    def change(record):
        clipped(run.stuck(record, 0.95), 1.0, 1.06 if left > 0.1 else 1.0, left)
        record["update_ratio"][...] = size
        record["gate_mean"][...] = 0.5
        record["time_rate"][...] = 0.7

    rate = float(optimizer.partition("lr=")[2][:-1])
    kinds = {"kinds": "lstm laststep dense", "widths": (20, 3)}
    found = run(change, optimizer=optimizer, lr=rate, **kinds)
    assert run.of(found, "clip always").first == first
    assert (found[0].kind == "clip always") == first
    assert run.of(found, "forget bias") is not None


@pytest.mark.parametrize(
    ("fired", "steps", "told"), [(0, 100, True), (0, 99, False), (0.01, 100, False)]
)
def test_a_clip_that_never_fires(run, fired, steps, told):
    found = run.of(run(lambda r: clipped(r, fired, 0.7, 0.7), steps=steps), "clip never")
    assert (found is not None) == told
    if told:
        assert found.severity == "notice"
        assert "the largest norm was 0.7" in found.sentence
        assert found.advice[0].line == "optimizer.clip = nn.ClipByGlobalNorm(1.4)"


def test_without_a_clip_nothing_is_said(run):
    def change(record):
        clipped(record, 1.0, 100.0)
        record["clip"] = ""

    assert run(change).kinds == ()


@pytest.mark.parametrize(
    ("batch", "steps", "told"), [(7, 50, True), (8, 50, False), (7, 49, False)]
)
def test_batches_too_small_for_batch_norm(run, batch, steps, told):
    found = run.of(run(run.stuck, batch=batch, steps=steps, **NORM), "small batches")
    assert (found is not None) == told
    if told:
        assert found.severity == "serious"
        assert found.layers == ("1.batchnorm",)
        assert "takes mean and deviation of 7 examples at a time" in found.sentence
        line = "trainer.fit(x, y, epochs=50, max_steps=50, batch_size=32)"
        assert found.advice[0].line == line


@pytest.mark.parametrize(("batch", "alone"), [(1, True), (2, False)])
def test_a_batch_of_one_leaves_nothing(run, batch, alone):
    found = run.of(run(run.stuck, batch=batch, **NORM), "small batches")
    assert ("1 example at a time" in found.sentence) == alone
    assert ("its own mean" in found.cause) == alone
    assert ({"dead layer", "vanishing", "constant output", "slow layer"} <= found.explains) == alone
    assert {"does not learn", "batch norm statistics", "dead units"} <= found.explains


@pytest.mark.parametrize(("least", "brings"), [(1.0, True), (0.99, False)])
def test_held_out_examples_that_batches_of_one_say_nothing_of(run, least, brings):
    def change(record):
        constant = record["loss_constant"][0]
        run.stuck(record, 0.5 * constant)
        record["validation_loss"][[20, 40, 60, 99]] = constant * np.array([least, 1.2, 1.3, 1.4])

    found = run(change, batch=1, **NORM)
    few, learned = (run.of(found, kind) for kind in ("small batches", "overfitting"))
    assert (learned.because == "small batches") == brings
    assert ("never judged better than by a constant" in few.cause) == brings
    assert (few.severity == "serious") == brings


def test_small_batches_are_none_without_it_or_where_it_learns(run):
    assert run(batch=2, **NORM).kinds == ()
    assert "small batches" not in run(run.stuck, batch=2).kinds


@pytest.mark.parametrize(
    ("batch", "gap", "few", "slow"),
    [
        (4, 3.0, False, True),  # what never arrives is more than what four differ by
        (3, 3.0, True, True),
        (4, 0.0, True, False),
    ],
)
def test_statistics_that_never_arrive_come_before_batches_of_some_examples(
    run, batch, gap, few, slow
):
    def change(record):
        run.fill(batchnorm_mean_gap=gap)(run.stuck(record))

    kinds = run(change, batch=batch, **NORM).kinds
    assert ("small batches" in kinds) == few
    assert ("batch norm statistics" in kinds) == slow


@pytest.mark.parametrize(
    ("kind", "units", "spread", "gradient", "told"),
    [
        ("layernorm", 1, 0.9e-9, 0.1, "fatal"),
        ("layernorm", 1, 1.1e-9, 0.1, None),  # it spans more than that one channel
        ("layernorm", 2, 0.0, 0.0, "serious"),  # which is larger is left
        ("layernorm", 3, 0.0, 0.0, None),
        ("rmsnorm", 1, 1.0, 0.0, "fatal"),  # its sign is left
        ("rmsnorm", 1, 1.0, 0.1, None),
        ("rmsnorm", 2, 0.0, 0.0, None),
        ("batchnorm", 1, 0.0, 0.0, None),
    ],
)
def test_a_norm_over_one_unit(run, kind, units, spread, gradient, told):
    def change(record):
        run.stuck(record)
        kinds, roles = list(record["kinds"]), list(record["roles"])
        kinds[-1], roles[-1] = kind, "norm"
        record["kinds"], record["roles"] = kinds, roles
        record["output_spread"][:, -1] = spread
        record["gradient_norm"][:, -2] = gradient

    options = {"targets": "numbers", "widths": (20, units)}
    found = run.of(run(change, kinds="dense relu dense tanh", **options), "norm over one unit")
    assert (found and found.severity) == told
    if told:
        assert "leave 3.tanh out" in found.advice[0].what


def test_a_norm_behind_the_last_unit_is_told_and_left_out():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((200, 4)).astype(np.float32)
    y = x[:, :1] - x[:, 1:2]
    model = nn.Sequential(nn.Dense(4, 8), nn.Tanh(), nn.Dense(8, 1), nn.LayerNorm(1), seed=0)
    loss, optimizer, flow = nn.MeanSquaredError(), nn.Adam(lr=0.01), nn.GradientFlow(model)
    trainer = nn.Trainer(model, loss, optimizer)
    trainer.fit(x, y, epochs=10, batch_size=20, callbacks=[flow], progress=False)
    assert flow.findings().causes[0].kind == "norm over one unit"
    cure = nn.cure(model, loss, optimizer, x, y, batch_size=20, steps=150, progress=False)
    assert "no norm over one unit" in str(cure.best.change)
    assert "LayerNorm" not in "".join(cure.lines)
    assert cure.best.skill > 0.8


@pytest.mark.parametrize("limit", [1e-320, 1e-40])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_clip_that_leaves_nothing_is_told(limit, dtype):
    x = np.random.default_rng(0).standard_normal((40, 3)).astype(dtype)
    model = nn.Sequential(nn.Dense(3, 4), nn.Tanh(), nn.Dense(4, 1), seed=0, dtype=dtype)
    trainer = nn.Trainer(model, nn.MeanSquaredError(), nn.SGD(0.1, clip=nn.ClipByNorm(limit)))
    flow = nn.GradientFlow(model)
    trainer.fit(x, x[:, :1], epochs=15, batch_size=10, callbacks=[flow], progress=False)
    found = flow.findings()
    assert found.kinds[0] == "clip always"
    flow.overview()
