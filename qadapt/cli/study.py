"""``qadapt study``: what an adapter is worth on machines that can be told how noisy to be."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from qadapt.errors import QadaptError
from qadapt.synthesis import Effort

app = typer.Typer(no_args_is_help=True, help="Study adapters on emulated machines.")

QUICK: dict[str, Any] = {
    "dims": (2, 4, 8),
    "scales": (0.0, 1.0, 4.0),
    "compilers": ("qadapt",),
    "seeds": 3,
    "width": 16,
    "shots": 2048,
    "steps": 10,
}
"""What ``--quick`` takes where nothing else is said."""


@app.callback()
def _group() -> None:
    """Study adapters on emulated machines."""


@app.command()
def noise(
    dim: Annotated[list[int] | None, typer.Option(help="Side of the blocks: 2, 4, 8 or 16; repeatable.")] = None,
    scale: Annotated[list[float] | None, typer.Option(help="Factor on all calibrated errors; repeatable.")] = None,
    readout: Annotated[list[str] | None, typer.Option(help="input-sign or signed; repeatable.")] = None,
    compiler: Annotated[list[str] | None, typer.Option(help="qadapt or qiskit; repeatable.")] = None,
    seeds: Annotated[int | None, typer.Option(min=1, help="Repetitions with other blocks, inputs and shots.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="The first seed.")] = None,
    shots: Annotated[int | None, typer.Option(min=6, help="Shots per row, over all settings of a read-out.")] = None,
    target: Annotated[str | None, typer.Option(help="A bundled target.")] = None,
    effort: Annotated[
        Effort | None, typer.Option(help="fast, or best: longer for the fewest entangling gates.")
    ] = None,
    width: Annotated[int | None, typer.Option(min=2, help="Width of the random layers.")] = None,
    inputs: Annotated[int | None, typer.Option(min=1, help="Inputs of the random layers.")] = None,
    strength: Annotated[float | None, typer.Option(help="Root mean square of ||Qx - x|| of their blocks.")] = None,
    parts: Annotated[float | None, typer.Option(help="Switch each source of error off at this noise scale.")] = None,
    perplexity: Annotated[
        int | None, typer.Option(min=0, help="Tokens on which trained adapters of a language model are evaluated.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="Hugging Face id or local path; the shipped model if omitted.")
    ] = None,
    projection: Annotated[list[str] | None, typer.Option(help="Linear layers to adapt; repeatable.")] = None,
    layers: Annotated[str, typer.Option(help="Layer numbers, as in 1 or 0,2; 'all' for all.")] = "all",
    steps: Annotated[int | None, typer.Option(min=0, help="Training steps of the adapters.")] = None,
    executor: Annotated[
        str | None, typer.Option(help="processes:N, or dask:ADDRESS; a process per processor if omitted.")
    ] = None,
    quick: Annotated[bool, typer.Option(help="A small grid, in a minute or two.")] = False,
    out: Annotated[Path, typer.Option(help="Folder of results.json, report.html and the state to resume from.")] = Path(
        "runs/noise"
    ),
) -> None:
    """Measure error and perplexity by block size, noise, read-out and compiler.

    Interrupt it at any time; the same command goes on where it was.
    """
    from rich.console import Console

    from qadapt.study.executor import default
    from qadapt.study.grid import Settings
    from qadapt.study.report import page, tables
    from qadapt.study.run import run_study

    console = Console()
    if not console.is_terminal:
        console.width = 140  # a log is not folded to the width of no screen
    lists = {"dims": dim, "scales": scale, "readouts": readout, "compilers": compiler, "projections": projection}
    chosen = {name: None if value is None else tuple(value) for name, value in lists.items()} | {
        "seeds": seeds,
        "seed": seed,
        "shots": shots,
        "target": target,
        "effort": effort,
        "width": width,
        "tokens": inputs,
        "strength": strength,
        "parts": parts,
        "perplexity": perplexity,
        "model": model,
        "layers": _layers(layers),
        "steps": steps,
    }
    given = (QUICK if quick else {}) | {name: value for name, value in chosen.items() if value is not None}
    settings = Settings(**given)
    try:
        outcome = run_study(settings, out, console, executor or default())
        (out / "results.json").write_text(outcome.model_dump_json(indent=2) + "\n", encoding="utf-8")
        (out / "report.html").write_text(page(outcome), encoding="utf-8")
    except KeyboardInterrupt:
        console.print(f"\ninterrupted; the same command goes on where it was (state in {out})")
        raise typer.Exit(130) from None
    except OSError as error:
        raise QadaptError(f"cannot write to {out}: {error}", hint="choose another folder with --out") from error
    for made in tables(outcome):
        console.print(made)
    console.print(f"results: {out / 'results.json'}   report: {out / 'report.html'}", soft_wrap=True)


def _layers(text: str) -> tuple[int, ...] | None:
    if text == "all":
        return None
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise typer.BadParameter(f"{text!r} is neither 'all' nor numbers such as 0,2", param_hint="--layers") from None
