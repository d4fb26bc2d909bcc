"""Interchange: Qiskit's dense operators are the oracle for what its importers and our conversion make of a program."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister, qasm2, qasm3
from qiskit.circuit import AnnotatedOperation, ControlModifier, Gate, Instruction, InverseModifier, library
from qiskit.circuit import Parameter as Symbol
from qiskit.circuit.library.standard_gates import get_standard_gate_name_mapping
from qiskit.quantum_info import Operator, random_clifford, random_unitary

from oracles import phase_distance, unitary
from qadapt.bindings import Bindings
from qadapt.circuit import Circuit, Parameter, op
from qadapt.errors import CircuitError, NotSupportedError
from qadapt.gates import GATES
from qadapt.interchange import from_qasm, from_qiskit, read_circuit

HEAD2 = 'OPENQASM 2.0;\ninclude "qelib1.inc";\nqreg q[3];\n'
HEAD3 = 'OPENQASM 3.0;\ninclude "stdgates.inc";\nqubit[3] q;\n'
STANDARD = {
    name: gate
    for name, gate in get_standard_gate_name_mapping().items()
    if isinstance(gate, Gate) and 0 < gate.num_qubits <= 4
}
ANGLES = st.floats(-7, 7, allow_nan=False).map(lambda angle: round(angle, 6))


def assert_same(circuit: Circuit, expected: QuantumCircuit, values: dict[str, float] | None = None) -> None:
    """Assert that a circuit is the Qiskit circuit up to global phase."""
    bound = expected.assign_parameters(values or {})
    assert phase_distance(unitary(circuit, Bindings.of(values or {}), 0), Operator(bound).data) < 1e-9


@st.composite
def programs(draw: st.DrawFn, free: bool = False) -> tuple[QuantumCircuit, dict[str, float]]:
    """A Qiskit circuit of up to 4 qubits and 8 standard gates, and values of its parameters."""
    width = draw(st.integers(1, 4))
    circuit = QuantumCircuit(width)
    symbols = {name: Symbol(name) for name in ("theta", "alpha_1", "b")}
    for _ in range(draw(st.integers(0, 8))):
        gate = STANDARD[draw(st.sampled_from(sorted(n for n, g in STANDARD.items() if g.num_qubits <= width)))]
        qubits = draw(st.permutations(range(width)))[: gate.num_qubits]
        angles: list[object] = [draw(ANGLES) for _ in gate.params]
        if free and GATES.get(gate.name) and angles:
            symbol = symbols[draw(st.sampled_from(sorted(symbols)))]
            angles[0] = draw(st.sampled_from([1, -1, 0.5, 3])) * symbol + draw(ANGLES)
        circuit.append(gate.base_class(*angles), qubits)
        if draw(st.integers(0, 4)) == 0:
            circuit.barrier()
    return circuit, {parameter.name: draw(ANGLES) for parameter in circuit.parameters}


@settings(max_examples=60)
@given(programs(free=True))
def test_qiskit_circuits_keep_their_unitary(case: tuple[QuantumCircuit, dict[str, float]]) -> None:
    source, values = case
    circuit = from_qiskit(source)
    assert set(circuit.parameters) == set(values)
    assert_same(circuit, source, values)
    assert circuit.measured == ()


@given(programs())
def test_openqasm_2_keeps_the_unitary(case: tuple[QuantumCircuit, dict[str, float]]) -> None:
    assert_same(from_qasm(qasm2.dumps(case[0])), case[0])


@given(programs(free=True))
def test_openqasm_3_keeps_the_unitary_and_the_parameters(case: tuple[QuantumCircuit, dict[str, float]]) -> None:
    source, values = case
    circuit = from_qasm(qasm3.dumps(source))
    assert set(circuit.parameters) == set(values)
    assert_same(circuit, source, values)


@pytest.mark.parametrize("name", sorted(STANDARD))
def test_every_standard_gate(name: str) -> None:
    gate = STANDARD[name]
    source = QuantumCircuit(gate.num_qubits)
    source.append(gate.base_class(*np.linspace(0.3, 1.9, len(gate.params))), range(gate.num_qubits)[::-1])
    assert_same(from_qiskit(source), source)


@pytest.mark.parametrize("name", sorted(set(STANDARD) & set(GATES)))
def test_gates_of_the_table_are_taken_over_as_they_are(name: str) -> None:
    gate = STANDARD[name]
    source = QuantumCircuit(3)
    source.append(gate.base_class(*np.linspace(0.3, 1.9, len(gate.params))), range(gate.num_qubits)[::-1])
    (operation,) = from_qiskit(source).operations
    assert (operation.gate, operation.qubits) == (name, tuple(range(gate.num_qubits))[::-1])


@pytest.mark.parametrize("qubits", [1, 2, 3])
def test_matrices_are_synthesised(qubits: int) -> None:
    source = QuantumCircuit(3)
    source.append(library.UnitaryGate(random_unitary(2**qubits, seed=qubits)), range(3)[::-1][:qubits])
    assert_same(from_qiskit(source), source)


def test_abstract_operations_are_synthesised() -> None:
    source = QuantumCircuit(3)
    source.append(random_clifford(2, seed=5), [2, 0])
    source.append(
        AnnotatedOperation(library.SXGate(), [ControlModifier(2, ctrl_state=1), InverseModifier()]), [0, 2, 1]
    )
    source.append(library.QFTGate(3), [1, 0, 2])
    assert_same(from_qiskit(source), source)


def test_open_controls_are_not_taken_for_closed_ones() -> None:
    source = QuantumCircuit(3)
    source.append(library.CXGate(ctrl_state=0), [0, 1])
    source.append(library.CCXGate(ctrl_state=2), [0, 1, 2])
    source.append(library.CRYGate(0.4, ctrl_state=0), [2, 0])
    assert_same(from_qiskit(source), source)


@pytest.mark.parametrize("name", ["h", "rzz", "p", "cx", "u", "measure_like"])
def test_a_program_that_defines_a_gate_itself_means_its_own(name: str) -> None:
    text = f"gate {name} a, b {{ U(0.3, 0.1, 0.7) a; CX a, b; }} qreg q[2]; {name} q[1], q[0];"
    own = QuantumCircuit(2)
    own.append(library.UGate(0.3, 0.1, 0.7), [1])
    own.cx(1, 0)
    assert_same(from_qasm("OPENQASM 2.0;\n" + text), own)
    assert_same(
        from_qasm("OPENQASM 3.0;\n" + text.replace("qreg q[2]", "qubit[2] q").replace("CX", "ctrl @ U(pi,0,pi)")), own
    )


def test_gates_of_the_wider_qelib1_need_no_definition() -> None:
    circuit = from_qasm(HEAD2 + "sx q[0]; rzz(pi/2) q[0],q[1]; cswap q[0],q[1],q[2]; rx(acos(0)) q[2];")
    assert circuit.operations == (
        op("sx", 0),
        op("rzz", 0, 1, angles=[np.pi / 2]),
        op("cswap", 0, 1, 2),
        op("rx", 2, angles=[np.pi / 2]),
    )


def test_parameters_keep_their_names_scale_and_offset() -> None:
    text = (
        "input float[64] theta; input angle alpha; ry(2*theta + pi/4) q[0]; rz(-alpha/2) q[1]; u3(0.1, theta, 0) q[2];"
    )
    first, second, third = from_qasm(HEAD3 + text).operations
    assert first.angles == (Parameter(name="theta", scale=2, offset=np.pi / 4),)
    assert second.angles == (Parameter(name="alpha", scale=-0.5),)
    assert third.angles == (0.1, Parameter(name="theta"), 0.0)


def test_a_parameter_of_a_decomposed_gate_survives() -> None:
    phi = Symbol("phi")
    source = QuantumCircuit(2)
    source.append(library.RZXGate(phi / 2 + 0.2), [1, 0])
    circuit = from_qiskit(source)
    assert circuit.parameters == ("phi",)
    assert_same(circuit, source, {"phi": 1.234})


def test_expressions_that_cancel_to_one_parameter_are_affine() -> None:
    a, b = Symbol("a"), Symbol("b")
    source = QuantumCircuit(1)
    source.rx(a + b - b, 0)
    source.ry(b * 2, 0)
    assert from_qiskit(source).operations[0].angles == (Parameter(name="a"),)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda a, b: a + b, "several parameters"),
        (lambda a, b: a * b, "not affine"),
        (lambda a, b: a.sin(), "not affine"),
        (lambda a, b: a**2, "not affine"),
        (lambda a, b: abs(a), "not affine"),
        (lambda a, b: a.sign(), "not affine"),
        (lambda a, b: a * 1j, "not affine"),
        (lambda a, b: Symbol("two words"), "pattern"),
    ],
)
def test_other_expressions_are_refused(make: object, words: str) -> None:
    a, b = Symbol("a"), Symbol("b")
    source = QuantumCircuit(2)
    source.rx(make(a, b), 1)  # type: ignore[operator]
    with pytest.raises(CircuitError, match=words):
        from_qiskit(source)


def test_a_parameter_without_effect_is_refused_by_name() -> None:
    with pytest.raises(CircuitError, match=r"\['unused'\]"):
        from_qasm(HEAD3 + "input float unused; h q[0];")
    source = QuantumCircuit(1, global_phase=Symbol("phase"))
    with pytest.raises(CircuitError, match=r"\['phase'\]"):
        from_qiskit(source)


def test_each_classical_register_is_a_register() -> None:
    circuit = from_qasm(
        HEAD2 + "creg low[2]; creg high[1]; measure q[2] -> low[0]; measure q[0] -> high[0]; measure q[1] -> low[1];"
    )
    assert circuit.measured == ((2, 1), (0,))


def test_a_bit_that_stands_alone_is_a_register() -> None:
    circuit = from_qasm(
        HEAD3 + "bit[2] pair; bit one; one = measure q[0]; pair[0] = measure q[2]; pair[1] = measure q[1];"
    )
    assert circuit.measured == ((2, 1), (0,))


def test_nothing_measured_stays_so() -> None:
    assert from_qasm(HEAD2 + "creg c[3]; h q[0];").measured == ()


def test_qubits_may_be_measured_before_gates_on_others() -> None:
    circuit = from_qasm(HEAD2 + "creg c[1]; measure q[0] -> c[0]; barrier q; h q[1];")
    assert circuit.operations == (op("fence", 0, 1, 2), op("h", 1))
    assert circuit.measured == ((0,),)


def test_measurements_inside_a_composite_instruction() -> None:
    inner = QuantumCircuit(2, 2)
    inner.h(0)
    inner.measure([0, 1], [1, 0])
    outer = QuantumCircuit(3, 2)
    outer.append(inner.to_instruction(), [2, 0], [0, 1])
    circuit = from_qiskit(outer)
    assert circuit.operations == (op("h", 2),)
    assert circuit.measured == ((0, 2),)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (HEAD2 + "creg c[2]; creg idle[1]; measure q[0] -> c[1];", r"c\[0\], idle\[0\]"),
        (HEAD2 + "creg c[1]; measure q[0] -> c[0]; measure q[1] -> c[0];", "repeated measurement"),
        (HEAD2 + "opaque foo(a) x; foo(0.1) q[1];", r"foo on \(1,\) is opaque"),
        (HEAD2 + "rx(asin(3)) q[0];", "finite"),
        (HEAD2 + "rx(1/0) q[0];", "zero"),
        (HEAD2 + "foo q[0];", "foo"),
        (HEAD2 + "h q[0]", "OpenQASM 2"),
        ("OPENQASM 2.0; qreg q[99999999999999999999];", "at most 4096"),
        ("OPENQASM 2.0; qreg q[5000];", "at most 4096"),
        ("OPENQASM 3.0; qubit[1_000_000_000] q;", "at most 4096"),
        ("OPENQASM 2.0; qreg q[0];", "num_qubits"),
        ("OPENQASM 2.0;", "num_qubits"),
        (HEAD3 + "rx(undefined) q[0];", "undefined"),
        (HEAD3 + "input int n; rx(n) q[0];", "input"),
        (HEAD3 + "qubit q", "OpenQASM 3"),
        ('OPENQASM 3.0; include "stdgates.inc"; h $5;', r"physical qubit \$5"),
        ("OPENQASM 4.0; qubit q;", "OPENQASM 4"),
        ("qreg q[1];", "neither"),
        ("", "neither"),
        ("{", "not JSON"),
    ],
)
def test_bad_programs_are_refused(text: str, words: str) -> None:
    with pytest.raises(CircuitError, match=words):
        read_circuit(text)


@pytest.mark.parametrize(
    ("text", "capability"),
    [
        (HEAD2 + "creg c[1]; measure q[0] -> c[0]; h q[0];", "mid_circuit_measurement"),
        (HEAD2 + "creg c[2]; measure q[0] -> c[0]; measure q[0] -> c[1];", "mid_circuit_measurement"),
        (HEAD2 + "reset q[0];", "reset"),
        (HEAD2 + "creg c[1]; measure q[0] -> c[0]; if (c == 1) x q[1];", "control_flow"),
        (HEAD3 + "reset q;", "reset"),
        (HEAD3 + "delay[10ns] q[0];", "delay"),
        (HEAD3 + "for int i in [0:3] { h q[0]; }", "control_flow"),
        (HEAD3 + "box { h q[0]; }", "control_flow"),
        (HEAD3 + "bit c; c = measure q[0]; if (c) { h q[1]; }", "control_flow"),
    ],
)
def test_what_a_circuit_cannot_hold_is_refused_by_capability(text: str, capability: str) -> None:
    with pytest.raises(NotSupportedError) as caught:
        from_qasm(text)
    assert caught.value.capability == capability


def test_no_other_file_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.inc").write_text("qreg q[2];")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CircuitError, match=r"unable to find 'mine\.inc'"):
        from_qasm('OPENQASM 2.0;\ninclude "mine.inc";\nU(0, 0, 0) q[1];')


def test_other_qiskit_instructions_are_refused() -> None:
    prepared = QuantumCircuit(1)
    prepared.initialize([0, 1], 0)
    with pytest.raises(NotSupportedError, match="reset"):
        from_qiskit(prepared)
    marked = QuantumCircuit(1)
    marked.append(Instruction("snapshot", 1, 0, []), [0])
    with pytest.raises(CircuitError, match=r"snapshot on .* opaque"):
        from_qiskit(marked)
    classical = QuantumCircuit(1)
    classical.add_var("flag", False)
    with pytest.raises(NotSupportedError, match="classical variables"):
        from_qiskit(classical)
    free = QuantumCircuit(1)
    free.append(library.RVGate(Symbol("a"), 0.1, 0.2), [0])
    with pytest.raises(CircuitError, match="cannot be decomposed"):
        from_qiskit(free)


def test_registers_that_share_bits_are_refused() -> None:
    first = ClassicalRegister(2, "first")
    shared = QuantumCircuit(QuantumRegister(2), first, ClassicalRegister(bits=list(first)[:1], name="second"))
    shared.measure([0, 1], [0, 1])
    with pytest.raises(CircuitError, match="share bits"):
        from_qiskit(shared)


def test_read_circuit_tells_the_kinds_apart() -> None:
    circuit = Circuit(num_qubits=1, operations=(op("h", 0),), measured=[0])
    assert read_circuit("\n " + circuit.to_json()) == circuit
    two = "// OPENQASM 3.0; {\nOPENQASM 2.0;\nqreg q[1]; creg c[1]; U(pi/2,0,pi) q[0]; measure q->c;"
    three = "\ufeff/* OPENQASM 2.0; */ OPENQASM 3;\nqubit q; bit c; U(pi/2,0,pi) q; c = measure q;"
    expected = Circuit(num_qubits=1, operations=(op("u3", 0, angles=[np.pi / 2, 0, np.pi]),), measured=[0])
    assert read_circuit(two) == read_circuit(three) == expected


def test_kind_overrides_sniffing() -> None:
    assert read_circuit("qreg q[2];", kind="qasm2").num_qubits == 2
    with pytest.raises(CircuitError, match="not JSON"):
        read_circuit("OPENQASM 2.0; qreg q[2];", kind="json")
    with pytest.raises(CircuitError, match=r"Circuit\.from_json"):
        from_qasm(json.dumps({"schema_version": 1, "num_qubits": 1}))


def test_qiskit_is_imported_only_when_needed() -> None:
    code = "import sys, qadapt.interchange; sys.exit('qiskit' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
