"""Effort: how much a compile may spend on a shorter circuit."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from qadapt.errors import TargetError
from qadapt.synthesis import Effort

ROUTES: Mapping[Effort, int] = MappingProxyType({"fast": 1, "best": 8})
"""How many times a circuit that needs routing is routed, each with a seed of its own; the best route is taken."""


def check_effort(effort: str) -> None:
    """Refuse an effort that is none.

    Raises:
        TargetError: It is neither ``fast`` nor ``best``.
    """
    if effort not in ROUTES:
        raise TargetError(f"effort is {effort!r}, allowed are {' and '.join(ROUTES)}")
