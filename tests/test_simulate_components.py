"""Components: what is split, numbered, grouped, refused and joined."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from oracles import circuits, phase_distance, random_bindings, unitary
from qadapt.circuit import Circuit, op
from qadapt.errors import CircuitError, NotSupportedError
from qadapt.simulate.components import check_sizes, group, join, merge, split


def parts(circuit: Circuit):
    return split(circuit, circuit.measured)


def test_gates_connect_and_fences_do_not():
    circuit = Circuit(
        num_qubits=6,
        operations=[op("cz", 4, 1), op("fence", 0, 1, 2), op("ry", 2, angles=["a"])],
        measured=[0, 1, 2, 4],
    )
    assert sorted(component.qubits for component in parts(circuit)) == [(0,), (2,), (4, 1)]


def test_qubits_are_numbered_as_gates_first_touch_them():
    circuit = Circuit(num_qubits=5, operations=[op("x", 3), op("cz", 4, 3), op("cx", 0, 4)], measured=[3])
    (component,) = parts(circuit)
    assert component.qubits == (3, 4, 0)
    assert component.gates == (("x", (0,)), ("cz", (1, 0)), ("cx", (2, 1)))


def test_reads_keep_register_and_bit():
    circuit = Circuit(num_qubits=4, operations=[op("cz", 0, 2), op("cz", 1, 3)], measured=[[2, 3], [1, 0]])
    found = {component.qubits: component.reads for component in parts(circuit)}
    assert [(r.register, r.bits, r.qubits) for r in found[0, 2]] == [(0, (0,), (1,)), (1, (1,), (0,))]
    assert [(r.register, r.bits, r.qubits) for r in found[1, 3]] == [(0, (1,), (1,)), (1, (0,), (0,))]


def test_unmeasured_qubits_without_gates_are_left_out():
    assert parts(Circuit(num_qubits=3, operations=[op("fence", 0, 1)], measured=[2]))[0].qubits == (2,)


def test_equal_tiles_form_one_group_wherever_they_lie():
    tiles = [(0, 1), (9, 4), (6, 5)]
    inside = [
        op(gate, *(tile[q] for q in qubits), angles=[f"t{number}"] if gate == "ry" else [])
        for gate, qubits in (("ry", (0,)), ("cz", (0, 1)), ("ry", (1,)))
        for number, tile in enumerate(tiles)
    ]
    different = [op("cz", 2, 3), op("x", 3)]
    circuit = Circuit(num_qubits=10, operations=inside + different, measured=[*tiles, (2, 3)])
    assert sorted(len(tiles) for tiles in group(parts(circuit))) == [1, 3]


def test_different_reads_are_different_structures():
    circuit = Circuit(num_qubits=4, operations=[op("cz", 0, 1), op("cz", 2, 3)], measured=[[0, 1], [3, 2]])
    assert len(group(parts(circuit))) == 2


def test_too_large_components_are_refused_by_their_own_size():
    chain = [op("cz", q, q + 1) for q in range(3)]
    components = parts(Circuit(num_qubits=8, operations=chain, measured=range(8)))
    check_sizes(components, 4, "toy")
    with pytest.raises(NotSupportedError, match="4 qubits are connected by gates") as caught:
        check_sizes(components, 3, "toy")
    assert caught.value.capability == "connected_qubits"


def test_join_is_the_outer_product_in_bit_order():
    rng = np.random.default_rng(1)
    pair, single = rng.dirichlet(np.ones(4), size=3), rng.dirichlet(np.ones(2), size=3)
    joined = join(3, [((0, 2), pair), ((1,), single)])
    for outcome in range(8):
        low, middle, high = outcome & 1, outcome >> 1 & 1, outcome >> 2
        np.testing.assert_allclose(joined[:, outcome], pair[:, low + 2 * high] * single[:, middle])


@given(circuits(measured=True))
def test_what_is_split_is_merged_to_the_same(circuit):
    again = merge(parts(circuit), circuit.num_qubits)
    bindings = random_bindings(circuit, rows=1)
    assert again.measured == circuit.measured
    assert phase_distance(unitary(again, bindings, 0), unitary(circuit, bindings, 0)) < 1e-12


def test_registers_are_merged_in_their_order():
    circuit = Circuit(num_qubits=3, operations=[op("x", 2), op("x", 0)], measured=[[0], [2, 1]])
    assert merge(parts(circuit)[::-1], 3).measured == circuit.measured
    assert merge(parts(circuit), 3).measured == circuit.measured


def test_components_that_read_a_qubit_twice_are_not_merged():
    one = Circuit(num_qubits=1, operations=[op("x", 0)], measured=[0])
    with pytest.raises(CircuitError, match="measured once"):
        merge([*parts(one), *split(one, [[], [0]])], 1)
