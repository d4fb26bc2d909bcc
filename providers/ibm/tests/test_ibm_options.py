"""Options, their environment variables, and what they make of the client's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from qiskit_ibm_runtime.executor.calculate_twirling_shots import calculate_twirling_shots
from qiskit_ibm_runtime.options_models import SamplerOptions

from qadapt.errors import TargetError
from qadapt_ibm.options import PREFIX, Options


def test_everything_is_off_by_default() -> None:
    assert Options() == Options.read({})
    assert not Options().twirled
    assert Options().mitigation(100) == ()
    made = SamplerOptions(**Options().sampler(100, ["t"]))
    assert not made.dynamical_decoupling.enable
    assert made.twirling.enable_gates is False
    assert made.twirling.enable_measure is False
    assert made.environment.job_tags == ["t"]


def test_every_option_has_a_variable() -> None:
    given = {
        "mode": "session",
        "max_time": "600",
        "dynamical_decoupling": "XpXm",
        "twirl_gates": "true",
        "twirl_measure": "1",
        "randomizations": "8",
        "rep_delay": "1e-4",
        "init_qubits": "false",
        "max_execution_time": "300",
        "private": "yes",
        "tags": "mine, other,",
        "dollars_per_minute": "96",
    }
    assert set(given) == set(Options.model_fields)
    read = Options.read({PREFIX + name.upper(): value for name, value in given.items()} | {"QADAPT_IBM_PYTHON": "x"})
    assert read == Options(
        mode="session",
        max_time=600,
        dynamical_decoupling="XpXm",
        twirl_gates=True,
        twirl_measure=True,
        randomizations=8,
        rep_delay=1e-4,
        init_qubits=False,
        max_execution_time=300,
        private=True,
        tags=("mine", "other"),
        dollars_per_minute=96,
    )
    assert Options.read({f"{PREFIX}MODE": ""}) == Options()


@pytest.mark.parametrize(
    ("name", "value"),
    [("MODE", "dedicated"), ("MAX_TIME", "0"), ("TWIRL_GATES", "maybe"), ("REP_DELAY", "-1"), ("REP_DELAY", "nan"),
     ("MAX_EXECUTION_TIME", "10801"), ("RANDOMIZATIONS", "0"), ("DYNAMICAL_DECOUPLING", "YY")],
)  # fmt: skip
def test_a_bad_variable_is_named(name: str, value: str) -> None:
    with pytest.raises(TargetError, match=PREFIX + name):
        Options.read({PREFIX + name: value})


def test_options_are_frozen_and_closed() -> None:
    with pytest.raises(ValidationError):
        Options().mode = "batch"
    with pytest.raises(ValidationError):
        Options(resilience=1)  # type: ignore[call-arg]


@given(st.integers(1, 100_000))
def test_randomizations_share_the_shots(shots: int) -> None:
    """The client would otherwise run more shots than were asked for; never more circuits than it takes by itself."""
    options = Options(twirl_gates=True)
    circuits = options.circuits(shots)
    assert shots % circuits == 0
    most, _ = calculate_twirling_shots(shots, "auto", "auto")
    assert 1 <= circuits <= most
    assert not any(shots % number == 0 for number in range(circuits + 1, most + 1))
    twirling = SamplerOptions(**options.sampler(shots, [])).twirling
    number, each = calculate_twirling_shots(shots, twirling.num_randomizations, twirling.shots_per_randomization)
    assert number * each == shots


def test_one_circuit_without_twirling() -> None:
    assert Options(randomizations=8).circuits(4096) == 1
    assert Options(twirl_measure=True, randomizations=8).circuits(4096) == 8
    assert Options(twirl_measure=True).circuits(4096) == 32


def test_what_is_done_is_said() -> None:
    options = Options(dynamical_decoupling="XX", twirl_gates=True, twirl_measure=True, randomizations=4)
    assert options.mitigation(100) == (
        "dynamical decoupling XX",
        "gate twirling, 4 randomizations",
        "measurement twirling, 4 randomizations",
    )
