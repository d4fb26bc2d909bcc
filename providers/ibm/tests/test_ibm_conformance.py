"""Every rule of the suite, over the wire: the real client and the loopback cloud, whose machine has no noise."""

from __future__ import annotations

from pathlib import Path

import pytest

from clouds.ibm import MACHINE, IBMCloud
from ibm_cases import Open
from qadapt.target import Site, Target
from qadapt_conformance.suite import Verdict, run_suite

EXCEPTIONS = {
    "ROWS-5": "IBM's Sampler takes one number",
    "PROV-3": "simul",  # it is called a simulator here, and the provenance rightly says that a machine answered
}


def ideal(target: Target) -> Target:
    """The machine as the cloud simulates it: without errors, every coupler alive."""
    fields = {name: getattr(target, name) for name in Target.model_fields}
    sites = {gate: tuple(Site(qubits=site.qubits, error=0.0) for site in sites) for gate, sites in target.sites.items()}
    return Target(**fields | {"sites": sites, "qubits": ()})


def test_it_conforms(cloud: IBMCloud, connect: Open, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With fractional gates, since a machine that has them has all others, too."""
    monkeypatch.setenv("QADAPT_LEDGER", str(tmp_path / "ledger.db"))
    cloud.fresh = True
    cloud.states = ["Queued", "Running"]
    backend = connect(f"{MACHINE}-fractional")
    backend.target = ideal(backend.target)
    # Rules that compare with exact probabilities are for simulators, and this machine is one.
    backend.capabilities = backend.capabilities.model_copy(update={"simulated": True})
    report = run_suite(backend)
    violated = {entry.rule: entry.message for entry in report.verdicts if entry.verdict is Verdict.VIOLATES}
    assert not {rule: said for rule, said in violated.items() if rule not in EXCEPTIONS}
    assert all(text in violated[rule] for rule, text in EXCEPTIONS.items())
    assert report.count(Verdict.CONFORMS) > 40
    assert not cloud.leaks
    assert cloud.posts() == len(cloud.jobs)
