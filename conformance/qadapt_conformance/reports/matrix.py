"""Matrix: a comparison of several backends as JSON and as a page."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

from qadapt_conformance.agreement import EXACT, CircuitMatch, MatchReport
from qadapt_conformance.hearing import PHYSICAL, Hearing
from qadapt_conformance.matching import Match
from qadapt_conformance.reports.document import document
from qadapt_conformance.reports.evidence import inline, style
from qadapt_conformance.reports.html import moment, page, pill
from qadapt_conformance.reports.markup import Markup, element, join
from qadapt_conformance.verdict import Verdict

WIDTH, ROW = 560, 22
"""Size of an interval plot in pixels: its width, and the height of a line."""

WORDS = {0: "The backends match", 1: "The backends differ", 3: "Not decided"}
PAIR = {Verdict.CONFORMS: "match", Verdict.VIOLATES: "DIFFER", Verdict.UNDECIDED: "undecided"}
"""What is said of two sides."""

COUNTS = {
    Verdict.CONFORMS: "fit the circuits",
    Verdict.VIOLATES: "do NOT fit the circuits",
    Verdict.UNDECIDED: "lean towards a mutant",
    Verdict.NOT_RUN: "are not judged",
}
"""What the counts of a side do."""

COLUMNS = ("first", "second", "distance", "at least", "at most", "noise explains", "by distance")
"""What ``cells`` writes."""

UNBOUNDED = "-"
"""Stands for what noise explains where that is too much."""

DISTANCE = (
    "The distance is the total variation, mean over the rows; the true one surely is between the two bounds. Two sides "
    "match where all of that is within what the noise of both explains, and differ where nothing of it is, or where "
    "the counts of one surely do not fit the circuits."
)
TOO_MUCH = (
    f"{UNBOUNDED} stands where by the calibration the noise explains so much that no distance would tell, whatever the "
    "shots; fewer two-qubit gates or better ones help. Such a circuit takes no part in who matches whom."
)
PARTLY = (
    "A match on fewer circuits than all says nothing about the others, where noise explains any distance or the counts "
    "of a side are not judged."
)

MOODS = {0: Verdict.CONFORMS, 1: Verdict.VIOLATES, 3: Verdict.UNDECIDED}


def write_matrix(report: MatchReport, folder: Path) -> None:
    """Write ``compare.json`` and ``compare.html`` into a folder, which is made.

    Raises:
        OSError: They cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "compare.json").write_text(document(report) + "\n", encoding="utf-8")
    (folder / "compare.html").write_text(matrix(report), encoding="utf-8")


def matrix(report: MatchReport) -> str:
    """Write a comparison as a page of its own."""
    mood, words = MOODS[report.exit_code], _words(report)
    header = element(
        "header",
        element("p", "qadapt conformance compare", class_="over"),
        element("h1", words),
        element("p", f"{report.adapter} circuits, specification {report.spec}, {moment(report.date)}", class_="lead"),
        class_=f"top {style(mood)}",
    )
    parts = (
        header,
        _grid(report),
        _hearings(report),
        _sides(report),
        *(_circuit(circuit) for circuit in report.circuits),
    )
    return page(join(f"{words} · qadapt conformance"), element("main", *parts))


def cells(found: Match) -> tuple[str, ...]:
    """Two sides in a row of a table; ``COLUMNS`` are its heads."""
    said = PAIR[found.verdict]
    if found.needs:
        said += f", needs {found.needs:,} shots"
    elif found.verdict is Verdict.UNDECIDED:
        said += ", too much noise"
    numbers = (f"{value:.4f}" for value in (found.seen, found.lower, found.upper))
    margin = UNBOUNDED if found.margin is None else f"{found.margin:.4f}"
    return found.first, found.second, *numbers, margin, said


def notes(report: MatchReport) -> list[str]:
    """What the columns mean, as far as these rows need it."""
    matches = [each for circuit in report.circuits for each in circuit.matches]
    few = any(_partly(report, *sides) for sides in report.pairs)
    return [DISTANCE, *[TOO_MUCH] * any(each.margin is None for each in matches), *[PARTLY] * few]


def pair(report: MatchReport, first: str, second: str) -> str:
    """What is said of two sides, and on how many circuits a match rests if not on all."""
    return PAIR[report.verdict(first, second)] + _partly(report, first, second)


def _partly(report: MatchReport, first: str, second: str) -> str:
    judged, circuits = len(report.judged(first, second)), len(report.circuits)
    partly = report.verdict(first, second) is Verdict.CONFORMS and judged < circuits
    return f" on {judged} of {circuits}" * partly


def _words(report: MatchReport) -> str:
    partly = report.exit_code == 0 and any(_partly(report, *sides) for sides in report.pairs)
    return WORDS[report.exit_code] + " where they could be judged" * partly


def told(found: Hearing) -> list[str]:
    """What the counts of a side say, in lines: what speaks against it, and what they cannot say."""
    lines = [f"{found.said}; look at {found.circuit}"] * bool(found.said)
    if found.like and f"`{found.like}`" not in found.said:
        lines.append(f"looks like mutant `{found.like}`")
    few = [f"`{each.mutant}` ({each.needs:,} shots would tell)" for each in found.untold if each.needs]
    unplanned = [f"`{each.mutant}`" for each in found.untold if not each.needs]
    lines += [f"not told from {', '.join(few)}"] * bool(few)
    lines += [f"not told by any number of shots from {', '.join(unplanned)}"] * bool(unplanned)
    lines += [f"{name} is not judged: {why}" for name, why in found.unjudged.items()]
    idle = f"{len(found.idle)} of {len(PHYSICAL)} mutants give nothing else in these circuits"
    return lines + [idle] * bool(found.idle)


def _grid(report: MatchReport) -> Markup:
    """Every backend against the closed form and every other one."""
    names = [side.backend for side in report.sides]
    columns = [EXACT, *names]
    head = element("tr", element("th", ""), *(element("th", name, scope="col") for name in columns))
    rows = [
        element(
            "tr",
            element("th", one, scope="row"),
            *(element("td", _pill(report, one, other) if one != other else "") for other in columns),
        )
        for one in names
    ]
    sure = f"With a probability of at most {report.alpha / 2:g} any distance is wrongly said to match or to differ."
    return element(
        "section",
        element("h2", "Who matches whom"),
        element("div", element("table", head, *rows, class_="grid"), class_="scroll"),
        element("p", " ".join([*notes(report), sure]), class_="note"),
    )


def _pill(report: MatchReport, first: str, second: str) -> Markup:
    return pill(report.verdict(first, second), pair(report, first, second))


def _hearings(report: MatchReport) -> Markup:
    """What the counts of every side say about which circuits it ran."""
    rows = []
    for each in report.hearings:
        rows += [element("dt", each.backend, " ", pill(each.verdict, COUNTS[each.verdict]), class_="reason")]
        rows += [element("dd", inline(line)) for line in told(each)]
        idle = ", ".join(f"`{name}`" for name in each.idle)
        rows += [element("dd", inline(f"the same in these circuits as {idle}"), class_="note")] * bool(idle)
    sure = f"With a probability of at most {report.alpha / 2:g} counts of any right backend are said not to fit."
    return element(
        "section",
        element("h2", "What the counts say by themselves"),
        element("dl", *rows, class_="untested"),
        element("p", sure, class_="note"),
    )


def _sides(report: MatchReport) -> Markup:
    rows = []
    for side in report.sides:
        said = [side.noise or "no noise", f"applied: {', '.join(side.applied) or 'nothing'}"]
        said += [f"calibrated {moment(when)}" for when in (side.calibrated,) if when is not None]
        said += [", ".join(f"{name} {number}" for name, number in side.versions.items())]
        rows += [element("dt", side.backend, class_="reason"), element("dd", "; ".join(said))]
    return element("section", element("h2", "What each side did"), element("dl", *rows, class_="untested"))


def _circuit(circuit: CircuitMatch) -> Markup:
    """Intervals of one circuit, and the error of its layer."""
    groups = groupby(circuit.matches, key=lambda each: each.second == EXACT)
    plots = [
        element("h3", "Against the closed form" if exact else "Against each other") + _plot(list(found))
        for exact, found in groups
    ]
    errors = [
        element(
            "tr",
            element("td", each.backend),
            element("td", str(circuit.gates[each.backend])),
            element("td", f"{each.error:.4f}"),
            element("td", f"{each.shots:.4f}"),
        )
        for each in circuit.layer
    ]
    names = ("backend", "two-qubit gates", "error of the layer", "from shots alone")
    heads = (element("th", name, scope="col") for name in names)
    table = element("table", element("tr", *heads), *errors, class_="grid")
    return element(
        "section",
        element("h2", circuit.name),
        element("p", f"{circuit.rows} rows of {circuit.shots:,} shots", class_="note"),
        *(Markup(plot) for plot in plots),
        element("div", _pairs(circuit), class_="scroll"),
        element("h3", "Error of the layer"),
        element("div", table, class_="scroll"),
    )


def _pairs(circuit: CircuitMatch) -> Markup:
    """Every pair of sides, with what is said of it and why before the numbers, where narrow screens show it."""
    heads = ("sides", COLUMNS[-1], *COLUMNS[2:-1])
    rows = []
    for each in circuit.matches:
        first, second, *numbers, word = cells(each)
        told = (f"{first} and {second}", pill(each.verdict, word), *numbers)
        rows.append(element("tr", *(element("td", cell) for cell in told)))
    return element("table", element("tr", *(element("th", name, scope="col") for name in heads)), *rows, class_="grid")


def _plot(found: list[Match]) -> Markup:
    """Each distance as an interval, beside the margin that noise explains."""
    top = max([each.upper for each in found] + [each.margin or 0.0 for each in found]) * 1.05 or 1.0

    def x(value: float) -> str:
        return f"{100 * min(value, top) / top:.2f}%"

    lines = []
    for number, each in enumerate(found):
        y = number * 2 * ROW + ROW
        name = each.first if each.second == EXACT else f"{each.first} and {each.second}"
        middle = y + ROW / 2
        margin = [
            element("line", x1=x(end), x2=x(end), y1=y + 2, y2=y + ROW - 2, class_="mark")
            for end in (each.margin,)
            if end is not None
        ]
        lines.append(
            element(
                "g",
                element("text", f"{name}: {each.seen:.4f}", x="0", y=y - 4),
                element("line", x1="0", x2="100%", y1=middle, y2=middle, class_="grid"),
                element("line", x1=x(each.lower), x2=x(each.upper), y1=middle, y2=middle, class_="whisker"),
                element("rect", x=x(each.seen), y=middle - 5, width=4, height=10, class_="bar"),
                *margin,
                class_="off" if each.verdict is Verdict.VIOLATES else None,
            )
        )
    height = len(found) * 2 * ROW + ROW
    plot = element("svg", *lines, width="100%", height=height, role="img", aria_label="distances with intervals")
    legend = element(
        "figcaption",
        element("span", "seen distance", class_="key seen"),
        element("span", "interval", class_="key whisker"),
        element("span", "noise explains", class_="key expected"),
        element("span", f"from 0 to {top:.3g}"),
    )
    return element("figure", element("div", plot, class_="panels"), legend, class_="picture")
