"""JUnit: one case per rule, red wherever the command does not end with 0."""

from __future__ import annotations

from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qadapt_conformance import RULES, Report, Verdict
from qadapt_conformance.reports.junit import NOTHING, junit


def read(report: Report) -> tuple[Element, dict[str, Element]]:
    suites = ElementTree.fromstring(junit(report).encode())
    (suite,) = suites
    return suite, {case.attrib["name"]: case for case in suite.iter("testcase")}


def kind(case: Element) -> str:
    return case[0].tag if len(case) else "passed"


def test_kinds_and_reasons(mixed: Report) -> None:
    suite, cases = read(mixed)
    assert list(cases) == list(RULES)
    told = {"BITS-1": "failure", "BITS-2": "error", "BITS-3": "skipped", "BITS-4": "error", "BITS-5": "skipped"}
    told["JOBS-5"] = "skipped"
    assert {name: kind(case) for name, case in cases.items()} == dict.fromkeys(RULES, "passed") | told
    assert cases["BITS-1"][0].attrib["message"].startswith("VIOLATES: outcome 2 seen 0.500")
    assert "circuit : h(0); <b>cx</b>" in (cases["BITS-1"][0].text or "")
    assert "\n  explain : qadapt conformance explain BITS-1" in (cases["BITS-1"][0].text or "")
    assert "explain" not in (cases["BITS-4"][0].text or "")
    assert "needs 5000 shots" in cases["BITS-2"][0].attrib["message"]
    assert cases["BITS-3"][0].attrib["message"] == "NOT DECLARED: needs capability seed"
    assert cases["BITS-4"][0].attrib["message"] == "NOT RUN: UnavailableError: <down> \ufffd"
    assert "A queued job cannot" in cases["JOBS-5"][0].attrib["message"]
    assert "https://acme.example/issues/12?a=1&b=2" in cases["JOBS-5"][0].attrib["message"]
    counts = {name: suite.attrib[name] for name in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": str(len(RULES)), "failures": "1", "errors": "2", "skipped": "3"}
    properties = {entry.attrib["name"]: entry.attrib["value"] for entry in suite.iter("property")}
    assert properties["version:qadapt"] == "0.1.0"
    assert properties["spec"] == "1.0"


def test_nothing_conforms(written) -> None:  # type: ignore[no-untyped-def]
    silent = {name: {"verdict": Verdict.NOT_DECLARED, "message": "needs capability x"} for name in RULES}
    suite, cases = read(written(silent))
    assert kind(cases[NOTHING]) == "error"
    assert suite.attrib["tests"] == str(len(cases))
    assert len(cases) == len(RULES) + 1
    _, cases = read(written(silent | {"BITS-1": {"verdict": Verdict.CONFORMS}}))
    assert NOTHING not in cases


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_red_exactly_if_the_command_is(written, data: st.DataObject) -> None:  # type: ignore[no-untyped-def]
    one = st.tuples(st.sampled_from(Verdict), st.booleans(), st.text(max_size=20))
    drawn = data.draw(st.dictionaries(st.sampled_from(list(RULES)), one, max_size=6))
    rest = data.draw(st.sampled_from([Verdict.CONFORMS, Verdict.NOT_DECLARED]))
    changes = {name: {"verdict": rest, "message": "reason"} for name in RULES}
    for name, (verdict, in_tier, text) in drawn.items():
        changes[name] = {"verdict": verdict, "in_tier": in_tier, "message": text or "reason"}
    report = written(changes)
    suite, _ = read(report)
    red = int(suite.attrib["failures"]) + int(suite.attrib["errors"])
    assert bool(red) == bool(report.exit_code)
