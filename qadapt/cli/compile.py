"""``qadapt compile``: a circuit in native gates on the qubits of a target."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qadapt import registry
from qadapt.circuit import Circuit
from qadapt.cli.console import show_table
from qadapt.cli.source import read_source
from qadapt.errors import CircuitError

app = typer.Typer()


@app.command("compile")
def compile_(
    file: Annotated[str, typer.Argument(help="Circuit JSON or OpenQASM 2 or 3; - reads standard input.")],
    backend: Annotated[str, typer.Option(help="Whose target, as in local:emulator/heron-r2.")],
    seed: Annotated[int, typer.Option(min=0, help="Seed of the router.")] = 0,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write the native circuit here.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the native circuit as JSON.")] = False,
) -> None:
    """Compile a circuit to native gates on the best qubits of a target."""
    from qadapt.compile import compile_circuit

    compiled = compile_circuit(read_source(file), registry.backend(backend).target, seed=seed)
    native = compiled.circuit
    if output is not None:
        try:
            output.write_text(native.to_json() + "\n")
        except OSError as error:
            raise CircuitError(f"cannot write {output}: {error.strerror}") from None
    if as_json:
        typer.echo(native.to_json())
        return
    names = sorted({operation.gate for operation in native.gates()})
    show_table(
        ["", ""],
        [
            ["target", compiled.target.name],
            ["layout", ", ".join(f"{qubit}→{physical}" for qubit, physical in enumerate(compiled.layout))],
            ["measured", " | ".join(" ".join(map(str, register)) for register in native.measured) or "nothing"],
            ["gates", ", ".join(f"{native.count(name)} {name}" for name in names) or "none"],
            ["entangling", native.count()],
            ["depth", depth(native)],
            ["parameters", len(native.parameters)],
            ["hash", native.content_hash],
        ],
    )


def depth(circuit: Circuit) -> int:
    """Longest chain of gates that follow one another on shared qubits; fences are not counted."""
    ends = [0] * circuit.num_qubits
    for operation in circuit.gates():
        end = 1 + max(ends[qubit] for qubit in operation.qubits)
        for qubit in operation.qubits:
            ends[qubit] = end
    return max(ends)
