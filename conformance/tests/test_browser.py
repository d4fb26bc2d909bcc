"""The page in a real browser: at two widths, light and dark, and in print.

Skipped where there is no browser: any Chromium or Chrome does, as does ``playwright install chromium``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from shutil import which

import pytest

from qadapt import Backend, backend
from qadapt_conformance import Report, run_suite
from qadapt_conformance.compare import compare
from qadapt_conformance.mutants import MUTANTS
from qadapt_conformance.reports import html
from qadapt_conformance.reports.matrix import matrix

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install playwright")

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")

WIDTHS = (390, 1280)

QUIET = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]

CONTRAST = """
() => {
  const rgb = (text) => (text.match(/[\\d.]+/g) || [0, 0, 0, 0]).map(Number);
  const light = (text) => {
    const [r, g, b] = rgb(text).slice(0, 3).map((v) => v / 255)
      .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (e) => {
    for (; e; e = e.parentElement) {
      const colour = getComputedStyle(e).backgroundColor;
      const [, , , alpha = 1] = rgb(colour);
      if (alpha > 0) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const low = [];
  for (const e of document.querySelectorAll("body *")) {
    const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    if (!own || e.tagName === "title") continue;
    const style = getComputedStyle(e);
    const ink = e instanceof SVGElement ? style.fill : style.color;
    const pair = [light(ink), light(behind(e))].sort();
    const ratio = (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
    if (ratio < 4.5) low.push(`${e.tagName} ${e.className} ${ratio.toFixed(2)} ${e.textContent.slice(0, 40)}`);
  }
  return low;
}
"""
"""Texts whose contrast with what is behind them is below 4.5 (WCAG 2.2, AA)."""


@pytest.fixture(scope="module")
def browser() -> Iterator[playwright.Browser]:
    with playwright.sync_playwright() as tool:
        found = next((path for name in NAMES if (path := which(name))), tool.chromium.executable_path)
        if not Path(found).exists():
            pytest.skip("no browser found: install Chromium or Chrome, or run `playwright install chromium`")
        # Chromium has no sandbox for root, as whom containers run.
        root = ["--no-sandbox"] * (os.name == "posix" and os.geteuid() == 0)
        opened = tool.chromium.launch(executable_path=found, args=[*QUIET, *root])
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def pages(right: Backend, mixed: Report, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A page of a wrong backend, and one with every verdict."""
    with MUTANTS[0].make(right) as wrong:
        violating = run_suite(wrong, rules={"BITS-1", "BITS-2", "BITS-3", "BITS-6", "GATES-3", "SHOTS-2"})
    folder = tmp_path_factory.mktemp("pages")
    for name, report in {"violating": violating, "mixed": mixed}.items():
        (folder / f"{name}.html").write_text(html(report), encoding="utf-8")
    return {name: folder / f"{name}.html" for name in ("violating", "mixed")}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", ["violating", "mixed"])
def test_page(browser: playwright.Browser, pages: dict[str, Path], name: str, width: int, scheme: str) -> None:
    size = {"width": width, "height": 900}
    context = browser.new_context(viewport=size, is_mobile=width < 500, color_scheme=scheme, offline=True)
    page = context.new_page()
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(pages[name].as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    title = page.locator("h1")
    assert title.inner_text().endswith("Violates the specification")
    assert 0 < title.bounding_box()["y"] < 300
    picture = page.locator("#bits-1 svg").first
    box = picture.bounding_box()
    assert 250 <= box["width"] <= width
    assert box["height"] > 50
    outside = "e => e.getBoundingClientRect().right > document.documentElement.clientWidth + 1"
    assert page.evaluate(f"[...document.querySelectorAll('body *')].filter({outside}).map(e => e.outerHTML)") == []
    page.evaluate("document.querySelectorAll('details').forEach(e => e.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(CONTRAST) == []
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"
    assert dark == (scheme == "dark")
    assert said == []
    assert all(url.startswith(("file:", "data:")) for url in asked)
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_page_of_a_comparison(
    browser: playwright.Browser, right: Backend, tmp_path: Path, width: int, scheme: str
) -> None:
    report = compare([right, backend("local:emulator/wukong-72")], shots=4096)
    (tmp_path / "compare.html").write_text(matrix(report), encoding="utf-8")
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True)
    page = context.new_page()
    page.goto((tmp_path / "compare.html").as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(CONTRAST) == []
    verdict = page.get_by_text("undecided, too much noise").first
    assert verdict.bounding_box()["x"] < width  # what is said of two sides is seen without scrolling
    context.close()


@pytest.mark.parametrize("width", WIDTHS)
def test_texts_of_pictures_do_not_touch(browser: playwright.Browser, pages: dict[str, Path], width: int) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900})
    page = context.new_page()
    page.goto(pages["violating"].as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(e => e.open = true)")
    overlaps = page.evaluate("""
      () => [...document.querySelectorAll("svg")].flatMap((svg) => {
        const boxes = [...svg.querySelectorAll("text, .bar")].map((e) => [e.textContent, e.getBoundingClientRect()]);
        return boxes.flatMap(([a, p], i) => boxes.slice(i + 1)
          .filter(([b, q]) => p.left < q.right && q.left < p.right && p.top + 4 < q.bottom && q.top + 4 < p.bottom)
          .map(([b]) => `${a} | ${b}`));
      })
    """)
    assert overlaps == []
    context.close()


def test_a_link_opens_what_is_closed(browser: playwright.Browser, pages: dict[str, Path]) -> None:
    page = browser.new_page()
    page.goto(pages["violating"].as_uri())
    closed = page.locator("details.rule:not([open]) > div").first
    name = closed.get_attribute("id")
    page.locator(f"a[href='#{name}']").click()
    page.wait_for_function(f"document.querySelector('#{name}').closest('details').open")
    page.close()


def test_print_shows_what_is_closed(browser: playwright.Browser, pages: dict[str, Path]) -> None:
    page = browser.new_page(color_scheme="dark")
    page.goto(pages["violating"].as_uri())
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    hidden = "[...document.querySelectorAll('details:not([open]) > :not(summary)')]"
    assert page.evaluate(f"{hidden}.length") > 0
    assert all(page.evaluate(f"{hidden}.map(e => e.checkVisibility())"))
    page.close()
