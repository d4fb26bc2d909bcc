"""Job ids that say all that is needed to read a result."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qadapt_origin.ticket import Ticket, task

letters = st.text("ABCDEF0123456789abcdef_.:-", min_size=1, max_size=40)


@st.composite
def tickets(draw: Any) -> Ticket:
    order = draw(st.permutations(range(180)))[: draw(st.integers(1, 60))]
    cuts = sorted(draw(st.sets(st.integers(1, len(order)), max_size=4)) | {len(order)})
    registers = tuple(tuple(order[a:b]) for a, b in zip([0, *cuts], cuts, strict=False))
    number = st.integers(1, 10**6)
    return Ticket(draw(letters), draw(number), draw(number), draw(st.text("0123456789abcdef", min_size=1)), registers)


@given(ticket=tickets())
def test_a_job_id_gives_back_its_ticket(ticket: Ticket) -> None:
    assert Ticket.read(ticket.job_id) == ticket
    assert task(ticket.job_id) == ticket.task
    assert ticket.widths == tuple(len(register) for register in ticket.qubits)


@pytest.mark.parametrize(
    "job_id",
    [
        "",
        "nobody",
        "A/1x1/ab",
        "A/0x1/ab/0",
        "A/1x0/ab/0",
        "A/1x1/ab/",
        "A/1x1/ab/0-",
        "A/1x1/ab/0..1",
        "A/1x1/xy/0",
        "A B/1x1/ab/0",
        "A/1x1/ab/0\n",
        "A/1x1/ab/0/",
    ],
)
def test_what_is_no_job_id_gives_none(job_id: str) -> None:
    assert Ticket.read(job_id) is None


def test_bare_task_ids_are_task_ids_and_others_are_none() -> None:
    assert task("5F0A") == "5F0A"
    assert task('x"}') is None
    assert task("") is None
