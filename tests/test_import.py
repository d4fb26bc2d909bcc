"""What ``import qadapt`` costs and pulls in, who may import whom, and what is exported."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import qadapt

ROOT = Path(qadapt.__file__).parent
ORDER = (
    *(
        "redact",
        "home",
        "errors",
        "translate",
        "gates",
        "circuit",
        "bindings",
        "target",
        "cost",
        "counts",
        "provider",
        "codec",
        "deadline",
    ),
    *("inline", "entries", "isolate", "registry", "synthesis"),
    *(
        "compile",
        "simulate",
        "exact",
        "local",
        "interchange",
        "jobs",
        "mitigation",
        "readout",
        "adapters",
        "replicate",
        "study",
        "cli",
    ),
)
"""Every module and package of the core in dependency order: each may import only those before it, and itself."""

ON_TOP = ("replicate", "study", "cli")
"""Users of the whole package, which it never imports itself; they may import names from ``qadapt``."""

WITH_TORCH = ("adapters", "replicate", "study", "simulate")

SECONDS = 0.5
VENDORS = (
    "qiskit_aer",
    "qiskit_ibm_runtime",
    "cirq",
    "cirq_google",
    "braket",
    "boto3",
    "pyqpanda3",
    "pyqpanda",
    "pennylane",
)
HEAVY = ("torch", "qiskit", "rustworkx", "scipy.optimize", "rich", "typer", "transformers", "peft", "matplotlib")


def sources() -> list[Path]:
    return sorted(path for path in ROOT.rglob("*.py") if path != ROOT / "__init__.py")


def part(path: Path) -> str:
    """Name of the top-level module or package that a file belongs to."""
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imported(path: Path) -> Iterator[tuple[int, str]]:
    """Line and dotted name of everything that a file imports, wherever in it the import stands."""
    package = ["qadapt", *path.relative_to(ROOT).parent.parts]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            # "from qadapt import target" imports a module; "from qadapt.target import Target" a name of one.
            yield from (
                (node.lineno, f"{module}.{alias.name}" if module == "qadapt" else module) for alias in node.names
            )


def test_every_module_has_its_place_in_the_order() -> None:
    assert {part(path) for path in sources()} <= set(ORDER)


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_one_way(path: Path) -> None:
    rank = {name: number for number, name in enumerate(ORDER)}
    for line, name in imported(path):
        root, _, rest = name.partition(".")
        if root != "qadapt":
            continue
        below = rest.split(".")[0]
        if below in rank:
            assert rank[below] <= rank[part(path)], f"line {line} imports {name}, which stands above"
        else:
            assert part(path) in ON_TOP, f"line {line} imports {name}, which needs the whole package"


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_vendor_is_imported_and_torch_only_where_it_may_be(path: Path) -> None:
    for line, name in imported(path):
        root = name.split(".")[0]
        assert root not in VENDORS, f"line {line} imports {name}"
        assert root != "torch" or part(path) in WITH_TORCH, f"line {line} imports torch"


def test_the_package_imports_its_modules_in_order() -> None:
    tree = ast.parse((ROOT / "__init__.py").read_text())
    names = [node.module.split(".")[1] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]
    assert names == [name for name in ORDER if name in names]


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)


def test_importing_the_core_pulls_in_no_vendor_and_nothing_heavy() -> None:
    found = run(f"import sys, qadapt; print([name for name in {[*VENDORS, *HEAVY]!r} if name in sys.modules])")
    assert found.stdout.strip() == "[]"


def test_importing_the_core_is_quick() -> None:
    def once() -> float:
        return float(run("import time; t = time.perf_counter(); import qadapt; print(time.perf_counter() - t)").stdout)

    # The least of several, because other work on the machine can only add to it.
    assert min(once() for _ in range(5)) < SECONDS


def test_the_command_line_starts_quickly_and_pulls_in_no_vendor() -> None:
    heavy = [*VENDORS, *HEAVY]
    heavy = [name for name in heavy if name not in ("rich", "typer")]
    code = f"""
import sys, qadapt.cli
try:
    qadapt.cli.main(["--help"])
except SystemExit as stop:
    assert stop.code == 0
print([name for name in {heavy!r} if name in sys.modules], file=sys.stderr)
"""

    def once() -> float:
        start = time.perf_counter()
        assert run(code).stderr.strip() == "[]"
        return time.perf_counter() - start

    assert min(once() for _ in range(3)) < 2 * SECONDS


def test_the_exported_names_are_exactly_the_public_ones() -> None:
    public = {name for name, value in vars(qadapt).items() if not name.startswith("_") and not inspect.ismodule(value)}
    assert sorted(qadapt.__all__) == sorted(public)
    assert len(set(qadapt.__all__)) == len(qadapt.__all__)


@pytest.mark.parametrize("name", sorted(qadapt.__all__))
def test_exported_names_are_documented(name: str) -> None:
    value = getattr(qadapt, name)
    if callable(value):
        first = (inspect.getdoc(value) or "").split("\n")[0]
        assert first.endswith("."), f"{name} says {first!r}"
        assert value.__module__.startswith("qadapt.")
    else:
        assert name == name.upper(), f"{name} is neither documented nor a constant"
