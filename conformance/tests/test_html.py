"""HTML: all that the report knows is on the page, escaped, and the page needs nothing else."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from qadapt import Cost
from qadapt_conformance import RULES, Report, Tier, Verdict
from qadapt_conformance.finding import Finding, Picture
from qadapt_conformance.reports import html
from qadapt_conformance.reports.evidence import inline
from qadapt_conformance.reports.html import OPEN
from qadapt_conformance.reports.markup import VOID, Markup, element, join
from qadapt_conformance.reports.summary import UNSELECTED, chapters, headline, lines, rerun, said, told
from qadapt_conformance.spec import sections


class Page(HTMLParser):
    """Elements, ids, links and text of a page whose elements are closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in {*VOID, "link"}:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self._open:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def values(self, key: str) -> list[str]:
        return [value for _, attributes in self.elements if (value := attributes.get(key))]


@pytest.fixture(scope="module")
def page(mixed: Report) -> Page:
    return Page(html(mixed))


def test_every_rule_and_every_verdict_is_there(page: Page) -> None:
    for name in RULES:
        assert name in page.words
    for verdict in Verdict:
        assert verdict.value in page.text.replace("  ", " ")


def test_the_head_says_it(page: Page, mixed: Report) -> None:
    assert "Violates the specification" in page.words
    for text in ("1 rule is violated.", "4 March 2026, 05:06 UTC", "3 March 2026, 00:00 UTC", "12 jobs, 3,000 shots"):
        assert any(text in word for word in page.words), text
    assert "with noise" in page.text


def test_a_violation_has_all_that_it_takes(page: Page) -> None:
    for text in (
        "outcome 2 seen 0.500, expected 0.250 (400 shots, p <= 1.0e-20)",
        "h(0); <b>cx</b>(0,1); measure 0,1",
        "3 of 8: a=0.5",
        "ab" * 32,
        "qadapt conformance run --backend 'acme:<script>alert(1)</script>&\ufffd' --rule BITS-1",
        "qadapt conformance explain BITS-1",
        "0.250 from the circuit, mean over the rows; noise explains 0.100",
    ):
        assert text in page.words, text
    assert sections()["BITS-1"].split("**Fix.**")[1].split("\n")[0].strip() in page.text
    assert sum(tag == "svg" for tag, _ in page.elements) == 2  # BITS-1 and BITS-2


def test_what_was_not_tested_is_said(page: Page) -> None:
    after = page.text.split("What was not tested")[-1]
    for text in ("needs capability seed", "UnavailableError: <down> \ufffd", "not in tier offline", "BITS-2", "BITS-5"):
        assert text in after, text
    assert "A queued job cannot be cancelled" in after
    assert "cancel did nothing" in after
    assert "https://acme.example/issues/12?a=1&b=2" in page.values("href")
    assert after.count("held against the run") == 1


def test_nothing_comes_from_elsewhere(page: Page, mixed: Report) -> None:
    assert not {tag for tag, _ in page.elements} & {"script", "iframe", "img", "object", "embed"}
    links = [link for link in page.values("href") if not link.startswith(("#", "data:,"))]
    assert links == ["https://acme.example/issues/12?a=1&b=2"]
    assert not page.values("src")
    assert not re.search(r"url\(|@import", html(mixed))
    assert not [key for _, attributes in page.elements for key in attributes if key.startswith("on")]
    assert "default-src 'none'" in page.values("content")[-1]


def test_links_lead_somewhere(page: Page) -> None:
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    assert {link[1:] for link in page.values("href") if link.startswith("#")} <= set(ids)


def test_a_run_that_conforms(written) -> None:  # type: ignore[no-untyped-def]
    page = Page(html(written()))
    assert "Every rule of the specification was judged." in page.words
    assert "No rule is excluded." in page.words
    assert "Violations" not in page.words
    assert f"{len(RULES)} rules are kept. Its tier has every rule of the specification." in page.text


def test_costs_are_as_far_as_they_are_known(written) -> None:  # type: ignore[no-untyped-def]
    page = Page(html(written(cost=Cost(shots=5, seconds=2.0, dollars=3.5, rules=("acme prices of 2026",)), jobs=1)))
    assert "1 job, 5 shots, 2.0 s of the machine, about 3.50 US dollars" in page.words
    assert "acme prices of 2026" in page.words


def test_the_first_violations_are_open(written) -> None:  # type: ignore[no-untyped-def]
    bad = {name: {"verdict": Verdict.VIOLATES, "message": f"[{name}] VIOLATES on a:b: wrong"} for name in RULES}
    page = Page(html(written(bad)))
    opened = [
        "open" in attributes
        for tag, attributes in page.elements
        if tag == "details" and str(attributes.get("class")).startswith("rule")
    ]
    assert opened == [True] * OPEN + [False] * (len(RULES) - OPEN)


def test_outcomes_agree_with_the_exit_code(written) -> None:  # type: ignore[no-untyped-def]
    for verdict in Verdict:
        for in_tier in (True, False):
            report = written({"BITS-1": {"verdict": verdict, "in_tier": in_tier}}, tier=Tier.HARDWARE)
            assert (headline(report).verdict is Verdict.CONFORMS) == (report.exit_code == 0)
            assert (headline(report).verdict is Verdict.VIOLATES) == (verdict is Verdict.VIOLATES)


def test_what_is_excluded_or_not_submitted_is_in_the_headline(written) -> None:  # type: ignore[no-untyped-def]
    known = {name: {"verdict": Verdict.EXCLUDED} for name in ("BITS-1", "BITS-2")}
    assert headline(written(tier=Tier.OFFLINE)).word == "The offline tier conforms"
    assert headline(written(known)).word == "Conforms, with 2 exclusions"
    assert 'class="top conforms"' in html(written())
    assert 'class="top excluded"' in html(written(known))
    assert 'class="top violates"' in html(written(known | {"BITS-3": {"verdict": Verdict.VIOLATES}}))


def test_nothing_conforms(written) -> None:  # type: ignore[no-untyped-def]
    silent = {name: {"verdict": Verdict.NOT_DECLARED} for name in RULES}
    assert headline(written(silent)).word == "Nothing conforms"


def test_a_rule_is_run_again_as_it_was(written) -> None:  # type: ignore[no-untyped-def]
    report = written(tier=Tier.OFFLINE, seed=7)
    command = "qadapt conformance run --backend acme:chip --rule BITS-1"
    assert rerun(report, report.of("BITS-1")) == f"{command} --tier offline --seed 7"
    assert rerun(written(), report.of("BITS-1")) == command
    # What the file says of the tier is said again: the rule may be rerun without the file.
    named = written(settings="my conformance.toml")
    assert rerun(named, named.of("BITS-1")) == f"{command} --settings 'my conformance.toml' --tier simulator"


def test_a_violation_ends_with_the_commands_that_show_more(written) -> None:  # type: ignore[no-untyped-def]
    report = written({"BITS-1": {"verdict": Verdict.VIOLATES, "message": "[BITS-1] VIOLATES on acme:chip: wrong"}})
    assert told(report, report.of("BITS-1")).splitlines()[-2:] == [
        "  rerun   : qadapt conformance run --backend acme:chip --rule BITS-1",
        "  explain : qadapt conformance explain BITS-1",
    ]
    assert told(report, report.of("BITS-1")) in lines(report)


def test_rules_that_were_not_asked_for_are_a_line(written) -> None:  # type: ignore[no-untyped-def]
    silent = {name: {"verdict": Verdict.NOT_RUN, "message": UNSELECTED} for name in list(RULES)[1:]}
    text = lines(written(silent | {"BITS-2": {"verdict": Verdict.NOT_RUN, "message": "the vendor is gone"}}))
    assert f"NOT RUN: {len(RULES) - 2} rules not selected" in text
    first, reason = [line for line in text.splitlines() if "BITS-2" in line]
    assert first.startswith("NOT RUN")
    assert reason == "NOT RUN: the vendor is gone (BITS-2)"
    assert "BITS-3" not in text


FAR = Picture(seen=(700, 300), expected=(0.5, 0.5))


@pytest.mark.parametrize(
    ("ideal", "margin", "within", "red"),
    [
        (True, None, True, True),
        (False, 0.3, True, False),
        (False, 0.1, True, False),  # the mean over the rows is within, whatever this row is
        (False, 0.1, False, True),
        (False, 0.3, False, False),  # too few shots to say that it is within, and nothing is outside
        (False, None, True, False),
    ],
)
def test_what_noise_explains_is_not_painted_as_wrong(  # type: ignore[no-untyped-def]
    written, ideal: bool, margin: float | None, within: bool, red: bool
) -> None:
    look = Finding(said="x", p_value=0.5, statistical=True, distance=0.2, margin=margin, within=within, picture=FAR)
    entry = {"verdict": Verdict.UNDECIDED, "message": "x", "findings": (look,)}
    page = html(written({"BITS-1": entry}, ideal=ideal))
    assert ("seen, outside" in page) == ('<g class="off">' in page) == red
    assert ("expected without noise" in page) == (not ideal)
    assert ('class="band"' in page) == ("key band" in page) == (margin is not None)


def test_a_machine_has_noise_whatever_its_target_says(written) -> None:  # type: ignore[no-untyped-def]
    entry = {"verdict": Verdict.VIOLATES, "message": "x", "findings": (Finding(said="x", p_value=0.0, picture=FAR),)}
    machine = written().capabilities.model_copy(update={"simulated": False})
    assert '<g class="off">' not in html(written({"BITS-1": entry}, capabilities=machine))
    assert '<g class="off">' in html(written({"BITS-1": entry}))


def test_what_noise_hides_is_not_tested(written) -> None:  # type: ignore[no-untyped-def]
    said = "noise hides what would tell the backend from `angles-of-three-digits`"
    page = html(written({"BITS-1": {"message": said}}))
    shown = page[page.index('id="untested"') :]
    assert "as far as it shows" in shown
    assert "<code>angles-of-three-digits</code>" in shown
    assert "as far as it shows" not in html(written())


def test_every_rule_has_a_chapter() -> None:
    assert list(chapters()) == list(sections())
    assert chapters()["REFUSE-1"] == "Refusals"


def test_markup_escapes() -> None:
    assert element("p", '<&"', None, element("br"), data_x='"') == '<p data-x="&quot;">&lt;&amp;&quot;<br></p>'
    assert join("\x00\ud800\x1b", Markup("<b>")) == "\ufffd\ufffd\ufffd<b>"
    assert element("details", open=True, hidden=False, id=None) == "<details open></details>"
    assert inline("**Why.** `a<b` and ``c`` *d*") == (
        "<strong>Why.</strong> <code>a&lt;b</code> and <code>c</code> <em>d</em>"
    )


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("[BITS-1] VIOLATES on acme:chip: outcome 2: wrong\n  circuit : x", "outcome 2: wrong"),
        ("known (https://x.y/z)\n[JOBS-5] VIOLATES on a:b: nothing", "nothing"),
        ("needs capability seed", "needs capability seed"),
    ],
)
def test_the_first_thing_that_a_message_says(written, message: str, told: str) -> None:  # type: ignore[no-untyped-def]
    assert said(written({"BITS-1": {"message": message}}).of("BITS-1")) == told
