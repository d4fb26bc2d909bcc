"""Reports: what came of a run, for people, for CI services, and for other programs.

``document`` writes JSON, ``junit`` XML, ``html`` a page, and ``badge`` an SVG; ``write_reports`` writes them all.
"""

from __future__ import annotations

from pathlib import Path

from qadapt_conformance.report import Report
from qadapt_conformance.reports.badge import badge
from qadapt_conformance.reports.document import document, schema
from qadapt_conformance.reports.html import html
from qadapt_conformance.reports.junit import junit

__all__ = ["FILES", "badge", "document", "html", "junit", "schema", "write_reports"]

FILES = {"conformance.json": document, "junit.xml": junit, "report.html": html, "badge.svg": badge}
"""What is written where."""


def write_reports(report: Report, folder: Path) -> None:
    """Write a report in every form into a folder, which is made if it is not there.

    Raises:
        OSError: It cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, write in FILES.items():
        text = write(report)
        (folder / name).write_text(text if text.endswith("\n") else text + "\n", encoding="utf-8")
