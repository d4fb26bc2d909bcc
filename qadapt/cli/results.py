"""Results: counts as tables for people, JSON for machines, and files."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qadapt.bindings import Bindings
from qadapt.circuit import Circuit
from qadapt.cli.console import show_note, show_table
from qadapt.counts import Counts
from qadapt.errors import LedgerError
from qadapt.jobs import Ledger, Partial
from qadapt.jobs.records import Entry
from qadapt.provider import Provenance


def outcomes(counts: Counts, row: int) -> list[list[list[int]]]:
    """Per register, the outcomes that were seen in a row and how often, as ``[outcome, count]``."""
    return [
        [[int(outcome), int(table[row, outcome])] for outcome in np.flatnonzero(table[row])]
        for table in counts.registers
    ]


def bits(counts: Counts) -> list[int]:
    """Bits of each register."""
    return [table.shape[1].bit_length() - 1 for table in counts.registers]


def show_counts(counts: Counts, done: Provenance, columns: Mapping[str, NDArray[np.float64]], *, run: str = "") -> None:
    """Print a line per row, register and outcome that was seen, and a note on what was done.

    Args:
        counts: What came back.
        done: What was done to it.
        columns: Values of each parameter by name, shown beside the rows.
        run: Id of the run in the ledger, where it is in one.
    """
    widths = bits(counts)
    several = len(widths) > 1
    rows = [
        [
            row,
            *(f"{column[row]:.6g}" for column in columns.values()),
            *([number] if several else []),
            format(outcome, f"0{widths[number]}b"),
            count,
            f"{count / counts.shots:.4f}",
        ]
        for row in range(counts.rows)
        for number, register in enumerate(outcomes(counts, row))
        for outcome, count in register
    ]
    show_table(["row", *columns, *(["register"] if several else []), "outcome", "count", "share"], rows)
    told = ["simulated" if done.simulated else "measured", f"{done.shots} shots per row", "bit 0 is rightmost"]
    told += [f"noise: {done.noise}"] * bool(done.noise) + ["readout corrected"] * done.readout_correction
    told += [f"mitigation: {', '.join(done.mitigation)}"] * bool(done.mitigation) + [f"run {run}"] * bool(run)
    show_note(f"{done.backend}: {', '.join(told)}")


def values(circuit: Circuit, bindings: Bindings) -> dict[str, NDArray[np.float64]]:
    """Values of every row by parameter, in the order of the circuit."""
    return {name: bindings.column(name) for name in circuit.parameters}


def bound(circuit: Circuit, bindings: Bindings) -> list[dict[str, float]]:
    """Values by parameter of every row."""
    columns = values(circuit, bindings)
    table = zip(*(column.tolist() for column in columns.values()), strict=True)
    return [dict(zip(columns, row, strict=True)) for row in table] if columns else [{} for _ in range(bindings.rows)]


def document(entry: Entry, part: Partial) -> dict[str, Any]:
    """What a run was asked for and what is there of it, JSON-able; the counts of a row that is not there are None."""
    counts, circuit, options = part.counts, part.asked.circuit, part.asked.options
    first = next((results[0].provenance for results in part.results.values()), None)
    return {
        "run": entry.id,
        "label": entry.label,
        "backend": entry.backend,
        "circuit": json.loads(circuit.to_json()),
        "circuit_hash": circuit.content_hash,
        "shots": options.shots,
        "seed": options.seed,
        "packed": options.packed,
        "spacing": options.spacing,
        "rows_per_job": options.most,
        "bits": None if counts is None else bits(counts),
        "there": int(part.there.sum()),
        "rows": [
            {"bindings": asked, "counts": outcomes(counts, row) if counts is not None and part.there[row] else None}
            for row, asked in enumerate(bound(circuit, part.asked.bindings))
        ],
        # The seed of the first chunk that is there need not be that of the run.
        "provenance": None if first is None else first.model_dump(mode="json", exclude={"seed"}),
    }


def archive(entry: Entry, part: Partial) -> bytes:
    """What is there of a run as an ``.npz`` file, read without pickle.

    Arrays are ``counts`` ``[rows, 2**bits]``, or ``counts_0``, ``counts_1``, ... of several registers; ``there``
    ``[rows]``; ``bindings`` ``[rows, parameters]``, in radians; and ``metadata``, the rest as one JSON text, with the
    names of the ``parameters``.
    """
    parameters = part.asked.circuit.parameters
    said = document(entry, part) | {"parameters": parameters}
    del said["rows"]
    tables = part.counts.registers if part.counts is not None else ()
    names = ["counts"] if len(tables) == 1 else [f"counts_{number}" for number in range(len(tables))]
    arrays: dict[str, Any] = dict(zip(names, tables, strict=True))
    buffer = io.BytesIO()
    bindings = part.asked.bindings.array(parameters)
    np.savez_compressed(buffer, there=part.there, bindings=bindings, metadata=np.array(json.dumps(said)), **arrays)
    return buffer.getvalue()


def raw_answers(book: Ledger, run: str, chunks: Sequence[int]) -> Iterator[tuple[str, bytes]]:
    """The vendor's answer about each chunk that has one, under a name for a file.

    Raises:
        LedgerError: One is damaged.
    """
    for chunk in chunks:
        try:
            raw = book.raw(run, chunk)
        except LedgerError as error:
            if error.__cause__ is None:
                continue  # there is none; damage has a cause
            raise
        suffix = ".json" if raw.lstrip()[:1] in (b"{", b"[") else ".bin"
        yield f"{run}-{chunk:05d}{suffix}", raw


def write(path: Path, data: bytes) -> None:
    """Write a file and the folders that it is in.

    Raises:
        LedgerError: It cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    except OSError as error:
        raise LedgerError(f"cannot write {path}: {error.strerror}") from None
