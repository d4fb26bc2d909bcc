"""The disk cache of synthesised blocks: angles by the content of ansatz and block, in one SQLite file.

A cache makes things faster or does nothing. What it answers is not trusted: the caller verifies angles against the
block as if the solver had just found them. What goes wrong with the file is never fatal: looking up finds nothing,
storing stores nothing, and one warning tells why. A file that is not ours is not touched. Any number of threads and
processes may use a cache at once.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from qadapt.errors import BindingsError, QadaptError
from qadapt.synthesis.arrays import Floats
from qadapt.synthesis.database import HINT, SCHEMA, look_up, opened, remove, store, totals

if TYPE_CHECKING:
    from qadapt.synthesis.ansatz import Ansatz

LIMIT = 256 << 20
"""Default limit of the file in bytes."""

_log = logging.getLogger(__name__)
_told: set[str] = set()


@dataclass(frozen=True)
class Holding:
    """What a cache holds for one ansatz.

    Attributes:
        family: Its gates, as in ``Ansatz``.
        num_qubits: Its number of qubits.
        edges: Qubits of its entangling gates in the order they act.
        gates: Name and number of its entangling gates, by name.
        entries: Number of blocks.
        bytes: Bytes of their keys and angles; indices and free space of the file are not counted.
        used: When the last of them was stored or looked up, to within an hour.
    """

    family: str
    num_qubits: int
    edges: tuple[tuple[int, int], ...]
    gates: tuple[tuple[str, int], ...]
    entries: int
    bytes: int
    used: datetime

    @property
    def entangling(self) -> int:
        """Number of entangling gates."""
        return sum(count for _, count in self.gates)


@dataclass(frozen=True)
class Summary:
    """What a cache holds in all.

    Attributes:
        holdings: One per ansatz that has blocks, by qubits, family and number of gates.
        bytes: Size of the whole file.
    """

    holdings: tuple[Holding, ...] = ()
    bytes: int = 0

    @property
    def entries(self) -> int:
        """Number of blocks."""
        return sum(holding.entries for holding in self.holdings)


class Cache:
    """Angles of blocks that were synthesised before.

    Attributes:
        path: The file. It and its folder are made by the first ``put``.
        limit: Bytes that the file may have after a ``put``; blocks used longest ago go first. 0 stores nothing. An
            empty file has some 30 KB, which is as low as a limit takes it. While it is open there is a log beside it.
    """

    def __init__(self, path: Path | None = None, *, limit: int | None = None) -> None:
        """Choose a file; nothing is opened yet.

        Args:
            path: The file; ``default_path()`` when omitted.
            limit: Bytes; the environment variable ``QADAPT_CACHE_MB`` in MiB, or else 256 MiB, when omitted.
        """
        self.path = default_path() if path is None else Path(path)
        self.limit = _default_limit() if limit is None else limit

    def __repr__(self) -> str:
        return f"Cache({str(self.path)!r}, limit={self.limit})"

    def get(self, ansatz: Ansatz, blocks: NDArray[np.float64]) -> tuple[NDArray[np.bool_], Floats]:
        """Look up the angles of blocks.

        Args:
            ansatz: The ansatz that the angles are of.
            blocks: Matrices ``[rows, d, d]``. Only bitwise equal ones are found, but -0 equals 0.

        Returns:
            Which rows are there ``[rows]``, and angles in radians ``[rows, ansatz.size]``, zeros where they are not.
            They are finite; whether they give the block is for the caller to verify.

        Raises:
            BindingsError: The blocks have another shape.
        """
        keys = _keys(ansatz, blocks)
        there, angles = np.zeros(len(keys), dtype=bool), np.zeros((len(keys), ansatz.size))
        if not keys or self.limit <= 0 or not os.path.exists(self.path):
            return there, angles
        found: dict[bytes, bytes] = {}
        try:
            with opened(self.path) as connection:
                found = look_up(connection, list(dict.fromkeys(keys)), 8 * ansatz.size)
        except QadaptError as error:
            _tell_once(self.path, str(error))
        rows = np.array([row for row, key in enumerate(keys) if key in found], dtype=np.intp)
        values = np.frombuffer(b"".join(found[keys[row]] for row in rows), "<f8").reshape(-1, ansatz.size)
        finite = np.isfinite(values).all(axis=1)
        there[rows[finite]] = True
        angles[rows[finite]] = values[finite]
        return there, angles

    def put(self, ansatz: Ansatz, blocks: NDArray[np.float64], angles: NDArray[np.float64]) -> None:
        """Store the angles of blocks, in place of those that are there, and evict what exceeds the limit.

        Args:
            ansatz: The ansatz that the angles are of.
            blocks: Matrices ``[rows, d, d]``.
            angles: Angles in radians ``[rows, ansatz.size]``; rows that are not finite are left out.

        Raises:
            BindingsError: Blocks or angles have another shape.
        """
        keys, values = _keys(ansatz, blocks), np.ascontiguousarray(angles, dtype="<f8")
        if values.shape != (len(keys), ansatz.size):
            raise BindingsError(f"expected angles of shape {[len(keys), ansatz.size]}, got {list(values.shape)}")
        finite = np.isfinite(values).all(axis=1)
        rows = [(key, row.tobytes()) for key, row, good in zip(keys, values, finite, strict=True) if good]
        if not rows or self.limit <= 0:
            return
        try:
            with opened(self.path, create=True) as connection:
                store(connection, ansatz.text, _facts(ansatz), rows, self.limit)
        except QadaptError as error:
            _tell_once(self.path, str(error))

    def summary(self) -> Summary:
        """Count what is there.

        Raises:
            QadaptError: The file cannot be read or is not a cache of this version.
        """
        if not os.path.exists(self.path):
            return Summary()
        with opened(self.path) as connection:
            rows, total = totals(connection)
        try:
            holdings = [
                Holding(*_read_facts(facts), count, size, datetime.fromtimestamp(used, UTC))
                for facts, count, size, used in rows
            ]
            holdings.sort(key=lambda holding: (holding.num_qubits, holding.family, holding.entangling, holding.edges))
        except (ValueError, TypeError, OverflowError) as error:
            raise QadaptError(f"the cache of blocks {self.path} is damaged: {error}", hint=HINT) from error
        return Summary(tuple(holdings), total)

    def clear(self, *, older_than: float = 0) -> int:
        """Remove blocks and give their space back; other processes may use the cache meanwhile.

        Args:
            older_than: Only those that were last used so many days ago, or earlier; 0 removes all.

        Returns:
            Number of blocks that were removed.

        Raises:
            QadaptError: The file cannot be written or is not a cache of this version.
        """
        if not os.path.exists(self.path):
            return 0
        with opened(self.path) as connection:
            return remove(connection, older_than)


def default_path() -> Path:
    """File of the cache: ``blocks.db`` in ``$QADAPT_CACHE``, ``$XDG_CACHE_HOME/qadapt`` or ``~/.cache/qadapt``.

    Processes of several machines should have a folder each: write-ahead logs do not work across a network.
    """
    base = os.environ.get("XDG_CACHE_HOME", "")
    base = base if os.path.isabs(base) else "~/.cache"  # relative ones are to be ignored, says the XDG specification
    folder = os.environ.get("QADAPT_CACHE") or os.path.join(base, "qadapt")
    return Path(os.path.expanduser(folder), "blocks.db")


def _default_limit() -> int:
    text = os.environ.get("QADAPT_CACHE_MB") or str(LIMIT >> 20)
    with suppress(ValueError, OverflowError):
        limit = int(float(text) * (1 << 20))
        if limit >= 0:
            return limit
    _tell_once("QADAPT_CACHE_MB", f"QADAPT_CACHE_MB is {text!r}, expected a number of MiB; the limit is 256 MiB")
    return LIMIT


def _tell_once(about: str | Path, message: str) -> None:
    """Warn, but of one file only once in a process."""
    if str(about) not in _told:
        _told.add(str(about))
        _log.warning("%s", message)


def _keys(ansatz: Ansatz, blocks: NDArray[np.float64]) -> list[bytes]:
    """Content hashes of blocks ``[rows, d, d]`` under an ansatz."""
    values = np.asarray(blocks, dtype=np.float64) + 0.0  # -0 + 0 is 0: equal matrices have equal bytes
    dim = 1 << ansatz.num_qubits
    if values.shape[1:] != (dim, dim):
        raise BindingsError(f"expected blocks of shape [rows, {dim}, {dim}], got {list(values.shape)}")
    values = np.ascontiguousarray(values, dtype="<f8")
    context = hashlib.sha256(f"qadapt blocks {SCHEMA}\n{ansatz.text}\n".encode())

    def key(block: Floats) -> bytes:
        hashed = context.copy()
        hashed.update(block.data)
        return hashed.digest()

    return [key(block) for block in values]


def _facts(ansatz: Ansatz) -> str:
    """What a summary tells of an ansatz, as JSON."""
    gates = Counter(step.gate for step in ansatz.steps if len(step.qubits) == 2)
    return json.dumps([ansatz.family, ansatz.num_qubits, ansatz.edges, sorted(gates.items())])


def _read_facts(text: str) -> tuple[str, int, tuple[tuple[int, int], ...], tuple[tuple[str, int], ...]]:
    family, num_qubits, edges, gates = json.loads(text)
    return (
        str(family),
        int(num_qubits),
        tuple((int(a), int(b)) for a, b in edges),
        tuple((str(name), int(count)) for name, count in gates),
    )
