"""The documents: what they show runs, what they link exists, and they have the form that they promise."""

from __future__ import annotations

import re
import shlex
import sys
import traceback
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import acme_sdk
from cli_tools import call
from qadapt import (
    GATES,
    AccessError,
    Backend,
    BadResultError,
    Bindings,
    Circuit,
    Failed,
    JobFailedError,
    MissingExtraError,
    Provider,
    Site,
    Target,
    TargetError,
    UnavailableError,
    Work,
    op,
    run,
    tally,
)
from qadapt.jobs import wait
from qadapt.provider import Finding
from qadapt.simulate.noise import channel, depolarising

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.rglob("*.md"), ROOT / "conformance" / "README.md"])
ADRS = sorted((DOCS / "adr").glob("*.md"))


def blocks(page: Path) -> list[str]:
    """Python blocks of a page."""
    return re.findall(r"^```python\n(.*?)^```$", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


@pytest.fixture
def acme(monkeypatch: pytest.MonkeyPatch) -> Provider:
    """The complete provider of the page, with the SDK of its vendor."""
    code = blocks(DOCS / "add_a_provider.md")[-1]
    assert sum(bool(line.strip()) for line in code.splitlines()) <= 66
    namespace: dict[str, Any] = {"__name__": "qadapt_acme"}
    exec(compile(code, "add_a_provider.md", "exec"), namespace)
    monkeypatch.setenv("ACME_KEY", acme_sdk.KEY)
    monkeypatch.setattr(acme_sdk, "SERVICE", acme_sdk._Service())
    made = namespace["AcmeProvider"]()
    assert isinstance(made, Provider)
    return made


def test_the_provider_keeps_the_seam(acme: Provider) -> None:
    assert set(acme.targets()) == {"chip"}
    opened = acme.open("chip")
    assert isinstance(opened, Backend)
    assert isinstance(opened, Finding)
    assert opened.name == "acme:chip"
    with pytest.raises(TargetError):
        acme.open("chop")


def test_the_provider_answers(acme: Provider) -> None:
    circuit = Circuit(num_qubits=2, operations=[op("ry", 0, angles=["a"]), op("cx", 0, 1)], measured=[1, 0])
    result = run(circuit, Bindings.of({"a": [0.0, 3.141592653589793]}), acme.open("chip"), shots=100, ledger="none")
    assert result.counts.table.tolist() == [[100, 0, 0, 0], [0, 0, 0, 100]]


def test_the_provider_conforms(acme: Provider) -> None:
    from qadapt_conformance import Verdict, run_suite

    report = run_suite(acme.open("chip"))
    assert not report.count(Verdict.VIOLATES), [entry.message for entry in report.verdicts if entry.message]
    # To fetch a job from another process the provider has to be installed.
    assert {entry.rule for entry in report.left} == {"JOBS-7"}


def test_the_provider_takes_what_goes_wrong(acme: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    backend = acme.open("chip")
    assert isinstance(backend, Finding)
    work = Work(Circuit(num_qubits=1, operations=[op("sx", 0)], measured=[0]), Bindings.of({}), 10)
    job = backend.submit([work], tag="one")
    assert acme.open("chip").find("one") == job  # type: ignore[attr-defined]
    assert backend.find("two") is None
    acme_sdk.SERVICE.online = False
    for verb in (lambda: backend.fetch(job), lambda: backend.submit([work], tag="two"), lambda: backend.find("one")):
        with pytest.raises(UnavailableError):
            verb()
    acme_sdk.SERVICE.online = True
    acme_sdk.SERVICE.takes = False
    with pytest.raises(JobFailedError, match="acme: RefusedError: 422: this program"):
        run(work.circuit, work.bindings, backend, shots=10, ledger="none")  # refused, and not in doubt
    acme_sdk.SERVICE.takes = True
    wait(backend, job)
    monkeypatch.setattr(acme_sdk, "_run", lambda *_: np.zeros((1, 10, 2), dtype=int))
    assert isinstance(state := backend.fetch(job), Failed)
    assert isinstance(state.error, BadResultError)
    backend.cancel(stopped := backend.submit([work], tag="three"))
    assert isinstance(state := backend.fetch(stopped), Failed)
    assert isinstance(state.error, JobFailedError)
    monkeypatch.setenv("ACME_KEY", "a-wrong-key-9876")
    with pytest.raises(AccessError) as caught:
        acme.open("chip")
    assert "a-wrong-key-9876" not in "".join(traceback.format_exception(caught.value))


def test_the_provider_says_what_is_missing(acme: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "acme_sdk", None)
    with pytest.raises(MissingExtraError, match="acme_sdk") as caught:
        acme.open("chip")
    assert caught.value.hint == "pip install acme-sdk"


def test_the_chip_of_the_page_is_what_it_says() -> None:
    namespace: dict[str, Any] = {}
    exec(compile(blocks(DOCS / "add_a_provider.md")[0], "add_a_provider.md", "exec"), namespace)
    chip = namespace["CHIP"]
    assert not chip.ideal
    assert chip.live_qubits == (0, 1, 2, 3)
    assert dict(chip.couplings) == {(0, 1): 0.006, (1, 2): 0.004}
    noiseless = [Site(qubits=pair, error=0.0) for pair in chip.couplings]
    fields = {"name": "ring", "num_qubits": 4, "native": chip.native}
    ring = Target(**fields, sites={"cz": noiseless})
    assert ring.ideal
    assert dict(ring.couplings or {}) == {(0, 1): 0.0, (1, 2): 0.0}
    assert not Target(**fields, sites={"cz": [*noiseless, Site(qubits=(2, 3), error=1.0)]}).ideal
    assert Target(**fields, sites={"cz": [Site(qubits=pair) for pair in chip.couplings]}).couplings == {}
    some = Target(**fields, sites={"sx": [Site(qubits=(q,), error=0.0) for q in range(3)], "cz": noiseless})
    assert some.live_qubits == (0, 1, 2)


def test_dictionaries_give_the_counts_of_their_shots() -> None:
    namespace: dict[str, Any] = {}
    exec(compile(blocks(DOCS / "add_a_provider.md")[1], "add_a_provider.md", "exec"), namespace)
    samples = np.random.default_rng(1).integers(0, 2, (3, 50, 5))
    answers = [Counter("".join(map(str, shot)) for shot in row) for row in samples]
    found = namespace["counted"](answers, 5, 50)
    assert np.array_equal(found.table, tally(samples, [5], provider="acme").table)
    joint = found.table.reshape(-1, 2**3, 2**2)
    for table, told in zip(tally(samples, [2, 3], provider="acme").registers, (1, 2), strict=True):
        assert np.array_equal(joint.sum(axis=told), table)


@pytest.mark.parametrize("name", ["prx", "rphi", "u3"])
def test_the_matrices_of_the_specification_are_those_of_the_table(name: str) -> None:
    (code,) = blocks(DOCS / "spec.md")
    for row in np.random.default_rng(2).uniform(-7, 7, (20, 3)):
        namespace = dict(zip(("theta", "phi", "lam"), row, strict=True), exp=np.exp, cos=np.cos, sin=np.sin)
        exec(compile(code, "spec.md", "exec"), namespace)
        entry = GATES[name]
        assert np.array(namespace[name]) == pytest.approx(entry.matrix(*row[: len(entry.parameters)]), abs=1e-14)


@pytest.mark.parametrize("qubits", [1, 2])
def test_an_error_stands_for_the_depolarising_of_the_specification(qubits: int) -> None:
    said = "`p = error * d / (d - 1)`"
    assert said in (DOCS / "spec.md").read_text(encoding="utf-8")
    d, error = 2**qubits, 0.03
    found = channel(error, None, ((None, None),) * qubits)
    assert found == pytest.approx(depolarising(error * d / (d - 1), qubits), abs=1e-14)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8")):
        if "://" not in link:
            assert (page.parent / link).exists(), link


@pytest.mark.parametrize("page", ADRS, ids=lambda page: page.stem)
def test_decisions_have_their_form(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert text.startswith(f"# {page.stem[:4]} ")
    parts = [text.index(f"**{part}.**") for part in ("Context", "Decision", "Consequences")]
    assert parts == sorted(parts)
    assert len(text.split()) < 330, "half a page"


def test_decisions_are_numbered() -> None:
    assert [int(page.stem[:4]) for page in ADRS] == list(range(1, len(ADRS) + 1))


def test_public_words_are_in_the_list() -> None:
    words = (DOCS / "words.md").read_text(encoding="utf-8")
    for name in ("Circuit", "Parameter", "Bindings", "Target", "Capabilities", "Provider", "Backend", "Work", "Counts"):
        assert f"**{name}**" in words


def test_conformance_does_not_know_vendors_or_qadapts_simulators() -> None:
    folder = ROOT / "conformance" / "qadapt_conformance"
    foreign = ("simulate", "exact", "gates", "local", "inline", "adapters", "replicate")
    for module in folder.rglob("*.py"):
        found = re.findall(r"^\s*(?:from|import) (qadapt[\w.]*)", module.read_text(), re.MULTILINE)
        ours = [name for name in found if name.startswith(("qadapt.", "qadapt_")) and "conformance" not in name]
        assert not [name for name in ours if name.startswith("qadapt_") or name.split(".")[1] in foreign], module.name
        if module.name.startswith("oracle"):
            assert not ours, "the oracle takes data from qadapt, and nothing that computes"


def test_the_programs_of_the_readme_run(capsys) -> None:
    pytest.importorskip("transformers", reason="the second program needs the extra qadapt[replicate]")
    programs = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.S)
    assert len(programs) == 2
    for program in programs:
        # Any backend does; this one is installed with the core.
        exec(compile(program.replace("ibm:fake_kingston", "local:emulator/heron-r2"), "README.md", "exec"), {})
    assert capsys.readouterr().out.count("calibration of heron-r2") == 2


def test_the_program_of_the_synthesis_page_runs() -> None:
    (program,) = blocks(DOCS / "synthesis.md")
    exec(compile(program, "synthesis.md", "exec"), {})


def test_the_program_and_the_commands_of_the_jobs_page_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (program,) = blocks(DOCS / "jobs.md")
    exec(compile(program, "jobs.md", "exec"), {})
    (commands,) = re.findall(r"^```sh\n(.*?)^```$", (DOCS / "jobs.md").read_text(encoding="utf-8"), re.S | re.M)
    for line in commands.splitlines():
        outcome = call(capsys, *shlex.split(line)[1:])
        assert outcome.code == 0, (line, outcome.err)
    with np.load("counts.npz") as arrays:
        assert arrays["counts"].sum(axis=1).tolist() == [1024] * 4
