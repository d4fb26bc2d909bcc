"""Case: the circuits of an adapter say what their closed form says, on every target."""

from __future__ import annotations

import numpy as np
import pytest

from qadapt import Backend, Target, backend
from qadapt_conformance import oracle
from qadapt_conformance.adapters import cayley_block
from qadapt_conformance.case import DIMS, QUBITS, Adapter, cases


@pytest.fixture(scope="module")
def targets(right: Backend) -> list[Target]:
    return [right.target, backend("local:emulator/heron-r2").target]


@pytest.mark.parametrize("adapter", list(Adapter))
def test_circuits_have_the_exact_outcomes(adapter: Adapter, targets: list[Target]) -> None:
    made = [list(cases(adapter, target)) for target in targets]
    sizes = DIMS if adapter is Adapter.CAYLEY else QUBITS
    assert [case.name for case in made[0]] == [f"{adapter} {size}" for size in sizes]
    for one, other in zip(*made, strict=True):
        assert one.name == other.name
        assert np.array_equal(one.exact, other.exact)
        for case in (one, other):
            (table,) = oracle.tables(case.circuit, case.bindings)
            assert np.abs(table - case.exact).max() < 1e-6  # angles are found to a residual of that order


def test_what_is_decoded_is_the_layer(targets: list[Target]) -> None:
    for dim, case in zip(DIMS, cases(Adapter.CAYLEY, targets[0]), strict=True):
        assert np.allclose(case.decode(case.exact), cayley_block(targets[0], dim).outputs)
    for qubits, case in zip(QUBITS, cases(Adapter.QTHA, targets[0]), strict=True):
        values = case.decode(case.exact)
        assert values.shape == (6, qubits)
        ones = case.exact.reshape(6, *[2] * qubits).swapaxes(1, qubits)[:, 1].reshape(6, -1).sum(axis=1)
        assert np.allclose(values[:, 0], 1 - 2 * ones)  # qubit 0 is the lowest bit, the last axis
