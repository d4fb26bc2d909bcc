"""Execution of Cayley layers with the read-out ``signed``: settings, noise, certificates, ancilla, and the record."""

from __future__ import annotations

import logging
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from oracles import register_probabilities
from qadapt.adapters.adapter import Adapter
from qadapt.adapters.cayley.circuit import bind, interferometer, split
from qadapt.adapters.cayley.config import CayleyConfig
from qadapt.adapters.execution import Execution, Record
from qadapt.adapters.inject import inject
from qadapt.adapters.sampling import predicted, turned
from qadapt.bindings import Bindings
from qadapt.circuit import Circuit, op
from qadapt.errors import BindingsError, NotSupportedError
from qadapt.readout import IDEAL, depolarising
from qadapt.readout.ancilla import controlled
from qadapt.readout.settings import interfering
from qadapt.synthesis import synthesise_blocks, synthesise_states

SHOTS = 8192


def model(dim: int, scale: float, *, width: int = 16, **fields: Any) -> tuple[nn.Module, Adapter]:
    """One adapted linear layer whose K has entries of the given scale."""
    net = nn.Sequential(nn.Linear(width, 8))
    adapter = inject(net, CayleyConfig(targets=("0",), dim=dim, **{"readout": "signed", **fields}))
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for value in adapter.parameters.values():
            value.copy_(torch.randn(value.shape, generator=generator) * scale)
    return net, adapter


def values(tokens: int = 40, width: int = 16) -> torch.Tensor:
    return torch.randn(tokens, width, generator=torch.Generator().manual_seed(2))


def executed(
    net: nn.Module, adapter: Adapter, backend: str = "local:statevector", **options: Any
) -> tuple[Record, Execution]:
    with adapter.on(backend, **{"shots": SHOTS, "seed": 3, **options}) as execution:
        net(values())
    (record,) = execution.records
    return record, execution


def ratios(record: Record) -> NDArray[np.float64]:
    """Differences from the exact vectors in standard errors."""
    found: NDArray[np.float64] = (record.decoded.values - record.exact) / record.decoded.errors
    return found


@pytest.mark.parametrize(("dim", "scale"), [(2, 0.5), (4, 0.3), (8, 0.2), (16, 0.13)])
def test_the_signed_vector_comes_back(dim: int, scale: float) -> None:
    record, _ = executed(*model(dim, scale))
    settings = interfering(dim.bit_length() - 1)
    rows = len(record.exact)
    np.testing.assert_array_equal(record.settings, settings)
    assert record.run.counts.table.shape == (len(settings) * rows, dim)
    assert record.run.counts.shots == SHOTS // len(settings)
    assert record.decoded.values.shape == (rows, dim)
    # 640 components or fewer; a mean square of 1.4 is beyond five standard deviations for 200 of them.
    assert np.mean(ratios(record) ** 2) < 1.4
    assert np.abs(ratios(record)).max() < 6.5
    assert record.certificate is not None
    assert record.certificate.holds.all()
    assert record.interference is None


def test_signs_flip_where_the_input_sign_does_not_know() -> None:
    wrong = {}
    for readout in ("signed", "input-sign"):
        record, _ = executed(*model(4, 0.33, readout=readout))
        wrong[readout] = np.sqrt(np.mean(np.sum((record.decoded.values - record.exact) ** 2, axis=1)))
    assert wrong["input-sign"] > 20 * wrong["signed"]


def test_zero_slices_and_shared_columns_keep_their_rows() -> None:
    net, adapter = model(4, 0.3)
    given = values(7)
    given[2, 4:8] = 0
    given[5] = 0
    with adapter.on("local:statevector", shots=2_000_000, seed=1):
        seen = net(given)
    with adapter.exact(), torch.no_grad():
        torch.testing.assert_close(seen, net(given), atol=0.02, rtol=0)
    assert torch.equal(seen[5], net[0].base(given[5]))  # type: ignore[index]


def test_settings_are_angles_of_one_circuit() -> None:
    made = Circuit(num_qubits=2, operations=[op("ry", 0, angles=["a"]), op("cz", 0, 1)], measured=[0, 1])
    bindings = Bindings.of({"a": [0.1, 0.2, 0.3]})
    settings = interfering(2)
    circuit, bound = turned(made, bindings, settings)
    assert bound.shape == (4, 3)
    for number, setting in enumerate(settings):
        for row in range(3):
            plain = Circuit(
                num_qubits=2,
                operations=[*made.operations, *(op("ry", q, angles=[setting[q]]) for q in range(2))],
                measured=[0, 1],
            )
            np.testing.assert_allclose(
                register_probabilities(circuit, bound, number * 3 + row)[0],
                register_probabilities(plain, bindings, row)[0],
                atol=1e-12,
            )
    assert turned(made, bindings, np.zeros((1, 2))) == (made, bindings)


def test_settings_cost_no_entangling_gate() -> None:
    gates = {}
    for readout in ("signed", "input-sign"):
        record, _ = executed(*model(8, 0.2, readout=readout), "local:emulator/heron-r2", shots=100)
        gates[readout] = record.run.circuit.count() / record.run.tiles
    assert gates["signed"] == gates["input-sign"]


@pytest.mark.parametrize(("dim", "scale"), [(4, 0.3), (8, 0.2)])
def test_the_calibration_goes_into_the_likelihood(dim: int, scale: float) -> None:
    net, adapter = model(dim, scale)
    told, _ = executed(net, adapter, "local:emulator/heron-r2")
    assert told.run.tiles > 1
    assert told.decoded.done["confusion"]
    assert told.decoded.done["fitted_factor"] == pytest.approx(1, abs=0.25)
    assert 0.88 < (np.abs(ratios(told)) < 1.96).mean() < 0.99
    ignored, _ = executed(net, adapter, "local:emulator/heron-r2", noise=IDEAL)
    assert np.mean(ratios(ignored) ** 2) > 10 * np.mean(ratios(told) ** 2)
    given, _ = executed(net, adapter, "local:emulator/heron-r2", noise=depolarising(0.05))
    assert given.decoded.done["depolarising"] == pytest.approx(0.05)


def test_a_missing_certificate_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    net, adapter = model(4, 1.5)
    with caplog.at_level(logging.WARNING), adapter.on("local:statevector", shots=100, seed=1) as execution:
        net(values())
        net(values())
    (said,) = [record.getMessage() for record in caplog.records if record.name == "qadapt.adapters.execution"]
    certificate = execution.records[1].certificate
    assert certificate is not None
    lost = np.flatnonzero(~certificate.holds)
    assert len(lost)
    assert f"{len(lost)} of 4 blocks" in said
    assert f"(blocks {', '.join(map(str, lost))})" in said
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        executed(*model(4, 0.2))
        executed(*model(4, 1.5, readout="input-sign"))
        executed(*model(4, 1.5, readout="signed-ancilla"))
    assert not caplog.records


@pytest.mark.parametrize("dim", [2, 4, 8])
def test_the_ancilla_finds_the_global_sign(dim: int) -> None:
    net, adapter = model(dim, 3.0 / dim**0.5)
    blind, _ = executed(net, adapter)
    assert blind.certificate is not None
    assert not blind.certificate.holds.all()
    assert (np.einsum("ri,ri->r", blind.decoded.values, blind.exact) < 0).any()
    record, _ = executed(net, adapter, readout="signed-ancilla")
    assert record.interference is not None
    assert record.interference.counts.shots == record.run.counts.shots
    assert record.interference.provenance.seed != record.run.provenance.seed
    assert (np.einsum("ri,ri->r", record.decoded.values, record.exact) > 0).all()
    assert record.decoded.done["signs_measured"] == record.interference.counts.rows
    assert record.decoded.doubtful is not None
    assert not record.decoded.doubtful.any()


def test_the_ancilla_is_used_only_where_it_is_needed() -> None:
    record, _ = executed(*model(4, 0.2, readout="signed-ancilla"))
    assert record.interference is None
    net, adapter = model(4, 0.2, readout="signed-ancilla")
    with torch.no_grad():
        adapter.parameters["0.skew"][2] *= 30
    record, _ = executed(net, adapter)
    assert record.interference is not None
    assert record.certificate is not None
    assert record.certificate.holds.tolist() == [True, True, False, True]
    assert record.interference.counts.rows == 40
    assert np.mean(ratios(record) ** 2) < 1.4


def test_blocks_of_five_qubits_leave_no_room_for_an_ancilla() -> None:
    net, adapter = model(32, 1.0, width=32, readout="signed-ancilla")
    with adapter.on("local:statevector", shots=100), pytest.raises(NotSupportedError) as caught:
        net(values(1, 32))
    assert caught.value.capability == "ancilla"


@pytest.mark.parametrize("dim", [2, 4, 8])
def test_the_interferometer_does_what_it_says(dim: int) -> None:
    generator = np.random.default_rng(1)
    block = np.linalg.qr(generator.normal(size=(dim, dim)))[0]
    block[0] *= np.linalg.det(block)
    slices = split(generator.normal(size=(2, 1, dim)))
    states, blocks = synthesise_states(slices.units), synthesise_blocks(controlled(block[None]))
    circuit = interferometer(states.ansatz, blocks.ansatz)
    bindings = bind(slices, states.angles, blocks.angles)
    for row, unit in enumerate(slices.units):
        turned_unit = block @ unit
        wanted = np.concatenate([unit + turned_unit, unit - turned_unit]) ** 2 / 4
        np.testing.assert_allclose(register_probabilities(circuit, bindings, row)[0], wanted, atol=1e-7)


def test_too_few_shots_for_all_settings_are_refused() -> None:
    net, adapter = model(4, 0.2)
    with adapter.on("local:statevector", shots=3), pytest.raises(BindingsError, match="shots"):
        net(values())


def test_the_exact_map_is_linear_where_the_certificate_holds() -> None:
    net, adapter = model(4, 0.3)
    given = values().requires_grad_()
    with adapter.exact():
        seen = net(given)
    torch.testing.assert_close(seen, net(given), atol=1e-5, rtol=0)
    seen.sum().backward()
    assert given.grad is not None
    assert given.grad.isfinite().all()


def test_the_program_of_the_page_runs() -> None:
    text = (Path(__file__).parents[1] / "docs" / "readout.md").read_text(encoding="utf-8")
    (program,) = re.findall(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    torch.manual_seed(0)
    exec(compile(program, "readout.md", "exec"), {})


def test_readout_that_the_vendor_has_corrected_is_not_corrected_twice() -> None:
    record, execution = executed(*model(4, 0.2), "local:emulator/heron-r2", shots=40)
    done = record.run
    corrected = replace(done, provenance=done.provenance.model_copy(update={"readout_correction": True}))
    settings, rows = len(record.settings), len(record.exact)
    assert predicted(execution.backend, done, settings, rows).confusion is not None
    assert predicted(execution.backend, corrected, settings, rows).confusion is None
    assert predicted(execution.backend, corrected, settings, rows).fitted
