"""Every exception class that Aer defines has an entry of its own."""

from __future__ import annotations

import importlib
import pkgutil

import pytest
import qiskit_aer
from qiskit.circuit.exceptions import CircuitError
from qiskit.exceptions import QiskitError
from qiskit_aer import AerError, AerSimulator
from qiskit_aer.noise import depolarizing_error
from qiskit_aer.noise.noiseerror import NoiseError

from provider_cases import subclasses
from qadapt.errors import AccessError, JobFailedError, ProviderError
from qadapt_aer.errors import table, translate


def test_every_exception_of_aer_is_mapped():
    for module in pkgutil.walk_packages(qiskit_aer.__path__, "qiskit_aer."):
        importlib.import_module(module.name)
    own = {kind for kind in subclasses(Exception) if kind.__module__.split(".")[0] == "qiskit_aer"}
    assert own >= {AerError, NoiseError}
    assert own - set(table()) == set()


@pytest.mark.parametrize("kind", [AerError, NoiseError, QiskitError, CircuitError, ValueError, OSError, MemoryError])
def test_translation_names_the_vendor_and_its_exception(kind):
    ours = translate(kind("its words"), provider="aer:statevector")
    assert type(ours) is JobFailedError
    assert ours.provider == "aer:statevector"
    assert f"aer: {kind.__name__}: " in str(ours)
    assert "its words" in str(ours)


def test_real_exceptions_of_aer_are_translated():
    with pytest.raises(AerError) as unknown:
        AerSimulator(method="none of them")
    with pytest.raises(NoiseError) as noise:
        depolarizing_error(2.0, 1)
    for caught, word in ((unknown, "none of them"), (noise, "Depolarizing")):
        ours = translate(caught.value, provider="aer:statevector")
        assert type(ours) is JobFailedError
        assert word in str(ours)


def test_the_nearest_entry_counts():
    class ExhaustedError(MemoryError):
        pass

    assert "fewer qubits" in translate(ExhaustedError("8 PiB"), provider="p").hint
    assert translate(AerError("a"), provider="p").hint == ""
    assert translate(KeyError("unmapped"), provider="p").hint == ""


def test_an_exception_without_words_says_so():
    assert "MemoryError: no message" in str(translate(MemoryError(), provider="p"))


def test_our_own_errors_pass():
    ours: ProviderError = AccessError("no", provider="p")
    assert translate(ours, provider="q") is ours
