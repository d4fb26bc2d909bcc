"""Executor: where cells are computed, by name: processes of this machine, or a Dask cluster."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import active_children, get_context, parent_process
from threading import Thread
from typing import TypeAlias
from unittest.mock import patch

from qadapt.errors import MissingExtraError, QadaptError

Name: TypeAlias = str

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""What numpy's libraries read when they are loaded; workers get 1, so that results do not depend on the machine."""


def default() -> Name:
    """As many processes as this one may use processors."""
    return f"processes:{len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count() or 1}"


@contextmanager
def opened(name: Name) -> Iterator[Executor]:
    """Open an executor; what has not begun when the body leaves is not computed.

    Args:
        name: ``processes:N`` for N worker processes, or ``dask:ADDRESS`` for the cluster of a scheduler. Dask's workers
            need the same version of qadapt and no common disk; they should have one thread each.

    Raises:
        MissingExtraError: Dask is not installed.
        QadaptError: The name means nothing, or there is no scheduler at that address.
    """
    kind, _, place = name.partition(":")
    if kind == "processes" and place.isdecimal() and int(place) > 0:
        with patch.dict(os.environ, dict.fromkeys(THREADS, "1")):  # which workers read when they start
            others = active_children()
            pool = ProcessPoolExecutor(int(place), mp_context=get_context("spawn"), initializer=_begin)
            try:
                yield pool
            except KeyboardInterrupt:
                for worker in set(active_children()) - set(others):
                    worker.terminate()  # rather than wait for the cells that they are at
                raise
            finally:
                pool.shutdown(cancel_futures=True)
    elif kind == "dask" and place:
        with _dask(place) as cluster:
            yield cluster
    else:
        raise QadaptError(f"no executor {name!r}", hint="processes:4, or dask:tcp://host:8786")


@contextmanager
def _dask(address: str) -> Iterator[Executor]:
    try:
        from distributed import Client
    except ImportError as error:
        raise MissingExtraError("dask.distributed is not installed", hint="pip install 'qadapt[dask]'") from error
    try:
        client = Client(address, timeout="10s", set_as_default=False)
    except (OSError, ValueError) as error:
        raise QadaptError(
            f"no Dask scheduler at {address}: {error}", hint="dask scheduler prints its address"
        ) from error
    with client, client.get_executor(pure=False) as pool:
        try:
            yield pool
        finally:
            pool.shutdown(wait=False)


def _begin() -> None:
    """Begin a worker: interrupts, which a terminal sends to all, are its parent's; it ends when its parent has died."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
