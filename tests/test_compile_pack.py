"""Packing: disjoint live tiles, rows on their tiles, counts back in row order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracles import adapter_circuit, line, random_bindings, register_probabilities
from qadapt.bindings import Bindings
from qadapt.circuit import Circuit
from qadapt.compile import compile_circuit, pack
from qadapt.compile.place import Pattern, cost, losses, place
from qadapt.counts import Counts
from qadapt.errors import BindingsError, CircuitError, TargetError
from qadapt.provider import violations
from qadapt.target import bundled_targets

SHAPES = {
    1: (),
    2: ((0, 1),) * 3,
    3: ((0, 1), (1, 2)) * 2,
    4: ((0, 1), (2, 3), (1, 2)) * 2,
    5: ((0, 1), (1, 2), (2, 3), (3, 4)),
}


@pytest.mark.parametrize("size", sorted(SHAPES))
@pytest.mark.parametrize("spacing", [0, 1])
@pytest.mark.parametrize("name", ["heron-r2", "wukong-72"])
def test_tiles_are_disjoint_live_and_coupled(size, spacing, name):
    target = bundled_targets()[name]
    packed = pack(adapter_circuit(size, SHAPES[size]), target, spacing=spacing)
    used = [qubit for tile in packed.tiles for qubit in tile]
    assert len(used) == len(set(used))
    assert violations(packed.circuit, target) == []
    if spacing:
        owner = {qubit: number for number, tile in enumerate(packed.tiles) for qubit in tile}
        assert all(
            owner.get(a, -1) == owner.get(b, -2) or a not in owner or b not in owner for a, b in target.couplings
        )


@pytest.mark.parametrize(("size", "least"), [(2, 60), (3, 48), (4, 28), (5, 27)])
def test_a_heron_chip_is_filled(size, least):
    packed = pack(adapter_circuit(size, SHAPES[size]), bundled_targets()["heron-r2"])
    assert len(packed.tiles) >= least
    if size == 2:
        assert packed.executions(1024) <= 18


def test_pairs_are_a_maximum_matching_of_least_loss():
    target = line(("cz", "u3"), 7)
    assert len(pack(adapter_circuit(2, SHAPES[2]), target).tiles) == 3


@given(rows=st.integers(1, 25), copies=st.integers(1, 9))
def test_counts_come_back_in_row_order(rows, copies):
    target = line(("cz", "u3"), 12)
    packed = pack(adapter_circuit(2, SHAPES[2]), target, copies=copies)
    executions, tiles = packed.executions(rows), len(packed.tiles)
    marked = np.arange(executions * tiles, dtype=np.int64).reshape(executions, tiles)
    registers = tuple(np.stack([marked[:, tile]] * 4, axis=1) for tile in range(tiles))
    assert (packed.split(Counts(registers, 1), rows).table == np.arange(rows)[:, None]).all()


def test_every_tile_runs_its_own_row():
    circuit, target = adapter_circuit(2, SHAPES[2]), line(("cz", "sx", "x", "rz"), 5)
    packed = pack(circuit, target)
    rows = 5
    source, bound = random_bindings(circuit, rows), packed.bind(random_bindings(circuit, rows))
    assert bound.rows == packed.executions(rows) == 3
    for row in range(rows):
        execution, tile = divmod(row, len(packed.tiles))
        got = register_probabilities(packed.circuit, bound, execution)[tile]
        assert np.abs(got - register_probabilities(circuit, source, row)[0]).max() < 1e-12


def test_packing_compiles_as_compile_does():
    circuit, target = adapter_circuit(2, SHAPES[2]), bundled_targets()["heron-r2"]
    packed = pack(circuit, target, copies=1)
    assert packed.circuit.operations[0].gate == compile_circuit(circuit, target).circuit.operations[0].gate
    assert packed.tiles[0] == compile_circuit(circuit, target).layout


@pytest.mark.parametrize(("size", "copies"), [(2, 1), (2, 12), (3, 5)])
@pytest.mark.parametrize("spacing", [0, 1])
def test_few_copies_are_the_best_of_all(size, copies, spacing):
    """Not the best of those that fill the chip."""
    target, circuit = bundled_targets()["heron-r2"], adapter_circuit(size, SHAPES[size])
    pattern = Pattern.of(size, circuit.operations, circuit.bits)
    full, few = (pack(circuit, target, copies=most, spacing=spacing).tiles for most in (None, copies))

    def loss(tiles):
        return sum(cost(pattern, dict(enumerate(tile)), losses(target)) for tile in tiles)

    assert len(few) == copies
    assert loss(few) <= loss(full[:copies])
    if copies == 1:
        assert loss(few) == pytest.approx(loss([place(pattern, target)]))


def test_what_cannot_be_packed_is_refused():
    target = line(("cz", "u3"))
    with pytest.raises(TargetError, match="1 to 5"):
        pack(adapter_circuit(6, tuple((q, q + 1) for q in range(5))), target)
    with pytest.raises(TargetError, match="connected"):
        pack(adapter_circuit(2, ()), target)
    with pytest.raises(TargetError, match="no tile"):
        pack(adapter_circuit(3, ((0, 1), (1, 2), (0, 2))), target)
    with pytest.raises(TargetError, match="spacing"):
        pack(adapter_circuit(2, SHAPES[2]), target, spacing=2)
    with pytest.raises(TargetError, match="copies"):
        pack(adapter_circuit(2, SHAPES[2]), target, copies=0)
    with pytest.raises(CircuitError, match="one measured register"):
        pack(Circuit(num_qubits=2, measured=[[0], [1]]), target)
    with pytest.raises(BindingsError, match="missing"):
        pack(adapter_circuit(2, SHAPES[2]), target).bind(Bindings.of({"a0": 1.0}))
