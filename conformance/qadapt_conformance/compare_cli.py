"""The command ``qadapt conformance compare``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated

import typer

from qadapt import QadaptError
from qadapt.cli.console import show_table
from qadapt.registry import using
from qadapt_conformance.compare import EXACT, SHOTS, Adapter, CircuitMatch, MatchReport, Show, compare
from qadapt_conformance.reports.matrix import write_matrix
from qadapt_conformance.verdict import Verdict

WORDS = {Verdict.CONFORMS: "match", Verdict.VIOLATES: "DIFFER", Verdict.UNDECIDED: "undecided"}


class CompareError(QadaptError):
    """A comparison that cannot be made."""

    code = "conformance-compare"


def compare_backends(
    backend: Annotated[list[str], typer.Option(metavar="NAME", help="Full name; at least two.")],
    adapter: Annotated[Adapter, typer.Option(help="Whose circuits are run.")] = Adapter.CAYLEY,
    shots: Annotated[int, typer.Option(min=1, help="Shots per row.")] = SHOTS,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the runs.")] = 0,
    report: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write the report there: JSON and a page with the matrix.")
    ] = None,
    hardware: Annotated[bool, typer.Option("--hardware", help="Submit jobs to backends that are machines.")] = False,
) -> None:
    """Run the same adapter circuits on several backends and say which of them match."""
    if len(set(backend)) < 2 or len(set(backend)) != len(backend):
        raise CompareError("name two or more different backends, as in --backend local:statevector --backend acme:chip")
    with ExitStack() as held:
        opened = [held.enter_context(using(name)) for name in backend]
        machines = [each.name for each in opened if not each.capabilities.simulated]
        if machines and not hardware:
            said = f"{', '.join(machines)}: machines, where jobs may cost money"
            raise CompareError(said, hint="pass --hardware to submit them")
        with _bar() as show:
            found = compare(opened, adapter=adapter, shots=shots, seed=seed, show=show)
    _print(found)
    if report is not None:
        write_matrix(found, report)
    raise typer.Exit(found.exit_code)


def _print(found: MatchReport) -> None:
    names = [side.backend for side in found.sides]
    for side in found.sides:
        applied = ", ".join(side.applied) or "nothing"
        typer.echo(f"{side.backend}: {side.noise or 'no noise'}; applied to circuits and counts: {applied}")
    typer.echo()
    columns = [EXACT, *names]
    rows = [(one, *(WORDS[found.verdict(one, other)] if one != other else "" for other in columns)) for one in names]
    show_table(("", *columns), rows)
    typer.echo()
    show_table(
        ("circuit", "first", "second", "distance", "at least", "at most", "noise explains", "verdict"),
        [row for circuit in found.circuits for row in _matches(circuit)],
    )
    typer.echo()
    header = ("circuit", "backend", "two-qubit gates", "layer error", "from shots alone")
    show_table(
        header,
        [
            (circuit.name, each.backend, str(circuit.gates[each.backend]), f"{each.error:.4f}", f"{each.shots:.4f}")
            for circuit in found.circuits
            for each in circuit.layer
        ],
    )


def _matches(circuit: CircuitMatch) -> Iterator[tuple[str, ...]]:
    for each in circuit.matches:
        said = f"{WORDS[each.verdict]}{f', needs {each.needs} shots' * bool(each.needs)}"
        margin = "-" if each.margin is None else f"{each.margin:.3f}"
        yield (
            circuit.name,
            each.first,
            each.second,
            *(f"{value:.4f}" for value in (each.seen, each.lower, each.upper)),
            margin,
            said,
        )


@contextmanager
def _bar() -> Iterator[Show | None]:
    """A line on stderr that says what is run, where that is a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console

    with Console(stderr=True).status("running") as status:
        yield lambda circuit, name: status.update(f"{circuit} on {name}")
