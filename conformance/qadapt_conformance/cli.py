"""The command ``qadapt conformance``, which is also ``qadapt-conformance``."""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from qadapt import Backend, QadaptError
from qadapt.cli.console import show_error
from qadapt.jobs import Budget
from qadapt.registry import using
from qadapt_conformance.compare_cli import compare_backends
from qadapt_conformance.exclusion import Settings
from qadapt_conformance.mutants_cli import mutants
from qadapt_conformance.opening import check_budget, choose, paying, plan_lines, refusal
from qadapt_conformance.options import BudgetText, Hardware, make_folder
from qadapt_conformance.plan import plan_suite
from qadapt_conformance.reports import document, write_reports
from qadapt_conformance.reports.summary import lines
from qadapt_conformance.rule import RULES, Rule
from qadapt_conformance.spec import sections
from qadapt_conformance.statistics import ALPHA
from qadapt_conformance.suite import Show, run_suite
from qadapt_conformance.tier import Tier
from qadapt_conformance.verdict import Verdict

USAGE = 2
"""Exit code of a mistake of the user."""

WORSE = (0, 3, USAGE, 1)
"""Exit codes from the best to the worst: of several backends, the worst counts."""

COLOURS = {Verdict.CONFORMS: "green", Verdict.VIOLATES: "red", Verdict.UNDECIDED: "yellow", Verdict.EXCLUDED: "magenta"}

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Does a backend compute what the circuit says, and hand the answer back in the right place?",
    epilog="Exit codes of run: 0 conforms, 1 a rule is violated or none conforms, 2 wrong usage, 3 not fully judged.",
)


@app.command()
def run(
    backend: Annotated[str | None, typer.Option(metavar="NAME", help="Full name, as in local:statevector.")] = None,
    tier: Annotated[Tier | None, typer.Option(help="How much of the suite; simulator if nothing is said.")] = None,
    rule: Annotated[list[str] | None, typer.Option(metavar="ID", help="Only this rule; may be repeated.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the run.")] = 0,
    settings: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A conformance.toml; without --backend, all backends in it.")
    ] = None,
    report: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write the report there: JSON, JUnit, HTML and a badge.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the report as JSON, one line for each backend.")
    ] = False,
    hardware: Hardware = False,
    budget: BudgetText = None,
) -> None:
    """Run the rules on a backend and give verdicts."""
    chosen = None if rule is None else {_known(name) for name in rule}
    wanted = choose(backend, settings, tier, Budget.of(budget))
    folders = _folders(report, wanted)
    codes = []
    for one, folder in zip(wanted, folders, strict=True):
        try:
            with using(one.target) as opened:
                codes.append(_run(opened, one, settings, chosen, seed, folder, as_json, hardware))
        except QadaptError as error:
            show_error(error)
            codes.append(USAGE)
    raise typer.Exit(max(codes, key=WORSE.index))


app.command("compare")(compare_backends)
app.command("mutants")(mutants)


@app.command("list")
def list_rules() -> None:
    """List every rule in a line."""
    width = max(map(len, RULES))
    for found in RULES.values():
        typer.echo(f"{found.id:{width}}  {found.title}")


@app.command()
def explain(names: Annotated[list[str], typer.Argument(metavar="ID...", help="Ids of rules, as in BITS-4.")]) -> None:
    """Say what rules demand, why, and how to fix a violation."""
    known = [_known(name) for name in names]
    if not sys.stdout.isatty():
        typer.echo("\n\n".join(f"{name}\n\n{sections()[name]}" for name in known))
        return
    from rich.console import Console
    from rich.markdown import Markdown

    Console().print(Markdown("\n\n".join(f"## {name}\n\n{sections()[name]}" for name in known)))


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command on its own and leave the process, as ``qadapt conformance`` does.

    Raises:
        SystemExit: Always.
    """
    try:
        app(args=None if arguments is None else list(arguments), prog_name="qadapt-conformance")
    except QadaptError as error:
        show_error(error)
        sys.exit(USAGE)
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(0)


def _known(name: str) -> str:
    if name.upper() not in RULES:
        raise typer.BadParameter(f"no rule {name}; the command list shows all")
    return name.upper()


def _folders(report: Path | None, wanted: Sequence[Settings]) -> list[Path | None]:
    """Where each report goes: of several, each into a folder of its own."""
    if report is None:
        return [None] * len(wanted)
    names = [re.sub(r"[^\w.-]+", "-", one.target) for one in wanted]
    for place, name in enumerate(names):
        if name in names[:place]:
            names[place] = f"{name}-{place + 1}"
    folders = [report / name for name in names] if len(names) > 1 else [report]
    for folder in folders:
        make_folder(folder, "--report")
    return [*folders]


def _run(
    opened: Backend,
    wanted: Settings,
    settings: Path | None,
    chosen: Collection[str] | None,
    seed: int,
    folder: Path | None,
    as_json: bool,
    hardware: bool,
) -> int:
    """Run the suite on one backend and return the exit code."""
    if paying(opened, wanted):
        plan = plan_suite(opened, rules=chosen, tier=wanted.tier, seed=seed)
        typer.echo(plan_lines(plan), err=as_json)
        check_budget(opened, wanted, plan)
    if why := refusal(opened, wanted.tier, hardware, "--hardware"):
        raise typer.BadParameter(why, param_hint="--backend")
    if not as_json:
        typer.echo(_header(opened, wanted.tier, seed))
    with _bar() as show:
        found = run_suite(opened, rules=chosen, tier=wanted.tier, exclusions=wanted.exclusions, seed=seed, show=show)
    if settings is not None:
        found = found.model_copy(update={"settings": str(settings)})
    if folder is not None:
        write_reports(found, folder)
    typer.echo(document(found) if as_json else _coloured(lines(found)))
    return found.exit_code


def _header(opened: Backend, tier: Tier, seed: int) -> str:
    kind = "simulator" if opened.capabilities.simulated else "machine"
    noise = "without noise" if opened.target.ideal else "with noise"
    return (
        f"{opened.name}: {kind} {noise}, {opened.target.num_qubits} qubits, {len(opened.target.native)} native gates; "
        f"tier {tier}, {len(RULES)} rules, seed {seed}, false alarms at most {ALPHA:g} per run\n"
    )


@contextmanager
def _bar() -> Iterator[Show | None]:
    """A bar on stderr, where that is a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description:9}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task("", total=None)

        def show(rule: Rule, number: int, total: int) -> None:
            shown.update(task, description=rule.id, completed=number, total=total)

        yield show


def _coloured(text: str) -> str:
    """Verdicts at the beginning of lines in their colours; a terminal shows them, a file does not get them."""
    for verdict, colour in COLOURS.items():
        text = re.sub(rf"^{verdict.value}\b", typer.style(verdict.value, fg=colour), text, flags=re.MULTILINE)
    return text


if __name__ == "__main__":
    main()
