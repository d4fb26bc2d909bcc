"""The documents: what they show runs, what they link exists, and they have the form that they promise."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from qadapt import Backend, Bindings, Circuit, Provider, TargetError, op, run

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.rglob("*.md"), ROOT / "conformance" / "README.md"])
ADRS = sorted((DOCS / "adr").glob("*.md"))


def blocks(page: Path) -> list[str]:
    """Python blocks of a page."""
    return re.findall(r"^```python\n(.*?)^```$", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def names() -> dict[str, Any]:
    """What the complete provider of the page defines."""
    (code,) = blocks(DOCS / "add_a_provider.md")
    assert len(code.splitlines()) <= 75
    namespace: dict[str, Any] = {"__name__": "qadapt_acme"}
    exec(compile(code, "add_a_provider.md", "exec"), namespace)
    return namespace


@pytest.fixture(scope="module")
def acme(names: dict[str, Any]) -> Provider:
    made = names["AcmeProvider"]()
    assert isinstance(made, Provider)
    return made


def test_the_provider_keeps_the_seam(acme: Provider) -> None:
    assert set(acme.targets()) == {"dense"}
    opened = acme.open("dense")
    assert isinstance(opened, Backend)
    assert opened.name == "acme:dense"
    with pytest.raises(TargetError):
        acme.open("sparse")


def test_the_provider_answers(acme: Provider) -> None:
    circuit = Circuit(num_qubits=2, operations=[op("ry", 0, angles=["a"]), op("cx", 0, 1)], measured=[1, 0])
    result = run(circuit, Bindings.of({"a": [0.0, 3.141592653589793]}), acme.open("dense"), shots=100, seed=1)
    assert result.counts.table.tolist() == [[100, 0, 0, 0], [0, 0, 0, 100]]


def test_the_provider_conforms(acme: Provider) -> None:
    from qadapt_conformance import run_suite

    report = run_suite(acme.open("dense"))
    assert report.exit_code == 0, [entry.message for entry in report.verdicts if entry.message]


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
    allowed = {"qadapt", "qadapt.compile", "qadapt.jobs"}
    for module in folder.rglob("*.py"):
        found = re.findall(r"^\s*(?:from|import) (qadapt(?!_conformance)[\w.]*)", module.read_text(), re.MULTILINE)
        assert set(found) <= allowed, module.name


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
