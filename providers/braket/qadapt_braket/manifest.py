"""Manifest: what a task's results need to be read in another process; it travels with the task as tags.

AWS takes 50 tags of a resource with values of up to 256 characters out of a small alphabet, so the document is
compressed and written in base64, in parts.
"""

from __future__ import annotations

import hashlib
import json
import re
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from qadapt.errors import NotSupportedError
from qadapt.provider import Work

KEY = "qadapt"
"""Key of the tag that holds the submit's own tag."""

PART, MAX_PARTS = 256, 40
_PLAIN = re.compile(r"[A-Za-z0-9_.:/=+@ -]{1,256}")


@dataclass(frozen=True)
class Head:
    """How the results of a work are read.

    Attributes:
        circuit: Content hash of the circuit.
        qubits: Our qubits, register by register.
        labels: The device's labels of the same.
        rows: Number of rows.
        shots: Shots per row.
    """

    circuit: str
    qubits: tuple[tuple[int, ...], ...]
    labels: tuple[tuple[int, ...], ...]
    rows: int
    shots: int


def token(tag: str) -> str:
    """Client token of a submit: 64 characters that follow from its tag, so that AWS makes one task of all its sends."""
    return hashlib.sha256(f"{KEY}:{tag}".encode()).hexdigest()


def label(tag: str) -> str:
    """The submit's tag as a value that AWS takes."""
    return tag if _PLAIN.fullmatch(tag) and tag.strip() == tag else token(tag)


def head_of(work: Work, labels: Sequence[int]) -> Head:
    """How the results of a work are read, given the device's label of each of our qubits."""
    measured = work.circuit.measured
    own = tuple(tuple(labels[qubit] for qubit in register) for register in measured)
    return Head(work.circuit.content_hash, measured, own, work.bindings.rows, work.shots)


def tags(head: Head, tag: str) -> dict[str, str]:
    """Tags of a task.

    Raises:
        NotSupportedError: The registers do not fit into them.
    """
    document = [head.circuit, head.qubits, head.labels, head.rows, head.shots]
    packed = zlib.compress(json.dumps(document, separators=(",", ":")).encode(), 9)
    text = urlsafe_b64encode(packed).decode()
    parts = [text[start : start + PART] for start in range(0, len(text), PART)]
    if len(parts) > MAX_PARTS:
        raise NotSupportedError(
            f"the names of {len(head.labels)} registers need {len(parts)} tags, a task has {MAX_PARTS} for them",
            capability="registers",
        )
    return {KEY: label(tag), **{f"{KEY}-{number}": part for number, part in enumerate(parts)}}


def head_from(found: Mapping[str, str]) -> Head:
    """Read the tags of a task.

    Raises:
        ValueError: They are not ours.
    """
    parts: list[str] = []
    while (part := found.get(f"{KEY}-{len(parts)}")) is not None:
        parts.append(part)
    try:
        circuit, qubits, labels, rows, shots = json.loads(zlib.decompress(urlsafe_b64decode("".join(parts))))
        return Head(
            str(circuit),
            tuple(tuple(map(int, register)) for register in qubits),
            tuple(tuple(map(int, register)) for register in labels),
            int(rows),
            int(shots),
        )
    except (ValueError, TypeError, zlib.error) as error:
        raise ValueError(f"not the tags of a task of qadapt: {error}") from error
