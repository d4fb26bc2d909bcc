"""Tier: how much of the suite a backend is put through."""

from __future__ import annotations

from enum import StrEnum


class Tier(StrEnum):
    """Where a run of the suite takes place.

    - ``offline``: nothing is submitted. Compiling, lowering and what is declared are looked at.
    - ``simulator``: every rule.
    - ``hardware``: what is looked at offline, and the rules that need few circuits; a plan comes first, and no job is
      left open.
    """

    OFFLINE = "offline"
    SIMULATOR = "simulator"
    HARDWARE = "hardware"
