"""LazyGroup: a command group whose commands are imported when they are called, not when they are listed."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any, ClassVar

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command


class Deferred(TyperCommand):
    """Name and help of a command that is imported as soon as there are arguments for it."""

    def __init__(self, name: str, help_line: str, module: str) -> None:
        super().__init__(name, help=help_line)
        self.module = module

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Import the command and let it parse the arguments."""
        app: typer.Typer = import_module(self.module).app
        command = get_command(app)
        command.name = self.name
        return command.make_context(info_name, args, parent, **extra)


class LazyGroup(TyperGroup):
    """A group of the commands in a table.

    Attributes:
        table: First line of help by name of a command.
        package: Package in which the module of that name has ``app``; a command without a module is left out.
    """

    table: ClassVar[Mapping[str, str]] = {}
    package: ClassVar[str] = ""

    def list_commands(self, ctx: Any) -> list[str]:
        """Names in the order of the table."""
        return [name for name in self.table if find_spec(f"{self.package}.{name}")]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Stand-in of a command, or None if there is no such command."""
        if cmd_name not in self.list_commands(ctx):
            return None
        return Deferred(cmd_name, self.table[cmd_name], f"{self.package}.{cmd_name}")
