"""Given tiles: copies are where the caller wants them, in rows' order, and bad ones are refused."""

from __future__ import annotations

import numpy as np
import pytest

from mitigation_cases import HERON, cayley
from oracles import adapter_circuit, line, random_bindings
from qadapt import run
from qadapt.circuit import Circuit
from qadapt.compile import pack
from qadapt.errors import TargetError
from qadapt.jobs import Options, make_plan
from qadapt.jobs.plan import decode_plan, encode_plan, fingerprint
from qadapt.local import LocalProvider
from qadapt.simulate import statevector

PAIR = adapter_circuit(2, ((0, 1), (0, 1)))
CHAIN = line(("cz", "sx", "x", "rz"), 8)


def test_copies_are_on_the_given_tiles():
    tiles = ((4, 5), (1, 0), (6, 7))
    packed = pack(PAIR, CHAIN, tiles=tiles, copies=1)
    assert packed.tiles == tiles == packed.circuit.measured
    source = random_bindings(PAIR, 7)
    tables = statevector.probabilities(packed.circuit, packed.bind(source))
    stacked = np.stack(tables, axis=1).reshape(-1, 4)[:7]
    assert np.abs(stacked - statevector.probabilities(PAIR, source)[0]).max() < 1e-12


def test_tiles_that_would_be_chosen_make_the_same_circuit():
    packed = pack(PAIR, HERON, copies=9)
    assert pack(PAIR, HERON, tiles=packed.tiles).circuit == packed.circuit


def test_circuits_of_several_parts_fit_on_given_tiles():
    apart = adapter_circuit(3, ())
    packed = pack(apart, CHAIN, tiles=[(0, 3, 5), (1, 2, 7)])
    assert packed.circuit.measured == ((0, 3, 5), (1, 2, 7))


@pytest.mark.parametrize(
    ("tiles", "says"),
    [
        ([], "none are given"),
        ([(0, 1, 2)], "for 2 qubits"),
        ([(0, 1), (1, 2)], "qubit 1 in 2 tiles"),
        ([(0, 1), (7, 8)], "qubit 8 is not live"),
        ([(0, 1), (3, 5)], "tile (3, 5)"),
        ([(0, 2)], ""),
    ],
)
def test_other_tiles_are_refused(tiles, says):
    with pytest.raises(TargetError) as caught:
        pack(PAIR, CHAIN, tiles=tiles)
    assert says in " ".join(caught.value.violations)


def test_plans_keep_their_tiles():
    backend = LocalProvider().open("emulator/wukong-72")
    tiles = ((0, 1), (2, 3))
    options = Options(10, 1, tiles=[list(tile) for tile in tiles], most=1)
    assert options.tiles == tiles
    plan = make_plan(PAIR, random_bindings(PAIR, 5), backend, options)
    assert (plan.tiles, plan.executions, plan.work.circuit.measured) == (2, 3, tiles)
    assert [plan.size(number) for number in range(len(plan.chunks))] == [1, 1, 1]
    again = decode_plan(encode_plan(plan))
    assert again.asked.options == options
    assert again.work.circuit == plan.work.circuit


def test_runs_on_other_tiles_are_other_runs():
    bindings = random_bindings(PAIR, 3)
    marks = {
        fingerprint(PAIR, bindings, "b", Options(10, 1, tiles=tiles))
        for tiles in (None, ((0, 1),), ((1, 0),), ((1, 2),))
    }
    assert len(marks) == 4


def test_rows_run_on_their_tiles():
    circuit, bindings, exact = cayley(5, 4)
    done = run(circuit, bindings, "local:emulator/heron-r2", shots=2000, seed=1, tiles=[(0, 1), (3, 4)])
    assert (done.tiles, done.executions, done.provenance.qubits) == (2, 3, ((0, 1), (3, 4)))
    assert np.abs(done.counts.frequencies - exact).max() < 0.2
    alone = run(circuit, bindings, "local:emulator/heron-r2", shots=2000, seed=1, tiles=[(3, 4)], packed=False)
    assert (alone.tiles, alone.executions) == (1, 5)


def test_without_couplings_given_tiles_serve_as_well():
    circuit, bindings, exact = cayley(5, 4)
    done = run(circuit, bindings, "local:statevector", shots=20_000, seed=1, tiles=[(0, 1), (2, 3)])
    assert done.tiles == 2
    assert np.abs(done.counts.frequencies - exact).max() < 6 * 0.5 / 20_000**0.5
    with pytest.raises(TargetError):
        run(Circuit(num_qubits=2, measured=[0, 1]), {}, "local:statevector", shots=1, tiles=[(0, 0)])
