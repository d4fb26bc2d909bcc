"""The providers of this repository run the suite through the same door as a third party."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from qadapt.errors import MissingExtraError
from qadapt.registry import backend
from qadapt_conformance.suite import Verdict, run_suite

DECLARATIONS = sorted((Path(__file__).parents[2] / "providers").glob("*/conformance.toml"))


@pytest.mark.parametrize("path", DECLARATIONS, ids=lambda path: path.parent.name)
def test_a_provider_conforms_as_it_declares(path: Path) -> None:
    declared = tomllib.loads(path.read_text(encoding="utf-8"))
    assert declared["exclusions"] == []
    try:
        opened = backend(declared["target"])
    except MissingExtraError as error:
        pytest.skip(f"the provider cannot be loaded: {error}")
    report = run_suite(opened)
    violated = [entry.message for entry in report.verdicts if entry.verdict is Verdict.VIOLATES]
    assert not violated
    # Rules that need an ideal distribution are not run on a noisy target, and say so.
    assert report.count(Verdict.CONFORMS) >= (len(report.verdicts) if opened.target.ideal else 20)
