"""Answer: what Origin's cloud says of a task, as a state of a job; the only place where its counts are read.

It is read from the JSON text, since the client calls FAILED whatever it cannot read or does not know, cuts keys off at
the width that the cloud names, and has no counts without an error where the cloud sent none.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qadapt.counts import Counts
from qadapt.errors import BadResultError, JobFailedError, ProviderError, UnavailableError
from qadapt.provider import Failed, Pending
from qadapt_origin.faults import failed, refused
from qadapt_origin.session import COUNTS
from qadapt_origin.ticket import Ticket

PENDING = frozenset({"1", "2", "5", "6", "9"})
"""States of a task that has not finished: waiting, computing, queuing, sent to the build system, being built. The last
two are documented for the older pyqpanda (its ``TaskStatus``, pyqpanda-toturial.readthedocs.io, read in November 2026);
pyqpanda3 takes them for failures."""
FINISHED = "3"
FAILED = frozenset({"4", "7", "8"})
"""States of a failed task: failed, build failed, sequence too long; the last two as above."""

WORD = 63
"""Bits of an outcome that any machine integer holds. Nobody has said whether the cloud's hold more."""

_TOLERANCE = 1e-6


def read(text: str, ticket: Ticket, *, corrected: bool, provider: str) -> Pending | Failed | Counts:
    """Read an answer.

    Args:
        text: The cloud's answer.
        ticket: The task that it is about.
        corrected: Whether the cloud was asked for corrected readout: counts are then its corrected distribution times
            the shots, rounded to whole numbers that add up to the shots.
        provider: Whom errors are about.

    Raises:
        UnavailableError: The answer says nothing about the task.
        AccessError: The cloud refuses the key.
    """
    job_id = ticket.job_id
    try:
        document = json.loads(text)
    except ValueError as error:
        raise UnavailableError("the answer is not JSON", provider=provider, job_id=job_id) from error
    if not isinstance(document, dict):
        raise UnavailableError("the answer is no JSON object", provider=provider, job_id=job_id)
    task = document.get("obj")
    if document.get("success") is not True:
        refusal = refused(_words(document), provider=provider, job_id=job_id)
        if isinstance(refusal, JobFailedError):
            return Failed(refusal)
        raise refusal
    if not isinstance(task, dict) or "taskState" not in task:
        raise UnavailableError("the answer has no task in it", provider=provider, job_id=job_id)
    state = str(task["taskState"])
    if state in PENDING:
        return Pending()
    if state in FAILED:
        return Failed(failed(_words(task) or _words(document), provider=provider, job_id=job_id))
    if state != FINISHED:
        raise UnavailableError(f"the task is in an unknown state {state!r}", provider=provider, job_id=job_id)
    try:
        return _counts(task, ticket, corrected, provider)
    except ProviderError as error:
        error.job_id = job_id
        return Failed(error, text.encode(errors="replace"))


def _words(fields: Any) -> str:
    """What the cloud says of a failure."""
    for name in ("errInfo", "errMsg", "errorMessage", "message"):
        words = fields.get(name)
        if isinstance(words, str) and words and words != "success":
            return words
    return ""


def _counts(task: Any, ticket: Ticket, corrected: bool, provider: str) -> Counts:
    """Counts of every register.

    Raises:
        BadResultError: There are none, or not those that were asked for.
    """
    field = "taskResult" if corrected else COUNTS
    rows, bits = task.get(field), sum(ticket.widths)
    if not isinstance(rows, list) or len(rows) != ticket.rows:
        found = len(rows) if isinstance(rows, list) else "no"
        raise BadResultError(f"{found} circuits in {field}, expected {ticket.rows}", provider=provider)
    sizes = task.get("measureQubitSize")
    if isinstance(sizes, list) and sizes and set(sizes) != {bits}:
        raise BadResultError(f"results of {sizes} bits, expected {bits}", provider=provider)
    tables = tuple(np.zeros((ticket.rows, 2**width), dtype=np.int64) for width in ticket.widths)
    beyond = bits <= WORD
    for row, text in enumerate(rows):
        keys, values = _columns(text, row, provider)
        counts = _rounded(values, ticket.shots, row, provider) if corrected else _whole(values, row, provider)
        outcomes, start = _bits(keys, bits, row, provider), 0
        beyond = beyond or bool(outcomes[:, WORD:].any())
        for table, width in zip(tables, ticket.widths, strict=True):
            own = outcomes[:, start : start + width] @ (1 << np.arange(width))
            np.add.at(table[row], own, counts)
            start += width
    if not beyond:
        message = f"no outcome of {bits} bits reaches bit {WORD}, so the cloud seems to have cut them off"
        raise BadResultError(message, provider=provider, hint=f"measure at most {WORD} qubits in one circuit")
    counted = Counts(tables, ticket.shots)
    return counted.check(rows=ticket.rows, widths=ticket.widths, shots=ticket.shots, provider=provider)


def _columns(text: Any, row: int, provider: str) -> tuple[Sequence[str], Sequence[Any]]:
    """Keys and values of one circuit, ``{"key": ["0x0", ...], "value": [...]}`` as text."""
    try:
        entry = json.loads(text)
        keys, values = entry["key"], entry["value"]
        if not (isinstance(keys, list) and isinstance(values, list) and len(keys) == len(values)):
            raise ValueError("keys and values do not match")
        if not all(isinstance(key, str) for key in keys):
            raise ValueError("a key is no text")
    except (ValueError, TypeError, KeyError) as error:
        raise BadResultError(f"the result of circuit {row} cannot be read: {error}", provider=provider) from error
    return keys, values


def _bits(keys: Sequence[str], bits: int, row: int, provider: str) -> NDArray[np.int64]:
    """Bits ``[keys, bits]`` of outcomes in hexadecimal, of any width; bit *k* is classical bit *k*."""
    size = -(-bits // 8)
    try:
        numbers = [int(key, 16) for key in keys]
        data = b"".join(number.to_bytes(size, "little") for number in numbers)
    except (ValueError, OverflowError):
        data, numbers = b"", [1 << bits]
    if any(number >> bits for number in numbers):
        raise BadResultError(f"circuit {row} has an outcome that is not {bits} bits", provider=provider)
    table = np.frombuffer(data, dtype=np.uint8).reshape(-1, size)
    return np.unpackbits(table, axis=1, count=bits, bitorder="little").astype(np.int64)


def _whole(values: Sequence[Any], row: int, provider: str) -> NDArray[np.int64]:
    if not all(isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53 for value in values):
        raise BadResultError(f"circuit {row} has counts that are no whole numbers", provider=provider)
    return np.array(values, dtype=np.int64)


def _rounded(values: Sequence[Any], shots: int, row: int, provider: str) -> NDArray[np.int64]:
    """Whole numbers in proportion to probabilities that add up to the shots, by the largest remainders."""
    if not all(isinstance(value, int | float) and -1 <= value <= 2 for value in values):
        raise BadResultError(f"circuit {row} has probabilities that are none", provider=provider)
    weights = np.array(values, dtype=np.float64)
    total = float(weights.sum())
    if not abs(total - 1) <= _TOLERANCE or (weights < -_TOLERANCE).any():
        raise BadResultError(f"circuit {row} has probabilities that add up to {total:.9g}", provider=provider)
    exact = np.clip(weights, 0, None)
    exact *= shots / exact.sum()
    counts = np.floor(exact).astype(np.int64)
    most = np.argsort(counts - exact, kind="stable")
    counts[most[: shots - int(counts.sum())]] += 1
    return counts
