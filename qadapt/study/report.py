"""Report: an outcome as tables for the terminal and as one self-contained page."""

from __future__ import annotations

from collections.abc import Iterator

from rich.table import Table

from qadapt.study.outcome import Interval, Outcome
from qadapt.study.plots import plots


def tables(outcome: Outcome) -> Iterator[Table]:
    """The outcome as tables for the terminal."""
    settings = outcome.settings
    made = _table(f"error of the layer, {settings.target}, {settings.shots} shots per row", "CZ per row", "error")
    for each in outcome.points:
        made.add_row(*_way(each), f"{each.entangling:.3g}", spread(each.error))
    yield made
    if outcome.parts:
        made = _table(f"without one source of error, noise scale {settings.parts:g}", "without", "error", "part of it")
        for part in outcome.parts:
            made.add_row(*_way(part), part.source, spread(part.error), spread(part.share, ".0%"))
        yield made
    if outcome.perplexities:
        made = _table(f"perplexity, {settings.perplexity} tokens", "base", "exact", "measured", "lost", "vector error")
        for found in outcome.perplexities:
            numbers = (f"{value:.3f}" for value in (found.base, found.exact, found.measured))
            made.add_row(*_way(found), *numbers, spread(found.lost, "+.2%"), spread(found.error))
        yield made


def page(outcome: Outcome) -> str:
    """The outcome as one HTML page without outside references."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(loader=PackageLoader("qadapt.study", "."), autoescape=True, undefined=StrictUndefined)
    environment.filters["spread"] = spread
    return environment.get_template("report.html.j2").render(outcome=outcome, plots=list(plots(outcome)))


def spread(value: Interval, form: str = ".4f") -> str:
    """A mean and its interval, as text."""
    if value.low is None or value.high is None:
        return f"{value.mean:{form}}"
    return f"{value.mean:{form}} [{value.low:{form}}, {value.high:{form}}]"


def _table(title: str, *columns: str) -> Table:
    made = Table(title=title)
    for name in ("d", "noise", "read-out", "compiler", *columns):
        made.add_column(name, justify="left" if name in ("read-out", "compiler", "without") else "right", no_wrap=True)
    return made


def _way(each: object) -> tuple[str, str, str, str]:
    dim, scale, readout, compiler = (getattr(each, name) for name in ("dim", "scale", "readout", "compiler"))
    return str(dim), f"{scale:g}", str(readout), str(compiler)
