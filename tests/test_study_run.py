"""A study is the same wherever its cells are computed, and however often it is interrupted."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

pytest.importorskip("transformers", reason="studies need the extra qadapt[replicate]")

from rich.console import Console

from qadapt import cli
from qadapt.errors import MissingExtraError, QadaptError
from qadapt.study import run
from qadapt.study.executor import default, opened
from qadapt.study.grid import Settings, layer_cells
from qadapt.study.outcome import LayerResult, Outcome
from qadapt.study.run import run_study
from qadapt.study.state import State

SMALL = Settings(
    dims=(2, 8),
    scales=(0.0, 1.0),
    readouts=("signed",),
    compilers=("qadapt",),
    seeds=1,
    width=8,
    tokens=2,
    shots=256,
    parts=1.0,
)
WORDS = ["--dim", "2", "--dim", "8", "--scale", "0", "--scale", "1", "--compiler", "qadapt", "--seeds", "1"]
WORDS += ["--readout", "signed", "--width", "8", "--inputs", "2", "--shots", "256", "--parts", "1"]
"""The same settings for the command line."""


@contextmanager
def here(name: str):
    with ThreadPoolExecutor(1) as pool:
        yield pool


def study(out: Path, settings: Settings = SMALL, executor: str = "processes:2") -> Outcome:
    return run_study(settings, out, Console(quiet=True), executor)


def in_this_process(out: Path, settings: Settings = SMALL) -> Outcome:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "opened", here)
        return study(out, settings)


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    return in_this_process(tmp_path_factory.mktemp("study"))


def test_two_processes_give_what_one_gives(outcome, tmp_path):
    assert study(tmp_path, executor="processes:2").model_dump_json() == outcome.model_dump_json()
    assert len(list((tmp_path / "state").iterdir())) == len(layer_cells(SMALL)) == len(outcome.layers)


def test_a_cluster_gives_what_processes_give(outcome, tmp_path):
    distributed = pytest.importorskip("distributed", reason="clusters need the extra qadapt[dask]")
    options = {"n_workers": 1, "threads_per_worker": 2, "processes": False, "dashboard_address": None}
    with distributed.LocalCluster(protocol="tcp://", host="127.0.0.1", silence_logs=50, **options) as cluster:
        found = study(tmp_path, executor=f"dask:{cluster.scheduler_address}")
    assert found == outcome


@pytest.mark.parametrize("cells", [1, 7])
def test_an_interrupted_study_goes_on_where_it_was(outcome, tmp_path, monkeypatch, cells):
    real, written = State.write, []

    def write(self, cell, result):
        if len(written) == cells:
            raise KeyboardInterrupt
        written.append(cell)
        real(self, cell, result)

    monkeypatch.setattr(State, "write", write)
    with pytest.raises(KeyboardInterrupt):
        in_this_process(tmp_path)
    assert len(list((tmp_path / "state").glob("*.json"))) == cells
    monkeypatch.setattr(State, "write", lambda self, cell, result: (written.append(cell), real(self, cell, result)))
    assert in_this_process(tmp_path).model_dump_json() == outcome.model_dump_json()
    assert len(written) == len(set(written)) == len(layer_cells(SMALL))  # no cell twice


def test_a_killed_study_goes_on_where_it_was_and_leaves_no_worker(outcome, tmp_path):
    command = [sys.executable, "-c", "from qadapt.cli import main; main()", "study", "noise", *WORDS]
    command += ["--executor", "processes:1", "--out", str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
    state, until = tmp_path / "state", time.monotonic() + 120
    try:
        while len(list(state.glob("*.json"))) < 2 and time.monotonic() < until:
            assert process.poll() is None, process.stdout.read() if process.stdout else ""
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.05)
        process.send_signal(signal.SIGKILL)
        # Whoever has the other end of the pipe is a worker: it closes when the last one has ended.
        process.communicate(timeout=60)
        there = {path.name for path in state.glob("*.json")}
        assert 2 <= len(there) < len(layer_cells(SMALL))
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    assert in_this_process(tmp_path).model_dump_json() == outcome.model_dump_json()


def test_a_finished_study_is_not_run_again_and_a_larger_one_runs_what_is_new(outcome, tmp_path, monkeypatch):
    assert in_this_process(tmp_path) == outcome
    monkeypatch.setattr(run, "compute", None)  # whatever is submitted fails
    assert in_this_process(tmp_path) == outcome
    monkeypatch.undo()
    larger = in_this_process(tmp_path, SMALL.model_copy(update={"scales": (0.0, 1.0, 2.0)}))
    assert set(outcome.layers) < set(larger.layers)


def test_a_broken_state_is_named(outcome, tmp_path):
    first, second = layer_cells(SMALL)[:2]
    state = State(tmp_path / "state")
    assert state.read(first, LayerResult) is None
    state.write(first, outcome.layers[0])
    assert state.read(first, LayerResult) == outcome.layers[0]
    state.write(second, outcome.layers[0])
    with pytest.raises(QadaptError, match="another cell"):
        state.read(second, LayerResult)
    next((tmp_path / "state").iterdir()).write_text("{")
    with pytest.raises(QadaptError, match="state"):
        in_this_process(tmp_path)


def test_a_cell_that_fails_ends_the_study(tmp_path):
    settings = SMALL.model_copy(update={"target": "wukong-72", "compilers": ("qiskit",)})
    with pytest.raises(QadaptError, match="wukong-72"):
        in_this_process(tmp_path, settings)


def test_a_worker_that_dies_is_said_so():
    with opened("processes:1") as pool:
        given = {pool.submit(os._exit, 3): layer_cells(SMALL)[0]}
        with pytest.raises(QadaptError, match="worker process died"):
            list(run._finished(given))


@pytest.mark.parametrize("name", ["processes", "processes:0", "processes:x", "dask:", "threads:2", "", "dask:nonsense"])
def test_executors_that_are_none_are_refused(name):
    with pytest.raises(QadaptError), opened(name):
        pass


def test_a_cluster_without_dask_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MissingExtraError, match="distributed") as caught, opened("dask:tcp://127.0.0.1:1"):
        pass
    assert "qadapt[dask]" in caught.value.hint


def test_by_default_every_processor_is_used():
    assert default() == f"processes:{len(os.sched_getaffinity(0))}"


def test_the_command_writes_results_and_page(outcome, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(run, "opened", here)
    with pytest.raises(SystemExit) as left:
        cli.main(["study", "noise", *WORDS, "--out", str(tmp_path)])
    assert left.value.code == 0
    assert Outcome.model_validate_json((tmp_path / "results.json").read_text()) == outcome
    assert json.loads((tmp_path / "results.json").read_text())["schema_version"] == 1
    assert (tmp_path / "report.html").read_text().startswith("<!doctype html>")
    assert "signed" in capsys.readouterr().out


def test_the_command_says_what_is_wrong_and_how_to_go_on(tmp_path, capsys, monkeypatch):
    with pytest.raises(SystemExit) as left:
        cli.main(["study", "noise", "--dim", "3", "--out", str(tmp_path)])
    assert left.value.code == 2
    assert "dims" in capsys.readouterr().err

    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "run_study", interrupted)
    with pytest.raises(SystemExit) as left:
        cli.main(["study", "noise", "--quick", "--out", str(tmp_path)])
    assert left.value.code == 130
    assert "goes on where it was" in capsys.readouterr().out
