"""Rows: backends that compute the right tables and put them in the wrong rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from qadapt import Bindings, Result, Work
from qadapt_conformance.lacks import works
from qadapt_conformance.mutants.change import physical, seam, tables
from qadapt_conformance.mutants.mutant import Table
from qadapt_conformance.mutants.readout import reversed_bits
from qadapt_conformance.mutants.wrapped import Wrapped


class _WorksReversed(Wrapped):
    """Gives the results of a job in the opposite order."""

    def _results(self, works: Sequence[Work], results: Sequence[Result]) -> Sequence[Result]:
        return results[::-1]


class _LaterWorksTurned(Wrapped):
    """Turns the rows of all works of a job but the first around."""

    def _results(self, works: Sequence[Work], results: Sequence[Result]) -> Sequence[Result]:
        turned = tables(lambda table: table[::-1])
        return [turned(*each) if number else each[1] for number, each in enumerate(zip(works, results, strict=True))]


def _in_fortran_order(work: Work) -> Work:
    shape = work.bindings.shape
    if len(shape) < 2:
        return work
    columns = {name: np.broadcast_to(c, shape).ravel(order="F") for name, c in work.bindings.columns.items()}
    return replace(work, bindings=Bindings(columns, (work.bindings.rows,)))


def _shared_by_first(work: Work) -> Work:
    """A column that is smaller than the rows gives its first value to all of them."""
    shape, columns = work.bindings.shape, work.bindings.columns
    if all(column.size in (1, work.bindings.rows) for column in columns.values()):
        return work
    first = {
        name: column if column.size == work.bindings.rows else column.reshape(-1)[:1].reshape((1,) * len(shape))
        for name, column in columns.items()
    }
    return replace(work, bindings=Bindings(first, shape))


def _last_again(table: Table) -> Table:
    return table[[*range(len(table) - 1), max(len(table) - 2, 0)]]


ROWS = (
    physical("off-by-one-row", "ROWS-1", "Every row answers the one before.", after=lambda t: np.roll(t, 1, axis=0)),
    physical(
        "first-row-for-all",
        "ROWS-1",
        "Only the first row is read (unitaryfoundation/metriq-gym#650).",
        after=lambda t: np.repeat(t[:1], len(t), axis=0),
    ),
    physical(
        "later-rows-rolled",
        "ROWS-1",
        "The rows behind the sixteenth, a batch, come one too late.",
        after=lambda t: np.concatenate([t[:16], np.roll(t[16:], 1, axis=0)]),
    ),
    physical("last-row-missed", "ROWS-1", "The last row repeats the one before.", after=_last_again),
    physical(
        "single-row-reversed",
        "ROWS-2",
        "The bits of a single row are reversed, those of a batch are not (amazon-braket/qiskit-braket-provider#374).",
        after=lambda t: reversed_bits(t) if len(t) == 1 else t,
    ),
    physical("rows-in-fortran-order", "ROWS-3", "Rows count in Fortran order.", before=_in_fortran_order),
    physical(
        "shared-by-first", "ROWS-3", "A shared column gives its first value to all rows.", before=_shared_by_first
    ),
    seam(
        "later-works-turned",
        "ROWS-4",
        "The rows of the second work of a job come in the opposite order (quantumlib/Cirq#8060).",
        _LaterWorksTurned,
        lacks=works,
    ),
    seam(
        "works-out-of-order",
        "ROWS-5",
        "The results of a job come in the opposite order (qiboteam/qibocal#1399).",
        _WorksReversed,
        lacks=works,
    ),
)
