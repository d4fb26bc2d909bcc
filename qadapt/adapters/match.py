"""Which layers of a model an adapter goes to, by name and layer number."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from qadapt.errors import AdapterError

SHOWN = 12
"""Most names that an error lists."""


def layer_number(name: str) -> int | None:
    """First part of a dotted name that is a whole number, as 3 of ``model.layers.3.mlp.experts.0``; else None."""
    return next((int(part) for part in name.split(".") if part.isdecimal()), None)


def matches(name: str, pattern: str) -> bool:
    """Whether a pattern is the name, its last parts, or a shell pattern for all of it."""
    return name == pattern or name.endswith(f".{pattern}") or fnmatchcase(name, pattern)


def select(names: Iterable[str], targets: Sequence[str], layers: Sequence[int] | None) -> tuple[str, ...]:
    """Names that match a target and a layer number, in the order given.

    Raises:
        AdapterError: A target or a layer number selects nothing.
    """
    names = tuple(names)
    numbers = {name: layer_number(name) for name in names}
    inside = [name for name in names if layers is None or numbers[name] in layers]
    for pattern in targets:
        if not any(matches(name, pattern) for name in inside):
            where = f" in layers {list(layers)}" if layers is not None else ""
            raise AdapterError(f"target {pattern!r} matches no linear layer{where}", hint=_listing(names))
    chosen = tuple(name for name in inside if any(matches(name, pattern) for pattern in targets))
    if unused := sorted(set(layers or ()) - {numbers[name] for name in chosen}):
        raise AdapterError(f"no target in layers {unused}", hint=_listing(names))
    return chosen


def _listing(names: Sequence[str]) -> str:
    if not names:
        return "the model has no linear layers that can be adapted"
    rest = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"linear layers are {', '.join(names[:SHOWN])}{rest}"
