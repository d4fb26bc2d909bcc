"""``qadapt doctor``: what is installed, what is missing, and how to get it."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import distribution, version
from typing import Annotated, Any

import typer

from qadapt import registry
from qadapt.cli.checks import broken, examine, packages
from qadapt.cli.console import show_json, show_table

app = typer.Typer(add_completion=False)


@app.command()
def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Check this installation: packages, providers, credentials, system libraries."""
    entries = registry.known()
    with ThreadPoolExecutor(max_workers=4) as pool:
        providers = list(pool.map(lambda item: examine(*item), entries.items()))
    report = {
        "system": {
            "qadapt": version("qadapt"),
            "python": f"{platform.python_implementation()} {platform.python_version()}",
            "platform": platform.platform(),
        },
        "packages": packages("qadapt", distribution("qadapt").requires or ()),
        "providers": providers,
    }
    wrong = broken(report)
    report["broken"] = wrong
    if as_json:
        show_json(report)
    else:
        _show(report)
    if wrong:
        raise typer.Exit(1)


def _show(report: Mapping[str, Any]) -> None:
    show_table(["", ""], report["system"].items(), title="system")
    typer.echo()
    show_table(["package", "version", "wanted", "for", "get"], _package_rows(report), title="packages")
    typer.echo()
    show_table(
        ["provider", "package", "version", "runs", "state"],
        [
            [
                *(each[column] or "" for column in ("provider", "package", "version", "runs")),
                each["error"] or _first(each["modules"]) or "ok",
            ]
            for each in report["providers"]
        ],
        title="providers",
    )
    seen = [
        [each["provider"], name, state]
        for each in report["providers"]
        for name, state in [*each["credentials"].items(), *each["files"].items()]
    ]
    if seen:
        typer.echo()
        show_table(["provider", "credential", "state"], seen, title="credentials (values are not read)")
    loaded = [
        [
            each["provider"],
            item["library"],
            "found" if item["found"] else "missing",
            "" if item["found"] else item["get"],
        ]
        for each in report["providers"]
        for item in each["libraries"]
    ]
    if loaded:
        typer.echo()
        show_table(["provider", "library", "state", "get"], loaded, title="system libraries")
    typer.echo()
    for text in report["broken"]:
        typer.echo(f"broken: {text}")
    if not report["broken"]:
        typer.echo("nothing installed is broken")


def _package_rows(report: Mapping[str, Any]) -> list[list[str]]:
    """One row per package and wanted version, with everyone who wants it."""
    found: dict[tuple[str, str], list[str]] = {}
    for item in [*report["packages"], *(item for each in report["providers"] for item in each["packages"])]:
        get = "" if item["version"] else item["get"]
        row = found.setdefault((item["package"], item["wanted"]), ["", "", "", "", get])
        row[:4] = item["package"], item["version"] or "missing", item["wanted"], f"{row[3]} {item['for']}".strip()
    return list(found.values())


def _first(modules: Mapping[str, str | None]) -> str | None:
    return next((f"import {module}: {error}" for module, error in modules.items() if error), None)
