"""Codec: what is written is read back the same, and whatever else is read is refused as one kind of error."""

from __future__ import annotations

import io
import json
import pickle
import struct
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from provider_cases import works
from qadapt import errors, redact
from qadapt.bindings import Bindings
from qadapt.circuit import Circuit, op
from qadapt.codec import (
    decode,
    decode_error,
    decode_results,
    decode_works,
    describe_works,
    encode,
    encode_error,
    encode_results,
    encode_works,
)
from qadapt.counts import Counts
from qadapt.errors import BadResultError, ProviderError, QadaptError, TargetError, UnavailableError
from qadapt.gates import GATES
from qadapt.provider import Provenance, Result, Work
from test_errors import EXAMPLES

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
PROVENANCE = Provenance(
    backend="acme:chip",
    circuit_hash="ab",
    qubits=((4, 2), (0,)),
    shots=5,
    seed=None,
    simulated=False,
    noise="none",
    mitigation=("twirling",),
    calibrated=datetime(2026, 5, 1, 12, tzinfo=UTC),
    versions={"qadapt": "1"},
)
CIRCUIT = Circuit(num_qubits=2, operations=[op("rx", 0, angles=["a"]), op("ry", 1, angles=["b"])], measured=[0, 1])


@given(JSON, st.dictionaries(st.sampled_from(["a", "b.0", "7"]), st.lists(st.floats(width=32)).map(np.array)))
def test_documents_and_arrays_come_back(document: object, arrays: dict[str, NDArray[np.float64]]) -> None:
    got, found = decode(encode(document, arrays))
    assert got == document
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)


def check(given_: Work, got: Work) -> None:
    assert got.circuit == given_.circuit
    assert got.circuit.content_hash == given_.circuit.content_hash
    assert (got.shots, got.seed) == (given_.shots, given_.seed)
    assert got.bindings.shape == given_.bindings.shape
    assert got.bindings.names == given_.bindings.names
    for name, column in given_.bindings.columns.items():
        assert got.bindings.columns[name].dtype == column.dtype
        assert not got.bindings.columns[name].flags.writeable
        np.testing.assert_array_equal(got.bindings.columns[name], column)


@given(st.lists(works([*GATES]), max_size=3), st.none() | st.integers(0, 2**64))
def test_works_come_back(parts: list[tuple[Circuit, Bindings]], seed: int | None) -> None:
    given_ = [Work(circuit, bindings, 10 + number, seed) for number, (circuit, bindings) in enumerate(parts)]
    got = decode_works(encode_works(given_))
    assert len(got) == len(given_)
    for one, other in zip(given_, got, strict=True):
        check(one, other)


def test_shared_columns_stay_shared_and_a_matrix_stays_one() -> None:
    shared = Work(CIRCUIT, Bindings.of({"a": [[0.1], [0.2]], "b": [[1.0, 2.0, 3.0]]}), 5)
    whole = Work(CIRCUIT, Bindings.of_matrix(("b", "a"), np.arange(6.0).reshape(3, 2)), 5)
    got = decode_works(encode_works([shared, whole]))
    check(shared, got[0])
    check(whole, got[1])
    assert got[0].bindings.columns["a"].shape == (2, 1)
    values = got[1].bindings.array(("b", "a"))
    assert np.shares_memory(values, got[1].bindings.columns["a"])
    np.testing.assert_array_equal(values, np.arange(6.0).reshape(3, 2))
    large = Work(CIRCUIT, Bindings.of({"a": np.zeros((1000, 1)), "b": np.zeros((1, 1000))}), 5)
    assert len(encode_works([large])) < 30_000


TABLES = st.integers(1, 3).flatmap(
    lambda rows: st.lists(
        st.sampled_from([0, 1, 255, 256, 65_535, 65_536, 2**32, 2**62]), min_size=2 * rows, max_size=2 * rows
    ).map(lambda items: np.array(items, dtype=np.int64).reshape(-1, 2))
)


@given(st.lists(st.lists(TABLES, max_size=3), max_size=3))
def test_results_come_back(tables: list[list[NDArray[np.int64]]]) -> None:
    given_ = [Result(Counts(tuple(own), 2**40), PROVENANCE) for own in tables]
    got = decode_results(encode_results(given_))
    assert len(got) == len(given_)
    for one, other in zip(given_, got, strict=True):
        assert other.provenance == one.provenance
        assert other.counts.shots == one.counts.shots
        assert len(other.counts.registers) == len(one.counts.registers)
        for mine, theirs in zip(one.counts.registers, other.counts.registers, strict=True):
            assert theirs.dtype == np.int64
            np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize(
    "table",
    [
        np.array([[0.5, 3.5]]),
        np.array([[1, 3]], dtype=np.uint16),
        np.array([[-1, 5]]),
        np.array([[True, False]]),
        np.zeros((0, 2), dtype=np.int64),
        np.array([1, 2]),
        np.array([["a", "b"]]),
    ],
)
def test_wrong_counts_are_read_as_wrong_as_they_were(table: NDArray[np.int64]) -> None:
    (got,) = decode_results(encode_results([Result(Counts((table,), 4), PROVENANCE)]))
    assert got.counts.registers[0].dtype == table.dtype
    np.testing.assert_array_equal(got.counts.registers[0], table)


def test_counts_are_kept_small() -> None:
    table = np.full((1000, 8), 200, dtype=np.int64)
    assert len(encode_results([Result(Counts((table,), 1600), PROVENANCE)])) < 10_000


@pytest.mark.parametrize("array", [[object()], [(1, 2)], ["2020-01-01"]])
def test_what_is_neither_numbers_nor_text_is_not_written(array: list[object]) -> None:
    kinds = {object: "object", tuple: "i4,i4", str: "datetime64[D]"}
    with pytest.raises(ValueError, match="array 'a' holds"):
        encode({}, {"a": np.array(array, dtype=kinds[type(array[0])])})


def message(arrays: list[object], body: bytes, *, magic: bytes = b"qadapt\x00\x01", more: int = 0) -> bytes:
    """A message as anybody may write one."""
    head = json.dumps({"document": [], "arrays": arrays}).encode()
    return magic + struct.pack(">Q", len(head) + more) + head + body


def test_the_layout_of_a_message() -> None:
    document, arrays = decode(message([["a", "<f8", [2]], ["b", "|u1", [1, 1]]], np.ones(2).tobytes() + b"\x07"))
    assert document == []
    assert arrays["a"].tolist() == [1, 1]
    assert arrays["b"].tolist() == [[7]]
    assert all(array.flags.aligned and array.flags.owndata for array in arrays.values())


@pytest.mark.parametrize(
    "wrong",
    [
        b"",
        b"PK\x03\x04",
        message([], b"", magic=b"QADAPT\x00\x01"),
        message([], b"", more=1),
        message([], b"", more=2**62),
        message([], b"x"),
        message([["a", "|u1", [1]]], b""),
        message([["a", "|u1", [1]]], b"xy"),
        message([["a", "|u1", [-1]]], b""),
        message([["a", "<f8", [2**40, 2**40]]], b""),
        message([["a", "<f8", [0, 2**70]]], b""),
        message([["a", "|O", [1]]], bytes(8)),
        message([["a", "|V8", [1]]], bytes(8)),
        message([["a", "i4,i4", [1]]], bytes(8)),
        message([["a", "<M8[s]", [1]]], bytes(8)),
        message([["a", "|u1", 1]], b"x"),
        message([["a", "|u1"]], b"x"),
        message([["a", ["|u1"], [1]]], b"x"),
    ],
    ids=range(18),
)
def test_what_is_no_message_is_refused(wrong: bytes) -> None:
    for reader in (decode, decode_works, decode_results):
        for view in (wrong, memoryview(wrong)):
            with pytest.raises(ValueError, match="not a message"):
                reader(view)


def test_nobody_pickles() -> None:
    class Boom:
        def __reduce__(self) -> tuple[object, ...]:
            raise AssertionError("pickled")

    buffer = io.BytesIO()
    np.savez(buffer, document=np.frombuffer(b"{}", np.uint8))
    for foreign in (buffer.getvalue(), pickle.dumps({"any": "thing"})):
        with pytest.raises(ValueError, match="not a message"):
            decode(foreign)
    with pytest.raises(ValueError, match="holds object"):
        encode({}, {"a": np.array([Boom()], dtype=object)})


@pytest.mark.parametrize("width", [1, 3])
def test_a_matrix_of_another_width_is_refused(width: int) -> None:
    work = Work(CIRCUIT, Bindings.of_matrix(("a", "b"), np.ones((2, 2))), 5)
    heads, _ = describe_works([work])
    with pytest.raises(ValueError, match="not a message"):
        decode_works(encode(heads, {"0": np.ones((2, width))}))


@given(st.data())
def test_a_damaged_message_is_refused_or_read(data: st.DataObject) -> None:
    work = Work(CIRCUIT, Bindings.of({"a": [0.1, 0.2], "b": 1.0}), 5)
    message = bytearray(encode_works([work]))
    for _ in range(data.draw(st.integers(1, 5))):
        message[data.draw(st.integers(0, len(message) - 1))] = data.draw(st.integers(0, 255))
    for reader in (decode, decode_works, decode_results):
        try:
            reader(bytes(message[: data.draw(st.integers(0, len(message)))]))
            reader(bytes(message))
        except ValueError:
            pass


@given(JSON)
def test_documents_of_another_kind_are_refused(document: object) -> None:
    for reader in (decode_works, decode_results):
        try:
            assert reader(encode(document)) == ()
            assert document in ([], {}, "")
        except ValueError:
            pass


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_errors_come_back(error: QadaptError) -> None:
    document = json.loads(json.dumps(encode_error(error)))
    got = decode_error(document, provider="another")
    assert type(got) is type(error)
    assert (str(got), got.args, vars(got)) == (str(error), error.args, vars(error))


class OursError(UnavailableError):
    """A provider's own kind of one of our errors."""

    def __init__(self) -> None:
        super().__init__("m", provider="acme", job_id="7", hint="h", doubtful=False)
        self.extra = object()


def test_a_kind_of_one_of_our_errors_is_written_as_that() -> None:
    got = decode_error(json.loads(json.dumps(encode_error(OursError()))), provider="another")
    assert type(got) is UnavailableError
    assert vars(got) == {"hint": "h", "provider": "acme", "job_id": "7", "doubtful": False}


def test_no_secret_is_written_or_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redact, "_secrets", {})
    error = TargetError("with a-secret-value", violations=["a-secret-value"], hint="not a-secret-value")
    before = encode_error(error)
    redact.conceal("a-secret-value")
    assert "a-secret-value" not in json.dumps(encode_error(error))
    assert "a-secret-value" not in decode_error(before, provider="p").args[0]


@given(JSON)
def test_anything_is_read_as_an_error_that_can_be_shown(document: object) -> None:
    kinds = ["TargetError", "UnavailableError", "InDoubtError", "NotSupportedError", "Sequence", "QadaptError"]
    fields = ["hint", "violations", "capability", "provider", "job_id", "doubtful", "run", "chunks", "__class__"]
    said = [
        document,
        {"kind": document, "message": document, "state": document},
        *({"kind": kind, "message": document, "state": dict.fromkeys(fields, document)} for kind in kinds),
    ]
    for each in said:
        error = decode_error(each, provider="acme")
        assert isinstance(error, QadaptError)
        assert isinstance(str(error), str)
        if isinstance(error, ProviderError):
            assert isinstance(error.provider, str)
            assert error.provider


def test_fields_of_the_wrong_type_get_what_they_have_by_default() -> None:
    state = {"doubtful": "no", "hint": 7, "job_id": ["x"], "provider": None}
    error = decode_error({"kind": "UnavailableError", "message": "m", "state": state}, provider="acme")
    assert vars(error) == {"hint": "", "provider": "acme", "job_id": None, "doubtful": True}
    assert type(decode_error({"kind": "BadResultError", "message": "m", "state": {}}, provider="a")) is BadResultError
    assert errors.__name__ == QadaptError.__module__
