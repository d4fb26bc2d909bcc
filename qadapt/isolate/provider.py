"""IsolatedProvider: a provider that lives in worker processes."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping
from types import MappingProxyType

from qadapt.isolate.backend import IsolatedBackend, open_isolated
from qadapt.isolate.channel import Channel
from qadapt.isolate.settings import Settings
from qadapt.provider import Requirements
from qadapt.target import Target


class IsolatedProvider:
    """A vendor behind worker processes: one for the calls of the provider, one for each backend that is opened.

    Args:
        name: Of the provider, in this environment or in that of ``QADAPT_<NAME>_PYTHON``.
        requirements: Says what the provider needs, where that is known in this process; else a worker is asked.
    """

    def __init__(self, name: str, requirements: Callable[[], Requirements] | None = None) -> None:
        self.name = name
        self._settings = Settings.of(name)
        self._requirements = requirements
        self._channel = Channel(self._settings)
        self._close = weakref.finalize(self, self._channel.close)

    def requirements(self) -> Requirements:
        """What the provider needs from the machine it runs on."""
        if self._requirements is not None:
            return self._requirements()
        return self._channel.call("requirements", lambda value, _: Requirements(**value))

    def targets(self) -> Mapping[str, Target]:
        """Targets that can be reached now, by name."""
        return self._channel.call(
            "targets",
            lambda value, _: MappingProxyType({name: Target.from_json(text) for name, text in value.items()}),
        )

    def open(self, target: str) -> IsolatedBackend:
        """Open a target by name, in a worker of its own.

        Raises:
            TargetError: There is no such target.
            AccessError: It cannot be opened with the credentials at hand.
            UnavailableError: The worker ended or hung.
        """
        return open_isolated(self._settings, target)

    def close(self) -> None:
        """End the worker of the provider's own calls; a later call starts another one."""
        self._channel.close()
