"""The findings about vendors: what the page says that their software does, it still does."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from qadapt_conformance import RULES

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "findings.md"
CRASH = "Segmentation fault\n"
CHANGED = "the vendor does something else now: remove what qadapt does about it, and the finding"

DRIVER = """
import contextlib, io, json, os, sys, traceback

outputs, before = [], dict(os.environ)
for program in json.load(sys.stdin):
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        try:
            exec(compile(program, "findings.md", "exec"), {"__name__": "finding"})
        except Exception:
            traceback.print_exc(file=printed)
    os.environ.clear()
    os.environ.update(before)
    outputs.append(printed.getvalue())
with open(sys.argv[1], "w") as file:
    json.dump(outputs, file)
"""
"""Runs the programs of one vendor, one after the other, since to load an SDK takes longer than most of them."""


@dataclass(frozen=True)
class Finding:
    """A section of the page."""

    vendor: str
    title: str
    text: str

    def block(self, language: str) -> str:
        """The only block of a language."""
        (found,) = re.findall(rf"^```{language}\n(.*?)^```$", self.text, re.DOTALL | re.MULTILINE)
        return str(found)


def read(text: str) -> list[Finding]:
    """Findings in their order."""
    vendors = re.split(r"^## (.*)\n", text, flags=re.MULTILINE)[1:]
    return [
        Finding(vendor, title, body)
        for vendor, part in zip(vendors[::2], vendors[1::2], strict=True)
        for title, body in _pairs(re.split(r"^### (.*)\n", part, flags=re.MULTILINE)[1:])
    ]


def _pairs(parts: list[str]) -> list[tuple[str, str]]:
    return list(zip(parts[::2], parts[1::2], strict=True))


TEXT = PAGE.read_text(encoding="utf-8")
FINDINGS = read(TEXT)
CRASHING = [finding for finding in FINDINGS if finding.block("text") == CRASH]
PRINTING = [finding for finding in FINDINGS if finding not in CRASHING]


def python(*arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    """Run Python with one thread of OpenMP, of which more make small simulations slow."""
    return subprocess.run(
        [sys.executable, *arguments],
        input=given,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@cache
def printed(vendor: str) -> dict[str, str]:
    """What the programs of a vendor print, by title."""
    findings = [finding for finding in PRINTING if finding.vendor == vendor]
    with TemporaryDirectory() as folder:
        answer = Path(folder) / "outputs.json"
        done = python("-c", DRIVER, str(answer), given=json.dumps([finding.block("python") for finding in findings]))
        assert done.returncode == 0, f"{vendor}: ended with {done.returncode}\n{done.stderr}"
        outputs = json.loads(answer.read_text())
    return {finding.title: output for finding, output in zip(findings, outputs, strict=True)}


@pytest.mark.parametrize("finding", PRINTING, ids=lambda finding: finding.title)
def test_a_vendor_still_does_it(finding: Finding) -> None:
    assert printed(finding.vendor)[finding.title] == finding.block("text"), CHANGED


@pytest.mark.parametrize("finding", CRASHING, ids=lambda finding: finding.title)
def test_a_vendor_still_crashes(finding: Finding) -> None:
    assert python("-c", finding.block("python")).returncode == -signal.SIGSEGV, CHANGED


def test_the_findings_are_numbered() -> None:
    assert [finding.title.split(".")[0] for finding in FINDINGS] == [str(n + 1) for n in range(len(FINDINGS))]
    assert len(CRASHING) >= 2


@pytest.mark.parametrize("finding", FINDINGS, ids=lambda finding: finding.title)
def test_a_finding_says_what_is_done_about_it(finding: Finding) -> None:
    said = re.search(r"^(Worked around|Lived with|Excluded)\b.*", finding.text, re.MULTILINE | re.DOTALL)
    assert said is not None
    for path in re.findall(r"`([\w/]+\.\w+)`", said[0]):
        assert (ROOT / path).is_file(), path
    assert set(re.findall(r"\b[A-Z]+-\d+\b", said[0])) <= set(RULES)


def test_the_versions_are_those_that_are_tested_with() -> None:
    pinned = set((ROOT / "constraints.txt").read_text(encoding="utf-8").split())
    named = re.findall(r"[a-z0-9-]+==[\d.]+\d", TEXT)
    assert len(named) == 8
    assert set(named) <= pinned
