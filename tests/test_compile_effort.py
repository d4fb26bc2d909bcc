"""Effort: the best one compiles to the same, with fewer entangling gates where there is something to save."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracles import adapter_circuit, circuits, line, phase_distance, random_bindings, unitary
from qadapt.bindings import Bindings
from qadapt.circuit import Circuit, op
from qadapt.compile import compile_circuit, pack
from qadapt.compile.prediction import predict
from qadapt.errors import TargetError
from qadapt.provider import violations
from qadapt.target import Site, Target, bundled_targets

CHAIN = Target(
    name="chain",
    num_qubits=5,
    native=("cz", "sx", "x", "rz", "rx", "rzz"),
    sites={name: [Site(qubits=(q, q + 1), error=0.01) for q in range(4)] for name in ("cz", "rzz")},
    ranges={"rzz": (0.0, np.pi / 2)},
)
HALF = Target(
    name="half",
    num_qubits=3,
    native=("cz", "sx", "x", "rz", "rx", "rzz"),
    sites={
        "cz": [Site(qubits=(0, 1), error=0.01), Site(qubits=(1, 2), error=0.01)],
        "rzz": [Site(qubits=(0, 1), error=0.01), Site(qubits=(1, 2), error=1.0)],
    },
    ranges={"rzz": (0.0, np.pi / 2)},
)
NATIVE = [("cz", "sx", "x", "rz"), ("cz", "u3"), ("cz", "rphi")]


def block(compiled, bindings, row):
    big = unitary(compiled.circuit, compiled.bind(bindings), row)
    n = compiled.source.num_qubits
    index = np.arange(2**n)

    def at(layout):
        return sum(((index >> qubit) & 1) << layout[qubit] for qubit in range(n))

    return big[np.ix_(at(compiled.final), at(compiled.layout))]


@pytest.mark.parametrize(
    "target", [*(line(native, 5) for native in NATIVE), CHAIN, HALF], ids=[*map(", ".join, NATIVE), "rzz", "some rzz"]
)
@given(data=st.data(), seed=st.integers(0, 9))
def test_the_best_compile_equals_its_source(target, data, seed):
    circuit = data.draw(circuits(measured=False, max_qubits=3, max_size=8))
    compiled = compile_circuit(circuit, target, seed=seed, effort="best")
    bindings = random_bindings(circuit, rows=2, seed=seed)
    for row in range(2):
        assert phase_distance(block(compiled, bindings, row), unitary(circuit, bindings, row)) < 1e-8
    assert violations(Circuit(**{**dict(compiled.circuit), "measured": [compiled.final]}), target) == []
    if circuit.num_qubits < 3:  # nothing is routed
        assert compiled.circuit.count() <= compile_circuit(circuit, target).circuit.count()


def bound(num_qubits: int, count: int, seed: int) -> Circuit:
    """Constant gates on random pairs."""
    rng = np.random.default_rng(seed)
    operations = []
    for _ in range(count):
        a, b = rng.choice(num_qubits, 2, replace=False).tolist()
        operations += [op(str(rng.choice(["swap", "cx", "iswap"])), a, b), op("rzz", b, a, angles=[rng.normal()])]
        operations += [op("u3", q, angles=rng.normal(size=3).tolist()) for q in (a, b)]
    return Circuit(num_qubits=num_qubits, operations=operations, measured=range(num_qubits))


@pytest.mark.parametrize("name", ["heron-r2", "heron-r2-fractional"])
def test_routed_circuits_are_better_than_fast(name):
    target = bundled_targets()[name]
    for seed in range(3):
        fast, best = (
            predict(compile_circuit(bound(6, 12, seed), target, effort=effort).circuit, target)
            for effort in ("fast", "best")
        )
        assert best.entangling < 0.9 * fast.entangling
        assert best.process > fast.process


def test_a_swap_of_the_router_merges_with_the_gate_beside_it():
    """On three qubits in a row, cx between the ends takes a swap, which a generic gate next to it swallows."""
    mix = [op("u3", q, angles=[0.3 + q, 0.7, -0.4]) for q in range(3)]
    circuit = Circuit(num_qubits=3, operations=[op("cx", 0, 1), op("cx", 1, 2), *mix, op("cx", 0, 2)])
    target = line(("cz", "u3"), 3)
    fast, best = (compile_circuit(circuit, target, effort=effort).circuit.count() for effort in ("fast", "best"))
    assert (fast, best) == (6, 4)


def test_what_cancels_needs_no_route():
    operations = [op("cz", 0, 1), op("cz", 0, 2), op("cz", 2, 0), op("cz", 1, 2)]
    compiled = compile_circuit(Circuit(num_qubits=3, operations=operations), line(("cz", "u3"), 3), effort="best")
    assert compiled.circuit.count() == 2
    assert compiled.final == compiled.layout


def test_pairs_without_rzz_are_written_in_cz():
    turns = [op("rzz", a, a + 1, angles=[0.2]) for a in (0, 0, 1, 1)]
    compiled = compile_circuit(Circuit(num_qubits=3, operations=turns), HALF, layout=[0, 1, 2], effort="best")
    assert [(o.gate, o.qubits) for o in compiled.circuit.gates() if len(o.qubits) == 2] == [
        ("rzz", (0, 1)),
        ("cz", (1, 2)),
        ("cz", (1, 2)),
    ]


def test_nothing_is_merged_across_a_fence():
    inside = [op("cz", 0, 1), op("fence", 0, 1), op("cz", 0, 1)]
    circuit = Circuit(num_qubits=2, operations=inside, measured=[0, 1])
    assert compile_circuit(circuit, line(("cz", "u3"), 2), effort="best").circuit.count("cz") == 2
    without = Circuit(num_qubits=2, operations=inside[::2], measured=[0, 1])
    assert compile_circuit(without, line(("cz", "u3"), 2), effort="best").circuit.count("cz") == 0


def test_templates_keep_their_columns():
    circuit = adapter_circuit(3, ((0, 1), (1, 2)) * 3)
    fast, best = (compile_circuit(circuit, line(("cz", "u3")), effort=effort) for effort in ("fast", "best"))
    assert fast.circuit == best.circuit
    assert not best.slots


def test_equal_seeds_give_equal_circuits():
    first, second = (compile_circuit(bound(5, 8, 1), CHAIN, seed=4, effort="best") for _ in range(2))
    assert first.circuit == second.circuit
    assert first.final == second.final


def test_packing_knows_effort():
    circuit = Circuit(num_qubits=2, operations=[op("swap", 0, 1), op("cx", 0, 1)], measured=[0, 1])
    target = line(("cz", "u3"))
    assert [pack(circuit, target, effort=effort).circuit.count("cz") for effort in ("fast", "best")] == [12, 6]
    none = Bindings.of({})
    assert pack(circuit, target, effort="best").bind(none).rows == 1


def test_there_are_two_efforts():
    with pytest.raises(TargetError, match="effort is 'most', allowed are fast and best"):
        compile_circuit(adapter_circuit(2, ((0, 1),)), line(("cz", "u3")), effort="most")
