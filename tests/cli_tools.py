"""For the tests of the command line: a provider of its own, and running a command in this process."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from oracles import register_probabilities
from qadapt import cli, registry
from qadapt.counts import sample
from qadapt.errors import TargetError
from qadapt.inline import InlineBackend
from qadapt.provider import Backend, Provenance, Result, Work
from qadapt.target import Capabilities, Site, Target

EXACT = Target(name="exact", num_qubits=4, native=("rx", "ry", "rz", "cz", "h", "cx"))
CHIP = Target(
    name="chip",
    num_qubits=4,
    native=("sx", "rz", "cz"),
    sites={"cz": [Site(qubits=(0, 1), error=0.1), Site(qubits=(1, 2), error=0.01), Site(qubits=(2, 3), error=1.0)]},
    calibrated=datetime(2026, 4, 1, 12, 30, tzinfo=UTC),
    sample=True,
    source="made up",
)


class Exact(InlineBackend):
    """Counts drawn from the oracle's dense matrices."""

    def execute(self, work: Work) -> Result:
        rows = [register_probabilities(work.circuit, work.bindings, row) for row in range(work.bindings.rows)]
        tables = [np.stack(tables) for tables in zip(*rows, strict=True)]
        provenance = Provenance(
            backend=self.name,
            circuit_hash=work.circuit.content_hash,
            qubits=work.circuit.measured,
            shots=work.shots,
            seed=work.seed,
            simulated=True,
            noise="none of note",
        )
        return Result(sample(tables, work.shots, work.seed), provenance)


class Acme:
    """A provider with an exact simulator and a chip with a dead coupler."""

    name = "acme"

    def targets(self) -> dict[str, Target]:
        return {target.name: target for target in (EXACT, CHIP)}

    def open(self, target: str) -> Backend:
        if target not in self.targets():
            raise TargetError(f"acme has no target {target!r}", hint="qadapt targets acme")
        capabilities = Capabilities(seed=True, exact_sampling=True, simulated=True)
        return Exact(f"acme:{target}", self.targets()[target], capabilities)


def needy() -> Any:
    """A provider whose vendor package is not there."""
    raise ImportError("No module named 'needy_sdk'")


def install(monkeypatch: pytest.MonkeyPatch, **providers: Any) -> None:
    """Make these the installed providers, by name; each is what its entry point leads to."""
    entries = {
        name: SimpleNamespace(name=name, load=lambda made=made: made, dist=None) for name, made in providers.items()
    }
    monkeypatch.setattr(registry, "installed", lambda: entries)
    registry.provider.cache_clear()
    monkeypatch.setattr(registry, "provider", registry.provider.__wrapped__)


@dataclass(frozen=True)
class Outcome:
    """How a command ended."""

    code: int
    out: str
    err: str


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> Outcome:
    """Run ``qadapt`` with these arguments."""
    with pytest.raises(SystemExit) as stop:
        cli.main(arguments)
    captured = capsys.readouterr()
    return Outcome(int(stop.value.code or 0), captured.out, captured.err)
