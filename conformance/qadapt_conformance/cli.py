"""The command ``qadapt-conformance``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from qadapt import Backend, QadaptError, backend
from qadapt_conformance.rule import RULES
from qadapt_conformance.spec import sections
from qadapt_conformance.statistics import ALPHA
from qadapt_conformance.suite import Report, Verdict, run_suite

USAGE = 2
"""Exit code of a mistake on the command line."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="qadapt-conformance",
        description="Does a backend compute what the circuit says, and hand the answer back in the right place?",
        epilog="exit code: 0 everything conforms, 1 a rule is violated, 2 wrong usage, 3 a rule was not judged",
    )
    parser.add_argument("--backend", metavar="NAME", help="full name, as in local:statevector")
    parser.add_argument("--rule", metavar="ID", action="append", help="only this rule; may be repeated")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the report as JSON")
    parser.add_argument("--seed", metavar="N", type=int, default=0, help="seed of the run, 0 when omitted")
    parser.add_argument("--hardware", action="store_true", help="submit jobs to a backend that is not a simulator")
    commands = parser.add_subparsers(dest="command", metavar="list | explain ID")
    commands.add_parser("list", help="every rule in one line")
    explain = commands.add_parser("explain", help="what a rule demands, why, and how to fix a violation")
    explain.add_argument("id", metavar="ID")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.command == "list":
        width = max(map(len, RULES))
        print("\n".join(f"{rule.id:{width}}  {rule.title}" for rule in RULES.values()))
        return 0
    if options.command == "explain":
        return _explain(options.id.upper())
    if not options.backend:
        return _mistake("name a backend, as in --backend local:statevector")
    chosen = [name.upper() for name in options.rule] if options.rule else None
    unknown = sorted(set(chosen or ()) - set(RULES))
    if unknown:
        return _mistake(f"no rule {', '.join(unknown)}; qadapt-conformance list shows all")
    if options.seed < 0:
        return _mistake(f"the seed is {options.seed}, expected at least 0")
    try:
        opened = backend(options.backend)
    except QadaptError as error:
        return _mistake(str(error))
    if not (opened.capabilities.simulated or options.hardware):
        return _mistake(f"{opened.name} is a machine, where jobs may cost money; pass --hardware to submit them")
    print(_header(opened, options.seed))
    report = run_suite(opened, rules=chosen, seed=options.seed)
    print(_verdicts(report))
    if options.json:
        options.json.write_text(report.model_dump_json(indent=1) + "\n", encoding="utf-8")
    return report.exit_code


def _mistake(said: str) -> int:
    print(f"qadapt-conformance: {said}", file=sys.stderr)
    return USAGE


def _explain(name: str) -> int:
    if name not in RULES:
        return _mistake(f"no rule {name}; qadapt-conformance list shows all")
    print(f"{name}\n\n{sections()[name]}")
    return 0


def _header(opened: Backend, seed: int) -> str:
    kind = "simulator" if opened.capabilities.simulated else "machine"
    noise = "without noise" if opened.target.ideal else "with noise"
    return (
        f"{opened.name}: {kind} {noise}, {opened.target.num_qubits} qubits, {len(opened.target.native)} native gates; "
        f"{len(RULES)} rules, seed {seed}, false alarms at most {ALPHA:g} per run\n"
    )


def _verdicts(report: Report) -> str:
    """Every verdict in a line, then reasons, then violations in full, then the counts."""
    reasons: dict[str, list[str]] = {}
    for entry in report.verdicts:
        if entry.verdict in (Verdict.NOT_DECLARED, Verdict.NOT_RUN):
            reasons.setdefault(f"{entry.verdict}: {entry.message}", []).append(entry.rule)
    parts = (
        [f"{entry.verdict:12}  {entry.rule:9} {entry.title}" for entry in report.verdicts],
        [f"{reason} ({', '.join(ids)})" for reason, ids in reasons.items()],
        [entry.message for entry in report.verdicts if entry.verdict is Verdict.VIOLATES],
        [", ".join(f"{report.count(verdict)} {verdict}" for verdict in Verdict)],
    )
    return "\n\n".join("\n".join(lines) for lines in parts if lines)


if __name__ == "__main__":
    sys.exit(main())
