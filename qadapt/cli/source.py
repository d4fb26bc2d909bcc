"""Source: circuits and parameter values from files, standard input and the command line."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from qadapt.bindings import Bindings
from qadapt.circuit import Circuit
from qadapt.errors import BindingsError, CircuitError, QadaptError
from qadapt.interchange import read_circuit


def read_source(name: str) -> Circuit:
    """Read a circuit from a file, or from standard input for ``-``.

    Raises:
        CircuitError: The file cannot be read, or what it holds is not a circuit.
        NotSupportedError: A program uses something that a circuit has no form for.
    """
    return read_circuit(_read(name, CircuitError))


def read_bindings(assignments: Sequence[str], file: str | None) -> Bindings:
    """Collect parameter values from ``name=value`` or ``name=v1,v2,...`` words and from a JSON object of numbers.

    Raises:
        BindingsError: A value is not a number or given twice, or the shapes do not fit.
    """
    values: dict[str, Any] = dict(_object(file)) if file else {}
    for word in assignments:
        name, equals, text = word.partition("=")
        if not (name and equals and text):
            raise BindingsError(f"{word!r} sets no parameter", hint="write --set name=value or --set name=v1,v2,...")
        if name in values:
            raise BindingsError(f"parameter {name!r} is set twice")
        values[name] = _numbers(name, text)
    return Bindings.of(values)


def _numbers(name: str, text: str) -> float | list[float]:
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        raise BindingsError(f"parameter {name!r} is {text!r}, expected numbers separated by commas") from None
    return numbers if "," in text else numbers[0]


def _object(file: str) -> Mapping[str, Any]:
    try:
        values = json.loads(_read(file, BindingsError))
    except ValueError as error:
        raise BindingsError(f"{file} is not JSON: {error}") from None
    if not isinstance(values, dict):
        raise BindingsError(f"{file} holds a JSON {type(values).__name__}, expected an object of numbers by name")
    return values


def _read(name: str, error_type: type[QadaptError]) -> str:
    try:
        raw = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
        return raw.decode()
    except OSError as error:
        raise error_type(f"cannot read {name}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise error_type(f"cannot read {name}: it is not UTF-8 text ({error.reason} at byte {error.start})") from None
