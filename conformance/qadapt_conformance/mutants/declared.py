"""Declared: backends that say they are something else than they are."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from qadapt import Backend, NotSupportedError, Parameter, Target, Work
from qadapt_conformance.lacks import dead_qubits, works
from qadapt_conformance.mutants.change import parameters, patched, seam, wrapped
from qadapt_conformance.mutants.wrapped import Wrapped


class _Called(Wrapped):
    """Has another name."""

    @property
    def name(self) -> str:
        return self._inner.name.partition(":")[2]


class _Described(Wrapped):
    """Describes its target otherwise."""

    def __init__(self, inner: Backend, **said: Any) -> None:
        super().__init__(inner)
        self._said = inner.target.model_copy(update=said)

    @property
    def target(self) -> Target:
        return self._said


class _Unsettled(Wrapped):
    """Describes its target otherwise every time that it is asked."""

    _asked = 0

    @property
    def target(self) -> Target:
        self._asked += 1
        return self._inner.target.model_copy(update={"source": f"answer {self._asked}"})


class _Narrow(Wrapped):
    """Takes half the works that it declares."""

    def submit(self, work: Sequence[Work], *, tag: str) -> str:
        if len(work) > (most := max(1, self.capabilities.max_works // 2)):
            raise NotSupportedError(f"{len(work)} works are more than {most}", capability="max_works")
        return super().submit(work, tag=tag)


def _every_qubit(target: Target) -> tuple[int, ...]:
    return tuple(range(target.num_qubits))


DECLARED = (
    seam("provider-not-named", "NAMES-1", "The backend is called by its target alone.", _Called),
    seam("target-unsettled", "NAMES-2", "The target is another one whenever it is read.", _Unsettled),
    seam(
        "native-gate-unknown",
        "NAMES-3",
        "A native gate is in no table.",
        lambda inner: _Described(inner, native=(*inner.target.native, "warp")),
    ),
    patched(
        "dead-qubits-live",
        "NAMES-4",
        "qadapt itself takes dead qubits for live.",
        (Target, "live_qubits", property(_every_qubit)),
        lacks=dead_qubits,
    ),
    seam(
        "calibrated-in-the-future",
        "NAMES-5",
        "The time of the calibration is that of some other clock.",
        lambda inner: _Described(inner, calibrated=datetime(9999, 1, 1, tzinfo=UTC)),
    ),
    seam(
        "sampling-without-seed",
        "NAMES-6",
        "Exact sampling is declared, and seeds are not.",
        wrapped(exact_sampling=True, seed=False),
    ),
    seam("fewer-works-than-declared", "NAMES-7", "Half the works that are declared are refused.", _Narrow, lacks=works),
    seam(
        "native-parameters-missing",
        "NAMES-8",
        "Native parameters are declared, and offsets are lost on the way to the vendor.",
        wrapped(before=parameters(lambda p: Parameter(name=p.name, scale=p.scale)), native_parameters=True),
    ),
    seam(
        "mid-circuit-measurement-missing",
        "OPTION-1",
        "Mid-circuit measurement is declared, which nothing can ask for.",
        wrapped(mid_circuit_measurement=True),
    ),
    seam("reset-missing", "OPTION-2", "Reset is declared, which nothing can ask for.", wrapped(reset=True)),
)
