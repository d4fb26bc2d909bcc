"""Answers of Origin's cloud about a task: states, counts of any width, and everything that is none."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qadapt.counts import Counts
from qadapt.errors import AccessError, BadResultError, JobFailedError, ProviderError, UnavailableError
from qadapt.provider import Failed, Pending
from qadapt_origin.answer import read
from qadapt_origin.ticket import Ticket

NAME = "origin:WK"


def ticket(*registers: tuple[int, ...], rows: int = 1, shots: int = 10) -> Ticket:
    return Ticket("T", rows, shots, "ab", registers)


def columns(found: dict[int, Any]) -> str:
    return json.dumps({"key": [hex(outcome) for outcome in found], "value": list(found.values())})


def finished(*rows: dict[int, Any], field: str = "probCount", **more: Any) -> str:
    task = {"taskId": "T", "taskState": "3", "errCode": 0, field: [columns(row) for row in rows], **more}
    return json.dumps({"success": True, "code": 10000, "message": "success", "obj": task})


def tables(text: str, asked: Ticket, *, corrected: bool = False) -> list[list[list[int]]]:
    found = read(text, asked, corrected=corrected, provider=NAME)
    assert isinstance(found, Counts), found
    return [table.tolist() for table in found.registers]


def error(text: str, asked: Ticket, *, corrected: bool = False) -> ProviderError:
    """The error of a job that will not finish."""
    found = read(text, asked, corrected=corrected, provider=NAME)
    assert isinstance(found, Failed), found
    assert found.error.job_id == asked.job_id
    return found.error


@settings(deadline=None)
@given(data=st.data())
def test_each_register_reads_its_own_bits_at_any_width(data: st.DataObject) -> None:
    widths = data.draw(st.lists(st.integers(1, 6), min_size=1, max_size=20))
    bits = sum(widths)
    starts = np.cumsum([0, *widths])
    asked = ticket(*(tuple(range(a, b)) for a, b in pairwise(starts.tolist())), rows=2, shots=30)
    rows = []
    for row in range(2):
        shots = data.draw(st.lists(st.integers(0, 2**bits - 1), min_size=30, max_size=30))
        shots[row] = 2**bits - 1
        rows.append({outcome: shots.count(outcome) for outcome in dict.fromkeys(shots)})
    found = tables(finished(*rows, measureQubitSize=[bits, bits]), asked)
    for number, width in enumerate(widths):
        for row, counts in enumerate(rows):
            wanted = [0] * 2**width
            for outcome, count in counts.items():
                # Taken from the binary key, whose last character is bit 0.
                text = format(outcome, f"0{bits}b")[::-1]
                wanted[int(text[starts[number] : starts[number + 1]][::-1], 2)] += count
            assert found[number][row] == wanted


def test_outcomes_that_were_cut_off_to_a_machine_word_are_refused() -> None:
    asked = ticket(tuple(range(20)), tuple(range(20, 40)), tuple(range(40, 60)), tuple(range(60, 72)), rows=2)
    whole = [{2**71 + 5: 4, 7: 6}, {2**20: 10}]
    assert tables(finished(*whole), asked)[3][0][2**11] == 4
    for width in (32, 63):
        cut = [{outcome % 2**width: count for outcome, count in row.items()} for row in whole]
        found = error(finished(*cut), asked)
        assert isinstance(found, BadResultError)
        assert "at most 63 qubits" in str(found)
    assert tables(finished({0: 10}), ticket(*((qubit,) for qubit in range(63)))) == [[[10, 0]]] * 63


def test_keys_may_repeat_and_have_leading_zeros_or_capitals() -> None:
    text = finished({0: 10}).replace('[\\"0x0\\"]', '[\\"0x1\\", \\"0x01\\", \\"0X1\\", \\"3\\"]')
    assert tables(text.replace("[10]", "[1, 2, 3, 4]"), ticket((0, 1))) == [[[0, 6, 0, 4]]]


def test_widths_that_are_not_told_are_not_needed() -> None:
    for more in ({}, {"measureQubitSize": []}, {"measureQubitSize": None}):
        assert tables(finished({2: 4, 0: 6}, **more), ticket((5, 3))) == [[[6, 0, 4, 0]]]


def test_states_of_a_task() -> None:
    def state(value: Any) -> str:
        return json.dumps({"success": True, "obj": {"taskState": value, "probCount": None}})

    for value in ("1", "2", "5", "6", "9", 1, 2):
        assert read(state(value), ticket((0,)), corrected=False, provider=NAME) == Pending()
    for value in ("4", "7", "8", 4):
        assert isinstance(error(state(value), ticket((0,))), JobFailedError)
    for value in ("0", "10", "", None, "three"):
        with pytest.raises(UnavailableError, match="unknown state"):
            read(state(value), ticket((0,)), corrected=False, provider=NAME)


FAILED = {
    "task was cancelled": JobFailedError,
    "Quantum computer under maintenance": UnavailableError,
    "": JobFailedError,
}


@pytest.mark.parametrize("words", FAILED)
@pytest.mark.parametrize("field", ["errInfo", "errMsg"])
def test_a_failed_task_says_why_and_whether_a_new_one_may_do_better(words: str, field: str) -> None:
    text = json.dumps({"success": True, "message": "success", "obj": {"taskState": "4", field: words}})
    found = read(text, ticket((0,)), corrected=False, provider=NAME)
    assert isinstance(found, Failed)
    assert type(found.error) is FAILED[words]
    assert words in str(found.error)
    assert "success" not in str(found.error)


def test_a_refused_question_is_final_only_for_an_unknown_task() -> None:
    def refusal(words: Any) -> str:
        return json.dumps({"success": False, "code": 20001, "message": words, "obj": None})

    unknown = read(refusal("task does not exist"), ticket((0,)), corrected=False, provider=NAME)
    assert isinstance(unknown, Failed)
    assert isinstance(unknown.error, JobFailedError)
    for words, kind in (("invalid api key", AccessError), ("oops", UnavailableError), (None, UnavailableError)):
        with pytest.raises(kind):
            read(refusal(words), ticket((0,)), corrected=False, provider=NAME)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<html>",
        "[]",
        "null",
        "{}",
        '{"success": 1, "obj": {"taskState": "3"}}',
        '{"success": true}',
        '{"success": true, "obj": null}',
        '{"success": true, "obj": []}',
        '{"success": true, "obj": {}}',
        '{"success"',
    ],
)
def test_an_answer_without_a_task_says_nothing_about_it(text: str) -> None:
    with pytest.raises(UnavailableError):
        read(text, ticket((0,)), corrected=False, provider=NAME)


BAD = {
    "no counts": finished({0: 10}, field="taskResult"),
    "no list": finished({0: 10}, probCount="x"),
    "null": finished({0: 10}, probCount=None),
    "no circuit": finished(),
    "too many circuits": finished({0: 10}, {0: 10}),
    "too few shots": finished({0: 9}),
    "too many shots": finished({0: 9, 1: 2}),
    "negative": finished({0: 11, 1: -1}),
    "half a shot": finished({0: 9.5, 1: 0.5}),
    "true": finished({0: 9, 1: True}),
    "no shots": finished({}),
    "too wide": finished({0: 9, 4: 1}),
    "far too wide": finished({0: 9, 2**80: 1}),
    "negative key": finished({0: 10}).replace("0x0", "-0x1"),
    "no number": finished({0: 10}).replace("0x0", "0xg"),
    "no key": finished({0: 10}).replace('\\"0x0\\"', "7"),
    "keys that are text": finished({0: 10}).replace('[\\"0x0\\"]', '\\"1\\"'),
    "values by name": finished(probCount=[json.dumps({"key": [], "value": {}})]),
    "keys without values": finished({0: 10}).replace("[10]", "[]"),
    "values that are text": finished({0: "10"}),
    "values that are infinite": finished({0: 10}).replace("[10]", "[1e999]"),
    "values that are huge": finished({0: 10**30}),
    "no columns": finished(probCount=["[]"]),
    "no text": finished(probCount=[7]),
    "no JSON": finished(probCount=["x"]),
    "wrong width": finished({0: 10}, measureQubitSize=[3]),
    "narrow": finished({0: 10}, measureQubitSize=[1]),
    "two widths": finished({0: 10}, measureQubitSize=[2, 3]),
}


@pytest.mark.parametrize("name", BAD)
def test_a_result_that_is_not_what_was_asked_for_is_a_bad_result(name: str) -> None:
    found = error(BAD[name], ticket((0, 1)))
    assert isinstance(found, BadResultError), found
    assert found.provider == NAME


def test_a_bad_result_comes_with_the_answer() -> None:
    found = read(BAD["too wide"], ticket((0, 1)), corrected=False, provider=NAME)
    assert isinstance(found, Failed)
    assert found.raw == BAD["too wide"].encode()


def test_a_negative_count_does_not_hide_in_the_sums_of_registers() -> None:
    found = error(finished({0: 6, 1: -1, 3: 3, 2: 2}), ticket((0,), (1,)))
    assert isinstance(found, BadResultError)


@given(
    weights=st.lists(st.floats(0, 1), min_size=8, max_size=8).filter(lambda w: sum(w) > 0.1), shots=st.integers(1, 999)
)
def test_corrected_counts_are_whole_and_as_near_as_can_be(weights: list[float], shots: int) -> None:
    shares = (np.array(weights) + 0.01) / (sum(weights) + 0.08)
    asked = ticket((0, 1, 2), shots=shots)
    text = finished(dict(enumerate(shares.tolist())), field="taskResult", probCount=["not looked at"])
    ((row,),) = tables(text, asked, corrected=True)
    exact = shares * shots
    up = np.array(row) > np.floor(exact + 1e-9)
    assert sum(row) == shots
    assert np.abs(np.array(row) - exact).max() < 1 + 1e-6
    assert (exact - np.floor(exact))[up].min(initial=1) >= (exact - np.floor(exact + 1e-9))[~up].max(initial=0) - 1e-6


def test_corrected_counts_of_whole_shares_are_those() -> None:
    text = finished({0: 0.25, 3: 0.75}, field="taskResult")
    assert tables(text, ticket((0,), (1,), shots=1000), corrected=True) == [[[250, 750]], [[250, 750]]]


@pytest.mark.parametrize(
    "shares", [{0: 0.9}, {0: 1.1}, {0: 1.1, 1: -0.1}, {0: "1"}, {0: float("nan")}, {0: 10**400}, {}]
)
def test_corrections_that_are_no_distribution_are_refused(shares: dict[int, Any]) -> None:
    text = finished(shares, field="taskResult")
    assert isinstance(error(text, ticket((0, 1)), corrected=True), BadResultError)


def documents(*names: str) -> st.SearchStrategy[Any]:
    """JSON documents whose fields have these names."""
    leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just("3")
    named = st.sampled_from(names)
    return st.recursive(
        leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(named, inner, max_size=4), max_leaves=20
    )


@given(text=st.text() | documents("success", "obj", "taskState", "probCount", "key", "value").map(json.dumps))
def test_no_answer_whatever_raises_anything_else_than_our_errors(text: str) -> None:
    try:
        found = read(text, ticket((0,)), corrected=False, provider=NAME)
    except ProviderError:
        return
    assert isinstance(found, Pending | Failed | Counts)


@given(value=documents("key", "value"), inside=st.booleans(), corrected=st.booleans())
def test_no_result_whatever_raises_anything_at_all(value: Any, inside: bool, corrected: bool) -> None:
    inner = [json.dumps(value)] if inside else value
    text = finished({0: 1}, probCount=inner, taskResult=inner)
    assert isinstance(read(text, ticket((0,)), corrected=corrected, provider=NAME), Failed | Counts)
