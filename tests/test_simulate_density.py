"""Density: against Kraus operators on density matrices, against Aer's noise model, and tile by tile."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracles import circuits, random_bindings, register_probabilities
from qadapt.bindings import Bindings
from qadapt.circuit import Circuit, Parameter, op
from qadapt.errors import BindingsError, NotSupportedError, TargetError
from qadapt.gates import GATES
from qadapt.simulate import density, engine, noise, statevector
from qadapt.target import Qubit, Site, Target, bundled_targets
from simulate_oracles import basis

IDEAL = Target(name="ideal", num_qubits=8, native=tuple(GATES))


def noisy_target(qubits=5, seed=0):
    """A machine with another error at every place; rz is virtual, cz runs along a line and is calibrated one way."""
    rng = np.random.default_rng(seed)
    one = ("sx", "x", "rphi")
    sites = {
        name: tuple(Site(qubits=(q,), error=e, duration=4e-8) for q, e in enumerate(rng.uniform(2e-3, 2e-2, qubits)))
        for name in one
    }
    sites["cz"] = tuple(
        Site(qubits=(q, q + 1), error=e, duration=2e-7) for q, e in enumerate(rng.uniform(1e-2, 6e-2, qubits - 1))
    )
    t1, t2, up, down = rng.uniform([[5e-6], [4e-6], [0.01], [0.02]], [[4e-5], [6e-5], [0.1], [0.2]], (4, qubits))
    calibration = tuple(
        Qubit(t1=t1[q], t2=t2[q], prob_meas1_prep0=up[q], prob_meas0_prep1=down[q]) for q in range(qubits)
    )
    return Target(name="toy", num_qubits=qubits, native=("cz", "rz", *one), sites=sites, qubits=calibration)


def embed(matrix, qubits, total):
    """The matrix on some qubits of ``total``, by summing over its elements in the computational basis."""
    full = np.zeros((2**total, 2**total), dtype=complex)
    mask = sum(1 << q for q in qubits)
    for column in range(2**total):
        inside = sum((column >> q & 1) << k for k, q in enumerate(qubits))
        for row in range(len(matrix)):
            full[column & ~mask | sum((row >> k & 1) << q for k, q in enumerate(qubits)), column] += matrix[row, inside]
    return full


def kraus(channel):
    """Kraus operators of a Pauli transfer matrix, from the eigenvectors of its Choi matrix."""
    size = round(len(channel) ** 0.5)
    paulis = np.array(basis(size.bit_length() - 1))
    choi = np.einsum("ij,iab,jcd->cadb", channel, paulis, paulis.conj()).reshape(size**2, size**2) / size
    values, vectors = np.linalg.eigh(choi)
    return [np.sqrt(v) * vectors[:, k].reshape(size, size).T for k, v in enumerate(values) if v > 1e-12]


def expected(circuit, bindings, target, row):
    """Distribution of the only register by evolving a density matrix gate by gate."""
    n = circuit.num_qubits
    rho = np.zeros((2**n, 2**n), dtype=complex)
    rho[0, 0] = 1
    for o in circuit.gates():
        angles = [
            a.scale * bindings.column(a.name)[row] + a.offset if isinstance(a, Parameter) else a for a in o.angles
        ]
        gate = embed(np.asarray(GATES[o.gate].matrix(*angles)), o.qubits, n)
        rho = gate @ rho @ gate.conj().T
        channel = noise.gate_channel(target, o.gate, o.qubits)
        if channel is not None:
            operators = [embed(k, o.qubits, n) for k in kraus(channel)]
            rho = sum(k @ rho @ k.conj().T for k in operators)
    (register,) = circuit.measured
    out = np.zeros(2 ** len(register))
    for index, weight in enumerate(np.diag(rho).real):
        read = np.ones(1)
        for qubit in register:
            read = np.kron(noise.assignment(target, qubit)[:, index >> qubit & 1], read)
        out += weight * read
    return out


def native(draw_angles, size, seed, qubits):
    """A random native circuit along a line."""
    rng = np.random.default_rng(seed)
    inside = []
    for number in range(size):
        kind = rng.choice(["cz", "sx", "x", "rz", "rphi"]) if qubits > 1 else rng.choice(["sx", "x", "rz", "rphi"])
        at = int(rng.integers(qubits))
        if kind == "cz":
            low = min(at, qubits - 2)
            inside.append(op("cz", *((low, low + 1) if rng.integers(2) else (low + 1, low))))
            continue
        angles = [f"p{number % 5}", 0.3][: len(GATES[kind].parameters)] if draw_angles else rng.normal(size=2).tolist()
        inside.append(op(kind, at, angles=angles[: len(GATES[kind].parameters)]))
    return Circuit(num_qubits=qubits, operations=inside, measured=[int(q) for q in rng.permutation(qubits)])


@given(seed=st.integers(0, 10_000), size=st.integers(0, 14), qubits=st.integers(1, 3), variable=st.booleans())
def test_native_circuits_agree_with_kraus_operators(seed, size, qubits, variable):
    target, circuit = noisy_target(), native(variable, size, seed, qubits)
    bindings = random_bindings(circuit, 2, seed)
    (table,) = density.probabilities(circuit, bindings, target)
    for row in range(2):
        np.testing.assert_allclose(table[row], expected(circuit, bindings, target, row), atol=1e-10)


@given(circuit=circuits(measured=True, max_qubits=3, max_size=12))
def test_without_noise_any_circuit_is_ideal(circuit):
    bindings = random_bindings(circuit, 3)
    (table,) = density.probabilities(circuit, bindings, IDEAL)
    for row in range(3):
        np.testing.assert_allclose(table[row], register_probabilities(circuit, bindings, row)[0], atol=1e-12)
    assert (table >= 0).all()
    np.testing.assert_allclose(table.sum(axis=1), 1, atol=1e-12)


def test_qubits_that_are_not_read_are_traced_out():
    target = noisy_target()
    whole = native(True, 14, 7, 3)
    bindings = random_bindings(whole, 4)
    (table,) = density.probabilities(whole, bindings, target)
    order = whole.measured[0]
    part = whole.model_copy(update={"measured": ((order[2],), (order[0],))})
    high, low = density.probabilities(part, bindings, target)
    np.testing.assert_allclose(high[:, 1], table[:, 4:].sum(axis=1), atol=1e-12)
    np.testing.assert_allclose(low[:, 1], table[:, 1::2].sum(axis=1), atol=1e-12)


def test_tiles_have_the_noise_of_their_own_qubits():
    """Three copies side by side, one of them the other way round, equal three circuits by themselves."""
    target = noisy_target(6)
    tiles = ((0, 1), (3, 2), (4, 5))
    rng = np.random.default_rng(1)

    def copy(number, prefix):
        a, b = tiles[number]
        names = [f"{prefix}{i}" for i in range(4)]
        return [
            *(op("sx", q) for q in (a, b)),
            *(op("rz", q, angles=[names[k]]) for k, q in enumerate((a, b))),
            *(op("sx", q) for q in (a, b)),
            op("cz", a, b),
            *(op("rphi", q, angles=[names[2 + k], 0.4]) for k, q in enumerate((a, b))),
        ]

    inside = [o for group in zip(*(copy(number, f"t{number}.") for number in range(3)), strict=True) for o in group]
    packed = Circuit(num_qubits=6, operations=inside, measured=tiles)
    values = {name: rng.normal(size=5) for name in packed.parameters}
    assert len(engine.prepare(packed, packed.measured, _picture(target))) == 1
    tables = density.probabilities(packed, Bindings.of(values), target)
    for number, tile in enumerate(tiles):
        single = Circuit(num_qubits=6, operations=copy(number, "x"), measured=[tile])
        own = Bindings.of({f"x{i}": values[f"t{number}.{i}"] for i in range(4)})
        np.testing.assert_allclose(tables[number], density.probabilities(single, own, target)[0], atol=1e-13)
    assert np.abs(tables[0] - tables[1]).max() > 1e-2


def _picture(target):
    def maps(tiles, slots):
        return [*density._gates(tiles, slots, target), *density._readout(tiles, target)]

    return engine.Picture("density", 4, noise.PURE, maps, lambda weights: weights)


def test_an_idle_measured_qubit_has_its_readout_error():
    target = noisy_target()
    tables = density.probabilities(Circuit(num_qubits=5, measured=[[3], [1]]), Bindings.of({}, shape=(2,)), target)
    for table, qubit in zip(tables, (3, 1), strict=True):
        np.testing.assert_allclose(table[:, 1], target.qubits[qubit].prob_meas1_prep0)


def test_shared_columns_and_blocks_change_nothing(monkeypatch):
    target, circuit = noisy_target(), native(True, 14, 3, 2)
    rng = np.random.default_rng(0)
    columns = {name: rng.normal(size=(4, 3) if i % 2 else (4, 1)) for i, name in enumerate(circuit.parameters)}
    shared = Bindings.of(columns, shape=(4, 3))
    flat = Bindings.rows_of(shared.names, shared.array(shared.names))
    (reference,) = density.probabilities(circuit, flat, target)
    np.testing.assert_allclose(density.probabilities(circuit, shared, target)[0], reference, atol=1e-13)
    monkeypatch.setattr(engine, "BLOCK", 32)
    density._groups.cache_clear()
    np.testing.assert_allclose(density.probabilities(circuit, shared, target)[0], reference, atol=1e-13)
    density._groups.cache_clear()


def test_torch_gives_the_same_numbers():
    pytest.importorskip("torch")
    target, circuit = noisy_target(), native(True, 14, 5, 3)
    bindings = random_bindings(circuit, 6)
    ours, theirs = (density.probabilities(circuit, bindings, target, device=device) for device in ("numpy", "cpu"))
    np.testing.assert_allclose(ours[0], theirs[0], atol=1e-13)


def test_what_does_not_fit_is_refused():
    target = noisy_target()
    rotation = Circuit(num_qubits=5, operations=[op("rz", 0, angles=["a"])], measured=[0])
    with pytest.raises(BindingsError, match="missing"):
        density.probabilities(rotation, Bindings.of({}), target)
    with pytest.raises(TargetError) as caught:
        density.probabilities(Circuit(num_qubits=7, operations=[op("sx", 6)], measured=[5]), Bindings.of({}), target)
    assert caught.value.violations == ("qubit 5 of 5", "qubit 6 of 5")
    chain = Circuit(num_qubits=13, operations=[op("cz", q, q + 1) for q in range(12)], measured=[0])
    large = Target(name="large", num_qubits=13, native=("cz",))
    with pytest.raises(NotSupportedError, match="13 qubits are connected"):
        density.probabilities(chain, Bindings.of({}), large)


@pytest.fixture(scope="module")
def kingston():
    """Aer's noise model of the machine behind the bundled ``heron-r2``."""
    models = pytest.importorskip("qiskit_aer.noise")
    machines = pytest.importorskip("qiskit_ibm_runtime.fake_provider")
    return models.NoiseModel.from_backend(machines.FakeKingston())


def restricted(model, qubits):
    """The part of a noise model that acts on some qubits; Aer spends seconds on the rest of it."""
    from qiskit_aer.noise import NoiseModel

    out = NoiseModel(basis_gates=model.basis_gates)
    for name, errors in model._local_quantum_errors.items():
        for places, error in errors.items():
            if set(places) <= set(qubits):
                out.add_quantum_error(error, name, list(places))
    return out


@pytest.mark.parametrize("path", [(0, 1), (7, 6), (16, 23), (3, 4, 5), (12, 11, 18), (8, 7, 17)])
def test_heron_agrees_with_aer(kingston, path):
    """Exact distributions of random native circuits, readout errors included, on couplers in both directions."""
    from qiskit import QuantumCircuit
    from qiskit_aer import AerSimulator

    target = bundled_targets()["heron-r2"]
    rng = np.random.default_rng(sum(path))
    inside, number = [], 0
    for layer in range(4):
        for k in range(len(path) - 1) if layer else ():
            pair = path[k : k + 2]
            inside.append(op("cz", *(pair if (layer + k) % 2 else pair[::-1])))
        for qubit in path:
            inside += [op("sx", qubit), op("rz", qubit, angles=[f"p{number}"]), op("sx" if layer % 2 else "x", qubit)]
            number += 1
    circuit = Circuit(num_qubits=156, operations=inside, measured=[path])
    bindings = Bindings.rows_of(circuit.parameters, rng.uniform(-np.pi, np.pi, (4, number)))
    (table,) = density.probabilities(circuit, bindings, target)
    machine = AerSimulator(method="density_matrix", noise_model=restricted(kingston, path))
    theirs = []
    for row in range(bindings.rows):
        made = QuantumCircuit(156)
        for o in inside:
            angles = [bindings.column(p.name)[row] for p in o.parameters]
            getattr(made, o.gate)(*angles, *o.qubits)
        made.save_probabilities(list(path))
        theirs.append(made)
    result = machine.run(theirs, shots=1).result()
    assignment = np.eye(1)
    for qubit in path:
        assignment = np.kron(np.array(kingston._local_readout_errors[qubit,].probabilities), assignment)
    for row in range(bindings.rows):
        aer = np.asarray(result.data(row)["probabilities"]) @ assignment
        np.testing.assert_allclose(table[row], aer, atol=1e-7)
    ideal = statevector.probabilities(circuit, bindings)[0]
    assert np.abs(table - ideal).max() > 1e-3
