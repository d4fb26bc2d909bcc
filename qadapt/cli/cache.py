"""``qadapt cache``: the synthesised blocks that are kept on disk."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from qadapt.cli.console import amount, show_json, show_table
from qadapt.synthesis.cache import Cache, Holding

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="List and clear the synthesised blocks that are kept on disk."
)

_TURNS = {"ry": "RY", "u3": "U3", "rzz": "U3"}


@app.callback()
def _group() -> None:
    """List and clear the synthesised blocks that are kept on disk."""


@app.command("list")
def list_(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List what is kept, per skeleton, and how much room it takes."""
    cache = Cache()
    summary = cache.summary()
    if as_json:
        show_json(
            {
                "path": str(cache.path),
                "entries": summary.entries,
                "bytes": summary.bytes,
                "limit": cache.limit,
                "skeletons": [_document(holding) for holding in summary.holdings],
            }
        )
        return
    if not summary.entries:
        typer.echo("The cache is empty: blocks are kept as they are synthesised.")
    else:
        rows = [
            [
                skeleton(holding),
                " ".join(f"{a}-{b}" for a, b in sorted({(min(edge), max(edge)) for edge in holding.edges})),
                f"{holding.entries:,}",
                amount(holding.bytes),
                f"{holding.used:%Y-%m-%d %H:%M}",
            ]
            for holding in summary.holdings
        ]
        show_table(["skeleton", "couplings", "blocks", "size", "last used (UTC)"], rows)
        typer.echo()
    total = f"{_blocks(summary.entries)}, {amount(summary.bytes)} on disk"
    limit = amount(cache.limit) if cache.limit else "0, nothing is kept"
    show_table(["", ""], [["path", cache.path], ["total", total], ["limit", limit]])


@app.command()
def clear(
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    older_than: Annotated[float, typer.Option(min=0, help="Only blocks not used for so many days.")] = 0,
) -> None:
    """Remove the blocks that are kept; they are synthesised again when they are needed."""
    cache = Cache()
    entries = cache.summary().entries
    if not entries:
        typer.echo("The cache is empty: there is nothing to remove.")
        return
    if not yes:
        which = f"what was not used for {older_than:g} days of " if older_than else ""
        typer.confirm(f"Remove {which}{_blocks(entries)} from {cache.path}?", abort=True)
    typer.echo(f"Removed {_blocks(cache.clear(older_than=older_than))} from {cache.path}.")


@app.command()
def path() -> None:
    """Print the file of the cache, whether it is there or not."""
    typer.echo(Cache().path)


def skeleton(holding: Holding) -> str:
    """A skeleton in words, such as "3 qubits, 14 CZ, RY"."""
    gates = " + ".join(f"{count} {name.upper()}" for name, count in holding.gates) or "no entangling gates"
    qubits = f"{holding.num_qubits} {'qubit' if holding.num_qubits == 1 else 'qubits'}"
    return f"{qubits}, {gates}, {_TURNS.get(holding.family, holding.family)}"


def _blocks(count: int) -> str:
    return f"{count:,} {'block' if count == 1 else 'blocks'}"


def _document(holding: Holding) -> dict[str, Any]:
    return {
        "family": holding.family,
        "num_qubits": holding.num_qubits,
        "entangling": holding.entangling,
        "gates": dict(holding.gates),
        "edges": [list(edge) for edge in holding.edges],
        "entries": holding.entries,
        "bytes": holding.bytes,
        "used": holding.used.isoformat(),
    }
