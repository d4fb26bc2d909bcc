"""Isolation: a provider in a worker process, so that a vendor that crashes or hangs spoils one call and not the run."""

from qadapt.isolate.backend import IsolatedBackend
from qadapt.isolate.provider import IsolatedProvider

__all__ = ["IsolatedBackend", "IsolatedProvider"]
