"""HTML: a report as one page that needs nothing else: no script, no font, no image from elsewhere."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from itertools import groupby
from string import Template

from qadapt import Cost
from qadapt_conformance.report import Report
from qadapt_conformance.reports.evidence import inline, mark, style, violation
from qadapt_conformance.reports.markup import Markup, clean, element, join
from qadapt_conformance.reports.summary import TIERS, chapters, headline, probability, shown_in_part, untested
from qadapt_conformance.verdict import RuleVerdict, Verdict

NAVIGATION = {"rules": "All rules", "untested": "What was not tested", "run": "The run"}
"""Sections to go to."""

OPEN = 3
"""Violations that are shown in full from the start."""

COLUMNS = ("Rule", "What it demands", "Verdict", "p-value", "Shots", "Looks")


def html(report: Report) -> str:
    """Write a report as a page."""
    parts = (
        _top(report),
        _key(report),
        _judged(report, Verdict.VIOLATES, "Violations"),
        _judged(report, Verdict.UNDECIDED, "Undecided"),
        _table(report),
        _untested(report),
        _facts(report),
    )
    outcome = headline(report)
    title = join(f"{outcome.word}: {report.backend} · qadapt conformance")
    return page(title, element("main", *parts))


def page(title: Markup, body: Markup) -> str:
    """A whole page of its own around a body."""
    return Template(_resource("report.html")).substitute(title=title, style=_resource("report.css"), body=body)


@cache
def _resource(name: str) -> str:
    return (files("qadapt_conformance.reports") / name).read_text(encoding="utf-8")


def _top(report: Report) -> Markup:
    """The verdict on the whole, and what it is about."""
    outcome = headline(report)
    conforms = outcome.verdict is Verdict.CONFORMS
    mood = Verdict.EXCLUDED if conforms and report.count(Verdict.EXCLUDED) else outcome.verdict
    kind = "simulator" if report.capabilities.simulated else "machine"
    facts = {
        "Target": f"{kind}, {'without noise' if report.ideal else 'with noise'}",
        "Tier": report.tier.value,
        "Specification": report.spec,
        "Judged": moment(report.date),
        "Calibrated": moment(report.calibrated) if report.calibrated else "not said",
        "Cost": cost(report.cost, report.jobs),
    }
    return element(
        "header",
        element("p", "qadapt conformance", class_="over"),
        element("h1", element("span", mark(mood), class_="mark", aria_hidden="true"), outcome.word),
        element("p", report.backend, class_="backend"),
        element("p", outcome.said, " ", TIERS[report.tier], class_="lead"),
        _pairs(facts, "facts"),
        class_=f"top {style(mood)}",
    )


def _key(report: Report) -> Markup:
    """How many rules have which verdict, as a bar and in words."""
    counts = {verdict: report.count(verdict) for verdict in Verdict if report.count(verdict)}
    return element(
        "section",
        element(
            "div",
            *(element("i", class_=style(verdict), style=f"flex-grow:{count}") for verdict, count in counts.items()),
            class_="share",
            aria_hidden="true",
        ),
        element(
            "ul",
            *(element("li", pill(verdict), " ", element("b", str(count))) for verdict, count in counts.items()),
            class_="counts",
        ),
        element("nav", *(element("a", said, href=f"#{name}") for name, said in NAVIGATION.items())),
        aria_label="Rules by verdict",
    )


def _judged(report: Report, verdict: Verdict, title: str) -> Markup | None:
    """The rules of one verdict, each with all that came of it."""
    entries = [entry for entry in report.verdicts if entry.verdict is verdict]
    if not entries:
        return None
    advice = (
        "One mistake may break many rules, and the first need not be the one that names it. Those without a p-value "
        "say in words what is wrong; of those with one, the shortest circuit says most."
    )
    return element(
        "section",
        element("h2", title),
        element("p", advice) if verdict is Verdict.VIOLATES and len(entries) > 1 else None,
        *(violation(report, entry, shown=number < OPEN) for number, entry in enumerate(entries)),
    )


def _table(report: Report) -> Markup:
    """Every rule by chapter."""
    titles = chapters()
    noisy = any(finding.margin is not None for entry in report.verdicts for finding in entry.findings)
    columns = COLUMNS + ("Distance of margin",) * noisy
    bodies = []
    for chapter, group in groupby(report.verdicts, key=lambda entry: titles.get(entry.rule, entry.chapter)):
        entries = list(group)
        held = sum(entry.verdict is Verdict.CONFORMS for entry in entries)
        heading = element(
            "th",
            chapter,
            " ",
            element("small", f"{held} of {len(entries)} kept"),
            colspan=len(columns),
            scope="rowgroup",
            role="rowheader",
        )
        rows = (_row(entry, columns) for entry in entries)
        bodies.append(element("tbody", element("tr", heading, class_="chapter", role="row"), *rows, role="rowgroup"))
    header = (element("th", name, scope="col", role="columnheader") for name in columns)
    return element(
        "section",
        element("h2", "All rules", id="rules"),
        element(
            "table",
            element("thead", element("tr", *header, role="row"), role="rowgroup"),
            *bodies,
            role="table",
            class_="rules",
        ),
        element(
            "p",
            "The p-value is the smallest of a rule's looks: a bound on how likely a right backend looks at least that "
            "wrong. All looks of the run are judged together, so that a right backend is called wrong with a "
            f"probability of at most {report.alpha:g}. A dash stands where chance took no part.",
            class_="note",
        ),
    )


def _row(entry: RuleVerdict, columns: tuple[str, ...]) -> Markup:
    detailed = entry.verdict in (Verdict.VIOLATES, Verdict.UNDECIDED)
    name = element("a", entry.rule, href=f"#{entry.rule.lower()}") if detailed else Markup(element("span", entry.rule))
    cells = [
        name,
        inline(entry.title),
        pill(entry.verdict),
        probability(entry.p_value),
        shots(entry),
        str(entry.looks or "–"),
    ]
    cells += [distance(entry)] * (len(columns) - len(cells))
    names = ("name", "title", "verdict", *("number",) * (len(columns) - 3))
    return element(
        "tr",
        *(
            element("td", cell, class_=f"{kind}{' none' * (cell == '–')}", role="cell", data_label=column)
            for cell, kind, column in zip(cells, names, columns, strict=True)
        ),
        role="row",
    )


def _untested(report: Report) -> Markup:
    """What nobody may conclude from this report."""
    groups = untested(report)
    excluded = [entry for entry in report.verdicts if entry.verdict is Verdict.EXCLUDED]
    parts: list[Markup] = []
    for (verdict, in_tier, message), entries in groups.items():
        held = " This is held against the run." if verdict is Verdict.NOT_RUN and in_tier else ""
        named = f"{len(entries)} rule{'s' * (len(entries) != 1)}"
        parts += [
            element("dt", pill(verdict), " ", message, class_="reason"),
            element("dd", element("p", f"{named}.{held}"), _names(entries)),
        ]
    undecided = [entry for entry in report.verdicts if entry.verdict is Verdict.UNDECIDED]
    if undecided:
        said = "too few shots to tell the backend from a wrong one"
        parts += [element("dt", pill(Verdict.UNDECIDED), " ", said, class_="reason"), element("dd", _names(undecided))]
    for entry in filter(shown_in_part, report.verdicts):
        named = element("ul", element("li", element("b", entry.rule), " ", inline(entry.message)))
        parts += [element("dt", pill(entry.verdict), " as far as it shows", class_="reason"), element("dd", named)]
    return element(
        "section",
        element("h2", "What was not tested", id="untested"),
        element("dl", *parts, class_="untested") if parts else None,
        None if parts else element("p", "Every rule of the specification was judged."),
        element("h3", "Exclusions") if excluded else None,
        *(_exclusion(report, entry) for entry in excluded),
        None if excluded else element("p", "No rule is excluded.", class_="note"),
    )


def _names(entries: Iterable[RuleVerdict]) -> Markup:
    return element("ul", *(element("li", element("b", entry.rule), " ", inline(entry.title)) for entry in entries))


def _exclusion(report: Report, entry: RuleVerdict) -> Markup:
    told = entry.exclusion
    reason = element("p", told.reason, " ", element("a", told.link, href=told.link, rel="noreferrer")) if told else None
    return join(reason, violation(report, entry, shown=False))


def _facts(report: Report) -> Markup:
    """What is needed to judge and to repeat the run, and what the backend declares."""
    run = {
        "Seed": str(report.seed),
        "False alarms": f"at most {report.alpha:g} per run",
        "Took": f"{report.seconds:,.1f} s",
        "Target hash": report.target_hash,
    }
    declared = {
        name.replace("_", " "): ("yes" if value else "no") if isinstance(value, bool) else said(value)
        for name, value in report.capabilities.model_dump().items()
    }
    return element(
        "section",
        element("h2", "The run", id="run"),
        _pairs(run, "facts"),
        element("h3", "Versions"),
        _pairs(report.versions, "facts"),
        element("h3", "What the backend declares"),
        _pairs(declared, "facts"),
        _pairs({"Rules of the cost": "; ".join(report.cost.rules)}, "facts") if report.cost.rules else None,
        class_="run",
    )


def _pairs(values: dict[str, str], kind: str) -> Markup:
    rows = (element("div", element("dt", name), element("dd", value)) for name, value in values.items())
    return element("dl", *rows, class_=kind)


def pill(verdict: Verdict, word: str = "") -> Markup:
    """A verdict in its colour, its sign, and its own or another word."""
    sign = element("span", mark(verdict), aria_hidden="true")
    return element("span", sign, " ", word or verdict.value, class_=f"pill {style(verdict)}")


def said(value: object) -> str:
    """A value of a declaration for people."""
    return "not said" if value is None else f"{value:,}" if isinstance(value, int) else clean(str(value))


def moment(when: datetime) -> str:
    """Date and time in UTC, to the minute."""
    aware = when if when.tzinfo else when.replace(tzinfo=UTC)
    return aware.astimezone(UTC).strftime("%d %B %Y, %H:%M UTC").lstrip("0")


def cost(spent: Cost, jobs: int) -> str:
    """What a run took, as far as it is known."""
    parts = [f"{jobs:,} job{'s' * (jobs != 1)}"]
    if spent.shots:
        parts.append(f"{spent.shots:,} shots")
    if spent.seconds is not None:
        parts.append(f"{spent.seconds:,.1f} s of the machine")
    if spent.dollars is not None:
        parts.append(f"about {spent.dollars:,.2f} US dollars")
    return ", ".join(parts)


def shots(entry: RuleVerdict) -> str:
    """Shots per row of the looks of a rule, as a range."""
    counts = {finding.shots for finding in entry.findings if finding.shots is not None}
    if not counts:
        return "–"
    low, high = min(counts), max(counts)
    return f"{low:,}" if low == high else f"{low:,}–{high:,}"


def distance(entry: RuleVerdict) -> str:
    """The largest distance of a rule's looks, as a share of what the noise of the target explains."""
    pairs = [(f.distance, f.margin) for f in entry.findings if f.distance is not None and f.margin]
    if not pairs:
        return "–"
    far, margin = max(pairs, key=lambda pair: pair[0] / pair[1])
    return f"{far:.3f} of {margin:.3f}"
