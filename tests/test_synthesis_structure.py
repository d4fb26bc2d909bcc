"""Real structures: circuits with flips are real as a whole, and every local gate that keeps them so is there."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oracles import unitary
from qadapt.bindings import Bindings
from qadapt.circuit import Circuit, Operation, op
from qadapt.errors import CircuitError
from qadapt.gates import GATES
from qadapt.synthesis import Ansatz
from qadapt.synthesis.structure import Step, kinds_after, steps
from synthesis_cases import Complexes, Floats, ansaetze, dense

AXES = ("rx", "ry", "rz")


def product(num_qubits: int, gates: list[Operation]) -> Complexes:
    return unitary(Circuit(num_qubits=num_qubits, operations=gates), Bindings.of({}), 0)


def bound(ansatz: Ansatz, seed: int) -> list[Operation]:
    """The operations of an ansatz with random numbers for its angles."""
    angles = np.random.default_rng(seed).uniform(-np.pi, np.pi, ansatz.size)
    return [
        op(step.gate, *step.qubits, angles=[angles[step.angle]] if step.angle is not None else gate.angles)
        for step, gate in zip(ansatz.steps, ansatz.operations("a"), strict=True)
    ]


def is_real(matrix: Complexes) -> bool:
    """Whether a unitary is real up to a global phase: its product with its own transpose is then a multiple of 1."""
    square = matrix @ matrix.T
    return bool(np.abs(square - square[0, 0] * np.eye(len(square))).max() < 1e-9)


@settings(max_examples=100)
@given(ansaetze(), st.integers(0, 2**32))
def test_matrices_are_real_up_to_one_constant_phase(ansatz: Ansatz, seed: int) -> None:
    matrices = dense(ansatz, np.random.default_rng(seed).uniform(-7, 7, (3, ansatz.size)))
    identity = np.eye(1 << ansatz.num_qubits)
    np.testing.assert_allclose(matrices @ matrices.conj().swapaxes(1, 2), [identity] * 3, atol=1e-13)
    # V is a phase times a rotation exactly if V V^T is the square of the phase; all rows have the same.
    squares = matrices @ matrices.swapaxes(1, 2)
    np.testing.assert_allclose(squares, [squares[0, 0, 0] * identity] * 3, atol=1e-13)
    if ansatz.family == "ry":
        assert np.abs(matrices.imag).max() < 1e-14


@settings(max_examples=25)
@given(ansaetze(max_qubits=3, max_size=5), st.integers(0, 2**32))
def test_flips_tell_which_qubits_take_any_rotation(ansatz: Ansatz, seed: int) -> None:
    """After every entangling gate all three axes keep the circuit real where flips were odd, and one axis elsewhere."""
    gates = bound(ansatz, seed)
    entangling = [number for number, gate in enumerate(gates) if len(gate.qubits) == 2]
    assert [gates[number].qubits for number in entangling] == list(ansatz.edges)
    flipped = [0] * ansatz.num_qubits
    for edge, number in enumerate(entangling):
        for qubit in ansatz.edges[edge]:
            flipped[qubit] += edge in ansatz.flips
        for qubit in range(ansatz.num_qubits):
            kept = [
                axis
                for axis in AXES
                if is_real(
                    product(
                        ansatz.num_qubits, [*gates[: number + 1], op(axis, qubit, angles=[0.7]), *gates[number + 1 :]]
                    )
                )
            ]
            assert len(kept) == (3 if flipped[qubit] % 2 else 1)


@settings(max_examples=15)
@given(ansaetze(max_qubits=3, max_size=5), st.integers(0, 2**32))
def test_what_is_left_out_brings_no_direction(ansatz: Ansatz, seed: int) -> None:
    """Directions of all rotations that may stand anywhere in the circuit are those of its own angles."""
    gates = bound(ansatz, seed)
    whole = product(ansatz.num_qubits, gates)
    own: list[Floats] = []
    allowed: list[Floats] = []
    for number in range(len(gates) + 1):
        before = product(ansatz.num_qubits, gates[:number])
        for qubit in range(ansatz.num_qubits):
            for axis in AXES:
                inserted = [*gates[:number], op(axis, qubit, angles=[np.pi]), *gates[number:]]
                direction = whole.conj().T @ product(ansatz.num_qubits, inserted)  # a rotation by pi is -i times Pauli
                if np.abs(direction.imag).max() < 1e-9:
                    allowed.append(direction.real.ravel())
        if number < len(gates) and ansatz.steps[number].angle is not None:
            step = ansatz.steps[number]
            turned = product(ansatz.num_qubits, [op(step.gate, *step.qubits, angles=[np.pi])])
            direction = before.conj().T @ turned @ before
            assert np.abs(direction.imag).max() < 1e-9
            own.append(direction.real.ravel())
    assert np.linalg.matrix_rank([*own, *allowed], tol=1e-7) == np.linalg.matrix_rank(own, tol=1e-7)


@pytest.mark.parametrize(
    ("edge", "free", "angles"), [((0, 1), False, 3), ((1, 2), False, 3), ((1, 0), True, 4), ((1, 3), True, 2)]
)
def test_what_a_kept_edge_is_worth(edge: tuple[int, int], free: bool, angles: int) -> None:
    """Two angles between real qubits, three between a real and a quaternionic one, four there with RZZ."""
    before, after = ((0, 1), (1, 2)), ((1, 2), (0, 1))
    with_edge = Ansatz(4, (*before, edge, *after), (0, 1, 3, 4), free)
    assert with_edge.size - Ansatz(4, (*before, *after), (0, 1, 2, 3), free).size == angles


def test_gates_of_a_circuit_worked_out_by_hand() -> None:
    """In with 0 and 1, 2 in for 1, one CZ between quaternionic 0 and real 1, and the same way out."""
    edges = ((0, 1), (1, 2), (0, 1), (1, 2), (0, 1))
    quarter = np.pi / 2
    assert steps(3, edges, {0, 1, 3, 4}, free=False) == (
        Step("rx", (0,), turn=quarter),
        Step("rx", (1,), turn=quarter),
        Step("cz", (0, 1)),
        Step("rz", (0,), angle=0),
        Step("rz", (1,), angle=1),
        Step("ry", (0,), angle=2),
        Step("ry", (1,), angle=3),
        Step("rx", (2,), turn=quarter),
        Step("cz", (1, 2)),
        Step("rz", (2,), angle=4),
        Step("ry", (2,), angle=5),
        Step("rz", (1,), angle=6),
        Step("rx", (1,), turn=-quarter),
        Step("cz", (0, 1)),
        Step("rz", (0,), angle=7),
        Step("ry", (0,), angle=8),
        Step("ry", (1,), turn=-quarter),
        Step("cz", (1, 2)),
        Step("rz", (1,), angle=9),
        Step("ry", (1,), angle=10),
        Step("rz", (2,), angle=11),
        Step("cz", (0, 1)),
        Step("rz", (0,), angle=12),
        Step("rz", (1,), angle=13),
        Step("rx", (0,), turn=-quarter),
        Step("rx", (1,), turn=-quarter),
        Step("rx", (2,), turn=-quarter),
    )


@given(ansaetze())
def test_only_kept_edges_between_both_kinds_are_rzz(ansatz: Ansatz) -> None:
    inside: frozenset[int] = frozenset()
    entangling = [step for step in ansatz.steps if len(step.qubits) == 2]
    for number, (edge, step) in enumerate(zip(ansatz.edges, entangling, strict=True)):
        mixed = number not in ansatz.flips and len(inside.intersection(edge)) == 1
        assert step.gate == ("rzz" if ansatz.free and mixed else "cz")
        if number in ansatz.flips:
            inside = kinds_after(inside, edge)
    assert not inside


@given(ansaetze())
def test_angles_are_numbered_in_the_order_they_act(ansatz: Ansatz) -> None:
    angles = [step.angle for step in ansatz.steps if step.angle is not None]
    assert angles == list(range(ansatz.size))
    for step in ansatz.steps:
        assert step.gate in {"rx", "ry", "rz", "cz", "rzz"}
        assert len(step.qubits) == GATES[step.gate].qubits
        assert (step.gate == "cz") == (step.angle is None and step.turn is None)


@pytest.mark.parametrize("free", [False, True])
def test_refuses_to_keep_an_edge_between_quaternionic_qubits(free: bool) -> None:
    with pytest.raises(CircuitError, match=r"edge 1 of an ansatz keeps \(1, 0\), which are both quaternionic"):
        steps(2, ((0, 1), (1, 0), (0, 1)), {0, 2}, free)


@pytest.mark.parametrize(("flips", "qubits"), [({0}, r"\[0, 1\]"), ({0, 1}, r"\[0, 2\]"), ({1}, r"\[1, 2\]")])
def test_refuses_quaternionic_ends(flips: set[int], qubits: str) -> None:
    with pytest.raises(CircuitError, match=f"qubits {qubits} of an ansatz end quaternionic"):
        steps(3, ((0, 1), (1, 2)), flips, free=False)
