"""Policies: what can be asked for, and what is refused."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from qadapt.jobs import PATIENT, Policy


def test_nothing_is_asked_twice_or_paid_twice_unless_somebody_says_so():
    assert Policy() == PATIENT
    assert PATIENT.in_doubt == "hold"
    assert PATIENT.cancel is None
    assert PATIENT.rows is None
    assert PATIENT.jobs is None
    assert PATIENT.settle > 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"rows": 0},
        {"jobs": 0},
        {"attempts": 0},
        {"deadline": 0},
        {"deadline": float("inf")},
        {"backoff": 0},
        {"longest_backoff": -1},
        {"settle": -0.1},
        {"settle": float("nan")},
        {"in_doubt": "forget"},
        {"patience": 3},
    ],
)
def test_what_makes_no_sense_is_refused(wrong):
    with pytest.raises(ValidationError):
        Policy(**wrong)


def test_a_policy_does_not_change():
    with pytest.raises(ValidationError):
        PATIENT.attempts = 1  # type: ignore[misc]
    assert Policy(settle=0).settle == 0
