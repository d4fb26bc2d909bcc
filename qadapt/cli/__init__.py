"""The ``qadapt`` command: one module per command, imported when it is called.

Every module of the table below has ``app``, a ``typer.Typer`` with one command or a group of them. Mistakes of the user
are reported as ``error[code]: message`` and a hint, on stderr, with exit code 2; a traceback is a bug of ours.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Annotated, NoReturn

import typer

from qadapt.cli.console import show_error
from qadapt.cli.lazy import LazyGroup
from qadapt.errors import QadaptError

__all__ = ["COMMANDS", "app", "main"]

COMMANDS: Mapping[str, str] = {
    "doctor": "Check this installation: packages, providers, credentials, system libraries.",
    "providers": "List the providers, where each runs, and whether it can be loaded.",
    "targets": "List the targets that can be reached now.",
    "compile": "Compile a circuit to native gates on the best qubits of a target.",
    "run": "Run a circuit on a backend and show its counts.",
    "jobs": "List, resume, settle, cancel and export the runs of the ledger.",
    "cache": "List and clear the synthesised blocks that are kept on disk.",
    "replicate": "Replicate a published study on any backend.",
    "study": "Study adapters on emulated machines.",
}
"""First line of the help of every command, by name; the command is in the module of that name."""

ELSEWHERE: Mapping[str, str] = {"conformance": "qadapt-conformance"}
"""Distributions of ours by the command that they bring; any may bring one, with an entry point ``qadapt.commands``."""


class _Commands(LazyGroup):
    table = COMMANDS
    package = "qadapt.cli"
    entries = "qadapt.commands"
    elsewhere = ELSEWHERE


app = typer.Typer(
    cls=_Commands,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # rich tracebacks may show the values of local variables, credentials among them
)


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"qadapt {version('qadapt')}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and leave.")
    ] = False,
) -> None:
    """Write an adapter circuit once; run it on any QPU; prove that it computed the same thing."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and leave the process.

    Args:
        arguments: Words after the program's name; those of the process when omitted.

    Raises:
        SystemExit: Always: 0 if all went well, 1 for a finding of ``doctor``, 2 for a mistake of the user, 130 for an
            interrupt.
    """
    try:
        app(args=None if arguments is None else list(arguments), prog_name="qadapt")
    except QadaptError as error:
        show_error(error)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(0)
