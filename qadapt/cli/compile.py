"""``qadapt compile``: a circuit in native gates on the qubits of one target or several."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from qadapt import registry
from qadapt.circuit import Circuit
from qadapt.cli.console import show_json, show_note, show_table
from qadapt.cli.source import read_source
from qadapt.errors import CircuitError
from qadapt.synthesis import Effort

app = typer.Typer(add_completion=False)


class Level(StrEnum):
    """``Effort`` as words that the parser of the command line offers."""

    fast = "fast"
    best = "best"


@app.command("compile")
def compile_(
    file: Annotated[
        str, typer.Argument(help="Circuit JSON, OpenQASM 2 or 3 (- reads standard input), or .npy with matrices.")
    ],
    backend: Annotated[list[str], typer.Option(help="Whose target, as in local:emulator/heron-r2; may be repeated.")],
    level: Annotated[Level, typer.Option("--effort", help="Be quick, or look for the shortest circuit.")] = Level.fast,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the router.")] = 0,
    approximate: Annotated[
        float | None,
        typer.Option(help="Loss that matrices may have, ||V - Q|| / ||Q - 1||, to save gates; exact if omitted."),
    ] = None,
    report: Annotated[bool, typer.Option("--report", help="Show costs, predicted fidelity, tiles, circuit.")] = False,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write the native circuit here.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the native circuit, or the report, as JSON.")] = False,
) -> None:
    """Compile a circuit to native gates on the best qubits of a target."""
    from qadapt.cli.drawing import draw
    from qadapt.cli.matrix import SUFFIX, Source, circuit_of, read_matrices
    from qadapt.cli.report import document, full, short, tiles
    from qadapt.compile import compile_circuit

    if len(backend) > 1 and (output is not None or (as_json and not report)):
        raise CircuitError(f"{len(backend)} backends give {len(backend)} circuits", hint="write or print one at a time")
    given = read_matrices(file) if file.endswith(SUFFIX) else Source(read_source(file))
    if isinstance(given, Source) and approximate is not None:
        raise CircuitError(f"{file} is a circuit; only matrices can be approximated")
    effort: Effort = level.value
    documents: list[dict[str, Any]] = []
    natives: list[Circuit] = []
    for name in backend:
        target = registry.backend(name).target
        source = given if isinstance(given, Source) else circuit_of(given, target, effort, approximate)
        for note in source.notes:
            show_note(f"{name}: {note}")
        compiled = compile_circuit(source.circuit, target, seed=seed, effort=effort)
        natives.append(compiled.circuit)
        documents.append(document(name, source, compiled))
        if report:
            documents[-1]["tiles"] = tiles(source, compiled, seed=seed, effort=effort)
    if output is not None:
        _write(natives[0], output)
    if report and as_json:
        show_json({"effort": effort, "seed": seed, "backends": documents})
    elif as_json:
        typer.echo(natives[0].to_json())
    elif report:
        show_table(["", *backend], full(documents))
        for name, native in zip(backend, natives, strict=True):
            typer.echo(f"\n{name}\n{draw(native)}")
    else:
        show_table(["", *backend] if len(backend) > 1 else ["", ""], short(documents))


def _write(circuit: Circuit, output: Path) -> None:
    try:
        output.write_text(circuit.to_json() + "\n")
    except OSError as error:
        raise CircuitError(f"cannot write {output}: {error.strerror}") from None
