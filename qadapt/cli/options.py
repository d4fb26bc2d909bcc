"""Options: those that several commands have, and what is made of their words."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import typer
from pydantic import ValidationError

from qadapt.jobs import PATIENT, Budget, Ledger, Policy

MONEY, PATIENCE = "Ledger and budget", "Patience"
"""Panels of the help."""

DEADLINE = PATIENT.deadline
"""Seconds that one call of the vendor may take where nothing is said."""

_WORDS = {"rows": "rows-per-job", "in_doubt": "in-doubt"}
"""Options by the field of ``Policy`` that they fill, where the names differ."""


class InDoubt(StrEnum):
    """``Policy.in_doubt`` as words that the parser of the command line offers."""

    hold = "hold"
    resend = "resend"


Limits: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="20usd,300s,1e6shots",
        help="Most US dollars, seconds of the machine, and shots in all; what would take more is refused.",
        rich_help_panel=MONEY,
    ),
]
Jobs: TypeAlias = Annotated[
    int | None,
    typer.Option(min=1, help="Most jobs open at once; by default what the backend says.", rich_help_panel=PATIENCE),
]
Deadline: TypeAlias = Annotated[
    float,
    typer.Option(min=0.001, help="Seconds that one call of the vendor may take.", rich_help_panel=PATIENCE),
]
CancelOnInterrupt: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--cancel-on-interrupt",
        help="On Ctrl-C cancel the open jobs; they are left otherwise.",
        rich_help_panel=PATIENCE,
    ),
]
LedgerFile: TypeAlias = Annotated[
    Path | None, typer.Option("--ledger", metavar="FILE", help="Another ledger than the user's own.")
]
RunName: TypeAlias = Annotated[str, typer.Argument(metavar="RUN", help="Id of a run, its beginning, or its label.")]
RunNames: TypeAlias = Annotated[
    list[str], typer.Argument(metavar="RUN...", help="Ids of runs, their beginnings, or labels.")
]
Yes: TypeAlias = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def open_ledger(file: Path | None) -> Ledger:
    """A ledger that is there: one that is named, or the user's own.

    Raises:
        LedgerError: It is not there, or cannot be opened.
    """
    return Ledger(file, make=False)


def read_budget(text: str | None) -> Budget | None:
    """Read limits such as ``20usd,300s``.

    Raises:
        BudgetError: The text is something else.
    """
    return None if text is None else Budget.parse(text)


def read_policy(
    *,
    jobs: int | None,
    deadline: float,
    in_doubt: Literal["hold", "resend"],
    cancel: bool,
    rows: int | None = None,
) -> Policy:
    """How patient a run is by the words of the command line.

    Raises:
        typer.BadParameter: A number is out of range or not finite.
    """
    try:
        return Policy(rows=rows, jobs=jobs, deadline=deadline, in_doubt=in_doubt, cancel=cancel or None)
    except ValidationError as error:
        first = error.errors()[0]
        named = str(first["loc"][0])
        message = f"{first['input']!r}: {first['msg'].lower()}"
        raise typer.BadParameter(message, param_hint=f"--{_WORDS.get(named, named)}") from None
