"""What IBM is asked to do against errors while jobs run: only when asked, said by the job, part of the identity."""

from __future__ import annotations

import numpy as np
import pytest

from ibm_cases import Open
from oracles import adapter_circuit
from qadapt.bindings import Bindings
from qadapt.errors import NotSupportedError
from qadapt.mitigation import Mitigation, mitigate
from qadapt.provider import Suppressing, Suppression

ASKED = Suppression(dynamical_decoupling="XY4", twirl_gates=True)


def test_nothing_is_asked_by_default(connect: Open) -> None:
    backend = connect(twirl_measure=True)
    assert isinstance(backend, Suppressing)
    same = backend.suppressing(Suppression())
    assert same.options == backend.options


def test_what_is_asked_comes_beside_the_backends_own_options(connect: Open) -> None:
    backend = connect(twirl_measure=True, rep_delay=1e-4)
    before = backend.options
    other = backend.suppressing(ASKED)
    assert backend.options == before
    assert other.options == before.model_copy(update={"dynamical_decoupling": "XY4", "twirl_gates": True})
    assert "XY4" in other.identity()["options"]
    assert "XY4" not in backend.identity()["options"]


def test_a_session_is_shared(connect: Open) -> None:
    backend = connect(mode="session")
    other = backend.suppressing(ASKED)
    assert other._mode is backend._mode


def test_an_unknown_sequence_is_not_supported(connect: Open) -> None:
    with pytest.raises(NotSupportedError) as caught:
        connect().suppressing(Suppression(dynamical_decoupling="UDD"))
    assert caught.value.capability == "dynamical_decoupling"


def test_mitigated_runs_ask_for_it_and_jobs_say_so(connect: Open) -> None:
    circuit = adapter_circuit(2, ((0, 1),))
    bindings = Bindings.rows_of(circuit.parameters, np.full((3, 4), np.pi))
    asked = Mitigation(vendor=ASKED)
    found = mitigate(circuit, bindings, connect(), shots=128, mitigation=asked, ledger="none")
    assert found.provenance.mitigation == ("dynamical decoupling XY4", "gate twirling, 2 randomizations")
    assert found.counts.table.tolist() == [[128, 0, 0, 0]] * 3
    assert mitigate(circuit, bindings, connect(), shots=128, ledger="none").provenance.mitigation == ()
