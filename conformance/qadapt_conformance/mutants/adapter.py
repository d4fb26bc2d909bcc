"""Adapter: right backends behind a wrong synthesis or decoding of qadapt's."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np

from qadapt_conformance.mutants.change import operations, patched, physical
from qadapt_conformance.mutants.mutant import STATEVECTOR

_choice, _decode = import_module("qadapt.compile.choice"), import_module("qadapt.readout.decode")
_synthesise, _input_sign = _choice.synthesise_blocks, _decode.input_sign

LARGE = 8
"""Side of the smallest block that has no closed form."""


def _transposed(matrices: Any, **options: Any) -> Any:
    return _synthesise(np.swapaxes(matrices, 1, 2), **options)


def _large_transposed(matrices: Any, **options: Any) -> Any:
    return (_transposed if matrices.shape[1] >= LARGE else _synthesise)(matrices, **options)


def _without_signs(counts: Any, shots: int, inputs: Any) -> Any:
    return _input_sign(counts, shots, np.abs(inputs))


ADAPTER = (
    patched(
        "blocks-transposed",
        "ADAPT-1",
        "Blocks are turned the other way.",
        (_choice, "synthesise_blocks", _transposed),
        home=STATEVECTOR,
    ),
    patched(
        "large-blocks-transposed",
        "ADAPT-2",
        "Blocks without a closed form are turned the other way.",
        (_choice, "synthesise_blocks", _large_transposed),
        home=STATEVECTOR,
    ),
    patched(
        "signs-lost",
        "ADAPT-3",
        "Decoded values have no signs.",
        (_decode, "input_sign", _without_signs),
        home=STATEVECTOR,
    ),
    physical(
        "qubits-sorted",
        "ADAPT-4",
        "The qubits of a gate are sorted, which the second ring of QTHA shows.",
        before=operations(lambda o: [o if o.is_fence else o.moved(tuple(sorted(o.qubits)), o.angles)]),
    ),
)
