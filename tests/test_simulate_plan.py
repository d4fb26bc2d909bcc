"""Plan and steps: any maps, applied in any of the ways that a plan may choose, equal the product of their matrices."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qadapt.simulate import plan as planning
from qadapt.simulate.arrays import arrays
from qadapt.simulate.maps import Map, Wave
from qadapt.simulate.plan import Space, plan
from qadapt.simulate.steps import Dense, Sparse

TILES, BLOCKS, INPUTS = 2, 3, 4
BATCH = (TILES, BLOCKS, INPUTS)
FLAGS = ((False, True, True), (False, True, False), (True, False, False), (True, True, True))
"""Batch axes of each slot."""


def random_map(rng, qubits, dimension, *, complex_, variable, tiles, outs=None):
    outs = outs or (dimension,) * len(qubits)
    shape = (tiles, int(np.prod(outs)), dimension ** len(qubits))
    keys = [None, *(Wave(int(rng.integers(len(FLAGS))), 1 + k % 2, bool(rng.integers(2))) for k in range(3))]
    terms = {}
    for key in keys if variable else keys[:1]:
        matrix = rng.normal(size=shape) + (1j * rng.normal(size=shape) if complex_ else 0)
        # Zeros, ones and elements that only some tiles have take ways of their own.
        matrix[rng.random(shape) < 0.3] = 0
        matrix[:, rng.random(shape[1:]) < 0.2] = -1 if rng.integers(2) else 1
        terms[key] = matrix / 2 if rng.integers(2) else matrix
    return Map(qubits, terms, (dimension,) * len(qubits), outs)


def waves():
    rng = np.random.default_rng(11)
    known = {}

    def wave(key):
        if key not in known:
            sizes = [size if flag else 1 for size, flag in zip(BATCH, FLAGS[key.slot], strict=True)]
            known[key] = rng.normal(size=sizes)
        return known[key]

    return wave


def reference(maps, space, wave):
    """State by one einsum per map over explicit indices, batch first."""
    dimensions = [space.dimension] * space.qubits
    state = np.ones(1, dtype=complex)
    for _ in range(space.qubits):
        state = np.kron(state, space.origin)
    state = np.broadcast_to(state, (*BATCH, len(state))).reshape(*BATCH, *dimensions)
    for one in maps:
        total = 0
        for key, matrix in one.terms.items():
            weight = np.ones(BATCH) if key is None else np.broadcast_to(wave(key), BATCH)
            total = total + weight[..., None, None] * matrix[:, None, None]
        axes = [3 + space.qubits - 1 - qubit for qubit in reversed(one.qubits)]
        moved = np.moveaxis(state, axes, range(3, 3 + len(axes)))
        rest = moved.shape[3 + len(axes) :]
        moved = np.einsum("tbioj,tbijr->tbior", total, moved.reshape(*BATCH, total.shape[-1], -1))
        moved = moved.reshape(*BATCH, *one.outs[::-1], *rest)
        state = np.moveaxis(moved, range(3, 3 + len(axes)), axes)
    return state


WAYS = {
    "as planned": {},
    "never fused": {"LARGEST": 0},
    "products wherever possible": {"CALL": 1e6, "MULTIPLY": 0.0, "PRODUCT": 0.0},
    "element by element": {"MULTIPLY": 1e9},
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("device", ["numpy", "cpu"])
@given(
    seed=st.integers(0, 10**6),
    qubits=st.integers(1, 4),
    dimension=st.sampled_from([2, 4]),
    size=st.integers(1, 7),
    complex_=st.booleans(),
    reading=st.booleans(),
)
def test_every_way_gives_the_product_of_the_matrices(way, device, seed, qubits, dimension, size, complex_, reading):
    if device != "numpy":
        pytest.importorskip("torch")
    library = arrays(device)
    rng = np.random.default_rng(seed)
    qubits = min(qubits, 3) if dimension == 4 else qubits
    maps = [
        random_map(
            rng,
            tuple(int(q) for q in rng.permutation(qubits)[: rng.integers(1, min(2, qubits) + 1)]),
            dimension,
            complex_=complex_ and bool(rng.integers(2)),
            variable=bool(rng.integers(2)),
            tiles=int(rng.choice([1, TILES])),
        )
        for _ in range(size)
    ]
    maps += [
        random_map(rng, (q,), dimension, complex_=False, variable=False, tiles=1)
        for q in set(range(qubits)) - {q for one in maps for q in one.qubits}
    ]
    if reading:
        maps += [
            random_map(
                rng, (q,), dimension, complex_=False, variable=False, tiles=TILES, outs=(int(rng.integers(1, 3)),)
            )
            for q in range(qubits)
        ]
    origin = np.array([1.0, 0.0, 0.0, 1.0]) if dimension == 4 else np.array([1.0, 0.0])
    wave = waves()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in WAYS[way].items():
            patch.setattr(planning, name, value)
        program = plan(maps, Space(qubits, dimension, origin, BATCH, FLAGS, library))
    state = library.take(program.run(library, lambda key: library.put(wave(key)), BATCH))
    expected = reference(maps, Space(qubits, dimension, origin, BATCH, FLAGS, library), wave)
    expected = np.moveaxis(expected, (0, 1, 2), (-3, -2, -1))
    np.testing.assert_allclose(np.broadcast_to(state, expected.shape), expected, atol=1e-11 * np.abs(expected).max())


def test_the_ways_are_different():
    rng = np.random.default_rng(0)
    maps = [random_map(rng, (0, 1), 2, complex_=False, variable=False, tiles=1) for _ in range(3)]
    kinds = {}
    for way, settings in WAYS.items():
        with pytest.MonkeyPatch.context() as patch:
            for name, value in settings.items():
                patch.setattr(planning, name, value)
            steps = plan(maps, Space(2, 2, np.array([1.0, 0.0]), BATCH, FLAGS, arrays())).steps
        kinds[way] = [type(step) for step in steps]
    assert len(kinds["never fused"]) == 3
    assert kinds["products wherever possible"] == [Dense]
    assert kinds["element by element"] == [Sparse]


def test_maps_that_act_elsewhere_do_not_keep_apart_what_can_be_fused():
    """A map moves back over maps on other qubits, and forward only if nothing follows it."""
    rng = np.random.default_rng(0)

    def constant(*qubits):
        return random_map(rng, qubits, 2, complex_=False, variable=False, tiles=1)

    space = Space(7, 2, np.array([1.0, 0.0]), (1, 4096), (), arrays())
    clusters = planning._clusters([constant(0), constant(1), constant(2, 3), constant(0, 1)], space)
    assert sorted(sorted(cluster.qubits) for cluster in clusters) == [[0, 1], [2, 3]]
    assert [len(cluster.maps) for cluster in clusters if cluster.qubits == {0, 1}] == [3]
