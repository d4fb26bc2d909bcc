"""Rule: one numbered rule of the specification, as a function from a probe to findings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from qadapt import Backend
from qadapt_conformance.finding import Finding
from qadapt_conformance.probe import Probe

Check = Callable[[Probe], Iterator[Finding]]


@dataclass(frozen=True)
class Rule:
    """One rule.

    Attributes:
        id: As in ``docs/spec.md``.
        check: Yields one finding per look; a rule that yields none has proved nothing.
        needs: Capabilities without which the rule does not apply.
        qubits: Qubits that its circuits take.
        ideal: Whether it compares with exact probabilities, which only a backend without noise has.
    """

    id: str
    check: Check
    needs: tuple[str, ...]
    qubits: int
    ideal: bool

    @property
    def title(self) -> str:
        """What the rule demands, in one sentence."""
        return (self.check.__doc__ or "").splitlines()[0].removesuffix(".")

    def not_declared(self, backend: Backend) -> str:
        """What the backend does not declare and the rule is about; empty if the rule applies."""
        missing = [name for name in self.needs if not getattr(backend.capabilities, name)]
        if missing:
            return f"capability {', '.join(missing)}"
        live = len(backend.target.live_qubits)
        return f"{self.qubits} qubits, the target has {live}" if live < self.qubits else ""

    def not_judged(self, backend: Backend) -> str:
        """Why this suite cannot judge the rule on the backend; empty if it can."""
        if self.ideal and not (backend.capabilities.simulated and backend.target.ideal):
            return "compares with exact probabilities; rules for noisy backends and machines are not in this version"
        return ""


RULES: dict[str, Rule] = {}
"""Every rule by id, in the order of the chapters; filled by importing ``qadapt_conformance.rules``."""


def rule(name: str, *, needs: tuple[str, ...] = (), qubits: int = 1, ideal: bool = False) -> Callable[[Check], Check]:
    """Register a function as a rule of the specification.

    Args:
        name: Id of the rule.
        needs: Capabilities without which it does not apply.
        qubits: Qubits that its circuits take.
        ideal: Whether it compares with exact probabilities.
    """

    def register(check: Check) -> Check:
        if name in RULES:
            raise ValueError(f"rule {name} is registered twice")
        RULES[name] = Rule(name, check, needs, qubits, ideal)
        return check

    return register
