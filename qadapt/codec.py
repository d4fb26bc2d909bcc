"""Codec: works, results and errors as bytes, for another process or a file.

A message is an ``.npz`` file, read without pickle: arrays by name and one JSON document. Whoever wrote it cannot make
the reader run anything.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from qadapt import errors
from qadapt.bindings import Bindings
from qadapt.circuit import Circuit
from qadapt.counts import Counts
from qadapt.errors import ProviderError, QadaptError
from qadapt.provider import Provenance, Result, Work

Arrays: TypeAlias = Mapping[str, NDArray[Any]]

_DOCUMENT = "document"


def encode(document: Any, arrays: Arrays | None = None) -> bytes:
    """Write a JSON document and arrays; no array may be called ``document``."""
    text = np.frombuffer(json.dumps(document).encode(), dtype=np.uint8)
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **{**(arrays or {}), _DOCUMENT: text})
    return buffer.getvalue()


def decode(message: bytes) -> tuple[Any, dict[str, NDArray[Any]]]:
    """Read what ``encode`` wrote.

    Raises:
        ValueError: The bytes are something else.
    """
    try:
        with np.load(io.BytesIO(message), allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        return json.loads(arrays.pop(_DOCUMENT).tobytes()), arrays
    except (BadZipFile, KeyError, EOFError, OSError, TypeError, AttributeError) as error:
        raise ValueError(f"not a message: {type(error).__name__}: {error}") from None


def encode_works(works: Sequence[Work]) -> bytes:
    """Write works; shared columns of bindings stay shared, and a matrix of values is written as one."""
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
                "circuit": work.circuit.to_json(),
                "names": names,
                "shape": work.bindings.shape,
                "matrix": matrix is not None,
                "shots": work.shots,
                "seed": work.seed,
            }
        )
    return encode(heads, arrays)


def decode_works(message: bytes) -> tuple[Work, ...]:
    """Read what ``encode_works`` wrote.

    Raises:
        ValueError: The bytes are something else.
        CircuitError: A circuit is none.
    """
    heads, arrays = decode(message)
    return tuple(_work(number, head, arrays) for number, head in enumerate(heads))


def _work(number: int, head: Mapping[str, Any], arrays: Arrays) -> Work:
    names, shape = tuple(head["names"]), tuple(head["shape"])
    if head["matrix"]:
        bindings = Bindings.of_matrix(names, arrays[f"{number}"])
    else:
        bindings = Bindings({name: arrays[f"{number}.{index}"] for index, name in enumerate(names)}, shape)
    return Work(Circuit.from_json(head["circuit"]), bindings, head["shots"], head["seed"])


def encode_results(results: Sequence[Result]) -> bytes:
    """Write results: counts as the smallest integers that hold them, and provenance."""
    arrays = {
        f"{number}.{register}": _small(table, result.counts.shots)
        for number, result in enumerate(results)
        for register, table in enumerate(result.counts.registers)
    }
    heads = [
        {
            "registers": len(result.counts.registers),
            "shots": result.counts.shots,
            "provenance": result.provenance.model_dump(mode="json"),
        }
        for result in results
    ]
    return encode(heads, arrays)


def decode_results(message: bytes) -> tuple[Result, ...]:
    """Read what ``encode_results`` wrote.

    Raises:
        ValueError: The bytes are something else.
    """
    heads, arrays = decode(message)
    results = []
    for number, head in enumerate(heads):
        tables = tuple(arrays[f"{number}.{register}"].astype(np.int64) for register in range(head["registers"]))
        results.append(Result(Counts(tables, head["shots"]), Provenance(**head["provenance"])))
    return tuple(results)


def _small(table: NDArray[Any], most: int) -> NDArray[Any]:
    """The table in the smallest type for counts up to ``most``; one that holds anything else stays as it is."""
    if table.size and table.min() >= 0 and table.max() <= most:
        return table.astype(np.min_scalar_type(most))
    return table


def encode_error(error: QadaptError) -> dict[str, Any]:
    """An error of our tree as a JSON document, without what it came from."""
    state = {name: value for name, value in vars(error).items() if not name.startswith("__")}
    return {"kind": type(error).__name__, "message": error.args[0] if error.args else "", "state": state}


def decode_error(document: Mapping[str, Any], *, provider: str) -> QadaptError:
    """Read what ``encode_error`` wrote; a kind that is not in our tree becomes a ``ProviderError``."""
    kind = getattr(errors, str(document.get("kind")), None)
    message, state = str(document.get("message", "")), document.get("state")
    if not (isinstance(kind, type) and issubclass(kind, QadaptError)) or not isinstance(state, dict):
        return ProviderError(f"{document.get('kind')}: {message}", provider=provider)
    error = kind.__new__(kind, message)
    error.__dict__.update({name: tuple(item) if isinstance(item, list) else item for name, item in state.items()})
    return error
