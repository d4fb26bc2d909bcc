"""Caches: what qadapt and the suite keep in this process from run to run."""

from __future__ import annotations

import sys

PACKAGES = ("qadapt", "qadapt_conformance")
ORACLES = ("qadapt_conformance.oracle", "qadapt_conformance.oracle_noise")
"""Share no code with qadapt, and compute from nothing but data."""


def forget() -> None:
    """Empty every cache of a function of qadapt and of the suite, the oracles' left out.

    What right code has kept is not what code that was made wrong on purpose would have made, nor the other way round.
    """
    for name, module in tuple(sys.modules.items()):
        if name.partition(".")[0] in PACKAGES and name not in ORACLES:
            for held in tuple(vars(module).values()):
                if callable(clear := getattr(held, "cache_clear", None)):
                    clear()
