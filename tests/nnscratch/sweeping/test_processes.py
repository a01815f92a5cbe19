"""Who computes the runs of a sweep: executors, processes that die, scripts that ask."""

import os
import subprocess
import sys
from concurrent.futures import BrokenExecutor, Future, ThreadPoolExecutor
from types import SimpleNamespace

import pytest

import nnscratch as nn
from nnscratch.errors import TooLargeError
from nnscratch.experiments.standard import standard
from nnscratch.sweeping import processes
from nnscratch.sweeping.table import Table
from nnscratch_records import memory

from .small import GRID, small

# Of a file of one's own, as processes import it; one run of it kills its process.
OWN = """
import os
import nnscratch as nn

def build(seed, kind):
    if kind == "deadly":
        os._exit(3)
    model = nn.Sequential(nn.Dense(2, 3), nn.Tanh(), nn.Dense(3, 2), seed=seed)
    x = [[0.0, 1], [1, 0], [1, 1], [0, 0]]
    return {"model": model, "loss": nn.SoftmaxCrossEntropy(), "optimizer": nn.SGD(lr=0.1),
            "x": x, "y": [0, 1, 0, 1], "epochs": 2, "batch_size": 2}
"""


class Mortal(ThreadPoolExecutor):
    """Threads as processes that a deep network kills, and with it all that are at work."""

    asked = ()

    def submit(self, function, build, settings, seed, record):
        self.asked = (*self.asked, settings["depth"])
        if settings["depth"] < 3:
            return super().submit(function, build, settings, seed, record)
        broken = Future()
        broken.set_exception(BrokenExecutor("dead"))
        return broken


def test_who_dies_is_tried_once_more_alone(tmp_path):
    with Mortal(1) as executor:
        found = nn.sweep(
            small, {"depth": [3, 1, 2]}, executor=executor, table=tmp_path / "t.csv", progress=False
        )
        assert executor.submit(len, small, {"depth": 0}, 0, "").exception()  # it is left open
    assert {row["depth"]: row["error"] for row in found} == {3: "its process died", 1: "", 2: ""}
    assert executor.asked[:4] == (3, 1, 2, 3)


def test_what_cannot_be_sent_is_a_row(tmp_path):
    class Narrow(ThreadPoolExecutor):
        def submit(self, *given):
            return super().submit(lambda: 1 / 0)

    with Narrow(1) as executor:
        found = nn.sweep(small, {"depth": [1]}, executor=executor, table=tmp_path / "t.csv")
    assert [row["error"] for row in found] == ["ZeroDivisionError: division by zero"]


def test_the_scheduler_of_dask_is_left_again(tmp_path, monkeypatch):
    said = []

    class Client(ThreadPoolExecutor):
        def __init__(self, address):
            said.append(address)
            super().__init__(1)

        def get_executor(self, pure):
            assert not pure  # the same settings twice are two runs
            return self

        def __exit__(self, *error):
            said.append("left")
            return super().__exit__(*error)

    monkeypatch.setitem(sys.modules, "distributed", SimpleNamespace(Client=Client))
    found = nn.sweep(small, {"depth": [1]}, executor="tcp://10.0.0.1:8786", table=tmp_path / "t")
    assert [row["verdict"] for row in found] == ["healthy"]
    assert said == ["tcp://10.0.0.1:8786", "left"]


def test_processes_of_its_own(pools, tmp_path):
    found = nn.sweep(small, {"depth": [1, 2]}, workers=2, table=tmp_path / "t.csv")
    assert len(found) == 2
    ((count, pool),) = pools
    assert count == 2
    assert not pool.cancelled
    with pytest.raises(nn.ConfigError, match="sweep workers"):
        nn.sweep(small, {"depth": [3]}, workers=0, table=tmp_path / "t.csv")


def test_processes_have_to_fit_into_memory_and_are_no_more_than_runs(pools, tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "available", lambda: 10**9)
    many = {"depth": list(range(1, 101))}
    with pytest.raises(TooLargeError, match=r"a sweep with 100 workers needs 5 GB"):
        nn.sweep(small, many, workers=10**8, table=tmp_path / "t.csv")
    nn.sweep(small, {"depth": [1, 2]}, workers=10**8, table=tmp_path / "t.csv")
    assert [count for count, _ in pools] == [2]


def test_without_a_number_there_are_as_many_as_cores_and_no_more_than_runs(
    pools, tmp_path, monkeypatch
):
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    monkeypatch.setattr(memory, "available", lambda: 149_000_000)
    with pytest.raises(TooLargeError, match=r"a sweep with 3 workers needs 150 MB"):
        nn.sweep(small, {"depth": [1, 2, 3, 4]}, table=tmp_path / "t.csv")
    nn.sweep(small, {"depth": [1, 2]}, table=tmp_path / "t.csv")
    assert [count for count, _ in pools] == [2]


@pytest.mark.parametrize(("said", "told"), [(None, "1"), ("3", "3")])
def test_each_process_multiplies_with_one_thread_unless_the_environment_says_more(
    pools, monkeypatch, said, told
):
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    if said:
        monkeypatch.setenv("OPENBLAS_NUM_THREADS", said)
    before, seen = dict(os.environ), []  # what is submitted first starts the processes
    monkeypatch.setattr(os, "getpid", lambda: seen.append(os.environ["OPENBLAS_NUM_THREADS"]))
    with processes.executor_for(small, None, 2, 2):
        pass
    assert seen == [told]
    assert dict(os.environ) == before


@pytest.mark.parametrize(("platform", "count"), [("win32", 61), ("linux", 64)])
def test_a_pool_of_windows_takes_no_more_than_it_can(pools, tmp_path, monkeypatch, platform, count):
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    monkeypatch.setattr(memory, "available", lambda: 10**12)
    monkeypatch.setattr(processes, "sys", SimpleNamespace(platform=platform, modules=sys.modules))
    nn.sweep(small, {"depth": [1]}, seeds=70, table=tmp_path / "t.csv")
    assert [asked for asked, _ in pools] == [count]


def test_what_has_not_begun_is_not_waited_for(pools, tmp_path, monkeypatch):
    def interrupt(table, row):
        raise KeyboardInterrupt

    monkeypatch.setattr(Table, "append", interrupt)
    with pytest.raises(KeyboardInterrupt):
        nn.sweep(small, {"depth": [1, 2, 3, 4]}, workers=1, table=tmp_path / "t.csv")
    assert pools[0][1].cancelled


def test_what_no_process_can_import_runs_here_one_after_the_other(pools, tmp_path, capsys):
    found = nn.sweep(lambda **given: small(**given), GRID, table=tmp_path / "t.csv")
    assert len(found) == 4
    assert pools == []
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("4 runs, here, one after the other: processes can import `build`")
    assert [line[:4] for line in lines[1:]] == ["1/4 ", "2/4 ", "3/4 ", "4/4 "]
    # Who asks for one worker knows.
    nn.sweep(lambda **given: small(**given), GRID, workers=1, table=tmp_path / "other.csv")
    assert "one after the other" not in capsys.readouterr().err


CALLED = """
found = nn.sweep(build, {"kind": ["a", "b"]}, workers=2, table=sys.argv[-1])
print(sorted(row["kind"] for row in found), found.failed)
"""


def called(tmp_path, *command):
    command = [sys.executable, *command, str(tmp_path / "t.csv")]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


STOPPED = (
    OWN.replace(
        '    if kind == "deadly":',
        """\
    if kind == "long":
        import time
        time.sleep(60)
    if kind == "deadly":""",
    )
    + """
import multiprocessing, sys, time

if __name__ == "__main__":
    other = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(60,))
    other.start()
    def interrupt(table, row):
        raise KeyboardInterrupt
    from nnscratch.sweeping.table import Table
    Table.append = interrupt
    began = time.perf_counter()
    try:
        nn.sweep(build, {"kind": ["short", "long"]}, seeds=2, workers=1, table=sys.argv[-1])
    except KeyboardInterrupt:
        other.join(1)  # where it was ended it has gone by then
        print(time.perf_counter() - began < 40, other.is_alive())
    other.terminate()
"""
)


def test_what_has_begun_is_not_waited_for_either(tmp_path):
    """Its row would not be written any more; processes of others go on."""
    (tmp_path / "own.py").write_text(STOPPED)
    done = called(tmp_path, str(tmp_path / "own.py"))
    assert done.stdout == "True True\n", done.stderr


def test_a_build_of_a_prompt_runs(tmp_path):
    done = called(tmp_path, "-c", OWN.replace("import os", "import os, sys") + CALLED)
    assert done.stdout == "['a', 'b'] []\n", done.stderr
    assert "one after the other" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("guarded", [True, False])
def test_a_script_calls_it_under_a_guard(tmp_path, guarded):
    call = "\nif __name__ == '__main__':" + CALLED.replace("\n", "\n    ") if guarded else CALLED
    script = tmp_path / "own_script.py"
    script.write_text(OWN.replace("import os", "import os, sys") + call)
    done = called(tmp_path, str(script))
    if guarded:
        assert done.stdout == "['a', 'b'] []\n", done.stderr
        assert "one after the other" not in done.stderr
    else:
        assert done.returncode == 1
        assert "must stand under `if __name__" in done.stderr.splitlines()[-1]
        assert done.stderr.count("Traceback") == 1
        assert (tmp_path / "t.csv").read_text().count("\n") == 1  # no row


@pytest.mark.slow
def test_a_process_that_dies_takes_only_its_own_run_with_it(tmp_path, monkeypatch):
    (tmp_path / "own_networks.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    import own_networks

    grid = {"kind": ["a", "deadly", "b", "c"]}
    found = nn.sweep(own_networks.build, grid, workers=2, table=tmp_path / "t.csv")
    assert [row["kind"] for row in found.failed] == ["deadly"]
    assert found.failed[0]["error"] == "its process died"
    assert len(found) == 4


@pytest.mark.slow
def test_the_executor_of_joblib(tmp_path):
    loky = pytest.importorskip("joblib", reason="joblib is not installed").externals.loky
    executor = loky.get_reusable_executor(max_workers=2)
    try:
        found = nn.sweep(
            standard, {"depth": [1, 2], "epochs": [1]}, executor=executor, table=tmp_path / "t.csv"
        )  # fmt: skip
    finally:
        executor.shutdown(wait=True)
    assert repr(found).startswith("Sweep(2 runs: 2 healthy;")


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_a_cluster_of_dask_that_loses_a_worker_loses_nothing(tmp_path):
    distributed = pytest.importorskip("distributed", reason="dask.distributed is not installed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as cluster:
        killed = []

        def kill_once(text):
            if not killed:
                killed.append(next(iter(cluster.workers.values())))
                killed[0].process.process._process.kill()
            return len(text)

        sys.stderr.write, before = kill_once, sys.stderr.write
        try:
            found = nn.sweep(
                standard, {"depth": [1, 2, 3], "epochs": [1, 2]}, seeds=2,
                executor=cluster.scheduler_address, table=tmp_path / "t.csv",
            )  # fmt: skip
        finally:
            sys.stderr.write = before
    assert killed
    assert len(found) == 12
    assert not found.failed
