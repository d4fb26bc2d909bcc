"""Tags that carry what results need to be read: there and back, within AWS's limits."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qadapt.bindings import Bindings
from qadapt.circuit import Circuit
from qadapt.errors import NotSupportedError
from qadapt.provider import Work
from qadapt_braket.manifest import KEY, Head, head_from, head_of, label, tags, token

REGISTERS = st.lists(st.lists(st.integers(0, 500), min_size=1, max_size=5).map(tuple), min_size=1, max_size=40).map(
    tuple
)


@settings(derandomize=True, deadline=None)
@given(REGISTERS, st.integers(1, 10**5), st.integers(1, 10**6), st.text())
def test_there_and_back(registers, rows, shots, tag):
    labels = tuple(tuple(qubit + 1 for qubit in register) for register in registers)
    head = Head("0123456789abcdef" * 4, registers, labels, rows, shots)
    written = tags(head, tag)
    assert head_from(written) == head
    assert head_from(dict(reversed(written.items())) | {"cost-center": "7"}) == head
    assert len(written) <= 50
    for key, value in written.items():
        assert re.fullmatch(r"[A-Za-z0-9_.:/=+@ -]{1,256}", value), key


def test_head_of_a_work():
    circuit = Circuit(num_qubits=3, operations=[], measured=[[2, 0], [1]])
    head = head_of(Work(circuit, Bindings.of({}, shape=(4,)), 10), (3, 4, 6))
    assert head == Head(circuit.content_hash, ((2, 0), (1,)), ((6, 3), (4,)), 4, 10)


def test_too_many_registers_are_refused():
    generator = (tuple((7919 * i * i + 31 * j) % 100_003 for j in range(7)) for i in range(400))
    registers = tuple(generator)
    with pytest.raises(NotSupportedError, match="tags"):
        tags(Head("0" * 64, registers, registers, 1, 1), "t")


@pytest.mark.parametrize(
    "found",
    [{}, {KEY: "t"}, {f"{KEY}-0": "nonsense"}, {f"{KEY}-0": "eJxLBAAAYgBi"}, {f"{KEY}-1": "a"}, {f"{KEY}-0": "é"}],
)
def test_tags_of_others(found):
    with pytest.raises(ValueError, match="not the tags"):
        head_from(found)


def test_tokens_follow_from_tags_and_fit():
    assert token("a") == token("a") != token("b")
    assert re.fullmatch("[0-9a-f]{64}", token("a"))


@pytest.mark.parametrize("tag", ["qadapt-1f-3-0", "a b", "x" * 256])
def test_plain_tags_are_kept(tag):
    assert label(tag) == tag


@pytest.mark.parametrize("tag", ["", "a;b", "x" * 257, " a", "ü\n"])
def test_other_tags_become_plain(tag):
    assert label(tag) == token(tag)
