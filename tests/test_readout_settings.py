"""Settings: what is measured is what the matrices say, and shots are split evenly."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracles import unitary
from qadapt.bindings import Bindings
from qadapt.circuit import Circuit, op
from qadapt.errors import BindingsError
from qadapt.readout.settings import bases, computational, interfering, shots_each


@given(st.integers(1, 5), st.integers(0, 2**32))
def test_bases_are_the_turns_of_a_circuit(num_qubits: int, seed: int) -> None:
    angles = np.random.default_rng(seed).uniform(-7, 7, size=(1, num_qubits))
    turns = Circuit(num_qubits=num_qubits, operations=[op("ry", q, angles=[angles[0, q]]) for q in range(num_qubits)])
    np.testing.assert_allclose(bases(angles)[0], unitary(turns, Bindings.of({}), 0), atol=1e-12)


@pytest.mark.parametrize("num_qubits", [1, 2, 3, 4, 5])
def test_settings_of_signed(num_qubits: int) -> None:
    settings = interfering(num_qubits)
    assert len(settings) == (2 if num_qubits == 1 else num_qubits + 2)
    assert len({tuple(row) for row in settings}) == len(settings)
    np.testing.assert_array_equal(settings[:1], computational(num_qubits))
    np.testing.assert_array_equal(settings[1 : 1 + num_qubits], np.eye(num_qubits) * np.pi / 2)
    np.testing.assert_array_equal(settings[-1], np.pi / 2)
    assert not settings.flags.writeable


@given(st.integers(1, 9), st.integers(1, 10**6))
def test_settings_get_equal_shots(settings: int, shots: int) -> None:
    if shots < settings:
        with pytest.raises(BindingsError, match="shots"):
            shots_each(shots, settings)
    else:
        each = shots_each(shots, settings)
        assert each * settings <= shots < (each + 1) * settings


@pytest.mark.parametrize("shots", [2.0, True, None, "3"])
def test_shots_are_whole(shots: Any) -> None:
    with pytest.raises(BindingsError, match="shots"):
        shots_each(shots, 1)
