"""Settings: what the user says about the worker of a provider, in environment variables."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass

from qadapt.errors import ProviderError

SHARE = 0.75
"""How much of this machine's memory a worker may take where nothing is said."""

DEFAULTS = {"OMP_NUM_THREADS": "1", "GLIBC_TUNABLES": "glibc.malloc.tcache_count=1024"}
"""Variables that a worker gets where the user says nothing about them.

A team of OpenMP threads makes some vendors slower by orders of magnitude on busy cores. Vendors in C++ that make a
circuit of many small objects spend a fourth of a submit on memory, unless glibc keeps more freed pieces at hand than 7
of each size; now it may keep some megabytes.
"""


@dataclass(frozen=True)
class Settings:
    """How the worker of a provider is started.

    Attributes:
        provider: Its name.
        python: Interpreter of another environment; None for this one.
        memory: Most bytes of data that the worker may have, kept on Linux; 0 for no limit.
    """

    provider: str
    python: str | None
    memory: int

    @classmethod
    def of(cls, provider: str) -> Settings:
        """Read ``QADAPT_<PROVIDER>_PYTHON`` and ``QADAPT_<PROVIDER>_MEMORY_MB``.

        Raises:
            ProviderError: The memory is not a number of MiB.
        """
        python = os.environ.get(variable(provider, "PYTHON"))
        name = variable(provider, "MEMORY_MB")
        text = os.environ.get(name)
        try:
            memory = int(float(text) * 2**20) if text else _usual()
            if memory < 0:
                raise ValueError(text)
        except (ValueError, OverflowError):
            raise ProviderError(f"{name} is {text!r}, expected a number of MiB", provider=provider) from None
        return cls(provider, os.path.expanduser(python) if python else None, memory)

    @property
    def command(self) -> list[str]:
        """What starts the worker: no module of the current folder can get in its way."""
        return [self.python or sys.executable, "-P", "-m", "qadapt.isolate.worker", self.provider, str(self.memory)]

    @property
    def environment(self) -> dict[str, str]:
        """Environment of the worker.

        ``DEFAULTS`` hold unless the user says otherwise. Another interpreter gets none of the paths that are meant for
        this one.
        """
        kept = {**os.environ, **{name: os.environ.get(name) or value for name, value in DEFAULTS.items()}}
        if self.python:
            for name in ("PYTHONPATH", "PYTHONHOME"):
                kept.pop(name, None)
        return kept


def wanted(provider: str) -> bool | None:
    """Whether the user wants a provider isolated; None if nothing is said.

    An interpreter of its own means yes, whatever ``QADAPT_<PROVIDER>_ISOLATE`` says.

    Raises:
        ProviderError: It says something else than 0 or 1.
    """
    if os.environ.get(variable(provider, "PYTHON")):
        return True
    name = variable(provider, "ISOLATE")
    said = os.environ.get(name, "")
    if said not in ("", "0", "1"):
        raise ProviderError(f"{name} is {said!r}, expected 0 or 1", provider=provider)
    return said == "1" if said else None


def variable(provider: str, setting: str) -> str:
    """Name of the environment variable of a setting."""
    return f"QADAPT_{provider.upper().replace('-', '_')}_{setting}"


def _usual() -> int:
    try:
        return int(SHARE * os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (AttributeError, ValueError, OSError):
        return 0
