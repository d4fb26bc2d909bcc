"""Bindings: broadcasting against NumPy's own, rows in C order, columns by name, and every refusal."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import mutually_broadcastable_shapes

from qadapt.bindings import Bindings
from qadapt.circuit import Circuit, Parameter, op
from qadapt.errors import BindingsError


@given(mutually_broadcastable_shapes(num_shapes=3, max_dims=3, max_side=4), st.integers(0, 2**32 - 1))
def test_values_broadcast_as_in_numpy(shapes: Any, seed: int) -> None:
    generator = np.random.default_rng(seed)
    values = {f"p{i}": generator.normal(size=shape) for i, shape in enumerate(shapes.input_shapes)}
    bindings = Bindings.of(values)
    expected = dict(zip(values, np.broadcast_arrays(*values.values()), strict=True))
    assert bindings.shape == (shapes.result_shape or (1,))
    assert bindings.rows == max(1, int(np.prod(shapes.result_shape)))
    for name, value in expected.items():
        assert np.array_equal(bindings.column(name), value.reshape(-1))
        assert bindings.columns[name].size == values[name].size, "shared values are not copied per row"
    assert np.array_equal(bindings.array(values), np.stack([v.reshape(-1) for v in expected.values()], axis=1))


def test_row_i_is_element_i_in_c_order() -> None:
    bindings = Bindings.of({"a": [[10], [20]], "b": [1, 2, 3]})
    assert bindings.shape == (2, 3)
    assert bindings.array(("a", "b")).tolist() == [[10, 1], [10, 2], [10, 3], [20, 1], [20, 2], [20, 3]]


def test_columns_are_by_name_and_in_the_order_asked_for() -> None:
    bindings = Bindings.of({"t10": 10.0, "t2": 2.0, "A": 0.0})
    assert bindings.names == ("t10", "t2", "A")
    assert bindings.array(("A", "t10", "t2")).tolist() == [[0, 10, 2]]
    assert Bindings.rows_of(("z", "a"), [[1, 2], [3, 4]]).column("z").tolist() == [1, 3]


@given(st.lists(st.integers(-9, 9), min_size=1, max_size=6), st.data())
def test_slices_are_rows(values: list[int], data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(values) - 1))
    stop = data.draw(st.integers(start + 1, len(values)))
    part = Bindings.of({"a": values, "shared": 5}).slice(start, stop)
    assert part.rows == stop - start
    assert part.column("a").tolist() == values[start:stop]
    assert part.column("shared").tolist() == [5] * part.rows


def test_slices_of_a_matrix_are_matrices() -> None:
    matrix = np.arange(12.0).reshape(4, 3)
    part = Bindings.of_matrix(("a", "b", "c"), matrix).slice(1, 3)
    assert part.shape == (2,)
    assert np.shares_memory(part.array(("a", "b", "c")), matrix)
    assert part.array(("c", "a")).tolist() == [[5, 3], [8, 6]]


VALUES = st.sampled_from([0.0, -1.5, 2.0, 1e308, -1e308, float("inf"), float("nan")])


@given(st.lists(VALUES, min_size=2, max_size=6))
def test_the_largest_magnitude_is_that_of_all_values(values: list[float]) -> None:
    half = len(values) // 2
    table = np.array(values[: 2 * half]).reshape(half, 2)
    columns = {"a": table[:, 0], "b": table[:, 1]}
    for bindings in (Bindings(columns, (half,)), Bindings.of_matrix(("a", "b"), table.copy())):
        np.testing.assert_equal(bindings.largest(), np.abs(table).max())
    assert Bindings.of({}).largest() == 0


@pytest.mark.parametrize(
    ("matrix", "words"), [(np.zeros((2, 1), np.float32), "float32"), (np.zeros((0, 1)), "one row")]
)
def test_a_matrix_is_looked_at_as_columns_are(matrix: Any, words: str) -> None:
    with pytest.raises(BindingsError, match=words):
        Bindings.of_matrix(("a",), matrix).check(("a",))


def test_no_parameters_is_one_row_or_as_many_as_said() -> None:
    assert Bindings.of({}).rows == 1
    assert Bindings.of({}, shape=(7,)).rows == 7
    assert Bindings.of({}, shape=(7,)).array(()).shape == (7, 0)
    assert Bindings.of({"a": 1.5}, shape=(2, 2)).column("a").tolist() == [1.5] * 4


@pytest.mark.parametrize("value", [3, 0.5, np.float32(2), np.int8(2), np.uint64(2), [1, 2], (1.5, 2), np.arange(3)])
def test_real_numbers_become_float64(value: Any) -> None:
    column = Bindings.of({"a": value}).column("a")
    assert column.dtype == np.float64
    assert column.tolist() == np.atleast_1d(value).tolist()


def test_values_are_copied_and_read_only() -> None:
    mine = np.zeros(3)
    bindings = Bindings.of({"a": mine})
    mine[0] = 7
    assert bindings.column("a").tolist() == [0, 0, 0]
    with pytest.raises(ValueError, match="read-only"):
        bindings.columns["a"][0] = 1


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (float("nan"), r"is nan at index \[\]"),
        ([0, 1, float("inf")], r"is inf at index \[2\]"),
        ([[0], [-np.inf]], r"is -inf at index \[1, 0\]"),
        (1j, "complex128"),
        ([1, 2 + 0j], "complex128"),
        (True, "bool"),
        ([False], "bool"),
        (None, "object"),
        ([1, None], "object"),
        (2**70, "object"),
        ("1.5", "<U"),
        (["a"], "<U"),
        (b"1", "S1"),
        (np.array(["2020-01-01"], dtype="datetime64[D]"), "datetime64"),
        ([[1, 2], [3]], "inhomogeneous"),
        ([], "at least one row"),
        (np.zeros((3, 0)), "at least one row"),
    ],
)
def test_bad_values_are_refused_by_name(value: Any, words: str) -> None:
    with pytest.raises(BindingsError, match=words) as caught:
        Bindings.of({"fine": 1.0, "guilty": value})
    assert "guilty" in str(caught.value) or "at least one row" in str(caught.value)


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(BindingsError, match="do not broadcast"):
        Bindings.of({"a": [1, 2], "b": [1, 2, 3]})
    with pytest.raises(BindingsError, match="do not broadcast"):
        Bindings.of({"a": [1, 2]}, shape=(3,))
    with pytest.raises(BindingsError, match=r"shape \(3, 2\) do not fit the row shape \(2,\)"):
        Bindings.of({"a": np.ones((3, 2))}, shape=(2,))
    with pytest.raises(BindingsError, match="at least one row"):
        Bindings.of({}, shape=(0,))


@pytest.mark.parametrize(
    ("names", "values", "words"),
    [
        (("a", "b"), [[1, 2, 3]], r"\[rows, 2\], got \[1, 3\]"),
        (("a",), [1, 2], r"\[rows, 1\], got \[2\]"),
        (("a", "a"), [[1, 2]], "repeated parameter name"),
        (("a",), np.zeros((0, 1)), "at least one row"),
        (("a",), [[np.nan]], "finite"),
    ],
)
def test_bad_tables_are_refused(names: tuple[str, ...], values: Any, words: str) -> None:
    with pytest.raises(BindingsError, match=words):
        Bindings.rows_of(names, values)


def test_missing_and_extra_parameters_are_named() -> None:
    bindings = Bindings.of({"a": 1, "b": 2})
    assert bindings.check(("b", "a")) is bindings
    with pytest.raises(BindingsError, match=r"missing \['c'\], extra \['a', 'b'\]"):
        bindings.check(("c",))
    with pytest.raises(BindingsError, match=r"circuit: missing \['c'\]$"):
        bindings.check(("a", "b", "c"))
    with pytest.raises(BindingsError, match=r"circuit: extra \['b'\]$"):
        bindings.check(("a",))


def test_a_circuit_is_bound_to_one_row() -> None:
    a, b = Parameter(name="a", scale=2.0, offset=-0.5), Parameter(name="b")
    circuit = Circuit(
        num_qubits=2, operations=[op("u3", 1, angles=[a, 0.7, b]), op("fence", 0, 1)], measured=[[1], [0]]
    )
    bindings = Bindings.of({"b": [[10.0], [20.0]], "a": [1.0, 2.0, 3.0]})
    bound = [bindings.bound(circuit, row) for row in range(6)]
    assert [each.operations[0].angles for each in bound] == [(2 * a - 0.5, 0.7, b) for b in (10, 20) for a in (1, 2, 3)]
    assert {each.measured for each in bound} == {circuit.measured}
    assert bound[5].operations[1] == circuit.operations[1]
    assert not bound[5].parameters


def test_an_angle_that_overflows_in_a_row_is_refused() -> None:
    circuit = Circuit(num_qubits=1, operations=[op("rx", 0, angles=[Parameter(name="a", scale=1e10)])])
    with pytest.raises(BindingsError, match="not finite"):
        Bindings.of({"a": [1.0, 1e300]}).bound(circuit, 1)
