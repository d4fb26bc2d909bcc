"""Choice: the skeleton and shape of tile that a target is predicted to run best, within a bound on the loss."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from oracles import phase_distance, unitary
from qadapt.bindings import Bindings
from qadapt.circuit import Circuit
from qadapt.compile import compile_circuit
from qadapt.compile.choice import SHAPES, skeletons, synthesise_for
from qadapt.compile.prediction import predict
from qadapt.errors import BindingsError, TargetError
from qadapt.local import STATEVECTOR
from qadapt.synthesis import Synthesis, brick_wall, ladder
from qadapt.synthesis.skeletons import MAGIC, REFLECTION, Couplings
from qadapt.target import Site, Target, bundled_targets

LINE = tuple(pairwise(range(4)))
RING: Couplings = ((0, 1), (0, 2), (1, 3), (2, 3))
STAR: Couplings = ((0, 1), (1, 2), (1, 3))


def chip(errors: dict[tuple[int, int], float], *, gates: tuple[str, ...] = ("sx", "rz", "cz")) -> Target:
    sites = {gate: [Site(qubits=pair, error=error) for pair, error in errors.items()] for gate in gates[2:]}
    return Target(
        name="chip",
        num_qubits=1 + max(map(max, errors)),
        native=gates,
        sites=sites,
        ranges={"rzz": (0.0, np.pi / 2)} if "rzz" in gates else {},
    )


def rotations(rows: int, d: int, norm: float, seed: int = 0):
    raw = np.random.default_rng(seed).normal(size=(rows, d, d))
    skew = raw - raw.swapaxes(1, 2)
    skew *= norm / np.linalg.norm(skew, 2, axis=(1, 2))[:, None, None]
    return np.linalg.solve(np.eye(d) + skew, np.eye(d) - skew)


def carried_out(found: Synthesis, row: int):
    circuit = Circuit(num_qubits=found.ansatz.num_qubits, operations=found.ansatz.operations("k"))
    names = [f"k{i}" for i in range(found.ansatz.size)]
    return unitary(circuit, Bindings.rows_of(names, found.angles[row : row + 1]), 0)


def fidelity(ansatz, target: Target) -> float:
    circuit = Circuit(
        num_qubits=ansatz.num_qubits, operations=ansatz.operations("k"), measured=range(ansatz.num_qubits)
    )
    return predict(compile_circuit(circuit, target).circuit, target).process


@pytest.mark.parametrize("couplings", [LINE, RING, STAR], ids=["line", "ring", "star"])
def test_the_shape_is_the_one_that_is_there(couplings: Couplings) -> None:
    target = chip(dict.fromkeys(couplings, 0.01))
    for ansatz in skeletons(4, target):
        circuit = Circuit(num_qubits=4, operations=ansatz.operations("k"), measured=range(4))
        assert compile_circuit(circuit, target).circuit.count() == len(ansatz.edges), "nothing was routed"
    assert skeletons(4, target)[0].couplings == (STAR if couplings == STAR else LINE)  # a ring has a line in it


@pytest.mark.parametrize(("bad", "left"), [((2, 3), STAR), ((1, 3), LINE)])
def test_errors_decide_between_shapes(bad: tuple[int, int], left: Couplings) -> None:
    """A line and a star share two couplings; the one with the bad coupling loses."""
    errors = dict.fromkeys([*LINE, *STAR], 0.002) | {bad: 0.2}
    target = chip(errors)
    first = skeletons(4, target)[0]
    assert first.couplings == tuple(sorted(left))
    other = ladder(4, couplings=STAR if left == LINE else LINE)[0]
    assert fidelity(first, target) > fidelity(other, target)


@pytest.mark.parametrize(("error", "family"), [(0.001, "rzz"), (0.3, "u3")])
def test_free_rzz_is_taken_where_it_is_better(error: float, family: str) -> None:
    couplings = {(0, 1): 0.004, (1, 2): 0.004}
    target = chip(couplings, gates=("sx", "rz", "cz", "rzz"))
    sites = {**target.sites, "rzz": [Site(qubits=pair, error=error) for pair in couplings]}
    target = Target(**{**{name: getattr(target, name) for name in Target.model_fields}, "sites": sites})
    assert skeletons(3, target)[0].family == family


def test_two_qubits_take_the_form_with_fewer_pulses() -> None:
    assert skeletons(2, bundled_targets()["heron-r2"]) == (MAGIC,)
    assert skeletons(2, bundled_targets()["wukong-72"]) == (brick_wall(2, 2),)  # one pulse a slot in either form


def test_machines_without_couplings_take_the_line() -> None:
    for num_qubits in range(1, 6):
        assert skeletons(num_qubits, STATEVECTOR, effort="best") == ladder(num_qubits, effort="best")


@pytest.mark.parametrize("d", [2, 4, 8])
@pytest.mark.parametrize("target", ["heron-r2", "heron-r2-fractional", "wukong-72"])
def test_blocks_are_exact_whatever_is_chosen(d: int, target: str) -> None:
    blocks = rotations(3, d, 1.0)
    found = synthesise_for(blocks, bundled_targets()[target], effort="best")
    for row, block in enumerate(blocks):
        assert phase_distance(carried_out(found, row), block) < 1e-8
    assert found.loss.max() < 1e-8


def test_reflections_of_two_qubits() -> None:
    blocks = rotations(3, 4, 1.0)
    blocks[:, 0] *= -1
    assert synthesise_for(blocks, bundled_targets()["heron-r2"]).ansatz == REFLECTION


def test_a_bound_on_the_loss_never_throws_the_adapter_away() -> None:
    """Fidelity alone would take the empty circuit: it is nearly the identity, and so is the block."""
    target = bundled_targets()["heron-r2"]
    blocks = rotations(4, 8, 0.03)
    found = synthesise_for(blocks, target, approximate=0.4)
    assert 0 < len(found.ansatz.edges) < 10
    reach = np.linalg.norm(blocks - np.eye(8), axis=(1, 2))
    made = [carried_out(found, row) for row in range(4)]
    got = [np.sqrt(max(0, 16 - 2 * abs(np.vdot(one, block)))) for one, block in zip(made, blocks, strict=True)]
    np.testing.assert_allclose(got / reach, found.loss, atol=1e-6)
    assert found.loss.max() <= 0.4
    assert fidelity(found.ansatz, target) > fidelity(skeletons(3, target)[0], target)


def test_earlier_angles_are_used_only_where_they_fit() -> None:
    target = bundled_targets()["heron-r2"]
    blocks = rotations(4, 8, 1.0)
    found = synthesise_for(blocks, target)
    np.testing.assert_array_equal(synthesise_for(blocks, target, warm=found).angles, found.angles)
    other = synthesise_for(blocks[:2], target, warm=found)  # other rows
    assert other.residual.max() < 1e-9
    best = synthesise_for(blocks, target, effort="best", warm=found)  # another ansatz first
    assert len(best.ansatz.edges) == 10


def test_shapes_are_connected_and_named_from_zero() -> None:
    for num_qubits, shapes in SHAPES.items():
        for couplings in shapes:
            assert {qubit for pair in couplings for qubit in pair} == set(range(num_qubits if num_qubits > 1 else 0))


def test_refusals() -> None:
    apart = chip({(0, 1): 0.01, (2, 3): 0.01})
    with pytest.raises(TargetError, match="no line, ring, star or fork"):
        skeletons(3, apart)
    with pytest.raises(TargetError, match="1 to 5 qubits"):
        skeletons(6, apart)
    with pytest.raises(BindingsError, match="approximate"):
        synthesise_for(rotations(1, 8, 1.0), STATEVECTOR, approximate=1.5)
