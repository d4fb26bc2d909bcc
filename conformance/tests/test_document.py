"""JSON: it is read back, it follows its schema, and the schema is the one that is published."""

from __future__ import annotations

import json
import sys

import jsonschema
import pytest
from pydantic import BaseModel

from qadapt import Backend, backend
from qadapt_conformance import Report, Verdict, run_suite
from qadapt_conformance.agreement import MatchReport
from qadapt_conformance.case import Adapter
from qadapt_conformance.compare import compare
from qadapt_conformance.reports.document import SCHEMAS, VERSION, Document, MatchDocument, document, schema, schema_text


def test_it_is_read_back(right: Backend) -> None:
    report = run_suite(right, rules={"BITS-1", "SHOTS-2"})
    again = Report.model_validate_json(document(report))
    assert document(again) == document(report)
    finite = {name: value for name, value in report if name != "verdicts"}  # evidence may be infinite
    assert {name: value for name, value in again if name != "verdicts"} == finite
    assert [entry.findings[0].picture for entry in again.verdicts if entry.findings] == [
        entry.findings[0].picture for entry in report.verdicts if entry.findings
    ]


def test_the_schema_holds_and_allows_nothing_else(mixed: Report, right: Backend) -> None:
    check = jsonschema.Draft202012Validator(schema())
    check.check_schema(schema())
    for report in (mixed, run_suite(right, rules={"BITS-1"})):
        found = json.loads(document(report))
        check.validate(found)
        for key in ("verdicts", "exit_code", "seed", "schema_version"):
            assert not check.is_valid({name: value for name, value in found.items() if name != key}), key
        assert not check.is_valid(found | {"exit_code": 2})


@pytest.fixture(scope="module")
def compared(right: Backend) -> MatchReport:
    return compare([right, backend("local:emulator/heron-r2")], adapter=Adapter.QTHA, shots=200)


def test_a_comparison_is_read_back(compared: MatchReport) -> None:
    again = MatchReport.model_validate_json(document(compared))
    assert document(again) == document(compared)
    assert again == compared


def test_the_schema_of_comparisons_holds(compared: MatchReport) -> None:
    check = jsonschema.Draft202012Validator(schema(MatchDocument))
    check.check_schema(schema(MatchDocument))
    found = json.loads(document(compared))
    check.validate(found)
    assert found["exit_code"] == compared.exit_code == 3
    assert [(each["first"], each["second"]) for each in found["outcomes"]] == list(compared.pairs)
    assert [each["verdict"] for each in found["outcomes"]] == [compared.verdict(*pair) for pair in compared.pairs]
    assert found["outcomes"][0]["circuits"] == ["qtha 2", "qtha 3"]
    for key in ("circuits", "hearings", "outcomes", "exit_code", "schema_version"):
        assert not check.is_valid({name: value for name, value in found.items() if name != key}), key
    assert not check.is_valid(found | {"exit_code": 2})


@pytest.mark.parametrize(("name", "form"), [("report", Document), ("compare", MatchDocument)])
def test_the_published_schemas_are_in_step(name: str, form: type[BaseModel]) -> None:
    (file,) = (file for file, published in SCHEMAS.items() if published is form)
    assert file.name == f"{name}.schema.json"
    assert file.read_text(encoding="utf-8") == schema_text(form), "run python -m qadapt_conformance.reports"


@pytest.mark.parametrize(
    ("verdict", "code"), [(Verdict.CONFORMS, 0), (Verdict.VIOLATES, 1), (Verdict.UNDECIDED, 3), (Verdict.EXCLUDED, 0)]
)
def test_the_outcome_is_in_it(written, verdict: Verdict, code: int) -> None:  # type: ignore[no-untyped-def]
    found = json.loads(document(written({"BITS-1": {"verdict": verdict}})))
    assert (found["exit_code"], found["schema_version"]) == (code, VERSION)


def test_what_json_cannot_say(mixed: Report) -> None:
    text = document(mixed)
    text.encode()
    found = json.loads(text, parse_constant=lambda word: pytest.fail(word))
    (entry,) = (entry for entry in found["verdicts"] if entry["rule"] == "BITS-1")
    assert entry["findings"][0]["against"] == {"m": sys.float_info.max}
    assert found["backend"] == "acme:<script>alert(1)</script>&\ufffd"
    assert "\n" not in text
    again = Report.model_validate_json(text)
    assert [entry.verdict for entry in again.verdicts] == [entry.verdict for entry in mixed.verdicts]
