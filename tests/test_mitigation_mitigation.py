"""What is done against errors: nothing by default, contradictions are refused, all that is done has a name."""

from __future__ import annotations

import pytest

from qadapt.errors import BindingsError
from qadapt.mitigation import Mitigation


def test_nothing_is_on_by_default():
    assert Mitigation().names() == ()
    assert not Mitigation().corrects
    assert Mitigation().parts == 1


@pytest.mark.parametrize(
    "given",
    [
        {"readout": "half"},
        {"depolarising": "guess"},
        {"scales": ()},
        {"scales": (2, 3)},
        {"scales": (1, 3, 2)},
        {"scales": (1, 1)},
        {"scales": (1, float("nan"))},
        {"scales": (1, float("inf"))},
        {"extrapolation": "spline"},
        {"repetitions": 0},
        {"references": 0},
        {"rotate": True},
        {"unknown": 1},
    ],
)
def test_contradictions_are_refused(given):
    with pytest.raises(BindingsError, match="bad mitigation"):
        Mitigation(**given)


def test_everything_that_is_done_has_a_name():
    asked = Mitigation(
        readout="tensored",
        depolarising="references",
        references=3,
        scales=(1, 2.5),
        extrapolation="exponential",
        twirl=True,
        rotate=True,
        repetitions=8,
    )
    assert asked.parts == 16
    assert asked.names() == (
        "readout inversion, tensored",
        "depolarising rescaling, 3 references",
        "zero-noise extrapolation, exponential, scales 1, 2.5",
        "Pauli twirling, 8 repetitions",
        "tile rotation, 8 repetitions",
        "projection on probabilities",
    )
    assert Mitigation(depolarising="calibration", constrain=False).names() == ("depolarising rescaling, calibration",)
    assert Mitigation(twirl=True).names() == ("Pauli twirling, 1 repetitions",)


def test_it_is_frozen_data_with_a_json_form():
    asked = Mitigation(scales=(1, 3), readout="full")
    assert Mitigation.model_validate_json(asked.model_dump_json()) == asked
