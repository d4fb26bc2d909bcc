"""``qadapt replicate``: the studies of the published systems, on any backend."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from qadapt.errors import QadaptError
from qadapt.synthesis import Effort

app = typer.Typer(no_args_is_help=True, help="Replicate a published study on any backend.")


@app.callback()
def _group() -> None:
    """Replicate a published study on any backend."""


@app.command()
def cayley(
    backend: Annotated[list[str] | None, typer.Option(help="Where to run, provider:target; repeatable.")] = None,
    tokens: Annotated[int | None, typer.Option(min=1, help="Tokens of the test text to predict.")] = None,
    shots: Annotated[int | None, typer.Option(min=1, help="Shots per circuit.")] = None,
    dim: Annotated[int, typer.Option(help="Side of the blocks: 2, 4, 8, 16 or 32.")] = 4,
    layers: Annotated[str, typer.Option(help="Layer numbers, as in 1 or 0,2; 'all' for all.")] = "1",
    target: Annotated[list[str] | None, typer.Option(help="Linear layers to adapt; repeatable.")] = None,
    effort: Annotated[Effort, typer.Option(help="fast, or best: longer for the fewest entangling gates.")] = "fast",
    steps: Annotated[int | None, typer.Option(min=0, help="Training steps of the adapter.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of training, shots and statistics.")] = 7,
    model: Annotated[
        str | None, typer.Option(help="Hugging Face id or local path; the shipped model if omitted.")
    ] = None,
    quick: Annotated[bool, typer.Option(help="Fewer tokens, training steps and shots.")] = False,
    out: Annotated[Path, typer.Option(help="Folder of results.json, report.html and the state to resume from.")] = Path(
        "runs/cayley"
    ),
) -> None:
    """Train a Cayley adapter and evaluate it exactly and on backends (arXiv 2605.05914).

    Interrupt it at any time; the same command goes on where it was.
    """
    from rich.console import Console

    from qadapt.replicate.cayley import run_study
    from qadapt.replicate.outcome import Settings
    from qadapt.replicate.report import page, summary, table

    console = Console()
    if not console.is_terminal:
        console.width = 120  # a log is not folded to the width of no screen
    chosen = {"tokens": tokens, "shots": shots, "steps": steps}
    defaults = {"tokens": 96, "window": 32, "shots": 4096, "steps": 120, "batch": 8} if quick else {}
    given = defaults | {name: value for name, value in chosen.items() if value is not None}
    settings = Settings(
        model=model,
        targets=tuple(target or ("v_proj",)),
        layers=_layers(layers),
        dim=_dim(dim),
        effort=effort,
        seed=seed,
        **given,
    )
    backends = tuple(backend or ("local:statevector",))
    try:
        outcome = run_study(settings, backends, out, console)
        (out / "results.json").write_text(outcome.model_dump_json(indent=2) + "\n", encoding="utf-8")
        (out / "report.html").write_text(page(outcome), encoding="utf-8")
    except KeyboardInterrupt:
        console.print(f"\ninterrupted; the same command goes on where it was (state in {out})")
        raise typer.Exit(130) from None
    except OSError as error:
        raise QadaptError(f"cannot write to {out}: {error}", hint="choose another folder with --out") from error
    console.print(table(outcome))
    console.print(summary(outcome))
    console.print(f"results: {out / 'results.json'}   report: {out / 'report.html'}", soft_wrap=True)
    if any(b.agreement.verdict == "differs" for b in outcome.backends):
        raise typer.Exit(1)


def _layers(text: str) -> tuple[int, ...] | None:
    if text == "all":
        return None
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise typer.BadParameter(f"{text!r} is neither 'all' nor numbers such as 0,2", param_hint="--layers") from None


def _dim(dim: int) -> Literal[2, 4, 8, 16, 32]:
    for known in (2, 4, 8, 16, 32):
        if dim == known:
            return known
    raise typer.BadParameter(f"{dim} is not 2, 4, 8, 16 or 32", param_hint="--dim")
