"""JUnit: a report as the XML that CI services read; red wherever the exit code is not 0."""

from __future__ import annotations

from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from qadapt_conformance.report import Report
from qadapt_conformance.reports.markup import clean
from qadapt_conformance.reports.summary import headline, said, told
from qadapt_conformance.verdict import RuleVerdict, Verdict

NOTHING = "nothing-conforms"
"""Name of the test case that is added where no rule conforms and none is to blame."""


def junit(report: Report) -> str:
    """Write a report as JUnit XML.

    One test case per rule: what is violated is a failure; what the tier has and was not judged is an error; what is not
    declared, not in the tier, or excluded is skipped, with the reason. Where nothing conforms and no rule is to blame
    for it, one more test case is an error.
    """
    suite = Element("testsuite", name=clean(f"qadapt-conformance {report.backend}"))
    for entry in report.verdicts:
        _case(suite, report, entry)
    if report.exit_code and not suite.findall("*/failure") and not suite.findall("*/error"):
        case = SubElement(suite, "testcase", classname=_class(report, "suite"), name=NOTHING)
        SubElement(case, "error", type=Verdict.NOT_RUN.value, message=headline(report).said)
    counts = {f"{kind}s": len(suite.findall(f"*/{kind}")) for kind in ("failure", "error")}
    counts |= {"tests": len(suite), "skipped": len(suite.findall("*/skipped"))}
    for name, count in counts.items():
        suite.set(name, str(count))
    suite.set("time", f"{report.seconds:.3f}")
    suite.set("timestamp", report.date.isoformat(timespec="seconds"))
    suite.insert(0, _properties(report))
    suites = Element("testsuites")
    suites.append(suite)
    ElementTree.indent(suites)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(suites, encoding="unicode") + "\n"


def _case(suite: Element, report: Report, entry: RuleVerdict) -> None:
    case = SubElement(suite, "testcase", classname=_class(report, entry.chapter), name=entry.rule, time="0")
    kind = (
        "failure"
        if entry.verdict is Verdict.VIOLATES
        else "error"
        if entry in report.left
        else "skipped"
        if entry.verdict is not Verdict.CONFORMS
        else None
    )
    if kind is not None:
        message = f"{entry.verdict}: {_reason(entry)}"
        blamed = entry.verdict in (Verdict.VIOLATES, Verdict.EXCLUDED)
        text = told(report, entry) if blamed else entry.message
        SubElement(case, kind, type=entry.verdict.value, message=clean(message)).text = clean(text)


def _reason(entry: RuleVerdict) -> str:
    if entry.verdict is Verdict.EXCLUDED and entry.exclusion is not None:
        return f"{entry.exclusion.reason} ({entry.exclusion.link})"
    return said(entry)


def _class(report: Report, chapter: str) -> str:
    # A dot would make a package of what stands before it.
    return clean(f"{report.backend.replace('.', '_')}.{chapter}")


def _properties(report: Report) -> Element:
    found = Element("properties")
    values = {
        "backend": report.backend,
        "tier": report.tier.value,
        "spec": report.spec,
        "seed": str(report.seed),
        "target_hash": report.target_hash,
        "calibrated": report.calibrated.isoformat() if report.calibrated else "",
    } | {f"version:{name}": version for name, version in report.versions.items()}
    for name, value in values.items():
        SubElement(found, "property", name=clean(name), value=clean(value))
    return found
