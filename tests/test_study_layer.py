"""Layers on scaled machines: strengths, circuits of both compilers, and errors that are where they must be."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="studies need the extra qadapt[replicate]")

from qadapt.adapters.cayley.layer import CayleyLinear  # noqa: E402
from qadapt.adapters.cayley.rotation import cayley  # noqa: E402
from qadapt.adapters.layer import Measure  # noqa: E402
from qadapt.errors import NotSupportedError  # noqa: E402
from qadapt.readout import readout  # noqa: E402
from qadapt.readout.settings import bases  # noqa: E402
from qadapt.study.cell import compute  # noqa: E402
from qadapt.study.circuits import Machine, transpiled  # noqa: E402
from qadapt.study.grid import LayerCell, Settings, layer_cells, machine  # noqa: E402
from qadapt.study.layer import strong_blocks  # noqa: E402
from qadapt.study.outcome import LayerResult  # noqa: E402


def cell(**changes) -> LayerCell:
    settings = Settings(dims=(4,), scales=(1.0,), readouts=("signed",), compilers=("qadapt",), seeds=1, width=16)
    return layer_cells(settings)[0].model_copy(update=changes)


def found(**changes) -> LayerResult:
    result = compute(cell(**changes))
    assert isinstance(result, LayerResult)
    return result


@given(st.sampled_from([2, 4, 8, 16]), st.floats(0.01, 1.95), st.integers(0, 99))
def test_blocks_have_the_strength_that_is_asked_for(dim, strength, seed):
    skew = strong_blocks(3, dim, strength, np.random.default_rng(seed))
    blocks = cayley(torch.from_numpy(skew), dim).numpy()
    np.testing.assert_allclose(np.square(blocks - np.eye(dim)).sum(axis=(1, 2)) / dim, strength**2, rtol=1e-6)


@pytest.mark.parametrize("dim", [2, 4, 8])
@pytest.mark.parametrize("name", ["input-sign", "signed"])
@pytest.mark.parametrize("compiler", ["qadapt", "qiskit"])
def test_without_noise_both_compilers_give_the_exact_distributions(dim, name, compiler):
    target, how = machine("heron-r2"), readout(name)
    settings = how.settings(dim.bit_length() - 1)
    layer = CayleyLinear(torch.nn.Linear(2 * dim, 2 * dim, dtype=torch.float64), dim)
    skew = strong_blocks(2, dim, 0.5, np.random.default_rng(dim))
    seen = []

    def look(request):
        matrices = layer.matrices().detach().numpy()
        noiseless = Machine(target, 0.0, (), compiler, "fast").distributions(request, matrices, settings)
        seen.append((request.exact, noiseless))
        raise KeyboardInterrupt

    with torch.no_grad():
        layer.skew.copy_(torch.from_numpy(skew))
        layer.measure = Measure(look, target, "fast", None, how)
        with pytest.raises(KeyboardInterrupt):
            layer.rotated(torch.tensor(np.random.default_rng(1).normal(size=(2, 2 * dim))))
    ((exact, made),) = seen
    np.testing.assert_allclose(made.tables, np.square(np.einsum("sij,rj->sri", bases(settings), exact)), atol=1e-7)
    assert not made.noise.strengths.any()


def test_qiskit_stays_on_the_tile():
    target, tile = machine("heron-r2"), (12, 13, 14)
    assert {(12, 13), (13, 14)} <= set(target.couplings)
    vector = np.full(8, sqrt(1 / 8))
    block = cayley(torch.ones(28) * 0.1, 8).numpy()
    for circuit in transpiled(vector.tobytes(), block.tobytes(), target, tile, ((0.0,) * 3, (0.4,) * 3)):
        assert {qubit for operation in circuit.operations for qubit in operation.qubits} == set(tile)
        assert {operation.gate for operation in circuit.gates()} <= set(target.native)
        assert set(circuit.bits) == set(tile)
        assert any(operation.is_fence for operation in circuit.operations)
        assert all(target.couples("cz", o.qubits) for o in circuit.gates() if len(o.qubits) == 2)


def test_a_machine_with_other_gates_is_no_matter_for_qiskit():
    with pytest.raises(NotSupportedError, match="sx"):
        compute(cell(target="wukong-72", compiler="qiskit"))
    assert found(target="wukong-72").error < 0.1


@pytest.mark.parametrize("dim", [4, 8])
def test_signed_is_at_the_limit_without_noise_and_input_sign_is_not(dim):
    # 128 and 64 rows: the rms error is within 20 % of its mean, which is within 5 % of the limit, in all but 1e-6.
    limit = sqrt((dim - 1) / (4 * 8192))
    assert found(dim=dim, scale=0.0, tokens=32).error == pytest.approx(limit, rel=0.25)
    assert found(dim=dim, scale=0.0, tokens=32, readout="input-sign").error > 5 * limit


def test_noise_makes_errors_larger_and_shots_make_them_smaller():
    errors = [found(dim=8, scale=scale, tokens=16).error for scale in (0.0, 4.0)]
    assert errors[0] < 0.8 * errors[1]
    assert found(dim=8, tokens=16, shots=512).error > 2 * found(dim=8, tokens=16).error


def test_parts_switch_off_what_they_say():
    whole = found(dim=8, readout="input-sign", scale=4.0, tokens=16).error
    for off in ("preparation", "entangling", "single", "readout"):
        assert found(dim=8, readout="input-sign", scale=4.0, tokens=16, off=(off,)).error < whole, off
    assert found(scale=0.0, off=("shots",)).error < 1e-3 < found(scale=0.0).error


@pytest.mark.parametrize("compiler", ["qadapt", "qiskit"])
def test_a_result_does_not_depend_on_what_was_computed_before(compiler):
    first = found(compiler=compiler, tokens=1)
    found(compiler=compiler, tokens=1, seed=3)
    found(compiler=compiler, tokens=1, target="heron-r3")
    assert found(compiler=compiler, tokens=1) == first
    assert found(compiler=compiler, tokens=1, seed=3) != first
    assert first.entangling == 3
