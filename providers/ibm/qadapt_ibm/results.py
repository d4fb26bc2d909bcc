"""Results: what travels with a job so that any process can read its answer, and the reading.

The service gives back the metadata of every circuit. In it is what a result needs besides the counts: which work a PUB
is of, its rows and shots, its qubits, and what was done against errors.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib.metadata import version
from typing import Any

from qadapt.counts import Counts, concatenate
from qadapt.errors import BadResultError, UnavailableError
from qadapt.provider import Provenance, Result, Work
from qadapt_ibm import read
from qadapt_ibm.options import Options

_KEY = "qadapt"


def register(number: int) -> str:
    """Name of the classical register of our register of this number."""
    return f"register{number}"


def head(work: Work, number: int, works: int, options: Options) -> dict[str, Any]:
    """Metadata of a circuit.

    Args:
        work: The work that it belongs to.
        number: Number of the work in its submit.
        works: Works of the submit.
        options: How the job is run.
    """
    return {
        _KEY: {
            "work": number,
            "works": works,
            "rows": work.bindings.rows,
            "shots": work.shots,
            "circuit": work.circuit.content_hash,
            "qubits": [list(qubits) for qubits in work.circuit.measured],
            "mitigation": list(options.mitigation(work.shots)),
        }
    }


def decoded(text: str, provider: str) -> Sequence[Any]:
    """Results of the PUBs from what the service sent, by the client's own decoders.

    Raises:
        UnavailableError: It is not JSON: an answer that was cut off, or that of something in between.
        BadResultError: It is JSON that the client cannot read.
    """
    from qiskit_ibm_runtime.decoders.defaults import DEFAULT_DECODERS

    answer: Any = text
    try:
        for decoder in DEFAULT_DECODERS["executor"]:
            if decoder.is_applicable(answer):
                answer = decoder.decode(answer)
        return list(answer)
    except Exception as error:
        said = f"the result cannot be read: {type(error).__name__}: {error}"
        if not _is_json(text):
            raise UnavailableError(said[:500], provider=provider) from error
        raise BadResultError(said[:500], provider=provider) from error


def _is_json(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


def results(answer: Sequence[Any], calibrated: datetime | None, provider: str) -> tuple[Result, ...]:
    """Results of every work from those of the PUBs.

    Raises:
        BadResultError: Works are missing, or their counts have other rows, widths or shots than were asked for.
    """
    parts: dict[int, list[Counts]] = {}
    heads: dict[int, Mapping[str, Any]] = {}
    try:
        for item in answer:
            found = item.metadata["circuit_metadata"][_KEY]
            widths = [len(qubits) for qubits in found["qubits"]]
            names = [register(index) for index in range(len(widths))]
            rows, shots = (item.data.shape or (1,))[0], found["shots"]
            tables = read.registers(item.data, names, widths, (rows, shots), provider=provider)
            parts.setdefault(found["work"], []).append(Counts(tables, shots))
            heads[found["work"]] = found
        works = next((found["works"] for found in heads.values()), 0)
        if sorted(parts) != list(range(works)) or not works:
            raise BadResultError(f"results of works {sorted(parts)}, expected {works}", provider=provider)
        return tuple(
            _result(concatenate(parts[number]), heads[number], calibrated, provider) for number in range(works)
        )
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        # The client parses what the service sent without checking it.
        raise BadResultError(
            f"the result cannot be read: {type(error).__name__}: {error}", provider=provider
        ) from error


def _result(counts: Counts, found: Mapping[str, Any], calibrated: datetime | None, provider: str) -> Result:
    qubits = tuple(tuple(int(qubit) for qubit in register) for register in found["qubits"])
    widths = [len(register) for register in qubits]
    counts.check(rows=found["rows"], widths=widths, shots=found["shots"], provider=provider)
    provenance = Provenance(
        backend=provider,
        circuit_hash=found["circuit"],
        qubits=qubits,
        shots=found["shots"],
        seed=None,
        simulated=False,
        mitigation=tuple(found["mitigation"]),
        calibrated=calibrated,
        versions={name: version(name) for name in ("qadapt-ibm", "qiskit", "qiskit-ibm-runtime")},
    )
    return Result(counts, provenance)
