"""Payloads: bytes that are kept by their hash, compressed, and never changed."""

from __future__ import annotations

import hashlib
import zlib
from typing import TYPE_CHECKING

from qadapt.redact import redacted

if TYPE_CHECKING:
    from sqlite3 import Connection

_SAMPLE, _WORTH = 4096, 0.9
"""Bytes of a payload that are compressed first, and the share of them that it must come to."""


def keep(database: Connection, data: bytes) -> str:
    """Store bytes and return their hash; what is there stays as it is."""
    name = hashlib.sha256(data).hexdigest()
    database.execute("INSERT OR IGNORE INTO payloads VALUES (?, ?, ?)", (name, len(data), _small(data)))
    return name


def load(database: Connection, name: str) -> bytes | None:
    """Bytes of a hash; None if there are none.

    Raises:
        ValueError: They are damaged.
    """
    stored = database.execute("SELECT data, size FROM payloads WHERE hash = ?", (name,)).fetchone()
    if stored is None:
        return None
    kept, size = stored
    try:
        data = kept if len(kept) == size else zlib.decompress(kept)
    except zlib.error as error:
        raise ValueError(str(error)) from error
    if hashlib.sha256(data).hexdigest() != name:
        raise ValueError("its hash is another one")
    return data


def without_secrets(data: bytes) -> bytes:
    """Bytes as they are, but for concealed values."""
    text = data.decode(errors="surrogateescape")
    return data if (hidden := redacted(text)) == text else hidden.encode(errors="surrogateescape")


def _small(data: bytes) -> bytes:
    """Compress bytes; those that do not get smaller stay as they are, as angles, of which a sample shows it."""
    middle = data[len(data) // 2 :][:_SAMPLE]
    if len(zlib.compress(middle, 1)) >= _WORTH * len(middle):
        return data
    return min(zlib.compress(data, 1), data, key=len)
