"""``qadapt run``: a circuit on a backend, counts for people or for machines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from qadapt import registry
from qadapt.bindings import Bindings
from qadapt.circuit import Circuit
from qadapt.cli.console import show_json, show_note, show_table
from qadapt.cli.progress import bar
from qadapt.cli.source import read_bindings, read_source
from qadapt.errors import CircuitError

if TYPE_CHECKING:
    from qadapt.counts import Counts
    from qadapt.provider import Result

app = typer.Typer()


@app.command()
def run(
    file: Annotated[str, typer.Argument(help="Circuit JSON or OpenQASM 2 or 3; - reads standard input.")],
    backend: Annotated[str, typer.Option(help="Where to run, as in local:statevector.")],
    shots: Annotated[int, typer.Option(min=1, help="Shots per row.")] = 1024,
    seed: Annotated[int | None, typer.Option(min=0, help="Seed of the counts, where the backend honours one.")] = None,
    assignments: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=V[,V...]", help="Values of a parameter, one per row.")
    ] = None,
    bindings_file: Annotated[
        str | None, typer.Option("--bindings", metavar="FILE", help="JSON object of values by parameter name.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON; outcomes are integers, bit k is bit k.")] = False,
) -> None:
    """Run a circuit on a backend and show its counts."""
    from qadapt.jobs import run as execute

    circuit = read_source(file)
    bindings = read_bindings(assignments or [], bindings_file)
    if not circuit.measured:
        raise CircuitError("the circuit measures nothing", hint="end it with measurements")
    with bar() as progress:
        result = execute(circuit, bindings, registry.backend(backend), shots=shots, seed=seed, progress=progress)
    if as_json:
        show_json(_document(circuit, bindings, result))
    else:
        _show(circuit, bindings, result)


def _outcomes(counts: Counts, row: int) -> list[list[list[int]]]:
    """Per register, the outcomes that were seen in a row and how often, as ``[outcome, count]``."""
    return [
        [[int(outcome), int(table[row, outcome])] for outcome in np.flatnonzero(table[row])]
        for table in counts.registers
    ]


def _document(circuit: Circuit, bindings: Bindings, result: Result) -> dict[str, Any]:
    values = {name: bindings.column(name) for name in circuit.parameters}
    return {
        "circuit_hash": circuit.content_hash,
        "registers": [list(register) for register in circuit.measured],
        "shots": result.counts.shots,
        "rows": [
            {
                "bindings": {name: float(column[row]) for name, column in values.items()},
                "counts": _outcomes(result.counts, row),
            }
            for row in range(bindings.rows)
        ],
        "provenance": result.provenance.model_dump(mode="json"),
    }


def _show(circuit: Circuit, bindings: Bindings, result: Result) -> None:
    values = {name: bindings.column(name) for name in circuit.parameters}
    several = len(circuit.measured) > 1
    rows = [
        [
            row,
            *(f"{column[row]:.6g}" for column in values.values()),
            *([number] if several else []),
            format(outcome, f"0{len(circuit.measured[number])}b"),
            count,
            f"{count / result.counts.shots:.4f}",
        ]
        for row in range(bindings.rows)
        for number, register in enumerate(_outcomes(result.counts, row))
        for outcome, count in register
    ]
    show_table(["row", *values, *(["register"] if several else []), "outcome", "count", "share"], rows)
    done = result.provenance
    told = ["simulated" if done.simulated else "measured", f"{done.shots} shots per row", "bit 0 is rightmost"]
    told += [f"noise: {done.noise}"] * bool(done.noise) + ["readout corrected"] * done.readout_correction
    told += [f"mitigation: {', '.join(done.mitigation)}"] * bool(done.mitigation)
    show_note(f"{done.backend}: {', '.join(told)}")
