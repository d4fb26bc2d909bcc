"""Identity starts: angles at which a skeleton is the identity and all directions of SO(d) are open.

Adapters start at the identity and stay near it, so this is where a search for their angles begins. Short skeletons have
no such angles: there the identity is a critical value, and least squares stalls in its neighbourhood. The shipped ones
are the best conditioned of many; ``tools/identity_starts.py`` computes them anew.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

import numpy as np

from qadapt.errors import QadaptError
from qadapt.synthesis.ansatz import Ansatz
from qadapt.synthesis.arrays import Floats, distances

ERROR = 1e-12
"""Largest Frobenius distance of a shipped start from the identity."""


@cache
def identity_starts() -> Mapping[Ansatz, Floats]:
    """Read the shipped starts: angles ``[size]`` by ansatz.

    Raises:
        QadaptError: The shipped angles are not what they should be.
    """
    text = (files("qadapt") / "data" / "identity_starts.json").read_text(encoding="utf-8")
    return MappingProxyType(dict(_checked(entry) for entry in json.loads(text)["starts"]))


def _checked(entry: Mapping[str, Any]) -> tuple[Ansatz, Floats]:
    edges = tuple((low, high) for low, high in entry["edges"])
    ansatz = Ansatz(entry["num_qubits"], edges, tuple(entry["flips"]), entry["free"])
    angles = np.array(entry["angles"], dtype=float)
    identity = np.eye(1 << ansatz.num_qubits)
    distance = distances(ansatz.matrix(angles)[None], identity[None])[0]
    if not distance <= ERROR:
        raise QadaptError(
            f"the shipped identity start of {ansatz.num_qubits} qubits is damaged: distance {distance:.1e}",
            hint="run tools/identity_starts.py",
        )
    angles.setflags(write=False)
    return ansatz, angles
