"""Results: what a task left in S3, to counts. Bit order of measured tasks is turned here and nowhere else.

The results of a single program are one JSON document. Those of a program set are one as well, or, from the service, a
tree of documents that name each other by path: the task, its programs, their executables. Documents are read as JSON
and checked here: AWS's own schema classes look at every measured bit one by one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from qadapt.counts import Counts, concatenate
from qadapt.errors import BadResultError, JobFailedError, ProviderError, UnavailableError
from qadapt_braket.manifest import Head

Bits: TypeAlias = NDArray[np.uint8]
Fetch: TypeAlias = Callable[[str], bytes]
"""From the key of a document to its content."""

FILE = "results.json"
_SINGLE, _SET = "braket.task_result.gate_model_task_result", "braket.task_result.program_set_task_result"
_FAILURE = "braket.task_result.program_set_executable_failure"


def parse(content: bytes, *, provider: str) -> Mapping[str, Any]:
    """Read one document.

    Raises:
        UnavailableError: It is not JSON: cut off on its way, or somebody else's page.
        BadResultError: It is another kind of JSON.
    """
    try:
        document = json.loads(content)
    except ValueError as error:
        raise UnavailableError(f"the results are not JSON: {error}", provider=provider) from error
    if not isinstance(document, dict):
        raise BadResultError(f"the results are a {type(document).__name__}", provider=provider)
    return document


def gather(content: bytes, prefix: str, fetch: Fetch, *, provider: str) -> tuple[Mapping[str, Any], bytes]:
    """Read a task's results and every document that they name.

    Args:
        content: The first document.
        prefix: Where in the bucket it lies.
        fetch: Gets another one.
        provider: For errors.

    Returns:
        The results with all programs and executables in place, and the bytes as they came: the first document, or, if
        it names others, a JSON object of all documents by path.
    """
    document = parse(content, provider=provider)
    files: dict[str, bytes] = {}

    def there(item: Any, folder: str) -> tuple[Any, str]:
        if not isinstance(item, str):
            return item, folder
        key = f"{folder}/{item}"
        files[key] = fetch(key)
        return parse(files[key], provider=provider), key.rpartition("/")[0]

    if _kind(document) == _SET:
        with_programs = []
        for item in _listed(document, "programResults", provider):
            program, folder = there(item, prefix)
            if not isinstance(program, dict):
                raise BadResultError(f"a program result is a {type(program).__name__}", provider=provider)
            parts = [there(part, folder)[0] for part in _listed(program, "executableResults", provider)]
            with_programs.append({**program, "executableResults": parts})
        document = {**document, "programResults": with_programs}
    if not files:
        return document, content
    texts = {f"{prefix}/{FILE}": content, **files}
    return document, json.dumps({key: text.decode(errors="replace") for key, text in texts.items()}).encode()


def counts(document: Mapping[str, Any], head: Head, *, provider: str) -> Counts:
    """Counts of a work.

    Raises:
        JobFailedError: Executables of a program set failed.
        UnavailableError: They failed for a reason that the service calls temporary.
        BadResultError: Results of wrong kind, number, width or total.
    """
    try:
        found = _counts(document, head, provider)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        message = f"the results cannot be read: {type(error).__name__}: {error}"
        raise BadResultError(message, provider=provider) from error
    widths = [len(register) for register in head.labels]
    return found.check(rows=head.rows, widths=widths, shots=head.shots, provider=provider)


def _counts(document: Mapping[str, Any], head: Head, provider: str) -> Counts:
    kind = _kind(document)
    if kind == _SINGLE:
        return _executable(document, head, provider)
    if kind != _SET:
        raise BadResultError(f"results of kind {kind!r}", provider=provider)
    rows = [row for program in document["programResults"] for row in _rows(program, provider)]
    if failed := [row["failureMetadata"] for row in rows if _kind(row) == _FAILURE]:
        raise _failure(failed, len(rows), provider)
    if len(rows) != head.rows:
        raise BadResultError(f"{len(rows)} rows, expected {head.rows}", provider=provider)
    return concatenate([_executable(row, head, provider) for row in rows])


def _rows(program: Mapping[str, Any], provider: str) -> list[Mapping[str, Any]]:
    """Executables of a program in the order of its inputs."""
    parts = program["executableResults"]
    numbers = [part["inputsIndex"] for part in parts]
    if sorted(numbers) != list(range(len(parts))):
        raise BadResultError(f"results of inputs {numbers}", provider=provider)
    return [parts[numbers.index(number)] for number in range(len(parts))]


def _executable(item: Mapping[str, Any], head: Head, provider: str) -> Counts:
    """Counts of one execution from its shots, or from the frequencies that some devices send in their place."""
    measured = [int(label) for label in item["measuredQubits"]]
    missing = {label for register in head.labels for label in register} - set(measured)
    if missing or len(set(measured)) != len(measured):
        raise BadResultError(f"measured qubits {measured}, expected {head.labels}", provider=provider)
    if item.get("measurements"):
        table = np.asarray(item["measurements"])
        weights = None
    else:
        frequencies: Mapping[str, float] = item["measurementProbabilities"]
        table = np.array([[int(bit) for bit in outcome] for outcome in frequencies])
        weights = np.rint(np.array([float(share) for share in frequencies.values()]) * head.shots)
        if not np.isfinite(weights).all():
            raise BadResultError("frequencies that are not finite", provider=provider)
    if table.ndim != 2 or table.shape[1] != len(measured) or table.dtype.kind not in "iu" or (table & ~1).any():
        raise BadResultError(f"measurements {table.shape} of {len(measured)} qubits", provider=provider)
    registers = []
    for register in head.labels:
        columns = table[:, [measured.index(label) for label in register]]
        outcomes = columns @ (1 << np.arange(len(register)))
        binned = np.bincount(outcomes, weights=weights, minlength=2 ** len(register))
        registers.append(binned.astype(np.int64)[np.newaxis])
    return Counts(tuple(registers), head.shots)


def _failure(failed: Sequence[Mapping[str, Any]], rows: int, provider: str) -> ProviderError:
    message = f"{len(failed)} of {rows} rows failed: {failed[0]['category']}: {failed[0]['failureReason']}"
    if all(item["retryable"] for item in failed):
        return UnavailableError(message, provider=provider)
    return JobFailedError(message, provider=provider)


def _kind(document: Any) -> str | None:
    header = document.get("braketSchemaHeader") if isinstance(document, dict) else None
    return header.get("name") if isinstance(header, dict) else None


def _listed(document: Mapping[str, Any], key: str, provider: str) -> list[Any]:
    found = document.get(key)
    if not isinstance(found, list):
        raise BadResultError(f"the results have no list of {key}", provider=provider)
    return found
