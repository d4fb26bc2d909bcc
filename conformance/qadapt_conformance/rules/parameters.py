"""Parameters: which value goes to which angle."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from qadapt import Circuit, Operation, Parameter, op
from qadapt_conformance.finding import Finding
from qadapt_conformance.probe import Probe
from qadapt_conformance.rule import SUBMITTING, rule

SORT_BREAKING = ("th[10]", "th[2]", "B", "a", "a10", "a9", "_z", "t1.x", "t.x1", "T", "theta", "alpha")
"""Twelve names whose order in the circuit no way of sorting gives back."""

TAKEN = ("t", "s", "x", "rx", "pi", "e", "lambda", "input", "measure", "U", "q", "I")
"""Names that mean something else in OpenQASM, in a vendor's language or in a computer algebra system."""


def ladder(angles: Sequence[str | Parameter | float]) -> list[Operation]:
    """Layers of rotations on three qubits with a chain of cz between them, one angle after the other."""
    operations: list[Operation] = []
    for number, angle in enumerate(angles):
        layer, qubit = divmod(number, 3)
        if number and not qubit:
            operations += [op("cz", 0, 1), op("cz", 1, 2)]
        operations.append(op("rx" if layer % 2 else "ry", qubit, angles=[angle]))
    return operations


def _circuit(probe: Probe, angles: Sequence[str | Parameter | float]) -> Circuit:
    """The ladder, measured; under noise without its cz, which say nothing about names and drown what does."""
    operations = [each for each in ladder(angles) if probe.exact or each.gate != "cz"]
    return Circuit(num_qubits=3, operations=operations, measured=[0, 1, 2])


def _values(names: Sequence[str], rows: int, seed: int) -> dict[str, np.ndarray[tuple[int], np.dtype[np.float64]]]:
    draw = np.random.default_rng(seed).uniform(0.2, 2.9, (len(names), rows))
    return dict(zip(names, draw, strict=True))


@rule("PARAMS-1", qubits=3)
def bound_by_name(probe: Probe) -> Iterator[Finding]:
    """Values reach parameters by name, in whatever order they are given."""
    circuit = _circuit(probe, ["c", "a", "b"] * 2)
    values = _values("abc", 4, seed=11)
    for order in ("abc", "cab", "bca"):
        yield from probe.agrees(circuit, {name: values[name] for name in order})


@rule("PARAMS-2", qubits=3, tiers=SUBMITTING)
def names_that_break_sorting(probe: Probe) -> Iterator[Finding]:
    """More than ten parameters keep their values, whatever sorting would do to their names."""
    counted = [f"t{number}" for number in range(12)]
    # With its cz a ladder keeps more than ten native parameters; the other one is left where these drown in noise.
    whole = Circuit(num_qubits=3, operations=ladder(counted), measured=[0, 1, 2])
    yield from probe.agrees(whole, _values(counted, 4, seed=12))
    yield from probe.agrees(_circuit(probe, SORT_BREAKING), _values(SORT_BREAKING, 4, seed=13))


@rule("PARAMS-3", qubits=3)
def affine_parameters(probe: Probe) -> Iterator[Finding]:
    """An angle may be scale times value plus offset, and a parameter may be used more than once."""
    a, b = Parameter(name="a"), Parameter(name="b")
    angles: list[str | Parameter | float] = [
        a,
        b.shifted(-0.5, 0.3),
        a.shifted(2.0, -1.1),
        0.7,
        b,
        a.shifted(0.25),
        b.shifted(0.0, 1.3),
        a,
        -0.4,
    ]
    yield from probe.agrees(_circuit(probe, angles), _values("ab", 6, seed=14))


@rule("PARAMS-4", qubits=3)
def names_that_are_taken(probe: Probe) -> Iterator[Finding]:
    """A parameter may be called like a gate, a constant or a keyword."""
    yield from probe.agrees(_circuit(probe, TAKEN), _values(TAKEN, 4, seed=15))
