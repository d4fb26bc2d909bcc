"""``qadapt providers``: which providers are installed and whether each can be loaded."""

from __future__ import annotations

from typing import Annotated

import typer

from qadapt import registry
from qadapt.cli.console import show_json, show_table
from qadapt.errors import QadaptError

app = typer.Typer(add_completion=False)


@app.command()
def providers(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List the installed providers and whether each can be loaded."""
    found = [
        {
            "provider": name,
            "package": entry.dist.name if entry.dist else None,
            "version": entry.dist.version if entry.dist else None,
            "error": load_error(name),
        }
        for name, entry in registry.installed().items()
    ]
    if as_json:
        show_json(found)
    else:
        rows = [[item["provider"], item["package"], item["version"], item["error"] or "ok"] for item in found]
        show_table(["provider", "package", "version", "state"], rows)


def load_error(name: str) -> str | None:
    """Why a provider cannot be loaded; None if it can."""
    try:
        registry.provider(name)
    except QadaptError as error:
        return str(error)
    return None
