"""Cayley layers: exact rotations, their place in a linear layer, and the circuits that carry them out."""

from __future__ import annotations

import copy
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import chi2
from torch import Tensor, nn

from oracles import register_probabilities
from qadapt.adapters.adapter import Adapter
from qadapt.adapters.cayley.circuit import bind, join, split, template
from qadapt.adapters.cayley.config import CayleyConfig
from qadapt.adapters.cayley.layer import CayleyLinear
from qadapt.adapters.cayley.rotation import cayley, rotate
from qadapt.adapters.inject import inject
from qadapt.adapters.layer import Measure, Request
from qadapt.errors import AdapterError, BindingsError, NotSupportedError
from qadapt.local import STATEVECTOR
from qadapt.readout import Decoded
from qadapt.simulate import statevector
from qadapt.synthesis import synthesise_blocks, synthesise_states
from qadapt.target import bundled_targets

Side = Literal["input", "output"]
SIDES: tuple[Side, ...] = ("input", "output")
ALPHA = 1e-6
SIZES = (2, 4, 8, 16)
"""Blocks that fill the width of these layers."""


def skews(number: int, dim: int, scale: float, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return scale * torch.randn(number, dim * (dim - 1) // 2, generator=generator, dtype=torch.float64).to(dtype)


def layer(
    dim: int = 4,
    side: Side = "input",
    *,
    scale: float = 0.3,
    dtype: torch.dtype = torch.float64,
    shape: tuple[int, int] = (16, 32),
    bias: bool = True,
    sign_constrained: bool = False,
) -> CayleyLinear:
    """A layer with random blocks on a frozen base."""
    torch.manual_seed(1)
    base = nn.Linear(*shape, bias=bias).to(dtype).requires_grad_(False)
    made = CayleyLinear(base, dim, side=side, sign_constrained=sign_constrained)
    with torch.no_grad():
        made.skew.copy_(skews(len(made.skew), dim, scale))
    return made


def dense(made: CayleyLinear) -> NDArray[np.float64]:
    """The whole rotation as one matrix, from numpy's inverse."""
    d = made.dim
    out = np.zeros((len(made.skew) * d,) * 2)
    for index, entries in enumerate(made.skew.detach().double().numpy()):
        k = np.zeros((d, d))
        k[np.triu_indices(d, 1)] = entries
        k -= k.T
        place = slice(index * d, (index + 1) * d)
        out[place, place] = (np.eye(d) - k / 2) @ np.linalg.inv(np.eye(d) + k / 2)
    return out


# The rotation


@given(
    st.sampled_from(SIZES),
    st.integers(1, 6),
    st.floats(0, 3),
    st.integers(0, 99),
    st.sampled_from(["float32", "float64"]),
)
def test_blocks_are_special_orthogonal(dim: int, number: int, scale: float, seed: int, dtype: str) -> None:
    kind = getattr(torch, dtype)
    blocks = cayley(skews(number, dim, scale, seed, kind), dim).to(kind)
    defect = blocks.mT @ blocks - torch.eye(dim, dtype=kind)
    assert defect.abs().max() < (1e-6 if kind == torch.float32 else 1e-12)
    assert torch.allclose(torch.linalg.det(blocks.double()), torch.ones(number, dtype=torch.float64), atol=1e-5)


@given(st.sampled_from(SIZES), st.floats(0, 3), st.integers(0, 99))
def test_blocks_are_the_stated_formula(dim: int, scale: float, seed: int) -> None:
    made = layer(dim, scale=0)
    with torch.no_grad():
        made.skew.copy_(skews(len(made.skew), dim, scale, seed))
    blocks = made.matrices().detach()
    np.testing.assert_allclose(torch.block_diag(*blocks).numpy(), dense(made), atol=1e-12)


@given(st.floats(-50, 50))
def test_a_block_of_two_is_the_closed_form(k: float) -> None:
    (block,) = cayley(torch.tensor([[k]], dtype=torch.float64), 2).numpy()
    t = k / 2
    np.testing.assert_allclose(block, np.array([[1 - t * t, -2 * t], [2 * t, 1 - t * t]]) / (1 + t * t), atol=1e-12)


@given(st.sampled_from(SIZES), st.integers(1, 9), st.sampled_from([(), (1,), (5,), (2, 3), (0, 3)]), st.integers(0, 99))
def test_rotating_is_the_dense_product(dim: int, number: int, lead: tuple[int, ...], seed: int) -> None:
    blocks = cayley(skews(number, dim, 0.7, seed), dim)
    values = torch.randn(*lead, number * dim, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    wanted = values @ torch.block_diag(*blocks).T
    torch.testing.assert_close(rotate(values, blocks), wanted, atol=1e-12, rtol=0)


def test_rotating_takes_any_strides() -> None:
    blocks = cayley(skews(6, 4, 0.7), 4)
    values = torch.randn(24, 5, 3, dtype=torch.float64).permute(2, 1, 0)
    assert not values.is_contiguous()
    torch.testing.assert_close(rotate(values, blocks), rotate(values.contiguous(), blocks))
    expanded = torch.randn(24, dtype=torch.float64).expand(7, 24)
    torch.testing.assert_close(rotate(expanded, blocks)[3], rotate(expanded[0], blocks))


def test_a_half_precision_rotation_is_rounded_once() -> None:
    blocks = cayley(skews(8, 4, 0.7), 4)
    values = torch.randn(200, 32, generator=torch.Generator().manual_seed(0)).bfloat16()
    exact = rotate(values.double(), blocks)
    assert ((rotate(values, blocks) - exact).abs() <= exact.abs() * 2**-8 + 1e-6).all()


# The layer in torch


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("dim", SIZES)
def test_the_layer_is_the_linear_layer_with_a_dense_rotation(dim: int, side: Side, bias: bool) -> None:
    made = layer(dim, side, bias=bias)
    values = torch.randn(2, 5, 16, dtype=torch.float64)
    q = torch.from_numpy(dense(made))
    wanted = made.base(values @ q.T) if side == "input" else made.base(values) @ q.T
    torch.testing.assert_close(made(values), wanted, atol=1e-12, rtol=0)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("dim", SIZES)
def test_it_starts_as_the_identity_bit_for_bit(dim: int, dtype: torch.dtype, side: Side) -> None:
    made = layer(dim, side, scale=0, dtype=dtype)
    values = torch.randn(7, 16).to(dtype)
    assert torch.equal(made(values), made.base(values))
    assert made(values).dtype == dtype


@pytest.mark.parametrize("sign_constrained", [False, True])
@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("dim", [2, 4, 8])
def test_gradients(dim: int, side: Side, sign_constrained: bool) -> None:
    made = layer(dim, side, sign_constrained=sign_constrained, shape=(8, 16))
    values = torch.randn(3, 8, dtype=torch.float64, requires_grad=True)

    def function(skew: Tensor, values: Tensor) -> Tensor:
        out: Tensor = torch.func.functional_call(made, {"skew": skew}, (values,))
        return out

    skew = made.skew.detach().clone().requires_grad_(True)
    assert torch.autograd.gradcheck(function, (skew, values))


def test_only_the_skew_entries_learn() -> None:
    made = layer(dtype=torch.float32)
    made(torch.randn(3, 16)).square().sum().backward()
    assert made.skew.grad is not None
    assert made.skew.grad.abs().min() > 0
    assert made.base.weight.grad is None
    assert set(made.adapter_parameters()) == {"skew"}


@pytest.mark.parametrize("side", SIDES)
def test_a_bfloat16_base_keeps_an_exact_rotation(side: Side) -> None:
    made = layer(4, side, dtype=torch.bfloat16)
    assert made.skew.dtype == torch.float32
    blocks = made.to(torch.bfloat16).matrices()
    assert (blocks.mT @ blocks - torch.eye(4)).abs().max() < 1e-12
    values = torch.randn(9, 16).bfloat16()
    wide = copy.deepcopy(made).double()
    assert made(values).dtype == torch.bfloat16
    # two or three roundings to 8 bits on numbers of order one
    torch.testing.assert_close(made(values).double(), wide(values.double()), atol=0.05, rtol=0.02)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-5), (torch.bfloat16, 0.06)]
)
@pytest.mark.parametrize("bias", [True, False])
def test_merging_changes_the_weight_and_not_the_output(
    side: Side, dtype: torch.dtype, tolerance: float, bias: bool
) -> None:
    made = layer(4, side, dtype=dtype, bias=bias)
    values = torch.randn(6, 16).to(dtype)
    before, base, weight = made(values), made.base(values), made.base.weight
    made.merge()
    made.merge()
    assert made.merged
    torch.testing.assert_close(made(values), before, atol=tolerance, rtol=0)
    assert torch.equal(made(values), made.base(values))
    assert made.base.weight.dtype == dtype
    assert made.base.weight.is_contiguous()
    made.enabled = False
    assert torch.equal(made(values), base)
    made.enabled = True
    made.unmerge()
    assert made.base.weight is weight
    assert torch.equal(made(values), before)


def test_what_merging_keeps_is_cast_with_the_rest() -> None:
    made = layer(dtype=torch.float32)
    values = torch.randn(6, 16)
    before = made(values)
    made.merge()
    made.double()
    made.enabled = False
    assert made(values.double()).dtype == torch.float64
    made.enabled = True
    made.unmerge()
    torch.testing.assert_close(made(values.double()), before.double(), atol=1e-5, rtol=0)


def test_merging_leaves_a_shared_weight_alone() -> None:
    embedding = nn.Embedding(32, 16)
    made = layer(dtype=torch.float32, bias=False)
    made.base.weight = embedding.weight
    original = embedding.weight.detach().clone()
    made.merge()
    assert torch.equal(embedding.weight, original)
    made.unmerge()
    assert made.base.weight is embedding.weight


def test_a_sign_constrained_layer_is_the_limit_and_cannot_be_merged() -> None:
    made = layer(4, scale=0.8, sign_constrained=True)
    values = torch.randn(50, 16, dtype=torch.float64)
    rotated = made.rotated(values)
    plain = rotate(values, made.matrices())
    torch.testing.assert_close(rotated, values.sign() * plain.abs())
    assert not torch.allclose(rotated, plain)
    torch.testing.assert_close(rotated.norm(), values.norm())
    with pytest.raises(NotSupportedError) as caught:
        made.merge()
    assert caught.value.capability == "merge"
    assert not made.merged


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"dim": 3}, "dim 3"),
        ({"dim": 64}, "dim 64"),
        ({"dim": 32}, "blocks of 32 do not fill the input width 16"),
        ({"side": "middle"}, "middle"),
        ({"dim": 16, "shape": (24, 32)}, "blocks of 16 do not fill the input width 24.*2, 4, 8"),
        ({"dim": 4, "side": "output", "shape": (16, 6)}, "output width 6.*blocks of 2"),
        ({"dim": 2, "shape": (5, 4)}, "no size"),
    ],
)
def test_misfits_are_refused(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(AdapterError, match=said):
        layer(**arguments)


@pytest.mark.parametrize(
    "fields",
    [
        {"dim": 3},
        {"dim": "4 "},
        {"side": "both"},
        {"targets": ()},
        {"targets": ("",)},
        {"layers": ()},
        {"layers": (-1,)},
        {"layers": (1.5,)},
        {"readout": "magic"},
        {"readout": "probabilities"},
        {"kind": "qtha"},
        {"schema_version": 2},
        {"block_size": 4},
    ],
    ids=str,
)
def test_bad_configurations_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(AdapterError, match=next(iter(fields))):
        CayleyConfig(**({"targets": ("q_proj",)} | fields))


def test_configurations_are_frozen_and_survive_json() -> None:
    config = CayleyConfig(targets=("q_proj", "*.mlp.*"), layers=(0, 3), dim=8, side="output", sign_constrained=True)
    assert CayleyConfig.model_validate_json(config.to_json()) == config
    with pytest.raises(ValueError, match="frozen"):
        config.dim = 4
    with pytest.raises(AdapterError, match="CayleyConfig"):
        CayleyLinear.from_config(
            nn.Linear(4, 4), config.__class__.__base__(kind="x", targets=("a",), readout="input-sign")
        )


# The circuit


@given(
    st.integers(0, 4),
    st.integers(1, 4),
    st.sampled_from(SIZES),
    st.floats(-250, 250),
    st.floats(0, 1),
    st.integers(0, 2**32),
)
def test_slices_come_apart_and_together(
    tokens: int, blocks: int, dim: int, exponent: float, zeros: float, seed: int
) -> None:
    generator = np.random.default_rng(seed)
    values = generator.normal(size=(tokens, blocks, dim)) * 10.0**exponent
    values[generator.random((tokens, blocks)) < zeros] = 0
    slices = split(values)
    assert len(slices.units) == slices.live.sum() == (values != 0).any(axis=2).sum()
    np.testing.assert_allclose(np.linalg.norm(slices.units, axis=1), 1, atol=1e-12)
    np.testing.assert_allclose(join(slices, slices.units), values, rtol=1e-12)


def test_a_fence_stands_between_preparation_and_block() -> None:
    made = layer(8)
    states, blocks = synthesise_states(np.eye(8)), synthesise_blocks(made.matrices().detach().numpy())
    circuit = template(states.ansatz, blocks.ansatz)
    (fence,) = [index for index, operation in enumerate(circuit.operations) if operation.is_fence]
    assert circuit.operations[fence].qubits == (0, 1, 2)
    sides = [
        {p.name[0] for o in part for p in o.parameters}
        for part in (circuit.operations[:fence], circuit.operations[fence:])
    ]
    assert sides == [{"x"}, {"k"}]
    assert circuit.measured == ((0, 1, 2),)


def test_block_angles_are_shared_until_a_slice_is_missing() -> None:
    values = np.random.default_rng(0).normal(size=(5, 3, 4))
    blocks = np.arange(18.0).reshape(3, 6)
    for zero, shape, shared in ((False, (3, 5), (3, 1)), (True, (14,), (14,))):
        if zero:
            values[2, 1] = 0
        slices = split(values)
        bound = bind(slices, np.random.default_rng(1).normal(size=(len(slices.units), 4)), blocks)
        assert bound.shape == shape
        assert bound.columns["k0"].shape == shared
        assert bound.columns["x0"].shape == shape
        owner = np.nonzero(slices.live)[0]
        np.testing.assert_array_equal(bound.column("k5"), blocks[owner, 5])


# The layer on a backend


def exactly(asked: Request) -> Decoded:
    """Infinitely many shots, through the dense matrix of each row's circuit."""
    rows = [register_probabilities(asked.circuit, asked.bindings, row)[0] for row in range(asked.bindings.rows)]
    values = np.where(asked.inputs < 0, -1, 1) * np.sqrt(np.array(rows))
    np.testing.assert_allclose(np.abs(asked.exact), np.abs(values), atol=1e-7)
    assert asked.residual < 1e-9
    return Decoded(values, np.zeros_like(values))


@pytest.mark.parametrize("zeros", [False, True])
@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("dim", SIZES)
def test_the_circuits_compute_the_rotation(dim: int, side: Side, zeros: bool) -> None:
    made = layer(dim, side, bias=False)
    values = torch.randn(1, 2, 16, dtype=torch.float64)
    if zeros:
        values[0, 1] = 0
    rotated = values if side == "input" else made.base(values)
    rotated = rotated.sign() * (rotated @ torch.from_numpy(dense(made)).T).abs()
    wanted = made.base(rotated) if side == "input" else rotated
    made.measure = Measure(exactly, STATEVECTOR)
    with torch.no_grad():
        torch.testing.assert_close(made(values), wanted, atol=1e-7, rtol=0)


def test_blocks_of_five_qubits() -> None:
    made = layer(32, bias=False, shape=(64, 8))
    values = torch.randn(2, 64, dtype=torch.float64)
    whole = torch.from_numpy(dense(made))
    with torch.no_grad():
        torch.testing.assert_close(made(values), made.base(values @ whole.T), atol=1e-12, rtol=0)
        torch.testing.assert_close(made.adapted_weight()[0], made.base.weight @ whole, atol=1e-12, rtol=0)
    rotated = values.sign() * (values @ torch.from_numpy(dense(made)).T).abs()
    made.measure = Measure(exactly, STATEVECTOR)
    with torch.no_grad():
        torch.testing.assert_close(made(values), made.base(rotated), atol=1e-7, rtol=0)


def test_every_training_step_runs_as_circuits() -> None:
    """From the identity on, in steps of a training: one skeleton, angles that start from the last ones."""
    made = layer(8, bias=False)
    values = torch.randn(2, 16, dtype=torch.float64)
    direction = made.skew.detach().clone()
    circuits, angles = set(), []

    def watched(asked: Request) -> Decoded:
        circuits.add(asked.circuit)
        names = [name for name in asked.bindings.names if name.startswith("k")]
        angles.append(np.array([asked.bindings.column(name)[0] for name in names]))
        return exactly(asked)

    made.measure = Measure(watched, bundled_targets()["heron-r2"])
    with torch.no_grad():
        for step in range(8):
            made.skew.copy_(direction * step * 0.01)
            rotated = values.sign() * (values @ torch.from_numpy(dense(made)).T).abs()
            torch.testing.assert_close(made(values), made.base(rotated), atol=1e-7, rtol=0)
    assert len(circuits) == 1
    assert max(np.abs(after - before).max() for before, after in pairwise(angles)) < 0.5


@pytest.mark.parametrize("target", ["heron-r2", "heron-r2-fractional"])
def test_best_effort_saves_entangling_gates(target: str) -> None:
    net, adapter = model(8)
    counts = {}
    for effort in ("fast", "best"):
        with adapter.on(f"local:emulator/{target}", shots=100, seed=1, effort=effort) as execution:  # type: ignore[arg-type]
            net(torch.randn(2, 16, generator=torch.Generator().manual_seed(1)))
        counts[effort] = execution.records[0].circuit.count()
    state = 3
    assert counts["best"] == state + (9 if "fractional" in target else 10)
    assert counts["fast"] == counts["best"] + 1


def test_inexact_blocks_keep_their_bound() -> None:
    net, adapter = model(8)
    values = torch.randn(20, 16, generator=torch.Generator().manual_seed(1))
    with adapter.on("local:statevector", shots=1_000_000, seed=1, approximate=0.3) as execution:
        net[0](values)
    (record,) = execution.records
    amplitudes = statevector.amplitudes(record.circuit, record.bindings)
    got = np.linalg.norm(np.abs(amplitudes) - np.abs(record.exact), axis=1)
    assert 1e-6 < got.max() < 0.3 * 2


@pytest.mark.parametrize("values", [torch.zeros(3, 16), torch.zeros(0, 16)], ids=["zeros", "nothing"])
def test_zero_slices_run_no_circuit(values: Tensor) -> None:
    def never(*_: object) -> Decoded:
        raise AssertionError("a circuit was run")

    made = layer(dtype=torch.float32)
    made.measure = Measure(never, STATEVECTOR)
    with torch.no_grad():
        assert torch.equal(made(values), made.base(values))


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_activations_that_are_not_finite_are_refused(bad: float) -> None:
    made = layer(dtype=torch.float32)
    made.measure = Measure(exactly, STATEVECTOR)
    with torch.no_grad(), pytest.raises(BindingsError, match="finite"):
        made(torch.full((1, 16), bad))


def model(dim: int, side: Side = "input", *, scale: float = 0.3, **fields: Any) -> tuple[nn.Module, Adapter]:
    """Two linear layers of width 16, both adapted."""
    torch.manual_seed(3)
    net = nn.Sequential(nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 16))
    adapter = inject(net, CayleyConfig(targets=("0", "2"), dim=dim, side=side, **fields))
    with torch.no_grad():
        for number, value in enumerate(adapter.parameters.values()):
            value.copy_(skews(len(value), dim, scale, number))
    return net, adapter


def goodness(made: CayleyLinear, blocks: Tensor, values: Tensor, counts: NDArray[np.int64], shots: int) -> float:
    """P-value of Pearson's test of all rows together against ``|Q x|^2``, cells below 20 expected counts pooled.

    With 20 expected counts per cell the variance of the statistic exceeds that of chi-square by at most 3 %.
    """
    outputs = torch.einsum("bij,tbj->bti", blocks, values.double().unflatten(-1, (-1, made.dim)))
    exact = outputs.square().flatten(0, 1)
    expected = (exact / exact.sum(-1, keepdim=True)).numpy() * shots
    small = expected < 20
    rest, seen = (np.where(small, table, 0).sum(axis=1) for table in (expected, counts))
    cells = (
        np.where(small, 0, np.square(counts - expected) / expected).sum()
        + (np.square(seen - rest)[rest >= 20] / rest[rest >= 20]).sum()
    )
    freedom = (~small).sum() + (rest >= 20).sum() - len(counts)
    return float(chi2.sf(cells, freedom))


@pytest.mark.parametrize("dim", SIZES)
def test_counts_on_a_backend_are_those_of_the_rotation(dim: int) -> None:
    net, adapter = model(dim)
    values, shots = torch.randn(40, 16, generator=torch.Generator().manual_seed(9)), 8192
    with adapter.on("local:statevector", shots=shots, seed=11) as execution:
        net(values)
    record, made = execution.records[0], adapter.layers["0"]
    assert isinstance(made, CayleyLinear)
    blocks, counts = made.matrices().detach(), record.run.counts.table
    assert goodness(made, blocks, values, counts, shots) > ALPHA
    assert goodness(made, blocks.mT, values, counts, shots) < ALPHA
    assert goodness(made, blocks, values.roll(1, dims=0), counts, shots) < ALPHA


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("dim", SIZES)
def test_decoded_vectors_differ_from_the_exact_map_by_shot_noise(dim: int, side: Side) -> None:
    made = layer(dim, side, shape=(16, 16))
    net = nn.Sequential(made.base)
    adapter = inject(net, CayleyConfig(targets=("0",), dim=dim, side=side))
    with torch.no_grad():
        adapter.parameters["0.skew"].copy_(made.skew)
    values, shots = torch.randn(2, 20, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(2)), 8192
    seen: list[Tensor] = []
    layer_0 = adapter.layers["0"]
    assert isinstance(layer_0, CayleyLinear)
    with adapter.exact(), torch.no_grad():
        exact = layer_0.rotated(values)
    with adapter.on("local:statevector", shots=shots, seed=5) as execution:
        seen.append(layer_0.rotated(values))
    (record,) = execution.records
    norms = values.reshape(40, -1, dim).norm(dim=-1).T.reshape(-1, 1).numpy()
    difference = (seen[0] - exact).reshape(40, -1, dim).transpose(0, 1).reshape(-1, dim).numpy() / norms
    # Amplitudes above 0.1 have more than 80 expected counts, where sqrt(counts) is close to normal. 640 components at
    # 6.5 standard deviations give a false alarm below 1e-6 with room for the skewness that is left.
    large = np.abs(record.decoded.values) > 0.1
    assert np.abs(difference / record.decoded.errors)[large].max() < 6.5
    rms = np.sqrt(np.mean(np.square(difference / record.decoded.errors)[large]))
    assert 0.8 < rms < 1.2


@pytest.mark.parametrize("dim", SIZES)
def test_the_exact_map_is_what_sign_constrained_training_sees(dim: int) -> None:
    plain, constrained = model(dim), model(dim, sign_constrained=True)
    values = torch.randn(30, 16)
    values[3, :] = 0
    with plain[1].exact():
        torch.testing.assert_close(plain[0](values), constrained[0](values), atol=1e-5, rtol=0)
    assert not torch.allclose(plain[0](values), constrained[0](values), atol=1e-3)


def test_gradients_flow_through_the_exact_map_and_not_through_a_backend() -> None:
    net, adapter = model(4)
    values = torch.randn(5, 16)
    values[0] = 0
    with adapter.exact():
        net(values).sum().backward()
    gradients = [value.grad for value in adapter.parameters.values()]
    assert all(gradient is not None and gradient.isfinite().all() and gradient.any() for gradient in gradients)
    with adapter.on("local:statevector", shots=10):
        assert not net(values).requires_grad
        with torch.enable_grad(), pytest.raises(NotSupportedError) as caught:
            net(values)
    assert caught.value.capability == "gradient"
    with torch.inference_mode(), adapter.on("local:statevector", shots=10):
        net(values)
    assert net(values).requires_grad


def test_records_say_what_was_run() -> None:
    net, adapter = model(4)
    values = torch.randn(2, 5, 16)
    values[0, 0] = 0
    with adapter.on("local:statevector", shots=100, seed=1) as execution:
        net(values)
        net(values[1])
    told = [(r.layer, r.call, r.settings.tolist(), r.bindings.rows, r.run.executions) for r in execution.records]
    plain = [[0.0, 0.0]]
    assert told == [
        ("0", 0, plain, 36, 36),
        ("2", 1, plain, 40, 40),
        ("0", 2, plain, 20, 20),
        ("2", 3, plain, 20, 20),
    ]
    for record in execution.records:
        assert record.run.counts.table.shape == (record.bindings.rows, 4)
        assert record.run.counts.shots == record.run.provenance.shots == 100
        assert record.run.provenance.backend == "local:statevector"
        assert record.run.provenance.simulated
        assert record.circuit.parameters == record.bindings.names
    seeds = {record.run.provenance.seed for record in execution.records}
    assert len(seeds) == 4


def test_rows_find_their_slices_again_when_copies_are_packed() -> None:
    # A noisy chip: the decoded vectors are a few per cent off, a slice in the wrong place by more than its length.
    net, adapter = model(4)
    values = torch.randn(21, 16, generator=torch.Generator().manual_seed(4))
    values[2, 4:8] = 0
    with adapter.on("local:emulator/heron-r2", shots=8192, seed=1) as execution:
        seen = net[0](values)
    with adapter.exact(), torch.no_grad():
        exact = net[0](values)
    (record,) = execution.records
    assert record.run.tiles > 1
    assert record.bindings.rows == 83
    assert record.run.executions < 83
    assert record.run.provenance.noise is not None
    assert (seen - exact).norm() < 0.15 * exact.norm()
    assert (seen.roll(1, 0) - exact).norm() > 0.5 * exact.norm()


def test_equal_seeds_give_equal_outputs_and_calls_are_independent() -> None:
    net, adapter = model(4)
    values = torch.randn(3, 16)

    def outputs(seed: int | None) -> list[Tensor]:
        with adapter.on("local:statevector", shots=50, seed=seed):
            return [net(values), net(values)]

    first, again, other = outputs(1), outputs(1), outputs(2)
    assert torch.equal(first[0], again[0])
    assert torch.equal(first[1], again[1])
    assert not torch.equal(first[0], first[1])
    assert not torch.equal(first[0], other[0])
    assert not torch.equal(outputs(None)[0], outputs(None)[0])


def test_a_backend_sees_parameters_that_have_changed() -> None:
    net, adapter = model(4)
    values = torch.randn(20, 16)
    for scale in (0.3, 0.0):
        with torch.no_grad():
            for value in adapter.parameters.values():
                value.mul_(scale)
        with adapter.on("local:statevector", shots=100_000, seed=1):
            seen = net(values)
        with adapter.exact(), torch.no_grad():
            torch.testing.assert_close(seen, net(values), atol=0.1, rtol=0)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_outputs_keep_dtype_and_shape(dtype: torch.dtype) -> None:
    net, adapter = model(4)
    net.to(dtype)
    values = torch.randn(2, 16, 3).to(dtype).transpose(1, 2)
    with adapter.on("local:statevector", shots=10):
        out = net(values)
    assert (out.dtype, out.shape) == (dtype, (2, 3, 16))


def test_a_block_ends_as_it_began() -> None:
    net, adapter = model(4)
    values = torch.randn(3, 16)
    before = net(values)
    with pytest.raises(RuntimeError, match="stop"), adapter.on("local:statevector", shots=10), adapter.exact():
        raise RuntimeError("stop")
    assert torch.is_grad_enabled()
    assert torch.equal(net(values), before)


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"shots": 0}, BindingsError, "shots"),
        ({"shots": 1.5}, BindingsError, "shots"),
        ({"shots": True}, BindingsError, "shots"),
        ({"shots": 1, "seed": -1}, BindingsError, "seed"),
        ({"shots": 1, "seed": "7"}, BindingsError, "seed"),
        ({"shots": 1, "readout": "probabilities"}, NotSupportedError, "amplitudes"),
        ({"shots": 1, "readout": "magic"}, NotSupportedError, "magic"),
    ],
    ids=str,
)
def test_bad_executions_are_refused(options: dict[str, Any], error: type[Exception], said: str) -> None:
    _, adapter = model(4)
    with pytest.raises(error, match=said), adapter.on("local:statevector", **options):
        pass


def test_a_merged_adapter_has_nothing_to_run() -> None:
    _, adapter = model(4)
    adapter.merge()
    with pytest.raises(AdapterError, match="merged"), adapter.on("local:statevector", shots=1):
        pass
    with pytest.raises(AdapterError, match="merged"), adapter.exact():
        pass
