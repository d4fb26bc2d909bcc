"""Results to counts: bit order by label, frequencies, trees of documents, and what is wrong with an answer."""

from __future__ import annotations

import json
from itertools import permutations

import numpy as np
import pytest

from clouds.braket import failure
from qadapt.errors import BadResultError, JobFailedError, UnavailableError
from qadapt_braket.manifest import Head
from qadapt_braket.results import counts, gather, parse

NAME = "braket:garnet"


def single(measurements, labels, frequencies=None):
    return {
        "braketSchemaHeader": {"name": "braket.task_result.gate_model_task_result", "version": "1"},
        "measurements": measurements,
        "measurementProbabilities": frequencies,
        "measuredQubits": labels,
    }


def many(*programs):
    return {
        "braketSchemaHeader": {"name": "braket.task_result.program_set_task_result", "version": "1"},
        "programResults": [{"executableResults": list(rows)} for rows in programs],
    }


def row(number, measurements, labels):
    return {**single(measurements, labels), "braketSchemaHeader": {"name": "x"}, "inputsIndex": number}


def head(registers, rows=1, shots=1):
    return Head("h", registers, registers, rows, shots)


@pytest.mark.parametrize("order", list(permutations([3, 5, 8])))
@pytest.mark.parametrize("register", list(permutations([3, 5, 8])))
def test_bits_are_placed_by_label(order, register):
    for outcome in range(8):
        bits = {label: outcome >> k & 1 for k, label in enumerate(register)}
        found = counts(single([[bits[label] for label in order]], list(order)), head((register,)), provider=NAME)
        assert found.table[0].tolist() == [int(column == outcome) for column in range(8)]


def test_registers_and_qubits_that_none_of_them_names():
    shots = [[1, 0, 1, 1], [0, 0, 1, 0], [1, 0, 1, 1]]
    found = counts(single(shots, [4, 9, 1, 7]), head(((7, 9), (1,)), shots=3), provider=NAME)
    assert [table.tolist() for table in found.registers] == [[[1, 2, 0, 0]], [[0, 3]]]


def test_frequencies_in_place_of_shots():
    found = counts(single(None, [2, 1], {"00": 0.1, "10": 0.7, "11": 0.2}), head(((1, 2),), shots=30), provider=NAME)
    assert found.table.tolist() == [[3, 0, 21, 6]]
    with pytest.raises(BadResultError, match="add up to 30"):
        counts(single(None, [2, 1], {"00": 0.1, "10": 0.7}), head(((1, 2),), shots=30), provider=NAME)


def test_rows_are_placed_by_their_inputs():
    document = many([row(1, [[1]], [4]), row(0, [[0]], [4])], [row(0, [[1]], [4])])
    assert counts(document, head(((4,),), rows=3), provider=NAME).table.tolist() == [[1, 0], [0, 1], [0, 1]]


WRONG = {
    "kind": {"braketSchemaHeader": {"name": "braket.task_result.annealing_task_result"}},
    "no header": {"measurements": [[0]], "measuredQubits": [4]},
    "header is a list": {"braketSchemaHeader": []},
    "width": single([[0, 1]], [4]),
    "narrow": single([[]], [4]),
    "ragged": single([[0], [1, 1]], [4]),
    "flat": single([0], [4]),
    "missing label": single([[0]], [5]),
    "repeated label": single([[0, 0]], [4, 4]),
    "labels are none": single([[0]], None),
    "labels are words": single([[0]], ["q"]),
    "not a bit": single([[2]], [4]),
    "negative": single([[-1]], [4]),
    "half a bit": single([[0.5]], [4]),
    "words": single([["0"]], [4]),
    "more shots": single([[0], [1]], [4]),
    "no shots": single([], [4], {}),
    "nothing": single(None, [4]),
    "no keys": {"braketSchemaHeader": {"name": "braket.task_result.gate_model_task_result"}},
    "bad outcome": single(None, [4], {"2": 1.0}),
    "frequencies are a list": single(None, [4], [0.5, 0.5]),
    "not a number": single(None, [4], {"0": float("nan")}),
    "infinite": single(None, [4], {"0": float("inf")}),
    "too few rows": many(),
    "too many rows": many([row(0, [[0]], [4]), row(1, [[0]], [4])]),
    "inputs twice": many([row(0, [[0]], [4]), row(0, [[0]], [4])]),
    "inputs from one": many([row(1, [[0]], [4])]),
    "inputs are words": many([row("a", [[0]], [4])]),
    "programs are none": {**many(), "programResults": None},
    "row is a number": many([3]),
}


@pytest.mark.parametrize("case", WRONG)
@pytest.mark.filterwarnings("error")
def test_wrong_results(case):
    with pytest.raises(BadResultError):
        counts(WRONG[case], head(((4,),)), provider=NAME)


@pytest.mark.parametrize(("retryable", "kind"), [((True, True), UnavailableError), ((True, False), JobFailedError)])
def test_failed_rows(retryable, kind):
    rows = [failure(number, retryable=each) for number, each in enumerate(retryable)] + [row(2, [[0]], [4])]
    with pytest.raises(kind, match="2 of 3 rows failed: DEVICE: the laser was off"):
        counts(many(rows), head(((4,),), rows=3), provider=NAME)


def test_documents_that_name_others():
    files = {
        "f/programs/0/results.json": {"executableResults": ["executables/0.json", "executables/1.json"]},
        "f/programs/0/executables/0.json": row(0, [[0]], [4]),
        "f/programs/0/executables/1.json": row(1, [[1]], [4]),
    }
    top = json.dumps({**many(), "programResults": ["programs/0/results.json"]}).encode()
    document, raw = gather(top, "f", lambda key: json.dumps(files[key]).encode(), provider=NAME)
    assert counts(document, head(((4,),), rows=2), provider=NAME).table.tolist() == [[1, 0], [0, 1]]
    assert json.loads(raw) == {"f/results.json": top.decode(), **{key: json.dumps(item) for key, item in files.items()}}


def test_one_document_is_kept_as_it_came():
    content = json.dumps(single([[0]], [4]), indent=3).encode()
    document, raw = gather(content, "f", lambda key: b"", provider=NAME)
    assert raw is content
    assert document["measuredQubits"] == [4]


@pytest.mark.parametrize("content", [b"<html>", b"", b'{"a": [1, ', b"\xff\xfe"])
def test_what_is_not_json_may_be_better_next_time(content):
    with pytest.raises(UnavailableError, match="not JSON"):
        parse(content, provider=NAME)


@pytest.mark.parametrize("content", [b"3", b"[]", b"null"])
def test_other_json_is_not_results(content):
    with pytest.raises(BadResultError):
        gather(content, "f", lambda key: b"", provider=NAME)


@pytest.mark.parametrize("programs", [None, 3, [3], [{"executableResults": None}]])
def test_trees_that_are_none(programs):
    content = json.dumps({**many(), "programResults": programs}).encode()
    with pytest.raises(BadResultError):
        gather(content, "f", lambda key: b"", provider=NAME)


def test_many_shots_are_read_in_one_go():
    bits = np.random.default_rng(0).integers(0, 2, (5000, 12))
    found = counts(single(bits.tolist(), list(range(12))), head((tuple(range(12)),), shots=5000), provider=NAME)
    np.testing.assert_array_equal(found.table[0], np.bincount(bits @ (1 << np.arange(12)), minlength=4096))
