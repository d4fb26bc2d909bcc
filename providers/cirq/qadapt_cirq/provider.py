"""CirqProvider: Cirq's ideal simulators, and Google's virtual engine where cirq-google is installed."""

from __future__ import annotations

from collections.abc import Mapping

from qadapt.errors import TargetError
from qadapt.provider import Requirements
from qadapt.target import Target
from qadapt_cirq import google
from qadapt_cirq.exact import ENGINES, CirqBackend, target
from qadapt_cirq.noisy import NoisyBackend


class CirqProvider:
    """Cirq's simulators on this machine; naming it imports no vendor code."""

    name = "cirq"

    def requirements(self) -> Requirements:
        """What this provider needs from the machine it runs on."""
        return Requirements(modules=("cirq", "cirq_google") if google.available() else ("cirq",))

    def targets(self) -> Mapping[str, Target]:
        """Both ideal simulators, and the processors of Google's virtual engine where cirq-google is installed."""
        return {**{name: target(name) for name in ENGINES}, **google.targets()}

    def open(self, target: str) -> CirqBackend | NoisyBackend:
        """Open a simulator or a processor of the virtual engine by name.

        Raises:
            TargetError: There is no such target.
            MissingExtraError: The target needs cirq-google, which is not installed.
        """
        if target in ENGINES:
            return _ideal(self.name, target)
        if target in google.PROCESSORS:
            return google.virtual(target)
        names = (*ENGINES, *google.PROCESSORS)
        raise TargetError(f"cirq has no target {target!r}", hint=f"targets are {', '.join(names)}")


def _ideal(provider: str, name: str) -> CirqBackend:
    return CirqBackend(f"{provider}:{name}", target(name), ENGINES[name])
