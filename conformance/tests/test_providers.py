"""The providers of this repository run the suite through the same door as a third party."""

from __future__ import annotations

from pathlib import Path

import pytest

from qadapt.registry import using
from qadapt_conformance import Settings, read_settings, run_suite

FILES = sorted((Path(__file__).parents[2] / "providers").glob("*/conformance.toml"))
BACKENDS = [settings for path in FILES for settings in read_settings(path)]


def test_every_provider_declares_backends() -> None:
    assert {path.parent.name for path in FILES} == {"aer", "braket", "cirq", "ibm", "origin"}
    assert len(BACKENDS) >= len(FILES)


@pytest.mark.parametrize("settings", BACKENDS, ids=lambda settings: settings.target)
def test_a_backend_conforms_as_it_declares(settings: Settings) -> None:
    with using(settings.target) as backend:
        report = run_suite(backend, tier=settings.tier, exclusions=settings.exclusions)
    assert report.exit_code == 0, [entry.message for entry in report.verdicts if entry.message and entry.in_tier]
