"""Receipts: which job a submit made, written down by the worker before it answers.

A worker outlives a parent that is killed, and finishes the submit in hand. Its answer then reaches nobody; its receipt
does. A receipt is one file per tag, and while the submit is in hand the worker holds a lock on it, so that whoever asks
meanwhile knows that the answer is yet to come. Only the user may read them.

Receipts are for processes that die, not for machines that do: they are not waited for until they are on the disk. A
power cut may take back, or tear, those of the last seconds, which then say nothing, as if they had never been written.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeAlias

from qadapt.errors import LedgerError, UnavailableError
from qadapt.home import home

KEPT_DAYS = 90
"""After so many days a receipt is removed, read or not."""

_LOOK_AGAIN = 0.02

Write: TypeAlias = Callable[[str], None]
"""Writes the job id of a submit down; raises OSError where that cannot be done."""


def folder() -> Path:
    """Where receipts lie."""
    return home() / "receipts"


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
    """Remove what has lain for so many days, and keep others than the user out of the folder."""
    oldest = time.time() - days * 86_400
    with suppress(OSError):
        into.chmod(0o700)
        for entry in os.scandir(into):
            with suppress(OSError):
                if entry.stat().st_mtime < oldest:
                    os.unlink(entry.path)


@contextmanager
def submitting(into: Path, tag: str) -> Iterator[Write]:
    """Hold the lock of a tag, which goes with the process, however that ends; gives what writes the receipt.

    Where the body raises, nothing is left but what it has written.

    Raises:
        UnavailableError: Another process holds it.
        LedgerError: The folder cannot be written to, so a job that is made now could be lost.
    """
    path = _path(into, tag)
    try:
        descriptor = _made(path)
    except OSError as error:
        hint = "set QADAPT_HOME to a folder that can be written to"
        raise LedgerError(f"receipts cannot be written: {error}", hint=hint) from error

    def write(job_id: str) -> None:
        text = json.dumps({"tag": tag, "job": job_id}).encode()
        os.ftruncate(descriptor, 0)
        os.lseek(descriptor, 0, os.SEEK_SET)
        os.write(descriptor, text)

    try:
        if not _locked(descriptor):
            raise UnavailableError(f"another process is submitting {tag}", provider="qadapt")
        try:
            yield write
        finally:
            if not os.fstat(descriptor).st_size:
                with suppress(OSError):
                    path.unlink()
    finally:
        os.close(descriptor)


def settled(into: Path, tag: str, seconds: float) -> bool:
    """Wait until no process is submitting a tag; whether that came to pass in time."""
    end = time.monotonic() + seconds
    while True:
        try:
            descriptor = os.open(_path(into, tag), os.O_RDWR)
        except FileNotFoundError:
            return True
        try:
            free = _locked(descriptor)
        finally:
            os.close(descriptor)
        if free or time.monotonic() >= end:
            return free
        time.sleep(_LOOK_AGAIN)


def _path(into: Path, tag: str) -> Path:
    return into / f"{hashlib.sha256(tag.encode('utf-8', 'surrogatepass')).hexdigest()}.json"


def _made(path: Path) -> int:
    """A file that is open, for this user alone; made, with its folder, if it is not there."""
    flags = os.O_RDWR | os.O_CREAT
    try:
        return os.open(path, flags, 0o600)
    except FileNotFoundError:
        path.parent.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        return os.open(path, flags, 0o600)


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
