"""Names: right backends keep what they declare, and each wrong declaration is seen by its rule."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from qadapt import Backend, NotSupportedError, Qubit, Site, Target, Work, bundled_targets
from qadapt.provider import check_works
from qadapt_conformance import Verdict, run_suite
from qadapt_conformance.mutants.right import Chip
from qadapt_conformance.mutants.wrapped import Wrapped

RULES = [f"NAMES-{number}" for number in range(1, 9)]


def verdict(backend: Backend, rule: str) -> tuple[Verdict, str]:
    found = run_suite(backend, rules=[rule]).of(rule)
    return found.verdict, found.message


class Lying(Wrapped):
    """A backend whose target is another one, changed without being checked."""

    def __init__(self, inner: Backend, **changes: Any) -> None:
        super().__init__(inner)
        self._changes = changes

    @property
    def target(self) -> Target:
        fields = {name: getattr(self._inner.target, name) for name in Target.model_fields}
        return Target.model_construct(**fields | self._changes)


@pytest.mark.parametrize("make", [lambda right: right, Chip], ids=["statevector", "chip"])
def test_right_backends_conform(right: Backend, make: Callable[[Backend], Backend]) -> None:
    report = run_suite(make(right), rules=RULES)
    messages = {name: report.of(name).message for name in RULES if report.of(name).verdict is not Verdict.CONFORMS}
    assert messages == {"NAMES-8": "needs capability native_parameters"}


@pytest.mark.parametrize("name", bundled_targets())
def test_bundled_targets_conform(right: Backend, name: str) -> None:
    class Bundled(Lying):
        @property
        def target(self) -> Target:
            return bundled_targets()[name]

    report = run_suite(Bundled(right), rules=RULES[1:6])
    assert [report.of(rule).message for rule in RULES[1:6]] == [""] * 5


class Named(Wrapped):
    name = "statevector"


class Spaced(Wrapped):
    name = "local:state vector"


class Other(Wrapped):
    name = "local:other"


@pytest.mark.parametrize("wrong", [Named, Spaced, Other])
def test_wrong_names(right: Backend, wrong: type[Wrapped]) -> None:
    assert verdict(wrong(right), "NAMES-1")[0] is Verdict.VIOLATES


def test_a_target_that_changes(right: Backend) -> None:
    class Restless(Wrapped):
        reads = 0

        @property
        def target(self) -> Target:
            self.reads += 1
            return Target(name="statevector", num_qubits=12, native=("cz", "u3"), source=f"read {self.reads} times")

    assert verdict(Restless(right), "NAMES-2")[0] is Verdict.VIOLATES


def test_a_target_that_json_does_not_hold(right: Backend) -> None:
    class Forgetful(Target):
        def to_json(self) -> str:
            return self.model_dump_json(exclude={"source"}, exclude_defaults=True)

    class Wrong(Wrapped):
        name = "acme:chip"
        target = Forgetful(name="chip", num_qubits=2, native=("cz", "u3"), source="a datasheet")

    said, message = verdict(Wrong(right), "NAMES-2")
    assert (said, "['source']" in message) == (Verdict.VIOLATES, True)


LINE = tuple(Site(qubits=(q, q + 1), error=0.0) for q in range(11))


@pytest.mark.parametrize(
    ("rule", "changes"),
    [
        ("NAMES-3", {"native": ("cz", "sx", "x", "rz", "warp")}),
        ("NAMES-3", {"native": ("cz", "sx", "x", "rz", "x")}),
        ("NAMES-3", {"native": ("cz",)}),
        ("NAMES-3", {"sites": {"cz": (Site(qubits=(0, 1), error=0.5),)}}),
        ("NAMES-3", {"sites": {"cz": (Site(qubits=(0, 1)),)}}),
        ("NAMES-3", {"sites": {"cz": LINE, "x": (Site(qubits=(0,), error=1.0),)}}),
        ("NAMES-4", {"sites": {"cz": (*LINE, Site(qubits=(11, 99), error=0.0))}}),
        ("NAMES-4", {"sites": {"cz": (*LINE, Site(qubits=(0, 1), error=0.1))}}),
        ("NAMES-4", {"sites": {"cz": (*LINE, Site(qubits=(3, 3), error=0.0))}}),
        ("NAMES-4", {"sites": {"cz": LINE, "cx": LINE}}),
        ("NAMES-4", {"ranges": {"rz": (1.0, -1.0)}}),
        ("NAMES-4", {"ranges": {"x": (0.0, 1.0)}}),
        ("NAMES-5", {"sites": {"cz": (Site.model_construct(qubits=(0, 1), error=-0.1, duration=None),)}}),
        ("NAMES-5", {"sites": {"cz": (Site.model_construct(qubits=(0, 1), error=0.1, duration=float("inf")),)}}),
        ("NAMES-5", {"sites": {"cz": (Site(qubits=(0, 1), error=0.1, duration=68_000.0),)}, "source": "nanoseconds"}),
        ("NAMES-5", {"qubits": (Qubit.model_construct(t1=None, t2=None, prob_meas1_prep0=1.2, prob_meas0_prep1=0.0),)}),
        ("NAMES-5", {"qubits": tuple(Qubit() for _ in range(3)), "source": "one is missing"}),
        ("NAMES-5", {"sites": {"cz": (Site(qubits=(0, 1), error=0.1),)}}),
        (
            "NAMES-5",
            {
                "sites": {"cz": (Site(qubits=(0, 1), error=0.1),)},
                "calibrated": datetime.now(UTC) + timedelta(days=400),
            },
        ),
    ],
)
def test_wrong_targets(right: Backend, rule: str, changes: dict[str, Any]) -> None:
    assert verdict(Lying(Chip(right), **changes), rule)[0] is Verdict.VIOLATES


def test_couplings_are_recomputed(right: Backend) -> None:
    """What the target derives from its own sites is looked at, too."""

    class Proud(Target):
        @property
        def couplings(self) -> dict[tuple[int, int], float]:  # type: ignore[override]
            return {(0, 11): 0.0}

    class Wrong(Wrapped):
        name = "acme:proud"
        target = Proud(name="proud", num_qubits=12, native=("cz", "sx", "x", "rz"), sites={"cz": LINE})

    assert verdict(Wrong(right), "NAMES-4")[0] is Verdict.VIOLATES


@pytest.mark.parametrize(
    "declared",
    [
        {"max_jobs": 0},
        {"max_shots": 1.5},
        {"max_rows": True},
        {"max_executions": 100},
        {"seed": False},
        {"simulated": False},
        {"find": True},
    ],
    ids=str,
)
def test_capabilities_that_do_not_agree(right: Backend, declared: dict[str, Any]) -> None:
    assert verdict(Wrapped(right, **declared), "NAMES-6")[0] is Verdict.VIOLATES


class Narrow(Wrapped):
    """A backend that takes less than it declares."""

    def __init__(self, inner: Backend, **true: int) -> None:
        super().__init__(inner)
        self._true = inner.capabilities.model_copy(update=true)

    def submit(self, work: Sequence[Work], *, tag: str) -> str:
        check_works(work, self.target, self._true)
        return super().submit(work, tag=tag)


@pytest.mark.parametrize("true", [{"max_shots": 10_000}, {"max_rows": 100}, {"max_works": 10}], ids=str)
def test_limits_that_are_not_reached(right: Backend, true: dict[str, int]) -> None:
    assert verdict(Narrow(right, **true), "NAMES-7")[0] is Verdict.VIOLATES


def test_one_job_at_a_time(right: Backend) -> None:
    class Lonely(Wrapped):
        """Forgets a job when the next one comes."""

        last = ""

        def submit(self, work: Sequence[Work], *, tag: str) -> str:
            self.last = super().submit(work, tag=tag)
            return self.last

        def fetch(self, job_id: str) -> Any:
            return super().fetch(self.last)

    assert verdict(Lonely(right, max_jobs=3), "NAMES-7")[0] is Verdict.VIOLATES


def test_executions_are_limited(right: Backend) -> None:
    """The limit is tried where it can be passed in few rows, and then it has to be named."""
    limits = {"max_shots": 1000, "max_rows": 50, "max_executions": 20_000}
    declared = Wrapped(right, **limits)
    assert verdict(declared, "NAMES-7")[0] is Verdict.VIOLATES  # the inner backend takes more

    class Misnamed(Narrow):
        def submit(self, work: Sequence[Work], *, tag: str) -> str:
            try:
                return super().submit(work, tag=tag)
            except NotSupportedError as error:
                raise NotSupportedError(str(error), capability="max_rows") from None

    assert verdict(Narrow(declared), "NAMES-7") == (Verdict.CONFORMS, "")
    said, message = verdict(Misnamed(declared), "NAMES-7")
    assert (said, "'max_rows'" in message) == (Verdict.VIOLATES, True)


def test_native_parameters_are_taken(right: Backend) -> None:
    assert verdict(Wrapped(right, native_parameters=True), "NAMES-8") == (Verdict.CONFORMS, "")
    assert verdict(Wrapped(right, native_parameters=True, max_rows=1), "NAMES-8")[0] is Verdict.VIOLATES
    rows = Narrow(Wrapped(right, native_parameters=True), max_rows=5)
    assert verdict(rows, "NAMES-8")[0] is Verdict.VIOLATES
