"""pyQPanda3's exceptions in qadapt's tree, and the one place that imports it.

pyQPanda3 raises built-in exceptions: pybind11 maps ``std::bad_alloc`` to MemoryError, ``std::out_of_range`` to
IndexError, ``std::length_error``, ``std::invalid_argument`` and ``std::domain_error`` to ValueError,
``std::overflow_error`` to OverflowError, a refused overload to TypeError and every other ``std::exception`` to
RuntimeError, often with no more text than its C++ name.
"""

from __future__ import annotations

import importlib
from functools import cache
from types import ModuleType

from qadapt.errors import JobFailedError, MissingExtraError, ProviderError

SYSTEM_PACKAGES = "apt-get install libcurl4 libgomp1 libatomic1"
"""Debian's names of the shared libraries that the Linux wheel needs and does not carry."""
WHEELS = "pip install pyqpanda3; there are wheels for Linux x86-64, macOS arm64 and Windows x86-64"

_BUG = "qadapt should have refused this before; please report it with the circuit"
_MEMORY = "entangle fewer qubits"

TABLE: tuple[tuple[type[Exception], str, str], ...] = (
    (MemoryError, "", _MEMORY),
    (ValueError, "max_size()", _MEMORY),
    (ValueError, "", _BUG),
    (TypeError, "", _BUG),
    (LookupError, "", _BUG),
    (ArithmeticError, "", _BUG),
    (ImportError, "", SYSTEM_PACKAGES),
    (Exception, "", ""),
)
"""What to do about a vendor exception, by its type and a part of its text; the first row that matches counts.

A simulator in this process either computes or does not, so each of them is a failed job and none is worth a retry.
"""


def translate(error: Exception, *, provider: str) -> ProviderError:
    """Put a vendor's exception into our tree; an error that is already ours stays as it is."""
    if isinstance(error, ProviderError):
        return error
    hint = next(hint for kind, text, hint in TABLE if isinstance(error, kind) and text in str(error))
    said = str(error) or "no message"
    return JobFailedError(f"pyqpanda3: {type(error).__name__}: {said}", provider=provider, hint=hint)


@cache
def sdk() -> ModuleType:
    """Import ``pyqpanda3.core``, which takes half a second at best; nothing imports it before it is needed.

    Raises:
        MissingExtraError: It, or a shared library that it links, is not installed.
    """
    try:
        return importlib.import_module("pyqpanda3.core")
    except ImportError as error:
        absent = isinstance(error, ModuleNotFoundError) and error.name == "pyqpanda3"
        hint = WHEELS if absent else SYSTEM_PACKAGES
        raise MissingExtraError(f"pyqpanda3 cannot be imported: {error}", hint=hint) from error
