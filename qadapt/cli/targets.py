"""``qadapt targets``: what can be reached now, and in which state."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from qadapt import registry
from qadapt.cli.console import several, show_json, show_note, show_table
from qadapt.errors import QadaptError
from qadapt.gates import GATES
from qadapt.target import Target

app = typer.Typer(add_completion=False)


@app.command()
def targets(
    provider: Annotated[str | None, typer.Argument(help="Only the targets of this provider.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the targets that can be reached now."""
    found = []
    for name in [provider] if provider else registry.known():
        try:
            reached = registry.provider(name).targets()
        except QadaptError as error:
            if provider:
                raise
            show_note(f"{name}: {error}")
            continue
        found += [_summary(name, target) for target in reached.values()]
    if as_json:
        show_json(found)
        return
    rows = [
        [
            item["backend"],
            item["qubits"],
            "all to all" if item["live_couplers"] is None else item["live_couplers"],
            _dead(item),
            (item["calibrated"] or "")[:16].replace("T", " "),
            "sample" if item["sample"] else "",
            " ".join(item["native"]),
        ]
        for item in found
    ]
    show_table(["backend", "qubits", "couplers", "dead", "calibrated", "", "native gates"], rows)


def _dead(item: dict[str, Any]) -> str:
    counts = {"qubit": item["qubits"] - item["live_qubits"], "coupler": item["dead_couplers"]}
    return ", ".join(several(count, word) for word, count in counts.items() if count)


def _summary(provider: str, target: Target) -> dict[str, Any]:
    pairs = {
        frozenset(site.qubits) for name, sites in target.sites.items() if GATES[name].qubits == 2 for site in sites
    }
    live = None if target.couplings is None else len(target.couplings)
    return {
        "backend": f"{provider}:{target.name}",
        "qubits": target.num_qubits,
        "live_qubits": len(target.live_qubits),
        "native": list(target.native),
        "live_couplers": live,
        "dead_couplers": None if live is None else len(pairs) - live,
        "calibrated": target.calibrated.isoformat() if target.calibrated else None,
        "sample": target.sample,
        "source": target.source,
    }
