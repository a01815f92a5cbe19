"""The whole runner on a tiny workload, in real processes; what fails and what is wrong."""

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import nnscratch as nn
from benchmarks import __main__ as command
from benchmarks import contenders, history, kernels, machine, runner, session, startup
from benchmarks.correctness import Verdict
from benchmarks.runner import Runner
from benchmarks.session import Outcome, Session, order_of_turns
from benchmarks.tasks import step_task
from benchmarks.timing import Timing, Turn

ROOT = Path(__file__).parents[2]


def fails(capsys, *arguments):
    """Return the exit code and standard error of a command that ends in an error."""
    try:
        code = command.main(arguments)
    except SystemExit as error:
        code = error.code
    return code, capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--workloads", "mnist-bn-elo"], "did you mean 'mnist-bn-elu'?"),
        (["--contenders", "torch"], "unknown contender 'torch'"),
        (["--sections", "step"], "did you mean 'steps'?"),
        (["--threads", "0"], "--threads must be from 1 to"),
        (["--threads", "100000"], "--threads must be from 1 to"),
        (["--threads", "two"], "invalid int value"),
        (["--rounds", "0"], "--rounds must be a whole number >= 1"),
        (["--fast"], "unrecognized arguments"),
    ],
)
def test_bad_input_is_an_error_of_one_line_and_exit_code_2(arguments, said, capsys):
    code, message = fails(capsys, *arguments)
    assert code == 2
    assert said in message
    assert "Traceback" not in message


def test_an_output_folder_that_is_a_file(tmp_path, capsys):
    (tmp_path / "taken").write_text("")
    code, message = fails(capsys, "--out", str(tmp_path / "taken"))
    assert code == 2
    assert "cannot write into folder" in message


@pytest.mark.slow
def test_the_whole_runner_on_tiny_workloads(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(history, "PATH", tmp_path / "history.jsonl")
    arguments = [
        "--workloads", "tiny", "depth-2", "--threads", "1",
        "--contenders", "nnscratch", "nnscratch-recorded", "numpy",
        "--sections", "steps", "recording", "growth", "--quick", "--rounds", "2",
        "--json", str(tmp_path / "all.json"), "--out", str(tmp_path),
    ]  # fmt: skip
    assert command.main(arguments) == 0
    told = json.loads((tmp_path / "all.json").read_text())
    found = {(entry["workload"], entry["contender"]): entry for entry in told["results"]}
    assert set(found) == {(w, c) for w in ("tiny", "depth-2") for c in ("nnscratch", "numpy")}
    for entry in found.values():
        assert entry["correct"]
        assert entry["rounds"] == 2
        assert 0 < entry["min_us"] <= entry["median_us"]
        assert 0 < entry["limit_us"] < entry["min_us"]
    ours, peer = found["tiny", "nnscratch"], found["tiny", "numpy"]
    assert ours["ratio_to_best_peer"] == pytest.approx(peer["min_us"] / ours["min_us"])
    assert told["skipped"] == []
    assert "tiny" in (tmp_path / "report.md").read_text()
    assert (tmp_path / "steps.png").exists()
    assert len(history.read(tmp_path / "history.jsonl")) == 1

    # Recording beside the same step without it.
    assert [pair["workload"] for pair in told["recording"]] == ["tiny", "depth-2"]
    for pair in told["recording"]:
        assert pair["contender"] == "nnscratch-recorded"
        assert 0 < pair["overhead_low"] <= pair["overhead"] <= pair["overhead_high"]
        assert pair["plain_us"] > 0 < pair["recorded_us"]
        assert pair["pairs"] == 2
    assert (tmp_path / "recording.png").exists()
    said = " ".join(capsys.readouterr().out.split())
    assert "Training step, 1 thread" in said
    assert "Recording everything at every step, 1 thread" in said
    assert "Recording everything at every step, growing networks, 1 thread" in said


class Given(Session):
    """Processes that are none: every task takes them so many microseconds."""

    takes = {"nnscratch": 10.0, "numpy": 40.0}  # noqa: RUF012

    def measure(self, task, names, judge, *, rounds, seconds, **options):
        outcomes, failures = {}, {}
        for name in names:
            if task["kind"] == "activation" and name == "numpy":
                failures[name] = "it fell asleep"
                continue
            turn = Turn(self.takes[name], 1.5 * self.takes[name], 9)
            memory = {"peak_memory_bytes": 2000, "step_memory_bytes": 100}
            right = Verdict(1e-6, "", True)
            outcomes[name] = Outcome(right, Timing((turn,) * rounds), memory, 0.1, 0.2)
        return outcomes, failures


def test_each_section_keeps_what_was_measured_and_says_who_is_missing(monkeypatch):
    product = {"kind": "product", "group": "layer", "op": "forward", "shape": [8, 5, 3]}
    kind, shape = "activation", [2, 3]
    activation = {"kind": kind, "group": kind, "name": "elu", "op": "backward", "shape": shape}
    monkeypatch.setattr(kernels, "product_cases", lambda quick: [] if quick else [product])
    monkeypatch.setattr(kernels, "activation_cases", lambda: [activation])
    monkeypatch.setattr(runner, "Session", Given)
    monkeypatch.setattr(contenders, "why_absent", lambda name: "")
    started = []

    def measure(name, package, threads, cold, isa):
        started.append((name, cold))
        if cold:
            raise startup.StartUpFailed("no step within 300 seconds")
        return startup.StartUp(1.0, 2.0, 3.0 + len(started))

    monkeypatch.setattr(startup, "measure", measure)
    arguments = ["--workloads", "tiny", "--contenders", "nnscratch", "numpy", "sklearn"]
    arguments += ["--sections", *runner.SECTIONS, "--threads", "1"]
    said = []
    found = Runner(command.make_plan(command.parser().parse_args(arguments)), said.append).run()
    steps = {(step.contender, step.min_us, step.ratio_to_best_peer) for step in found.steps}
    assert steps == {("nnscratch", 10.0, 4.0), ("numpy", 40.0, None)}
    assert {step.step_memory_bytes for step in found.steps} == {100}
    assert [(k.contender, k.case, k.gflops, k.ratio) for k in found.kernels] == [
        ("nnscratch", "5 to 3, batch 8, forward", 240 / 10 / 1e3, 4.0),
        ("numpy", "5 to 3, batch 8, forward", 240 / 40 / 1e3, None),
        ("nnscratch", "elu backward", None, None),
    ]
    assert [(s.contender, s.cache, s.total_s, s.runs) for s in found.startup] == [
        ("nnscratch", "warm", 4.0, 5),
        ("numpy", "warm", 9.0, 5),
    ]
    assert started[-1] == ("nnscratch", True)
    assert [(s.what, s.contender, s.reason) for s in found.skipped] == [
        ("tiny", "sklearn", "MLPClassifier has no batch norm"),
        ("elu backward", "numpy", "it fell asleep"),
        ("start-up", "sklearn", "MLPClassifier has no batch norm"),
        ("start-up, cold", "nnscratch", "no step within 300 seconds"),
    ]
    assert "1 cases of product, 1 thread" in said


def test_each_contender_follows_each_neighbour_as_often_as_it_goes_before():
    orders = [order_of_turns(list("abc"), i) for i in range(6)]
    assert orders[:3] == [["a", "b", "c"], ["c", "b", "a"], ["b", "c", "a"]]
    assert {order[0] for order in orders} == set("abc")
    pairs = [pair for order in orders for pair in itertools.pairwise(order)]
    assert all(pairs.count((a, b)) == pairs.count((b, a)) for a, b in pairs)
    assert order_of_turns([], 3) == []


def test_a_session_loses_nobody_but_who_fails():
    right = Verdict(0.0, "", True)
    judges = {"n": 0}

    def judge(losses, arrays):
        judges["n"] += 1
        assert len(losses) == 2
        return right

    with Session(1) as running:
        running._start("sklearn")
        running.workers["sklearn"].process.kill()
        outcomes, failures = running.measure(
            step_task("depth-2"), ["numpy", "sklearn"], judge, rounds=2, seconds=0.005
        )
        assert set(outcomes) == {"numpy"}
        assert "its process ended with code -9" in failures["sklearn"]
        outcomes, failures = running.measure(
            step_task("no such workload"), ["numpy"], judge, rounds=1, seconds=0.005
        )
        assert outcomes == {}
        assert "KeyError" in failures["numpy"]
        # Whoever is wrong is reported and not timed.
        outcomes, failures = running.measure(
            step_task("depth-2"),
            ["numpy"],
            lambda losses, arrays: Verdict(0.5, "0.weight", False),
            rounds=1,
            seconds=0.005,
        )
        assert outcomes == {}
        assert failures["numpy"] == "wrong result: error 0.5 (0.weight)"
        processes = [worker.process for worker in running.workers.values()]
    assert all(process.poll() is not None for process in processes)
    assert judges["n"] == 1


def test_an_answer_that_does_not_come():
    worker = session.Worker("numpy", 1, machine.pick_cores(1))
    try:
        with pytest.raises(session.WorkerFailed, match="no answer within 0 seconds"):
            worker.request({"do": "prepare", "task": step_task("tiny")}, timeout=0.01)
    finally:
        worker.close()


def test_instructions_are_the_hosts_unless_fewer_are_asked_for(monkeypatch):
    monkeypatch.setenv("ATEN_CPU_CAPABILITY", "default")
    assert not {"ATEN_CPU_CAPABILITY", "NUMBA_CPU_FEATURES"} & set(machine.environment(1))
    assert "isa" not in machine.describe()
    assert machine.describe("avx2")["isa"] == "avx2"
    assert not machine.same_machine(machine.describe(), machine.describe("avx2"))
    monkeypatch.setattr(machine, "_host_features", lambda: {"avx2": False})
    with pytest.raises(nn.ConfigError, match="--isa avx2 needs a processor with AVX2"):
        command.make_plan(command.parser().parse_args(["--isa", "avx2"]))


WIDTHS = """
from numpy._core._multiarray_umath import __cpu_dispatch__ as known, __cpu_features__ as has
from nnscratch_kernels.vector.vectors import WIDTH
print(WIDTH, any(has[name] for name in known if name.startswith(("AVX512", "X86_V4"))))
"""


@pytest.mark.skipif(not machine._host_features().get("avx2"), reason="a processor without AVX2")
def test_avx2_alone_is_what_the_kernels_and_numpy_use():
    env = machine.environment(1, "avx2")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", WIDTHS], env=env, capture_output=True
    )
    assert done.stdout.split() == [b"32", b"False"], done.stderr


def test_an_absent_contender_is_reported(monkeypatch):
    monkeypatch.setattr(
        contenders, "why_absent", lambda name: "not there" if name == "numpy" else ""
    )
    options = command.parser().parse_args(
        ["--contenders", "numpy", "torch-compile", "--quick", "--sections", "startup"]
    )
    runner = Runner(command.make_plan(options), print)
    assert runner.present == []
    assert [(s.contender, s.reason) for s in runner.results.skipped] == [
        ("numpy", "not there"),
        ("torch-compile", "slow to compile: it takes part in the full run only"),
    ]


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGINT") or os.name == "nt", reason="needs signals")
def test_ctrl_c_keeps_what_was_measured(tmp_path):
    process = subprocess.Popen(
        [
            sys.executable, "-m", "benchmarks", "--workloads", "tiny", "depth-1000", "--contenders",
            "numpy", "--threads", "1", "--rounds", "20", "--quick", "--no-history",
            "--json", str(tmp_path / "all.json"),
        ],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )  # fmt: skip
    for line in process.stderr:
        if line.startswith("tiny"):
            break
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, rest = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in rest
    told = json.loads((tmp_path / "all.json").read_text())
    assert told["interrupted"]
    assert [entry["workload"] for entry in told["results"]] == ["tiny"]


def test_start_up_of_a_fresh_process():
    measured = startup.measure("numpy", "numpy", 1, cold=True, workload="tiny")
    assert 0 < measured.import_s < measured.total_s
    assert 0 < measured.first_step_s < measured.total_s
    with pytest.raises(startup.StartUpFailed, match="No module named"):
        startup.measure("numpy", "no_such_package", 1, cold=False, workload="tiny")
    best = startup.best([measured, startup.StartUp(0.0, 9.0, 9.0)])
    assert best == startup.StartUp(0.0, measured.first_step_s, measured.total_s)


def test_compare(monkeypatch, results, tmp_path, capsys):
    path = tmp_path / "history.jsonl"
    monkeypatch.setattr(history, "PATH", path)
    code, message = fails(capsys, "--compare")
    assert code == 2
    assert "the history is empty" in message
    history.append(results, path)
    history.append(results, path)
    assert command.main(["--compare"]) == 0
    results.steps[0].min_us *= 1.5
    history.append(results, path)
    assert command.main(["--compare"]) == 1
    assert "slower" in capsys.readouterr().out
