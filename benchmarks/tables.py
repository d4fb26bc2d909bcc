"""What a page yields beside comparisons of times: ratios of other things, limits, and tables of rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from benchmarks.timing import Comparison


@dataclass(frozen=True)
class Ratio(Comparison):
    """A comparison of something else than CPU seconds, of which less is better.

    Attributes:
        unit: What is counted or measured.
    """

    unit: str = ""


@dataclass(frozen=True)
class Limit:
    """A number of ours that must not be exceeded.

    Attributes:
        title: What is measured.
        value: What was measured; None where there is nothing to measure, which misses the bar.
        limit: The most that it may be.
        unit: Unit of both.
        note: Where the limit comes from.
    """

    title: str
    value: float | None
    limit: float
    unit: str
    note: str = ""

    @property
    def met(self) -> bool:
        """Whether the value is within the limit."""
        return self.value is not None and self.value <= self.limit


@dataclass(frozen=True)
class Table:
    """Rows of one frozen dataclass, whose field names are the columns.

    Attributes:
        title: What the table shows.
        rows: Rows of equal type.
        note: How the numbers were obtained, where the title does not say it.
    """

    title: str
    rows: Sequence[Any]
    note: str = ""

    def lines(self) -> list[str]:
        """The rows as aligned text under their headings, numbers to the right."""
        names = [field.name for field in fields(self.rows[0])] if self.rows else []
        table = [[name.replace("_", " ") for name in names]]
        table += [[_text(getattr(row, name)) for name in names] for row in self.rows]
        numeric = [all(not isinstance(getattr(row, name), str) for row in self.rows) for name in names]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        return [
            "  ".join(
                cell.rjust(width) if right else cell.ljust(width)
                for cell, width, right in zip(line, widths, numeric, strict=True)
            ).rstrip()
            for line in table
        ]


def plain(item: Comparison | Limit | Table) -> dict[str, Any]:
    """What a page yielded, as JSON can hold it."""
    found: dict[str, Any] = asdict(item)
    if isinstance(item, Comparison):
        found["ratio"] = item.ratio
    if not isinstance(item, Table):
        found["met"] = item.met
    return found


def _text(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.0f}" if value.is_integer() and abs(value) < 1e6 else f"{value:.4g}"
    return str(value)
