"""``qadapt providers``: which providers there are, where each runs, and whether it can be loaded."""

from __future__ import annotations

from typing import Annotated

import typer

from qadapt import registry
from qadapt.cli.console import show_json, show_table
from qadapt.errors import QadaptError
from qadapt.isolate import IsolatedProvider

app = typer.Typer(add_completion=False)


@app.command()
def providers(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List the providers, where each runs, and whether it can be loaded."""
    found = []
    for name, entry in registry.known().items():
        dist = entry.dist if entry else None
        place, error = load(name)
        package, version = (dist.name, dist.version) if dist else (None, None)
        found.append({"provider": name, "package": package, "version": version, "runs": place, "error": error})
    if as_json:
        show_json(found)
    else:
        columns = ("provider", "package", "version", "runs", "error")
        rows = [[item[column] or "" for column in columns[:-1]] + [item["error"] or "ok"] for item in found]
        show_table([*columns[:-1], "state"], rows)


def load(name: str) -> tuple[str | None, str | None]:
    """Where a provider runs, and why it cannot be loaded; None for what cannot be said, or is not wrong.

    One of another environment is loaded there.
    """
    place = None
    try:
        place = registry.place(name)
        made = registry.provider(name)
        if isinstance(made, IsolatedProvider):
            try:
                made.requirements()
            finally:
                made.close()
    except QadaptError as error:
        return place, str(error)
    return place, None
