"""What the tests of Origin's cloud have in common: an opened chip, a work for it, and waiting for the result."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from qadapt.bindings import Bindings
from qadapt.circuit import Circuit, op
from qadapt.provider import Backend, Done, Failed, Pending, Result, Work
from qadapt_origin.cloud import CloudBackend
from qadapt_origin.provider import OriginProvider

WIRE = "WK_C180"
"""Chip of the loopback cloud that is like Wukong."""


def chip(name: str = WIRE) -> CloudBackend:
    backend = OriginProvider().open(name)
    assert isinstance(backend, CloudBackend)
    return backend


def work(rows: int = 2, shots: int = 200, measured: Any = ((2, 8), (14,))) -> Work:
    """Two connected qubits and a lone one, with a parameter; different rows have different angles."""
    operations = (
        op("rphi", 2, angles=["a", 0.3]),
        op("rphi", 8, angles=[0.9, "b"]),
        op("cz", 2, 8),
        op("rphi", 8, angles=[1.1, "a"]),
        op("rphi", 14, angles=["b", 0.0]),
    )
    circuit = Circuit(num_qubits=72, operations=operations, measured=measured)
    angles = np.linspace(0.2, 2.8, rows)
    return Work(circuit, Bindings.of({"a": angles, "b": angles[::-1]}), shots)


_tags = iter(range(10**6))


def tag() -> str:
    return f"tag-{next(_tags)}"


def finish(backend: Backend, job: str) -> Done | Failed:
    end = time.monotonic() + 60
    while isinstance(state := backend.fetch(job), Pending):
        assert time.monotonic() < end
    return state


def done(backend: Backend, *works: Work) -> Result:
    state = finish(backend, backend.submit(works, tag=tag()))
    assert isinstance(state, Done), state
    (result,) = state.results
    return result
