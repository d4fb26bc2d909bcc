"""Console: how commands print tables for people and JSON for machines."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import typer


def show_json(value: Any) -> None:
    """Print a value as JSON with sorted keys."""
    typer.echo(json.dumps(value, sort_keys=True, indent=1, allow_nan=False))


def show_table(header: Sequence[str], rows: Iterable[Sequence[object]], *, title: str | None = None) -> None:
    """Print rows under a header; where stdout is no terminal, nothing is cut or wrapped."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, header_style="dim")
    table.show_header = any(header)
    for name in header:
        table.add_column(escape(name), overflow="fold")
    for row in rows:
        table.add_row(*(escape(str(cell)) for cell in row))
    if sys.stdout.isatty():
        Console().print(table)
        return
    console = Console(width=1_000_000)
    with console.capture() as captured:
        console.print(table)
    typer.echo("\n".join(line.rstrip() for line in captured.get().splitlines()))


def show_note(text: str) -> None:
    """Print a line beside the result, on stderr."""
    typer.echo(text, err=True)
