"""Plans: cuts that keep every limit, rows that come back in order, and fingerprints of what was asked for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from jobs_cases import ANY, NAME, TURN, Cloud, Vendor, answer, plan_of, spoilt
from oracles import adapter_circuit, line, random_bindings
from qadapt.bindings import Bindings
from qadapt.circuit import Circuit, op
from qadapt.codec import encode
from qadapt.counts import Counts
from qadapt.errors import BadResultError, BindingsError
from qadapt.jobs import Options, Plan, make_plan
from qadapt.jobs.plan import Asked, decode_plan, derived_seed, encode_plan, fingerprint
from qadapt.provider import Result, Work, check_works

PAIR = adapter_circuit(2, ((0, 1),))


class Limited(Vendor):
    """A backend with a limit that depends on the circuit."""

    limit = 10**9

    def most_rows(self, circuit, shots):
        assert circuit.measured
        return self.limit // shots


@given(
    rows=st.integers(1, 60),
    shots=st.integers(1, 50),
    can=st.fixed_dictionaries(
        {"max_rows": st.integers(1, 20), "max_works": st.integers(1, 5), "max_executions": st.integers(50, 3000)}
    ),
    most=st.none() | st.integers(1, 20),
    limit=st.none() | st.integers(50, 1000),
    seed=st.none() | st.integers(0, 2**40),
)
def test_cuts_keep_every_limit_and_no_chunk_is_needlessly_small(rows, shots, can, most, limit, seed):
    backend = Limited(Cloud(), **can)
    backend.limit = 10**9 if limit is None else limit
    bindings = Bindings.of({"t": np.linspace(0, 3, rows)})
    plan = make_plan(TURN, bindings, backend, Options(shots, seed, most=most))
    sizes = [plan.size(number) for number in range(len(plan.chunks))]
    for number, size in enumerate(sizes):
        works = plan.works(number)
        check_works(works, ANY, backend.capabilities)
        assert sum(work.bindings.rows for work in works) == size
        assert size <= min(most or size, backend.limit // shots)
    spans = [span for cut in plan.chunks for span in cut]
    assert [start for start, _ in spans] == [0, *(stop for _, stop in spans[:-1])]
    assert spans[-1][1] == rows == plan.executions == sum(sizes)
    if backend.limit // shots >= 1 and can["max_executions"] >= shots:
        full = min(
            can["max_executions"] // shots, most or rows, backend.limit // shots, can["max_rows"] * can["max_works"]
        )
        assert sizes[:-1] == [full] * (len(sizes) - 1)
        widths = [[stop - start for start, stop in cut] for cut in plan.chunks]
        assert all(width == min(can["max_rows"], full) for cut in widths for width in cut[:-1])
    joined = np.concatenate([work.bindings.array(["t"]) for n in range(len(plan.chunks)) for work in plan.works(n)])
    assert np.array_equal(joined, bindings.array(["t"]))
    seeds = [work.seed for number in range(len(plan.chunks)) for work in plan.works(number)]
    assert seeds[0] == seed
    assert len(set(seeds)) == (1 if seed is None else len(seeds))
    assert {work.shots for number in range(len(plan.chunks)) for work in plan.works(number)} == {shots}


def test_a_row_that_is_above_the_limits_goes_alone_and_is_refused_by_the_backend():
    backend = Vendor(Cloud(), max_executions=10)
    plan = make_plan(TURN, Bindings.of({"t": [1.0, 2.0]}), backend, Options(11))
    assert plan.chunks == (((0, 1),), ((1, 2),))


def test_seeds_follow_from_the_run_alone():
    assert [derived_seed(5, n) for n in range(50)] == [derived_seed(5, n) for n in range(50)]
    assert len({derived_seed(seed, n) for seed in range(20) for n in range(50)}) == 1000
    assert derived_seed(2**70, 0) == 2**70
    assert derived_seed(None, 3) is None
    plan = plan_of(7, 2, works=2)
    numbers = {3: [6], 0: [0, 1], 2: [4, 5], 1: [2, 3]}
    for chunk, works in numbers.items():
        assert [work.seed for work in plan.works(chunk)] == [derived_seed(7, number) for number in works]


def tiled(rows: int, tiles: int, per_chunk: int, registers: int = 1) -> Plan:
    """A packed plan with so many copies side by side, or one of several registers without packing (``tiles`` 0)."""
    wide = tiles or registers
    circuit = Circuit(
        num_qubits=wide,
        operations=[op("ry", qubit, angles=[f"t{qubit}"]) for qubit in range(wide)],
        measured=[[qubit] for qubit in range(wide)],
    )
    executions = -(-rows // (tiles or 1))
    values = Bindings.of({f"t{qubit}": np.arange(executions) * 0.01 for qubit in range(wide)})
    chunks = tuple(((start, min(start + per_chunk, executions)),) for start in range(0, executions, per_chunk))
    asked = Asked(TURN, Bindings.of({"t": np.arange(rows)}), Options(1000))
    return Plan(NAME, asked, Work(circuit, values, 1000), tiles, chunks)


def numbered(plan: Plan, chunk: int) -> tuple[Result, ...]:
    """Results whose first count is the number of the source row, of the last one on tiles without a row."""
    parts = []
    for (start, stop), work in zip(plan.chunks[chunk], plan.works(chunk), strict=True):
        tables = []
        for tile in range(len(work.circuit.measured)):
            row = np.arange(start, stop) * (plan.tiles or 1) + (tile if plan.tiles else 0)
            row = np.minimum(row, plan.rows - 1) + (0 if plan.tiles else 100 * tile)
            tables.append(np.stack([row, 1000 - row], axis=1))
        parts.append(Result(Counts(tuple(tables), 1000), answer(work).provenance))
    return tuple(parts)


@given(st.integers(1, 40), st.integers(1, 5), st.integers(1, 7), st.data())
def test_packed_rows_come_back_from_any_chunks_that_are_there(rows, tiles, per_chunk, data):
    plan = tiled(rows, tiles, per_chunk)
    some = data.draw(st.sets(st.sampled_from(range(len(plan.chunks))), min_size=1))
    results = {number: numbered(plan, number) for number in data.draw(st.permutations(sorted(some)))}
    for number, parts in results.items():
        plan.check(number, parts)
    counts, there = plan.collect(results)
    assert counts.table.shape == (rows, 2)
    assert there.shape == (rows,)
    chunk_of = np.arange(rows) // tiles // per_chunk
    assert np.array_equal(there, np.isin(chunk_of, sorted(some)))
    assert np.array_equal(counts.table[there][:, 0], np.flatnonzero(there))
    assert not counts.table[~there].any()
    if there.all():
        counts.check(rows=rows, widths=[1], shots=1000, provider=NAME)


def test_several_registers_stay_apart_where_nothing_is_packed():
    plan = tiled(5, 0, 2, registers=3)
    counts, there = plan.collect({number: numbered(plan, number) for number in range(3)})
    assert there.all()
    assert [table[:, 0].tolist() for table in counts.registers] == [[100 * r + n for n in range(5)] for r in range(3)]


@pytest.mark.parametrize("how", ["rows", "width", "totals", "float"])
def test_results_that_were_not_asked_for_are_refused(how):
    plan = plan_of(5, 4, works=2)
    right = tuple(map(answer, plan.works(0)))
    plan.check(0, right)
    wrong = Result(spoilt(right[1].counts, how), right[1].provenance)
    for parts in (
        (right[0], wrong),
        (wrong, right[1]),
        right[:1],
        (*right, right[0]),
        (),
        (right[0], None),
        (*right, None),
        (1, 2),
    ):
        with pytest.raises(BadResultError):
            plan.check(0, parts)


PLANS = {
    "shared": make_plan(
        PAIR,
        Bindings.of(
            {
                name: np.ones((3, 1)) * number if number % 2 else np.linspace(0, 1, 4)
                for number, name in enumerate(PAIR.parameters)
            },
            shape=(3, 4),
        ),
        Vendor(Cloud(), max_rows=2),
        Options(10, 3),
    ),
    "packed": make_plan(
        PAIR, random_bindings(PAIR, 7), Vendor(Cloud(), target=line(("cz", "u3"), 6), max_rows=2), Options(10, 3)
    ),
    "no seed": plan_of(5, 2, seed=None, works=2),
    "no parameters": make_plan(
        Circuit(num_qubits=1, measured=[0]), Bindings.of({}, shape=(3,)), Vendor(Cloud()), Options(1)
    ),
}


CROSSED = Circuit(num_qubits=2, operations=[op("ry", 0, angles=["b"]), op("cx", 0, 1), op("rz", 1, angles=["a"])])
PLANS["expanded"] = make_plan(
    Circuit(**{**CROSSED.model_dump(), "measured": [0, 1]}),
    Bindings.of({"a": np.linspace(0, 1, 500), "b": np.linspace(1, 2, 500)}),
    Vendor(Cloud()),
    Options(10, most=100),
)

PLANS["packed, no parameters"] = make_plan(
    Circuit(num_qubits=2, operations=[op("h", 0), op("cz", 0, 1)], measured=[0, 1]),
    Bindings.of({}, shape=(7,)),
    Vendor(Cloud(), target=line(("cz", "u3"), 6)),
    Options(10),
)
MERGED = Circuit(num_qubits=1, operations=[op(name, 0, angles=[name]) for name in ("rx", "ry", "rz")] * 2, measured=[0])
PLANS["renamed"] = make_plan(
    Circuit(num_qubits=1, operations=[op("ry", 0, angles=["mine"])], measured=[0]),
    Bindings.of({"mine": np.linspace(0, 1, 500)}),
    Vendor(Cloud(), target=line(("cz", "u3"), 6)),
    Options(10, packed=False),
)


@pytest.mark.parametrize("name", PLANS)
def test_what_was_asked_for_travels_with_the_plan(name):
    asked, read = PLANS[name].asked, decode_plan(encode_plan(PLANS[name])).asked
    assert (read.circuit, read.options) == (asked.circuit, asked.options)
    assert sorted(read.bindings.names) == sorted(asked.bindings.names)
    assert read.bindings.rows == asked.bindings.rows
    if asked.bindings is PLANS[name].work.bindings:
        assert read.bindings.shape == asked.bindings.shape, "shared columns stay shared"
    for column in asked.bindings.names:
        assert np.array_equal(read.bindings.column(column), asked.bindings.column(column))


@pytest.mark.parametrize("form", ["passed", "expanded", "renamed", "compiled", "merged"])
def test_native_angles_that_follow_from_the_values_are_not_written(form):
    """Those of rotations that a compiler merges do not: they are no affine functions of the values."""
    if form == "passed":
        plan = plan_of(1000, 100)
    else:
        backend = Vendor(Cloud(), target=line(("cz", "sx", "rz"), 6))
        compiled = make_plan(PAIR, random_bindings(PAIR, 500), backend, Options(10, packed=False))
        merged = make_plan(MERGED, random_bindings(MERGED, 500), backend, Options(10, packed=False))
        more = {"compiled": compiled, "merged": merged}
        plan = {**PLANS, **more}[form]
    values = [bindings.array(bindings.names).nbytes for bindings in (plan.asked.bindings, plan.work.bindings)]
    written = sum(values) if form == "merged" else values[0]
    assert written <= len(encode_plan(plan)) < written + 4000
    assert (plan.work.circuit == plan.asked.circuit) == (form == "passed")


@pytest.mark.parametrize("name", PLANS)
def test_another_process_reads_the_same_plan(name):
    plan, read = PLANS[name], decode_plan(encode_plan(PLANS[name]))
    assert (read.backend, read.rows, read.tiles, read.chunks) == (plan.backend, plan.rows, plan.tiles, plan.chunks)
    assert read.work.circuit == plan.work.circuit
    assert (read.work.shots, read.work.seed) == (plan.work.shots, plan.work.seed)
    ours, theirs = plan.work.bindings, read.work.bindings
    assert (theirs.names, theirs.shape) == (ours.names, ours.shape)
    assert [column.shape for column in theirs.columns.values()] == [column.shape for column in ours.columns.values()]
    for number in range(len(plan.chunks)):
        for mine, other in zip(plan.works(number), read.works(number), strict=True):
            assert (mine.seed, mine.bindings.rows) == (other.seed, other.bindings.rows)
            assert np.array_equal(mine.bindings.array(ours.names), other.bindings.array(ours.names))
    assert encode_plan(read) == encode_plan(plan)
    assert ("packed" in name) == (plan.tiles > 1)


def test_a_single_work_keeps_its_shared_columns():
    plan = make_plan(PAIR, Bindings.of(dict.fromkeys(PAIR.parameters, 1.0), shape=(3, 4)), Vendor(Cloud()), Options(1))
    (work,) = plan.works(0)
    assert work.bindings is plan.work.bindings


@given(st.binary(max_size=40))
def test_other_bytes_are_no_plan(data):
    with pytest.raises(ValueError, match="not a"):
        decode_plan(data)


@pytest.mark.parametrize(
    "head",
    [
        None,
        [],
        {},
        {"backend": "b", "options": {"shots": 1}, "shared": True, "tiles": 0, "chunks": 3},
        {"backend": "b", "options": {"shots": 0}, "shared": True, "tiles": 0, "chunks": [[[0]]]},
        {"backend": "b", "options": None, "shared": True, "tiles": 0, "chunks": [[0, 1]]},
    ],
)
def test_other_messages_are_no_plan(head):
    with pytest.raises(ValueError):  # noqa: PT011 - of many kinds
        decode_plan(encode(head))
    with pytest.raises(ValueError):  # noqa: PT011
        decode_plan(encode(head, {"work": np.zeros(3, dtype=np.uint8)}))


ASKED = (TURN, Bindings.of({"t": [0.5, 1.0, 1.5, 2.0]}), NAME, Options(10, 1))
OTHERS = [
    (replace_circuit, *ASKED[1:])
    for replace_circuit in (
        Circuit(num_qubits=2, operations=TURN.operations, measured=[0]),
        Circuit(num_qubits=1, operations=[op("rx", 0, angles=["t"])], measured=[0]),
    )
] + [
    (ASKED[0], Bindings.of({"t": [0.5, 1.0, 1.5]}), *ASKED[2:]),
    (ASKED[0], Bindings.of({"t": [0.5, 1.0, 2.0, 1.5]}), *ASKED[2:]),
    (ASKED[0], Bindings.of({"u": [0.5, 1.0, 1.5, 2.0]}), *ASKED[2:]),
    (ASKED[0], Bindings.of({"t": [0.5, 1.0, 1.5, np.nextafter(2.0, 3)]}), *ASKED[2:]),
    (*ASKED[:2], "acme:other", ASKED[3]),
    *((*ASKED[:3], other) for other in (Options(11, 1), Options(10, 2), Options(10, None), Options(10, 1, True))),
    *((*ASKED[:3], other) for other in (Options(10, 1, False), Options(10, 1, None, 1), Options(10, 1, most=3))),
]


def test_fingerprints_differ_when_anything_that_was_asked_for_does():
    prints = [fingerprint(*asked) for asked in (ASKED, *OTHERS)]
    assert len(set(prints)) == len(prints)
    assert all(len(each) == 64 for each in prints)


def test_rows_without_parameters_count_too():
    bare = Circuit(num_qubits=1, measured=[0])
    assert len({fingerprint(bare, Bindings.of({}, shape=(rows,)), NAME, Options(1)) for rows in range(1, 5)}) == 4


@given(st.lists(st.floats(-9, 9), min_size=4, max_size=4), st.floats(-9, 9))
def test_fingerprints_are_equal_however_the_same_was_written(values, constant):
    circuit = Circuit(num_qubits=1, operations=[op("ry", 0, angles=["a"]), op("rz", 0, angles=["b"])], measured=[0])
    ways = [
        Bindings.of({"a": values, "b": constant}),
        Bindings.of({"b": [constant] * 4, "a": values}),
        Bindings.rows_of(["b", "a"], [[constant, value] for value in values]),
        Bindings.of({"a": np.reshape(values, (2, 2)), "b": np.float64(constant)}),
        Bindings.of({"b": np.full((2, 1), constant), "a": np.reshape(values, (2, 2))}),
    ]
    again = Circuit.from_json(circuit.to_json())
    assert len({fingerprint(each, way, NAME, Options(5, 1)) for way in ways for each in (circuit, again)}) == 1
    changed = list(values)
    changed[2] += 0.25
    assume(changed != values)
    assert fingerprint(circuit, Bindings.of({"a": changed, "b": constant}), NAME, Options(5, 1)) != fingerprint(
        circuit, ways[0], NAME, Options(5, 1)
    )


@pytest.mark.parametrize("wrong", [{"shots": 0}, {"shots": 1.0}, {"shots": 1, "seed": -1}, {"shots": 1, "seed": 0.5}])
def test_bad_options_are_refused(wrong):
    with pytest.raises(BindingsError):
        Options(**wrong)


def test_where_nothing_is_said_what_does_not_fit_side_by_side_goes_alone():
    target = line(("cz", "u3"), 6)
    one = make_plan(PAIR, random_bindings(PAIR, 1), Vendor(Cloud(), target=target), Options(10))
    assert one.tiles == 0
    many = make_plan(PAIR, random_bindings(PAIR, 7), Vendor(Cloud(), target=target), Options(10))
    assert (many.tiles, many.executions, many.rows) == (3, 3, 7)
    spaced = make_plan(PAIR, random_bindings(PAIR, 7), Vendor(Cloud(), target=target), Options(10, spacing=1))
    assert (spaced.tiles, spaced.executions) == (2, 4)


@given(rows=st.integers(2, 30), most=st.integers(1, 12), shots=st.integers(1, 5), executions=st.integers(5, 60))
def test_most_rows_of_a_chunk_are_rows_of_the_source_packed_or_not(rows, most, shots, executions):
    backend = Vendor(Cloud(), target=line(("cz", "u3"), 6), max_executions=executions)
    plan = make_plan(PAIR, random_bindings(PAIR, rows), backend, Options(shots, most=most))
    tiles = max(plan.tiles, 1)
    assert tiles == min(most, rows, 3), "side by side as many as there may be and fit"
    assert plan.tiles != 1, "one alone is not packed"
    sizes = [plan.size(number) * tiles for number in range(len(plan.chunks))]
    assert max(sizes) <= most
    full = min(most // tiles, executions // shots) * tiles
    assert sizes[:-1] == [full] * (len(sizes) - 1)
    alone = make_plan(PAIR, random_bindings(PAIR, rows), backend, Options(shots, most=most, packed=False))
    assert max(alone.size(number) for number in range(len(alone.chunks))) == min(most, rows, executions // shots)
