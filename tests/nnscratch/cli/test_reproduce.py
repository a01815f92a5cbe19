"""``nnscratch reproduce mnist-bn-elu`` on runs that are given: what it prints and writes."""

import json

import numpy as np
import pytest

from nnscratch import datasets
from nnscratch.cli import main
from nnscratch.experiments import mnist_bn_elu as post

# Test accuracies after two epochs, of which the first lies within what is tolerated.
GIVEN = {
    "batchnorm": (0.8801, 0.9002),
    "batchnorm-stale-statistics": (0.7003, 0.7304),
    "batchnorm-clipped": (0.8805, 0.9006),
    "batchnorm-clipped-stale-statistics": (0.7007, 0.7308),
    "plain": (0.8509, 0.8710),
    "plain-clipped": (0.8511, 0.8712),
}


@pytest.fixture
def reproduce(monkeypatch, tmp_path):
    """Return a function that runs the command, in whose runs accuracies are `changed`."""

    def run(*options, changed=None, interrupted=False):
        def runs(data, seeds, epochs, on_epoch):
            for seed in seeds:
                for name, accuracies in {**GIVEN, **(changed or {})}.items():
                    run = post.Run(name, seed, largest_gradient_component=0.2)
                    for epoch in range(epochs):
                        run.accuracy.append(accuracies[epoch] + 0.01 * seed)
                        run.weights_sha256.append(f"{name.partition('-')[0]} {epoch}")
                        on_epoch(run, epoch + 1)
                    yield run
                    if interrupted:
                        raise KeyboardInterrupt

        monkeypatch.setattr(post, "reproduce", runs)
        few = np.zeros((7, 784)), np.zeros(7)
        monkeypatch.setattr(datasets, "mnist", lambda data_dir, download: (*few, *few))
        monkeypatch.chdir(tmp_path)
        return main(["reproduce", "mnist-bn-elu", "--epochs", "2", *options])

    return run


def squeezed(printed):
    """Return the lines, words one space apart."""
    return [" ".join(line.split()) for line in printed.splitlines()]


def test_each_run_stands_beside_what_was_published(reproduce, capsys, tmp_path):
    assert reproduce("--json", "made/numbers.json") == 0
    printed = capsys.readouterr().out
    assert "2 epochs on 7 images" in printed
    printed = squeezed(printed)
    assert "seed 0 epoch 2 batchnorm 0.9002 (published 0.9044)" in printed
    assert "seed 0 epoch 2 plain 0.8710" in printed
    # The table: the post, batch norm, clipped; the post, statistics never updated; without.
    assert "1 0.8815 0.8801 0.8805 0.6869 0.7003 0.8509 0.8511" in printed
    assert "2 0.9044 0.9002 0.9006 0.7291 0.7304 0.8710 0.8712" in printed
    assert any("not from clipping" in line for line in printed)
    assert "batchnorm epoch 1: 0.8801 within 0.865..0.895" in printed
    assert "wrote runs/mnist-bn-elu/accuracy.png" in printed
    assert (tmp_path / "runs/mnist-bn-elu/accuracy.png").read_bytes().startswith(b"\x89PNG")
    runs = json.loads((tmp_path / "made/numbers.json").read_text())["runs"]
    assert {run["name"]: tuple(run["accuracy"]) for run in runs} == GIVEN


def test_a_mean_outside_of_what_is_tolerated_is_told_and_returned(reproduce, capsys, tmp_path):
    changed = {"batchnorm-clipped": (0.893, 0.9)}  # with the second seed 0.903: 0.898 in the mean
    assert reproduce("--seeds", "0", "1", "--out", "here", changed=changed) == 1
    printed = squeezed(capsys.readouterr().out)
    assert "batchnorm epoch 1: 0.8801 0.8901, mean 0.8851 within 0.865..0.895" in printed
    told = "batchnorm-clipped epoch 1: 0.8930 0.9030, mean 0.8980 OUTSIDE 0.865..0.895"
    assert told in printed
    assert [path.name for path in (tmp_path / "here").iterdir()] == ["accuracy.png"]


def test_ctrl_c_keeps_the_runs_that_are_over(reproduce, capsys, tmp_path):
    assert reproduce("--json", "numbers.json", interrupted=True) == 130
    assert "interrupted: wrote numbers.json" in capsys.readouterr().out
    runs = json.loads((tmp_path / "numbers.json").read_text())["runs"]
    assert [run["name"] for run in runs] == ["batchnorm"]
    assert reproduce(interrupted=True) == 130
    assert "wrote" not in capsys.readouterr().out
