"""Codec: works, results and errors as bytes, for another process or a file.

A message is eight magic bytes, the length of a head (8 bytes, big endian), the head, and the arrays one after the other
in C order. The head is JSON: a document, and name, type and shape of each array. Types are numbers and text, so whoever
wrote a message cannot make the reader run anything. An ``.npz`` file, with a zip entry and a head of Python's literals
for each array, takes ten times as long for the few kilobytes that a work has.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from qadapt import errors
from qadapt.bindings import Bindings
from qadapt.circuit import Circuit
from qadapt.counts import Counts
from qadapt.errors import ProviderError, QadaptError
from qadapt.provider import Provenance, Result, Work
from qadapt.redact import redacted

Arrays: TypeAlias = Mapping[str, NDArray[Any]]

_START = struct.Struct(">8sQ")
_MAGIC = b"qadapt\x00\x01"
_KINDS = "biufcSU"
"""Kinds of NumPy's types that hold values and nothing else: whole, real and complex numbers, and text."""


def encode(document: Any, arrays: Arrays | None = None) -> bytes:
    """Write a JSON document and arrays.

    Raises:
        ValueError: An array holds something else than numbers or text.
        TypeError: The document is none of JSON's.
    """
    named = {name: np.asarray(array, order="C") for name, array in (arrays or {}).items()}
    for name, array in named.items():
        if array.dtype.kind not in _KINDS:
            raise ValueError(f"array {name!r} holds {array.dtype}, expected numbers or text")
    shapes = [(name, array.dtype.str, array.shape) for name, array in named.items()]
    head = json.dumps({"document": document, "arrays": shapes}).encode()
    return b"".join((_START.pack(_MAGIC, len(head)), head, *(array.tobytes() for array in named.values())))


def decode(message: bytes | memoryview) -> tuple[Any, dict[str, NDArray[Any]]]:
    """Read what ``encode`` wrote; the arrays are copies.

    Raises:
        ValueError: The bytes are something else.
    """
    with _reading():
        magic, length = _START.unpack_from(message)
        start = _START.size + length
        if magic != _MAGIC or start > len(message):
            raise ValueError("no head")
        head = json.loads(bytes(message[_START.size : start]))
        arrays = {}
        for name, kind, shape in head["arrays"]:
            array = _array(message, start, np.dtype(kind), tuple(shape))
            arrays[str(name)] = array
            start += array.nbytes
        if start != len(message):
            raise ValueError(f"{len(message) - start} bytes too many")
        return head["document"], arrays


def _array(message: bytes | memoryview, start: int, kind: np.dtype[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    if kind.kind not in _KINDS or min(shape, default=0) < 0:
        raise ValueError(f"an array of {kind} and shape {shape}")
    # Whatever size is announced, the bytes have to be there.
    return np.ndarray(shape, kind, message, start).copy()


@contextmanager
def _reading() -> Iterator[None]:
    """Turn whatever comes of reading foreign bytes into one error."""
    try:
        yield
    except Exception as error:  # whatever JSON, NumPy and pydantic say to it
        raise ValueError(f"not a message: {type(error).__name__}: {error}") from None


def encode_works(works: Sequence[Work]) -> bytes:
    """Write works; shared columns of bindings stay shared, and a matrix of values is written as one."""
    return encode(*describe_works(works))


def describe_works(works: Sequence[Work]) -> tuple[Any, Arrays]:
    """Works as a part of a JSON document and arrays, for messages that hold more."""
    arrays: dict[str, NDArray[Any]] = {}
    heads = []
    for number, work in enumerate(works):
        names = work.bindings.names
        matrix = getattr(work.bindings.columns, "matrix", None)
        if matrix is not None:
            arrays[f"{number}"] = matrix
        else:
            arrays |= {f"{number}.{index}": work.bindings.columns[name] for index, name in enumerate(names)}
        heads.append(
            {
                "circuit": _text(work.circuit),
                "names": names,
                "shape": work.bindings.shape,
                "matrix": matrix is not None,
                "shots": work.shots,
                "seed": work.seed,
            }
        )
    return heads, arrays


def decode_works(message: bytes | memoryview) -> tuple[Work, ...]:
    """Read what ``encode_works`` wrote.

    Raises:
        ValueError: The bytes are something else.
    """
    return read_works(*decode(message))


def read_works(heads: Any, arrays: Arrays) -> tuple[Work, ...]:
    """Works from what ``describe_works`` said.

    Raises:
        ValueError: It said something else.
    """
    with _reading():
        for array in arrays.values():
            array.setflags(write=False)
        return tuple(_work(number, head, arrays) for number, head in enumerate(heads))


def _work(number: int, head: Mapping[str, Any], arrays: Arrays) -> Work:
    names, shape = tuple(head["names"]), tuple(head["shape"])
    if head["matrix"]:
        matrix = arrays[f"{number}"]
        if matrix.ndim != 2 or matrix.shape[1] != len(names):
            raise ValueError(f"values of shape {matrix.shape} for {len(names)} parameters")
        bindings = Bindings.of_matrix(names, matrix)
    else:
        bindings = Bindings({name: arrays[f"{number}.{index}"] for index, name in enumerate(names)}, shape)
    return Work(_circuit(head["circuit"]), bindings, head["shots"], head["seed"])


# A run sends the same circuit again and again.
@lru_cache(maxsize=32)
def _text(circuit: Circuit) -> str:
    return circuit.to_json()


@lru_cache(maxsize=32)
def _circuit(text: str) -> Circuit:
    return Circuit.from_json(text)


def encode_results(results: Sequence[Result]) -> bytes:
    """Write results: counts as the smallest integers that hold them, and provenance.

    Wrong counts are not made better: whoever reads them sees the types and numbers that were given.
    """
    arrays = {
        f"{number}.{register}": _small(table)
        for number, result in enumerate(results)
        for register, table in enumerate(result.counts.registers)
    }
    heads = [
        {
            "types": [table.dtype.str for table in result.counts.registers],
            "shots": result.counts.shots,
            "provenance": result.provenance.model_dump(mode="json"),
        }
        for result in results
    ]
    return encode(heads, arrays)


def decode_results(message: bytes | memoryview) -> tuple[Result, ...]:
    """Read what ``encode_results`` wrote.

    Raises:
        ValueError: The bytes are something else.
    """
    heads, arrays = decode(message)
    with _reading():
        return tuple(_result(number, head, arrays) for number, head in enumerate(heads))


def _result(number: int, head: Mapping[str, Any], arrays: Arrays) -> Result:
    tables = tuple(
        arrays[f"{number}.{register}"].astype(np.dtype(kind), copy=False) for register, kind in enumerate(head["types"])
    )
    return Result(Counts(tables, head["shots"]), Provenance(**head["provenance"]))


def _small(table: NDArray[Any]) -> NDArray[Any]:
    """A table of counts in the smallest type that holds them; one that holds anything else stays as it is."""
    if table.dtype == np.int64 and table.size and table.min() >= 0:
        return table.astype(np.min_scalar_type(int(table.max())))
    return table


def encode_error(error: QadaptError) -> dict[str, Any]:
    """An error of our tree as a JSON document, without what it came from and without concealed values.

    A class that is not in our tree is written as the one of ours that it is a kind of.
    """
    kind = next(each for each in type(error).__mro__ if each.__module__ == errors.__name__)
    state = {name: _plain(vars(error)[name]) for name in _names(kind) if name in vars(error)}
    return {"kind": kind.__name__, "message": _plain(str(error.args[0]) if error.args else ""), "state": state}


def decode_error(document: Any, *, provider: str) -> QadaptError:
    """Read what ``encode_error`` wrote, whoever wrote it: never raises, and what comes can always be shown.

    What is not in our tree becomes a ``ProviderError``; a field of the wrong type gets what it has by default.
    """
    said = document if isinstance(document, dict) else {"message": document}
    kind, message, state = getattr(errors, str(said.get("kind")), None), said.get("message", ""), said.get("state")
    if not (isinstance(kind, type) and issubclass(kind, QadaptError) and isinstance(state, dict)):
        return ProviderError(f"{said.get('kind')}: {message}", provider=provider)
    fields = {name: _FIELDS[name][1] for name in _names(kind)}
    fields |= {name: state[name] for name in fields if name in state and _fits(name, state[name])}
    if "provider" in fields:
        fields["provider"] = fields["provider"] or provider
    return kind(redacted(str(message)), **fields)


_FIELDS: Mapping[str, tuple[Any, Any]] = {
    "hint": (str, ""),
    "violations": (list | tuple, ()),
    "capability": (str, ""),
    "provider": (str, ""),
    "job_id": (str | None, None),
    "doubtful": (bool, True),
    "run": (str, ""),
    "chunks": (list | tuple, ()),
}
"""Type and default of everything that an error of our tree carries."""
_ITEMS = {"violations": str, "chunks": int}
_OWN: Mapping[type[QadaptError], tuple[str, ...]] = {
    QadaptError: ("hint",),
    errors.TargetError: ("violations",),
    errors.NotSupportedError: ("capability",),
    ProviderError: ("provider", "job_id"),
    errors.UnavailableError: ("doubtful",),
    errors.InDoubtError: ("run", "chunks"),
}


def _names(kind: type[Any]) -> tuple[str, ...]:
    """What errors of a class carry beside their message."""
    return tuple(name for each in kind.__mro__ for name in _OWN.get(each, ()))


def _fits(name: str, value: Any) -> bool:
    """Whether a value is one of this field."""
    fits = isinstance(value, _FIELDS[name][0])
    return fits and (name not in _ITEMS or all(isinstance(item, _ITEMS[name]) for item in value))


def _plain(value: Any) -> Any:
    """A value of a field as JSON has it, redacted."""
    if isinstance(value, str):
        return redacted(value)
    return [_plain(item) for item in value] if isinstance(value, tuple | list) else value
