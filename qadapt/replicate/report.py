"""Report: an outcome as a table for the terminal and as one self-contained page."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rich.table import Table

from qadapt.replicate.outcome import Outcome

_INK, _SOFT, _GOOD, _BAD = "#1d2733", "#5b6876", "#12715b", "#b3261e"


@dataclass(frozen=True)
class Plot:
    """One picture of the page."""

    svg: str
    caption: str


def summary(outcome: Outcome) -> str:
    """One sentence that says whether the backends agree."""
    differ = [b.backend for b in outcome.backends if b.agreement.verdict == "differs"]
    if not outcome.backends:
        return "No backend was asked."
    if differ:
        return f"{len(differ)} of {len(outcome.backends)} backends differ from what is predicted: {', '.join(differ)}."
    who = "The backend agrees" if len(outcome.backends) == 1 else f"All {len(outcome.backends)} backends agree"
    return f"{who} with what is predicted, within what shots and noise allow."


def table(outcome: Outcome) -> Table:
    """The outcome as a table for the terminal."""
    made = Table(title=f"{outcome.study}: {outcome.model}, {outcome.tokens} tokens")
    for name in ("backend", "shots", "CZ/block", "circuits/token", "perplexity", "difference to exact", "verdict"):
        made.add_column(name, justify="left" if name == "backend" else "right", no_wrap=True)
    base, exact = outcome.base, outcome.exact
    made.add_row(
        "base, no adapter", "", "", "", f"{base.perplexity:.3f}", f"{base.difference:+.3f} ± {base.error:.3f}", ""
    )
    made.add_row("adapter, exact", "", "", "", f"{exact.perplexity:.3f}", "", "")
    for b in outcome.backends:
        style = "green" if b.agreement.verdict == "match" else "red"
        made.add_row(
            b.backend,
            str(b.shots),
            f"{b.entanglers:.3g}",
            f"{b.circuits_per_token:.2f}",
            f"{b.evaluation.perplexity:.3f}",
            f"{b.evaluation.difference:+.4f} ± {b.evaluation.error:.4f}",
            f"[{style}]{b.agreement.verdict}[/{style}]",
        )
    return made


def page(outcome: Outcome) -> str:
    """The outcome as one HTML page without outside references."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(loader=PackageLoader("qadapt.replicate", "."), autoescape=True, undefined=StrictUndefined)
    versions: dict[str, str] = {}
    for b in outcome.backends:
        versions |= b.versions
    return environment.get_template("report.html.j2").render(
        outcome=outcome,
        title="Cayley adapter across backends",
        summary=summary(outcome),
        plots=list(_plots(outcome)),
        versions=sorted(versions.items()),
    )


def _plots(outcome: Outcome) -> Iterator[Plot]:
    if outcome.backends:
        yield Plot(_differences(outcome), "Perplexity difference to the exact adapter, two standard errors.")
        yield Plot(
            _distances(outcome),
            "Distance of the counts to the target's prediction (dot), and what shots alone cause (band, six sigma).",
        )
    if outcome.training_loss:
        yield Plot(_training(outcome), "Training loss of the adapter, mean over 20 steps.")


def _figure(height: float) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.6, height), layout="constrained")
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(colors=_SOFT, labelsize=9)
    return figure, axes


def _svg(figure: Any) -> str:
    from matplotlib import rc_context

    buffer = io.StringIO()
    # A fixed salt and no date: equal outcomes give equal pages.
    with rc_context({"svg.hashsalt": "qadapt", "svg.fonttype": "none", "font.family": "sans-serif"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :]


def _colour(verdict: str) -> str:
    return _GOOD if verdict == "match" else _BAD


def _height(outcome: Outcome) -> float:
    return 1.2 + 0.36 * len(outcome.backends)


def _differences(outcome: Outcome) -> str:
    figure, axes = _figure(_height(outcome))
    for place, b in enumerate(outcome.backends):
        axes.errorbar(
            b.evaluation.difference,
            place,
            xerr=2 * b.evaluation.error,
            fmt="o",
            color=_colour(b.agreement.verdict),
            capsize=3,
        )
    axes.axvline(0, color=_SOFT, linewidth=0.8)
    axes.set_yticks(range(len(outcome.backends)), [b.backend for b in outcome.backends])
    axes.invert_yaxis()
    axes.set_xlabel("perplexity − exact", color=_INK)
    return _svg(figure)


def _distances(outcome: Outcome) -> str:
    figure, axes = _figure(_height(outcome))
    for place, b in enumerate(outcome.backends):
        a = b.agreement
        reach = 6 * a.deviation + a.margin
        axes.barh(place, 2 * 6 * a.deviation + a.margin, left=a.expected - 6 * a.deviation, height=0.5, color="#dfe6ee")
        axes.plot(a.distance, place, "o", color=_colour(a.verdict))
        axes.plot([a.expected + reach] * 2, [place - 0.3, place + 0.3], color=_SOFT, linewidth=0.8)
    axes.use_sticky_edges = False  # bars would otherwise end at the axis
    axes.margins(x=0.05)
    axes.set_yticks(range(len(outcome.backends)), [b.backend for b in outcome.backends])
    axes.invert_yaxis()
    axes.set_xlabel("mean total variation distance", color=_INK)
    return _svg(figure)


def _training(outcome: Outcome) -> str:
    figure, axes = _figure(2.8)
    losses, span = outcome.training_loss, min(20, len(outcome.training_loss))
    means = [sum(losses[end - span : end]) / span for end in range(span, len(losses) + 1)]
    axes.plot(range(span, len(losses) + 1), means, color=_GOOD)
    axes.set_xlabel("step", color=_INK)
    axes.set_ylabel("nats per token", color=_INK)
    return _svg(figure)
