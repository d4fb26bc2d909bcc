"""Plots: the diagrams of an outcome as SVG."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from qadapt.study.grid import SOURCES
from qadapt.study.outcome import Interval, Outcome, Part, Perplexity, Point

INK, SOFT = "#1d2733", "#5b6876"
_COLOURS = {"input-sign": "#b3261e", "signed": "#12715b"}
_LINES = {"qadapt": ("-", "o"), "qiskit": (":", "s")}
_SHADES = ("#35618e", "#12715b", "#c98a1b", "#b3261e", "#8a94a3")


@dataclass(frozen=True)
class Plot:
    """One picture of the page."""

    svg: str
    caption: str


def plots(outcome: Outcome) -> Iterator[Plot]:
    """All pictures of an outcome."""
    yield Plot(
        _panels(outcome.points, lambda point: point.error, "error of the layer", log=True),
        "Error of the layer's output by noise scale, one panel per side of the blocks, with 95 % intervals over seeds.",
    )
    if outcome.parts:
        yield Plot(
            _shares(outcome.parts),
            "Part of the squared error that goes with one source; below zero where it hid other errors.",
        )
    if outcome.perplexities:
        yield Plot(
            _panels(outcome.perplexities, lambda each: _percent(each.lost), "perplexity lost to noise (%)", log=False),
            "Perplexity lost against the same adapter in torch, with 95 % intervals over tokens.",
        )


def _panels(
    found: Sequence[Point] | Sequence[Perplexity], value: Callable[[Any], Interval], label: str, *, log: bool
) -> str:
    dims = sorted({each.dim for each in found})
    figure = _figure(1.2 + 2.6 * len(dims), 3.2)
    for number, dim in enumerate(dims):
        axes = figure.add_subplot(1, len(dims), number + 1, sharey=figure.axes[0] if number else None)
        for readout, colour in _COLOURS.items():
            for compiler, (line, mark) in _LINES.items():
                own = [each for each in found if (each.dim, each.readout, each.compiler) == (dim, readout, compiler)]
                if own:
                    own = sorted(own, key=lambda each: each.scale)
                    _line(axes, own, value, color=colour, linestyle=line, marker=mark, label=f"{readout}, {compiler}")
        axes.set_title(f"d = {dim}", fontsize=10, color=INK)
        axes.set_xlabel("noise scale", color=INK)
        if log:
            axes.set_yscale("log")
    figure.axes[0].set_ylabel(label, color=INK)
    figure.axes[0].legend(fontsize=7, frameon=False)
    return _svg(figure)


def _line(axes: Any, own: Sequence[Any], value: Callable[[Any], Interval], **style: Any) -> None:
    values = [value(each) for each in own]
    means = [each.mean for each in values]
    reach = [
        [0.0 if end is None else abs(end - each.mean) for each, end in ((each, getattr(each, side)) for each in values)]
        for side in ("low", "high")
    ]
    axes.errorbar([each.scale for each in own], means, yerr=reach, capsize=2, markersize=4, linewidth=1.2, **style)


def _shares(found: Sequence[Part]) -> str:
    ways = list(dict.fromkeys((each.dim, each.readout, each.compiler) for each in found))
    figure = _figure(7.2, 1.2 + 0.55 * len(ways))
    axes = figure.add_subplot()
    height = 0.8 / len(SOURCES)
    for number, (source, colour) in enumerate(zip(SOURCES, _SHADES, strict=True)):
        own = [each for each in found if each.source == source]
        places = [ways.index((each.dim, each.readout, each.compiler)) + (number - 2) * height for each in own]
        axes.barh(places, [each.share.mean for each in own], height=height, color=colour, label=source)
    axes.axvline(0, color=SOFT, linewidth=0.8)
    axes.set_yticks(range(len(ways)), [f"d = {dim}, {readout}, {compiler}" for dim, readout, compiler in ways])
    axes.invert_yaxis()
    axes.set_xlabel("part of the squared error", color=INK)
    axes.legend(fontsize=7, frameon=False)
    return _svg(figure)


def _percent(value: Interval) -> Interval:
    return Interval.model_validate({name: None if number is None else 100 * number for name, number in value})


def _figure(width: float, height: float) -> Any:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def _svg(figure: Any) -> str:
    from matplotlib import rc_context

    for axes in figure.axes:
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(colors=SOFT, labelsize=8)
    buffer = io.StringIO()
    # A fixed salt and no date: equal outcomes give equal pages.
    with rc_context({"svg.hashsalt": "qadapt", "svg.fonttype": "none", "font.family": "sans-serif"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :]
