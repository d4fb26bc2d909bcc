"""Receipts: which job a submit made, written down by the worker before it answers.

A worker outlives a parent that is killed, and finishes the submit in hand. Its answer then reaches nobody; its receipt
does. While the submit is in hand the worker holds a lock on its tag, so that whoever asks meanwhile knows that the
answer is yet to come. Only the user may read them.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from qadapt.errors import LedgerError, UnavailableError
from qadapt.home import home

KEPT_DAYS = 90
"""After so many days a receipt is removed, read or not."""

_LOOK_AGAIN = 0.02


def folder() -> Path:
    """Where receipts lie."""
    return home() / "receipts"


def write(into: Path, tag: str, job_id: str) -> None:
    """Write a receipt; when it returns, a crash of the machine does not take it back.

    Raises:
        OSError: It cannot be written.
    """
    path = _path(into, tag)
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)  # one that a crash left keeps its mode
    with open(fresh, "x", encoding="utf-8", opener=_private) as file:
        json.dump({"tag": tag, "job": job_id}, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(fresh, path)
    if sys.platform != "win32":
        with _opened(into, os.O_RDONLY) as descriptor:
            os.fsync(descriptor)


def read(into: Path, tag: str) -> str | None:
    """Job id of a submit; None if there is no receipt."""
    try:
        found = json.loads(_path(into, tag).read_text(encoding="utf-8"))
        return str(found["job"]) if found["tag"] == tag else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def forget(into: Path, tag: str) -> None:
    """Remove a receipt that nobody needs any more."""
    with suppress(OSError):
        _path(into, tag).unlink(missing_ok=True)


def prune(into: Path, days: float = KEPT_DAYS) -> None:
    """Remove what has lain for so many days."""
    oldest = time.time() - days * 86_400
    with suppress(OSError):
        for entry in os.scandir(into):
            with suppress(OSError):
                if entry.stat().st_mtime < oldest:
                    os.unlink(entry.path)


@contextmanager
def submitting(into: Path, tag: str) -> Iterator[None]:
    """Hold the lock of a tag; it goes with the process, however that ends.

    Raises:
        UnavailableError: Another process holds it.
        LedgerError: The folder cannot be written to, so a job that is made now could be lost.
    """
    path = _path(into, tag).with_suffix(".lock")
    try:
        into.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        into.mkdir(mode=0o700, exist_ok=True)
        with suppress(OSError):  # made by another version, or under a strange umask
            into.chmod(0o700)
        path.touch(0o600)
    except OSError as error:
        hint = "set QADAPT_HOME to a folder that can be written to"
        raise LedgerError(f"receipts cannot be written: {error}", hint=hint) from error
    with _opened(path, os.O_RDWR) as descriptor:
        if not _locked(descriptor):
            raise UnavailableError(f"another process is submitting {tag}", provider="qadapt")
        try:
            yield
        finally:
            with suppress(OSError):
                path.unlink()


def settled(into: Path, tag: str, seconds: float) -> bool:
    """Wait until no process is submitting a tag; whether that came to pass in time."""
    end = time.monotonic() + seconds
    while True:
        try:
            with _opened(_path(into, tag).with_suffix(".lock"), os.O_RDWR) as descriptor:
                free = _locked(descriptor)
        except FileNotFoundError:
            return True
        if free or time.monotonic() >= end:
            return free
        time.sleep(_LOOK_AGAIN)


def _path(into: Path, tag: str) -> Path:
    return into / f"{hashlib.sha256(tag.encode('utf-8', 'surrogatepass')).hexdigest()}.json"


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


@contextmanager
def _opened(path: Path, flags: int) -> Iterator[int]:
    descriptor = os.open(path, flags, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    """Lock an open file until it is closed; whether nobody else had. On Windows nobody ever has."""
    if sys.platform == "win32":
        return True
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
