"""Vendor exceptions in our tree, and what happens where pyQPanda3 cannot be imported."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from qadapt.errors import BadResultError, JobFailedError, ProviderError
from qadapt_origin import errors
from qadapt_origin.errors import TABLE, sdk, translate


def vendor_exceptions() -> list[type[Exception]]:
    values = vars(sdk()).values()
    return [value for value in values if isinstance(value, type) and issubclass(value, Exception)]


def test_the_vendor_has_exceptions_of_its_own() -> None:
    assert "BackendUnavailableError" in {kind.__name__ for kind in vendor_exceptions()}


@pytest.mark.parametrize("kind", [*vendor_exceptions(), *(row[0] for row in TABLE)])
def test_every_vendor_exception_is_a_failed_job_that_keeps_its_words(kind: type[Exception]) -> None:
    ours = translate(kind("the vendor's words"), provider="origin:cpu")
    assert type(ours) is JobFailedError
    assert ours.provider == "origin:cpu"
    assert f"{kind.__name__}: the vendor's words" in str(ours)


@pytest.mark.parametrize(
    ("error", "hint"),
    [
        (MemoryError("std::bad_alloc"), "entangle fewer qubits"),
        (ValueError("cannot create std::vector larger than max_size()"), "entangle fewer qubits"),
        (ValueError("T2 must be less than or equal to 2 * T1."), "report it"),
        (TypeError("RX(): incompatible function arguments."), "report it"),
        (IndexError("out of range"), "report it"),
        (OverflowError("too large"), "report it"),
        (ImportError("libgomp.so.1: cannot open shared object file"), "apt-get install libcurl4 libgomp1 libatomic1"),
    ],
)
def test_hints_say_what_to_do(error: Exception, hint: str) -> None:
    assert hint in translate(error, provider="origin:cpu").hint


def test_an_exception_without_words_and_one_that_is_ours() -> None:
    assert "no message" in str(translate(RuntimeError(), provider="origin:cpu"))
    ours: ProviderError = BadResultError("wrong", provider="origin:cpu")
    assert translate(ours, provider="other") is ours


def test_a_real_vendor_exception_is_translated() -> None:
    with pytest.raises(RuntimeError) as caught:
        sdk().decoherence_error(1.0, 3.0, 1.0)
    assert "T2" in str(translate(caught.value, provider="origin:cpu"))


_OPEN = """
from qadapt import registry
from qadapt.errors import MissingExtraError
try:
    registry.backend("origin:cpu")
except MissingExtraError as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (
            "raise ImportError('libcurl.so.4: cannot open shared object file: No such file or directory')",
            ["libcurl.so.4", "apt-get install libcurl4 libgomp1 libatomic1"],
        ),
        ("raise ModuleNotFoundError(\"No module named 'pyqpanda3'\", name='pyqpanda3')", ["pip install pyqpanda3"]),
    ],
)
def test_a_vendor_that_cannot_be_imported_says_what_to_install(source: str, said: list[str], tmp_path: Path) -> None:
    (tmp_path / "pyqpanda3").mkdir()
    (tmp_path / "pyqpanda3" / "__init__.py").write_text(source)
    environment = {"PYTHONPATH": str(tmp_path), "PATH": "/usr/bin:/bin"}
    done = subprocess.run([sys.executable, "-c", _OPEN], env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    for words in said:
        assert words in done.stdout
    assert (errors.SYSTEM_PACKAGES in done.stdout) != (errors.WHEELS in done.stdout)


def test_listing_targets_does_not_import_the_vendor() -> None:
    code = "import sys; from qadapt import registry; registry.provider('origin').targets(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    loaded = done.stdout.split()
    assert "qadapt_origin.provider" in loaded
    assert "pyqpanda3" not in loaded
