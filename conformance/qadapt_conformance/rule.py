"""Rule: one numbered rule of the specification, as a function from a probe to findings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from qadapt import Backend
from qadapt_conformance.finding import Finding
from qadapt_conformance.lacks import Lacks, nothing
from qadapt_conformance.probe import Probe
from qadapt_conformance.tier import Tier

Check = Callable[[Probe], Iterator[Finding]]

EVERYWHERE = frozenset(Tier)
SUBMITTING = frozenset({Tier.SIMULATOR, Tier.HARDWARE})
SIMULATED = frozenset({Tier.SIMULATOR})


@dataclass(frozen=True)
class Rule:
    """One rule.

    Attributes:
        id: As in ``docs/spec.md``.
        check: Yields one finding per look; a rule that yields none has proved nothing.
        needs: Capabilities without which the rule does not apply.
        covers: Further capabilities that the rule holds the backend to, declared or not.
        qubits: Qubits that its circuits take.
        tiers: Tiers that have the rule.
        lacks: Says what else the rule is about and the backend does not have; empty text if it has all.
    """

    id: str
    check: Check
    needs: tuple[str, ...]
    covers: tuple[str, ...]
    qubits: int
    tiers: frozenset[Tier]
    lacks: Lacks

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
        return f"{self.qubits} live qubits, the target has {live}" if live < self.qubits else self.lacks(backend)


RULES: dict[str, Rule] = {}
"""Every rule by id, in the order of the chapters; filled by importing ``qadapt_conformance.rules``."""


def rule(
    name: str,
    *,
    needs: tuple[str, ...] = (),
    covers: tuple[str, ...] = (),
    qubits: int = 1,
    tiers: frozenset[Tier] = SIMULATED,
    lacks: Lacks = nothing,
) -> Callable[[Check], Check]:
    """Register a function as a rule of the specification.

    Args:
        name: Id of the rule.
        needs: Capabilities without which it does not apply.
        covers: Further capabilities that it holds the backend to; every field of ``Capabilities`` is named by a rule.
        qubits: Qubits that its circuits take.
        tiers: ``EVERYWHERE`` for a rule that submits nothing, ``SUBMITTING`` for one of so few circuits that machines
            are put through it, too.
        lacks: Says what else it is about and the backend does not have.
    """

    def register(check: Check) -> Check:
        if name in RULES:
            raise ValueError(f"rule {name} is registered twice")
        RULES[name] = Rule(name, check, needs, covers, qubits, tiers, lacks)
        return check

    return register
