"""The runner: rows in order through chunks, packing and jobs, and every failure as an error of our tree."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from jobs_cases import (
    HASTY,
    NAME,
    QUICK,
    TURN,
    Clock,
    Cloud,
    Death,
    Findable,
    Fuse,
    Vendor,
    answer,
    hold,
    plan_of,
    processes,
    still,
    undisturbed,
)
from oracles import adapter_circuit, line, random_bindings, register_probabilities
from qadapt.bindings import Bindings
from qadapt.circuit import Circuit, op
from qadapt.counts import Counts
from qadapt.errors import (
    AccessError,
    BadResultError,
    BindingsError,
    BudgetError,
    InDoubtError,
    JobFailedError,
    LedgerError,
    NotSupportedError,
    QadaptError,
    TargetError,
    UnavailableError,
)
from qadapt.inline import InlineBackend
from qadapt.jobs import Ledger, Options, Policy, Progress, State, derived_seed, partial_results, resume, run, runner
from qadapt.jobs.cancel import Cancellation, cancel
from qadapt.jobs.ledger import default_path
from qadapt.jobs.settle import settle
from qadapt.provider import Provenance, Result, Work
from qadapt.target import Capabilities, Target

SIMULATOR = Target(name="any", num_qubits=8, native=("rx", "ry", "rz", "cz"))
PAIR = adapter_circuit(2, ((0, 1),))


class Scripted(InlineBackend):
    """A backend that answers with the rounded exact distribution, so that rows can be told apart without sampling."""

    def __init__(self, target: Target = SIMULATOR, spoil: Callable[[Counts], Counts] = lambda counts: counts, **can):
        super().__init__("scripted:any", target, Capabilities(seed=True, simulated=True, **can))
        self.works: list[Work] = []
        self.spoil = spoil

    def execute(self, work: Work) -> Result:
        self.works.append(work)
        rows = [register_probabilities(work.circuit, work.bindings, row) for row in range(work.bindings.rows)]
        tables = []
        for tables_of_register in zip(*rows, strict=True):
            table = np.floor(np.array(tables_of_register) * work.shots).astype(np.int64)
            table[:, 0] += work.shots - table.sum(axis=1)
            tables.append(table)
        provenance = Provenance(
            backend=self.name,
            circuit_hash=work.circuit.content_hash,
            qubits=work.circuit.measured,
            shots=work.shots,
            seed=work.seed,
            simulated=True,
        )
        return Result(self.spoil(Counts(tuple(tables), work.shots)), provenance)


def expected(circuit: Circuit, bindings: Bindings) -> np.ndarray:
    return np.array([register_probabilities(circuit, bindings, row)[0] for row in range(bindings.rows)])


@pytest.mark.parametrize(("rows", "max_rows", "max_works"), [(1, 10, 1), (7, 3, 2), (9, 3, 1), (10, 4, 64)])
def test_rows_keep_their_order_through_chunks(rows, max_rows, max_works):
    bindings = random_bindings(PAIR, rows)
    backend = Scripted(max_rows=max_rows, max_works=max_works)
    done: list[tuple[int, int]] = []
    result = run(PAIR, bindings, backend, shots=10**6, seed=3, progress=lambda at: done.append((at.done, at.total)))
    assert np.abs(result.counts.frequencies - expected(PAIR, bindings)).max() < 1e-5
    assert done[-1] == (rows, rows)
    assert result.executions == rows
    seeds = [work.seed for work in backend.works]
    assert seeds[0] == 3
    assert len(set(seeds)) == len(seeds)
    assert result.provenance.seed == 3


def test_no_submit_has_more_executions_than_the_backend_takes():
    bindings = random_bindings(PAIR, 25)
    backend = Scripted(max_executions=10_000)
    result = run(PAIR, bindings, backend, shots=1000)
    assert [work.bindings.rows for work in backend.works] == [10, 10, 5]
    assert np.abs(result.counts.frequencies - expected(PAIR, bindings)).max() < 1e-2
    with pytest.raises(NotSupportedError, match="max_executions"):
        run(PAIR, bindings, backend, shots=10_001)


@pytest.mark.parametrize("native", [("cz", "sx", "x", "rz"), ("cz", "u3"), ("cz", "rphi")])
def test_a_chip_is_packed_and_rows_come_back(native):
    bindings = random_bindings(PAIR, 7)
    result = run(PAIR, bindings, Scripted(line(native, 6)), shots=10**6)
    assert (result.tiles, result.executions) == (3, 3)
    assert np.abs(result.counts.frequencies - expected(PAIR, bindings)).max() < 1e-5
    single = run(PAIR, bindings, Scripted(line(native, 6)), shots=10**6, packed=False)
    assert (single.tiles, single.executions) == (1, 7)
    assert np.abs(single.counts.frequencies - expected(PAIR, bindings)).max() < 1e-5


def test_what_needs_routing_runs_one_copy_at_a_time_unless_packing_is_asked_for():
    triangle = adapter_circuit(3, ((0, 1), (1, 2), (0, 2)))
    bindings = random_bindings(triangle, 2)
    result = run(triangle, bindings, Scripted(line(("cz", "u3"), 4)), shots=10**6)
    assert result.tiles == 1
    assert np.abs(result.counts.frequencies - expected(triangle, bindings)).max() < 1e-5
    with pytest.raises(TargetError, match="no tile"):
        run(triangle, bindings, Scripted(line(("cz", "u3"), 4)), shots=10, packed=True)


def lost_shot(counts: Counts) -> Counts:
    table = counts.registers[0].copy()
    table[0, table[0].argmax()] -= 1
    return Counts((table,), counts.shots)


@pytest.mark.parametrize(
    "spoil",
    [
        lost_shot,
        lambda counts: Counts((counts.registers[0][:-1],), counts.shots),
        lambda counts: Counts((counts.registers[0][:, :2],), counts.shots),
        lambda counts: Counts((counts.registers[0].astype(float),), counts.shots),
        lambda counts: Counts(counts.registers * 2, counts.shots),
    ],
    ids=["shot", "row", "width", "float", "register"],
)
def test_wrong_counts_are_a_bad_result(spoil):
    with pytest.raises(BadResultError):
        run(PAIR, random_bindings(PAIR, 3), Scripted(spoil=spoil), shots=100)


def test_an_exception_in_a_vendor_fails_the_job():
    def boom(counts: Counts) -> Counts:
        raise RuntimeError("vendor said no")

    with pytest.raises(JobFailedError, match="vendor said no") as caught:
        run(PAIR, random_bindings(PAIR, 1), Scripted(spoil=boom), shots=10)
    assert isinstance(caught.value.__cause__, RuntimeError)
    assert caught.value.job_id


@pytest.mark.parametrize("shots", [0, -1, 1.5, True, None])
def test_bad_shots_are_refused_before_the_backend_sees_them(shots):
    backend = Scripted()
    with pytest.raises(BindingsError, match="shots"):
        run(PAIR, random_bindings(PAIR, 1), backend, shots=shots)
    assert not backend.works


def test_bad_bindings_circuits_and_limits_are_refused_before_the_backend_sees_them():
    backend = Scripted(max_shots=100)
    with pytest.raises(BindingsError, match="missing"):
        run(PAIR, Bindings.of({"a0": 1.0}), backend, shots=10)
    with pytest.raises(BindingsError, match="extra"):
        run(Circuit(num_qubits=1, measured=[0]), Bindings.of({"a0": 1.0}), backend, shots=10)
    with pytest.raises(TargetError, match="nothing is measured"):
        run(Circuit(num_qubits=1, operations=[op("rx", 0, angles=[1])]), Bindings.of({}), backend, shots=10)
    with pytest.raises(NotSupportedError, match="max_shots"):
        run(PAIR, random_bindings(PAIR, 1), backend, shots=101)
    with pytest.raises(BindingsError, match="seed"):
        run(PAIR, random_bindings(PAIR, 1), backend, shots=10, seed=-1)
    assert not backend.works


@pytest.mark.parametrize("packed", [None, False])
def test_an_angle_that_the_compiler_would_drop_is_refused(packed):
    backend = Scripted(line(("cz", "u3"), 4))
    circuit = Circuit(num_qubits=1, operations=[op("rz", 0, angles=["t"])], measured=[0])
    with pytest.raises(BindingsError, match="not finite"):
        run(circuit, Bindings({"t": np.array([0.1, np.nan])}, (2,)), backend, shots=10, packed=packed)
    assert not backend.works


def test_values_by_name_and_backends_by_name_are_taken():
    circuit = Circuit(num_qubits=1, operations=[op("rx", 0, angles=["t"])], measured=[0])
    by_name = run(circuit, {"t": [0.0, np.pi]}, "local:statevector", shots=10, seed=1)
    assert by_name.counts.table.tolist() == [[10, 0], [0, 10]]
    assert run(Circuit(num_qubits=1, measured=[0]), {}, Scripted(), shots=10).counts.table.tolist() == [[10, 0]]
    for wrong in (None, [1.0], 3):
        with pytest.raises(BindingsError, match="expected Bindings or values by name"):
            run(circuit, wrong, Scripted(), shots=10)


def test_derived_seeds_differ_and_repeat():
    seeds = [derived_seed(5, number) for number in range(100)]
    assert seeds[0] == 5
    assert len(set(seeds)) == 100
    assert seeds == [derived_seed(5, number) for number in range(100)]
    assert derived_seed(None, 3) is None


ROWS = Bindings.of({"t": np.linspace(0.1, 3.0, 6)})
RIGHT = undisturbed(plan_of(6, 1))
ONE = QUICK.model_copy(update={"rows": 1})


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sqlite3.connect", HASTY)


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger(tmp_path / "ledger.db") as made:
        yield made


def start(backend: Any, ledger: Any, policy: Policy = ONE, clock: Clock | None = None, **more: Any) -> Any:
    with still(clock=clock):
        return run(TURN, ROWS, backend, ledger=ledger, policy=policy, **{"shots": 20, "seed": 7, **more})


def interrupted(book: Ledger, cloud: Cloud, done: int, **more: Any) -> str:
    """A run that stopped after so many chunks; its id."""
    cloud.script({"fetch": [""] * done + ["denied"]})
    with pytest.raises(AccessError):
        start(Findable(cloud, max_jobs=1), book, **more)
    cloud.script({})
    return book.runs()[0].id


def interrupt_at(done: int) -> Callable[[Progress], None]:
    """The process ends when so much is done."""

    def show(progress: Progress) -> None:
        if progress.done == done:
            raise AccessError("the process ends", provider=NAME)

    return show


def hit_at(done: int) -> Callable[[Progress], None]:
    """Somebody presses Ctrl-C when so much is done."""

    def show(progress: Progress) -> None:
        if progress.done == done:
            raise KeyboardInterrupt

    return show


def test_a_run_is_recorded_where_it_is_wanted(book, monkeypatch):
    for where, can, recorded in [("auto", True, True), ("auto", False, False), ("none", True, False)]:
        default_path().unlink(missing_ok=True)
        result = start(Findable(Cloud(), retrieval=can, find=can), where)
        assert default_path().exists() is recorded
        assert (result.id is not None) is recorded
        assert np.array_equal(result.counts.table, RIGHT)
    result = start(Findable(Cloud(), retrieval=False, find=False), book)
    assert result.id == book.runs()[0].id
    for wrong in ("", None, 3):
        with pytest.raises(LedgerError, match="expected a Ledger"):
            start(Findable(Cloud()), wrong)


def test_a_ledger_and_a_budget_may_be_words(tmp_path):
    file, cloud = tmp_path / "runs.db", Cloud()
    with pytest.raises(BudgetError, match="it takes 120 shots, 119 are allowed"):
        start(Findable(cloud), str(file), budget="119shots")
    result = start(Findable(cloud), str(file), budget="120shots", label="mine")
    assert not default_path().exists()
    for place in (str(file), file):
        assert partial_results("mine", ledger=place).there.all()
        again = resume(result.id, ledger=place, budget="120shots")
        assert np.array_equal(again.counts.table, RIGHT)
        assert cancel("mine", ledger=place) == Cancellation()
        with pytest.raises(LedgerError, match="only a chunk in doubt"):
            settle("mine", 0, None, ledger=place)
    for verb in (run, resume):
        with pytest.raises(BudgetError, match="is no budget"):
            verb(
                *([TURN, ROWS, Findable(cloud)] if verb is run else ["mine"]),
                **{"ledger": file, "budget": "20eur"} | ({"shots": 9} if verb is run else {}),
            )


def test_a_ledger_that_is_not_there_is_told_and_not_made(tmp_path):
    for place in (tmp_path / "no.db", str(tmp_path / "no" / "where" / "no.db"), None):
        for verb in (partial_results, resume, cancel, partial(settle, chunk=0, job=None)):
            with pytest.raises(LedgerError, match=r"^there is no ledger "):
                verb("x", ledger=place)
    with pytest.raises(LedgerError, match=r"^there is no folder .*/no/where for the ledger"):
        start(Findable(Cloud()), tmp_path / "no" / "where" / "no.db")
    assert list(tmp_path.iterdir()) == []
    assert not default_path().parent.exists()


def test_what_was_asked_for_is_known_of_every_run(book):
    target, bindings = line(("cz", "u3"), 6), random_bindings(PAIR, 8)
    with still():
        result = run(PAIR, bindings, Findable(Cloud(), target=target), shots=20, seed=3, policy=ONE, ledger=book)
    asked = partial_results(result.id, ledger=book).asked
    assert asked.circuit == PAIR
    assert asked.options == Options(20, 3, most=1)
    assert np.array_equal(asked.bindings.array(PAIR.parameters), bindings.array(PAIR.parameters))


@pytest.mark.parametrize("first", ["run", "resume"])
def test_counts_that_are_not_handed_out_yet_come_again(book, first):
    cloud = Cloud()
    if first == "run":
        name = start(Findable(cloud), book, deliver=False).id
    else:
        name = interrupted(book, cloud, 6, progress=interrupt_at(6))
        resume(name, backend=Findable(cloud), ledger=book, deliver=False)
    for _ in range(2):
        assert start(Findable(cloud), book, deliver=False).id == name
    assert len(cloud.jobs) == 6
    book.deliver(name)
    assert start(Findable(cloud), book).id != name


@pytest.mark.parametrize("way", ["fetch", "progress", "interrupt"])
def test_what_stops_a_run_says_how_to_go_on(book, way, monkeypatch):
    cloud, more = Cloud({"fetch": ["denied"] * 9} if way == "fetch" else {}), {}
    if way == "progress":
        more["progress"] = interrupt_at(1)
    if way == "interrupt":
        more["progress"] = hit_at(1)
    again = lambda: resume(book.runs()[0].id, backend=Findable(cloud), ledger=book, **more)  # noqa: E731
    for call in (lambda: start(Findable(cloud, max_jobs=1), book, **more), again):
        with pytest.raises((AccessError, KeyboardInterrupt)) as caught, still():
            call()
        (entry,) = book.runs()
        command = f"qadapt jobs resume {entry.id} --ledger {book.path}"
        assert caught.value.__notes__ == [f"run {entry.id} is recorded; go on with: {command}"]
    monkeypatch.setenv("QADAPT_LEDGER", str(book.path))
    with pytest.raises((AccessError, KeyboardInterrupt)) as caught:
        start(Findable(cloud, max_jobs=1), book, **more)
    assert caught.value.__notes__[0].endswith(f"qadapt jobs resume {entry.id}")


def test_a_vendor_that_is_down_for_long_ends_a_run_that_says_how_to_go_on(book):
    cloud = Cloud({"fetch": ["down"] * 10})
    with pytest.raises(UnavailableError) as caught:
        start(Findable(cloud, max_jobs=1), book, QUICK.model_copy(update={"rows": 1, "attempts": 10}))
    (entry,) = book.runs()
    assert f"go on with: qadapt jobs resume {entry.id}" in "".join(traceback.format_exception(caught.value))
    assert np.array_equal(resume(entry.id, backend=Findable(cloud), ledger=book).counts.table, RIGHT)


def test_a_recorded_run_says_what_was_done(book):
    cloud = Cloud()
    result = start(Findable(cloud), book, label="first")
    entry = book.run("first")
    assert (entry.id, entry.backend, entry.rows, entry.shots) == (result.id, NAME, 6, 20)
    assert [chunk.state for chunk in book.chunks(entry.id)] == [State.DONE] * 6
    for number, chunk in enumerate(book.chunks(entry.id)):
        states = [event.state for event in book.events(entry.id) if event.chunk == number]
        assert states == [State.INTENDED, State.SUBMITTED, State.DONE]
        assert chunk.tag == f"qadapt-{entry.id}-{number}-0"
        assert cloud.jobs[chunk.job].tag == chunk.tag
        assert book.raw(entry.id, number) == cloud.jobs[chunk.job].raw
    assert (result.provenance.seed, result.executions, result.tiles) == (7, 6, 1)


def test_the_same_call_goes_on_and_a_finished_one_runs_anew(book):
    cloud = Cloud()
    first = interrupted(book, cloud, 2)
    there = partial_results(first, ledger=book)
    assert there.there.tolist() == [True, True] + [False] * 4
    assert np.array_equal(there.counts.table[:2], RIGHT[:2])
    assert sorted(there.results) == [0, 1]
    # Another call is another run.
    assert start(Findable(cloud), book, seed=8).id != first
    assert start(Findable(cloud), book, shots=21).id != first
    created = len(cloud.jobs)
    result = start(Findable(cloud), book)
    assert result.id == first
    assert np.array_equal(result.counts.table, RIGHT)
    assert len(cloud.jobs) == created + 3  # the one that could not be looked at was there
    again = start(Findable(cloud), book)
    assert again.id != first
    assert len(cloud.jobs) == created + 9
    # Who resumes a run has got its counts; who calls again wants others.
    third = interrupted(book, cloud, 6, progress=interrupt_at(6))
    created = len(cloud.jobs)
    assert start(Findable(cloud), book).id == third
    assert len(cloud.jobs) == created
    assert start(Findable(cloud), book).id != third
    assert len(cloud.jobs) == created + 6
    assert partial_results(again.id, ledger=book).there.all()


def test_a_finished_run_is_read_without_its_backend(book):
    result = start(Findable(Cloud()), book, label="mine")
    again = resume("mine", ledger=book)
    assert np.array_equal(again.counts.table, RIGHT)
    assert (again.id, again.provenance, again.tiles) == (result.id, result.provenance, result.tiles)
    assert again.circuit == result.circuit


def test_runs_are_resumed_by_the_beginning_of_their_id_or_their_label_on_their_own_backend(book):
    cloud = Cloud()
    run_id = interrupted(book, cloud, 2, label="night")
    other = Findable(cloud)
    other.name = "acme:other"
    with pytest.raises(LedgerError, match="is of acme:any, not of acme:other"):
        resume("night", backend=other, ledger=book)
    with pytest.raises(LedgerError, match="no run"):
        resume("day", backend=Findable(cloud), ledger=book)
    with still():
        assert resume(run_id[:6], backend=Findable(cloud), policy=ONE, ledger=book).id == run_id
    with pytest.raises(QadaptError, match="acme"):
        resume(interrupted(book, cloud, 1), ledger=book)


def test_a_run_that_another_process_holds_is_not_taken_up(book):
    cloud = Cloud()
    run_id = interrupted(book, cloud, 2)
    context = processes()
    answers = context.SimpleQueue()
    process = context.Process(target=hold, args=(str(book.path), run_id, answers))
    process.start()
    try:
        assert answers.get() == run_id
        with pytest.raises(LedgerError, match="another process works on"):
            resume(run_id, backend=Findable(cloud), ledger=book)
        made = len(cloud.jobs)
        with pytest.raises(LedgerError, match=r"another process works on .*another label"):
            start(Findable(cloud), book)
        assert len(cloud.jobs) == made
        result = start(Findable(cloud), book, label="second")
        assert result.id != run_id
        assert np.array_equal(result.counts.table, RIGHT)
    finally:
        process.kill()
        process.join(60)
    with still():
        assert resume(run_id, backend=Findable(cloud), policy=ONE, ledger=book).id == run_id


def test_a_run_is_this_processes_own_while_it_is_under_way(book):
    cloud, tried = Cloud(), list[str]()

    def others(_: Progress) -> None:
        (entry,) = book.runs()
        with pytest.raises(LedgerError, match="works on"), book.working(entry.id):
            raise AssertionError
        tried.append(entry.id)

    run_id = interrupted(book, cloud, 2, progress=others)
    with still():
        resume(run_id, backend=Findable(cloud), policy=ONE, ledger=book, progress=others)
    interrupted(book, Cloud(), 1, seed=9)
    assert set(tried) == {run_id}
    for entry in book.runs():
        with book.working(entry.id):
            pass


@pytest.mark.parametrize("seed", [7, None])
def test_without_a_ledger_nothing_is_kept_and_doubt_is_shown(book, seed):
    with pytest.raises(InDoubtError) as caught:
        start(Vendor(Cloud({"submit": ["lost"]})), "none", seed=seed)
    assert caught.value.chunks == (0,)
    result = start(Vendor(Cloud()), book, seed=seed)
    assert result.provenance.seed == seed


def test_partial_results_of_packed_runs_know_the_rows_of_the_source(book):
    target = line(("cz", "u3"), 6)
    bindings = random_bindings(PAIR, 8)
    cloud = Cloud({"fetch": ["", "", "denied"]})
    backend = Findable(cloud, target=target, max_jobs=1)
    with pytest.raises(AccessError), still():
        run(PAIR, bindings, backend, shots=20, policy=ONE.model_copy(update={"rows": 3}), ledger=book)
    (entry,) = book.runs()
    there = partial_results(entry.id, ledger=book)
    assert there.there.tolist() == [True] * 6 + [False] * 2
    plan = book.plan(entry.id)
    assert (plan.tiles, plan.executions) == (3, 3)
    parts = [answer(plan.works(number)[0]).counts.registers for number in range(2)]
    for row in range(6):
        assert np.array_equal(there.counts.table[row], parts[row // 3][row % 3][0])
    assert not there.counts.table[6:].any()
    with still():
        result = resume(entry.id, backend=Findable(cloud, target=target), ledger=book)
    assert result.counts.rows == 8
    assert np.array_equal(result.counts.table[:6], there.counts.table[:6])
    with pytest.raises(LedgerError, match="no run"):
        partial_results("x", ledger=book)


def test_of_a_run_that_has_nothing_nothing_is_there(book):
    run_id = interrupted(book, Cloud(), 0)
    there = partial_results(run_id, ledger=book)
    assert there.counts is None
    assert there.there.tolist() == [False] * 6
    assert not there.results


@pytest.mark.parametrize(("cancel", "ends"), [(None, False), (False, False), (True, True)])
def test_ctrl_c_leaves_a_run_that_can_be_taken_up(book, cancel, ends):
    cloud, told = Cloud({"fetch": ["pending"] * 3}), list[Progress]()

    def stop(progress: Progress) -> None:
        told.append(progress)
        if progress.jobs == 2:
            raise KeyboardInterrupt

    policy = ONE.model_copy(update={"cancel": cancel})
    with pytest.raises(KeyboardInterrupt):
        start(Findable(cloud, cancel=True, max_jobs=2), book, policy, progress=stop)
    (entry,) = book.runs()
    states = [chunk.state for chunk in book.chunks(entry.id)]
    assert states == [State.CANCELLED if ends else State.SUBMITTED] * 2 + [State.PLANNED] * 4
    result = start(Findable(cloud), book, progress=told.append)
    assert np.array_equal(result.counts.table, RIGHT)
    assert len(cloud.jobs) == 6 + 2 * ends
    done = [at.done for at in told]
    assert done == sorted(done)
    assert told[-1] == Progress(6, 6)


@pytest.mark.parametrize("jobs", [1, 3])
def test_a_process_may_die_at_every_step_of_a_recorded_run(tmp_path, jobs):
    """The same as for flights, with the real ledger: before and after every record and every verb."""
    bindings = Bindings.of({"t": [0.1, 0.2, 0.3]})
    right, steps = undisturbed_table(bindings), 0
    for k in range(1000):
        cloud, fuse = Cloud({"fetch": ["pending"]}), Fuse(k)
        with Ledger(tmp_path / f"{k}.db") as book, still():
            kept = book.write

            def write(*args: Any, kept: Any = kept, fuse: Fuse = fuse, **more: Any) -> None:
                fuse.step()
                kept(*args, **more)
                fuse.step()

            book.write = write  # type: ignore[method-assign]
            try:
                run(TURN, bindings, Findable(cloud, fuse, max_jobs=jobs), shots=20, seed=7, policy=ONE, ledger=book)
                break
            except Death:
                steps += 1
        with Ledger(tmp_path / f"{k}.db") as book, still():
            result = run(TURN, bindings, Findable(cloud, max_jobs=jobs), shots=20, seed=7, policy=ONE, ledger=book)
            assert len(book.runs()) == 1
        assert np.array_equal(result.counts.table, right)
        assert set(cloud.created.values()) == {1}
        assert len(cloud.jobs) == 3
    assert steps >= 30  # two records with a step before and after each, and two verbs, for each chunk


def undisturbed_table(bindings: Bindings) -> np.ndarray:
    with still():
        return run(TURN, bindings, Findable(Cloud()), shots=20, seed=7, policy=ONE, ledger="none").counts.table


class Lives(RuleBasedStateMachine):
    """One run through any number of processes, faults, deaths and interrupts, on one ledger and one cloud."""

    @initialize(kind=st.sampled_from([Findable, Vendor]), jobs=st.integers(1, 3))
    def begin(self, kind: type[Vendor], jobs: int) -> None:
        self.folder = TemporaryDirectory()
        self.path = Path(self.folder.name) / "ledger.db"
        self.cloud, self.kind, self.jobs, self.result = Cloud(), kind, jobs, None
        self.seen: list[Any] = []
        # One clock for all lives, or they would be so far apart that what the vendor shows late is taken for missing.
        self.clock = Clock()

    @precondition(lambda self: self.result is None)
    @rule(
        steps=st.integers(0, 40) | st.just(10**6),
        submit=st.lists(st.sampled_from(["", "down", "lost", "never", "bug-made", "denied"]), max_size=4),
        fetch=st.lists(st.sampled_from(["", "pending", "down", "gone", "failed", "rows", "denied"]), max_size=4),
        find=st.lists(st.sampled_from(["", "down", "late", "denied"]), max_size=2),
        resend=st.booleans(),
        cancel=st.booleans(),
    )
    def live(self, steps: int, submit: Any, fetch: Any, find: Any, resend: bool, cancel: bool) -> None:
        self.cloud.script({"submit": submit, "fetch": fetch, "find": find})
        told: list[int] = []

        def show(progress: Progress) -> None:
            told.append(progress.done)
            if cancel and len(told) == 5:
                raise KeyboardInterrupt

        more = {"in_doubt": "resend" if resend else "hold", "cancel": cancel}
        with Ledger(self.path) as book:
            try:
                backend = self.kind(self.cloud, Fuse(steps), max_jobs=self.jobs, cancel=True)
                self.result = start(backend, book, ONE.model_copy(update=more), self.clock, progress=show)
            except (QadaptError, Death, KeyboardInterrupt):
                pass
        assert told == sorted(told)

    @rule()
    def rest(self) -> None:
        """Do nothing: a run that is done needs no more lives."""

    @invariant()
    def nothing_is_lost_or_paid_twice(self) -> None:
        if not self.path.exists():
            return
        with Ledger(self.path) as book:
            if not book.runs():
                return
            (entry,) = book.runs()
            events, chunks = book.events(entry.id), book.chunks(entry.id)
            there = partial_results(entry.id, ledger=book)
        assert events[: len(self.seen)] == self.seen
        self.seen = events
        created = self.cloud.created
        assert set(created.values()) <= {1}
        # Every job at the vendor is one that the ledger knows or may look for.
        assert set(created) <= {event.tag for event in events}
        ended = {event.tag for event in events if event.state in (State.FAILED, State.CANCELLED, State.IN_DOUBT)}
        assert len(set(created) - ended) <= len(chunks)
        if self.kind is Findable:
            assert all(event.state is not State.IN_DOUBT for event in events)
        assert there.there.tolist() == [chunk.state is State.DONE for chunk in chunks]
        if there.counts is not None:
            assert np.array_equal(there.counts.table[there.there], RIGHT[there.there])

    def teardown(self) -> None:
        if not hasattr(self, "path"):
            return
        with self.folder:
            if self.result is None:
                self.live(10**6, [], [], [], resend=True, cancel=False)
            self.nothing_is_lost_or_paid_twice()
            assert np.array_equal(self.result.counts.table, RIGHT)


TestLives = Lives.TestCase
TestLives.settings = settings(max_examples=100, stateful_step_count=6)


class Account(Findable):
    """A vendor of which there are several accounts."""

    owner = "a"

    def identity(self) -> dict[str, str]:
        return {"account": self.owner}


def test_a_run_is_finished_by_the_account_that_began_it(book):
    cloud = Cloud({"fetch": ["", "denied"]})
    with pytest.raises(AccessError):
        start(Account(cloud, max_jobs=1), book)
    made, other = len(cloud.jobs), Account(cloud)
    cloud.script({})
    (entry,) = book.runs()
    other.owner = "b"
    with still(), pytest.raises(LedgerError, match="account was 'a' and is 'b'"):
        resume(entry.id, backend=other, ledger=book)
    with still(), pytest.raises(LedgerError, match="account was 'a' and is 'b'"):
        cancel(entry.id, backend=other, ledger=book)
    assert len(cloud.jobs) == made
    # The same call is another run there, and the first one stays as it is.
    assert start(other, book).id != entry.id
    other.owner = "a"
    assert start(other, book).id == entry.id


def test_another_label_is_another_run_and_no_label_takes_up_any(book):
    cloud = Cloud()
    first = interrupted(book, cloud, 1, label="one")
    assert start(Findable(cloud), book).id == first
    second = interrupted(book, cloud, 1, label="two")
    assert start(Findable(cloud), book, label="three").id not in (first, second)


def test_a_job_that_the_user_named_wrongly_leaves_the_doubt(book):
    cloud = Cloud({"submit": ["", "lost"]})
    with pytest.raises(InDoubtError) as caught:
        start(Vendor(cloud), book)
    run_id, made = caught.value.run, len(cloud.jobs)
    (lost,) = caught.value.chunks
    settle(run_id, lost, "no-such-job", ledger=book)
    with still(), pytest.raises(InDoubtError):
        resume(run_id, backend=Vendor(cloud), policy=ONE, ledger=book)
    right = next(name for name, job in cloud.jobs.items() if job.tag == f"qadapt-{run_id}-{lost}-0")
    settle(run_id, lost, right, ledger=book)
    with still():
        result = resume(run_id, backend=Vendor(cloud), policy=ONE, ledger=book)
    assert np.array_equal(result.counts.table, RIGHT)
    assert len(cloud.jobs) == made


def test_two_calls_that_begin_together_are_one_run(book, monkeypatch):
    """While one call compiles, another process makes the same one and is stopped."""
    cloud, plan, others = Cloud(), runner.make_plan, list[str]()

    def meanwhile(*asked: Any) -> Any:
        monkeypatch.setattr(runner, "make_plan", plan)
        with Ledger(book.path) as other:
            others.append(interrupted(other, cloud, 1))
        return plan(*asked)

    monkeypatch.setattr(runner, "make_plan", meanwhile)
    result = start(Findable(cloud), book)
    assert [result.id] == others
    assert np.array_equal(result.counts.table, RIGHT)
    assert len(book.runs()) == 1
    assert set(cloud.created.values()) == {1}
