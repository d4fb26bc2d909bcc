"""LazyGroup: a command group whose commands are imported when they are called, not when they are listed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from typing import Any, ClassVar

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from qadapt.errors import MissingExtraError


class Deferred(TyperCommand):
    """Name and help of a command that is imported as soon as there are arguments for it."""

    def __init__(self, name: str, help_line: str, load: Callable[[], typer.Typer]) -> None:
        super().__init__(name, help=help_line)
        self.load = load

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Import the command and let it parse the arguments."""
        app = self.load()
        command = get_command(app)
        command.name = self.name
        return command.make_context(info_name, args, parent, **extra)


class LazyGroup(TyperGroup):
    """A group of the commands in a table, and of those that other distributions bring.

    Attributes:
        table: First line of help by name of a command.
        package: Package in which the module of that name has ``app``; a command without a module is left out.
        entries: Group of the entry points of other distributions, each of which leads to a ``typer.Typer``. The first
            line of help is the summary of the distribution. They cannot take the place of a command in the table.
        elsewhere: Distribution by the name of a command that it would bring.
    """

    table: ClassVar[Mapping[str, str]] = {}
    package: ClassVar[str] = ""
    entries: ClassVar[str] = ""
    elsewhere: ClassVar[Mapping[str, str]] = {}

    def list_commands(self, ctx: Any) -> list[str]:
        """Names in the order of the table, then those of other distributions."""
        own = [name for name in self.table if find_spec(f"{self.package}.{name}")]
        return own + sorted(set(self._brought()) - set(self.table))

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Stand-in of a command, or None if there is no such command.

        Raises:
            MissingExtraError: The distribution that has it is not installed.
        """
        module = f"{self.package}.{cmd_name}"
        if cmd_name in self.table:
            found = Deferred(cmd_name, self.table[cmd_name], lambda: import_module(module).app)
            return found if find_spec(module) else None
        entry = self._brought().get(cmd_name)
        if entry is not None:
            return Deferred(cmd_name, entry.dist.metadata["Summary"] if entry.dist else "", lambda: _load(entry))
        if cmd_name in self.elsewhere:
            hint = f"pip install {self.elsewhere[cmd_name]}"
            raise MissingExtraError(f"the command {cmd_name!r} is not installed", hint=hint)
        return None

    def _brought(self) -> dict[str, EntryPoint]:
        """Commands of other distributions, looked up only where the table does not do."""
        return {entry.name: entry for entry in entry_points(group=self.entries)} if self.entries else {}


def _load(entry: EntryPoint) -> typer.Typer:
    try:
        app: typer.Typer = entry.load()
    except ImportError as error:
        hint = f"pip install {entry.dist.name}" if entry.dist else ""
        raise MissingExtraError(f"the command {entry.name!r} cannot be imported: {error}", hint=hint) from error
    return app
