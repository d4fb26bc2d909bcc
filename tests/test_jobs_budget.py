"""Budgets: what is refused before anything is sent, and what counts as spent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs_cases import HASTY, QUICK, TURN, Cloud, Findable, Vendor, plan_of, still
from qadapt.bindings import Bindings
from qadapt.cost import NOTHING, Cost
from qadapt.errors import BudgetError, InDoubtError, UnavailableError
from qadapt.jobs import Budget, Ledger, State, estimate, resume, run
from qadapt.jobs.budget import spent, total
from qadapt.jobs.records import Chunk, Event


class Dear(Vendor):
    """Every submit costs 30 cents and a second per row."""

    asked = 0

    def cost(self, work):
        self.asked += 1
        rows = sum(each.bindings.rows for each in work)
        shots = sum(each.bindings.rows * each.shots for each in work)
        return Cost(shots=shots, seconds=rows, dollars=0.3, rules=("0.30 per task, 2026-11-01",))


class DearFindable(Dear, Findable):
    pass


@pytest.mark.parametrize(
    ("text", "budget"),
    [
        ("20usd", Budget(dollars=20)),
        ("300s", Budget(seconds=300)),
        ("1e6shots", Budget(shots=10**6)),
        (" 2.5 USD , 3E2S,7shots ", Budget(dollars=2.5, seconds=300, shots=7)),
        ("0usd", Budget(dollars=0)),
    ],
)
def test_limits_are_read(text, budget):
    assert Budget.parse(text) == budget


@pytest.mark.parametrize(
    "text",
    [
        "",
        ",",
        "usd",
        "20eur",
        "-1usd",
        "1usd,2usd",
        "1shots,1shots",
        "1000",
        "1.2.3s",
        ".",
        "1e999s",
        "1e999shots",
        "nan",
        "20 usd 3",
    ],
)
def test_anything_else_is_refused(text):
    with pytest.raises(BudgetError, match="is no budget"):
        Budget.parse(text)


@given(st.text(alphabet="0123456789.e,xsud -", max_size=10))
def test_any_text_is_a_budget_or_an_error_of_our_tree(text):
    try:
        budget = Budget.parse(text)
    except BudgetError:
        return
    assert any(limit is not None for limit in (budget.shots, budget.seconds, budget.dollars))


AMOUNT = st.none() | st.integers(0, 5)


@given(AMOUNT, AMOUNT, AMOUNT, st.integers(0, 5), AMOUNT, AMOUNT, st.booleans())
def test_a_cost_passes_if_no_limit_is_exceeded_and_none_is_unknown(executions, seconds, dollars, x, s, usd, free):
    budget = Budget(shots=executions, seconds=seconds, dollars=dollars)
    passes = all(
        limit is None or (free if asked is None else asked <= limit)
        for limit, asked in ((executions, x), (seconds, s), (dollars, usd))
    )
    try:
        budget.check(Cost(shots=x, seconds=s, dollars=usd), free=free)
    except BudgetError:
        passed = False
    else:
        passed = True
    assert passed is passes


def test_what_is_too_much_is_said_to_the_last_digit():
    with pytest.raises(BudgetError, match=r"takes 10,000,001 shots, 10,000,000 are allowed; nobody says how many s"):
        Budget(shots=10**7, seconds=1).check(Cost(shots=10**7 + 1), free=False)


@pytest.mark.parametrize(
    ("limits", "said", "hint"),
    [
        ({"shots": 9}, "is over", "raise it, or send fewer rows"),
        ({"dollars": 9}, "may be over", "limit something else than US dollars, as shots"),
        (
            {"seconds": 9, "dollars": 9},
            "may be over",
            "limit something else than s of the machine and US dollars, as shots",
        ),
        (
            {"shots": 9, "dollars": 9},
            "is over",
            "raise it, or send fewer rows; limit something else than US dollars, as shots",
        ),
    ],
)
def test_the_hint_fits_what_is_wrong(limits, said, hint):
    with pytest.raises(BudgetError, match=f"^the run {said} its budget") as caught:
        Budget(**limits).check(Cost(shots=10), free=False)
    assert caught.value.hint == hint


def test_a_budget_is_read_from_text():
    assert Budget.of("20usd,300s") == Budget(dollars=20, seconds=300)
    assert Budget.of(None) is None
    assert Budget.of(given := Budget(shots=1)) is given
    for wrong in (20, {"dollars": 20}):
        with pytest.raises(BudgetError, match="text such as '20usd'"):
            Budget.of(wrong)
    with pytest.raises(BudgetError, match="is no budget"):
        Budget.of("20")


def test_estimates_are_the_vendors_or_count_executions():
    plan = plan_of(7, 3)
    assert estimate(plan, Vendor(Cloud())) == [Cost(shots=20 * rows) for rows in (3, 3, 1)]
    dear = estimate(plan, Dear(Cloud()))
    assert [(cost.shots, cost.seconds, cost.dollars) for cost in dear] == [
        (60, 3, 0.3),
        (60, 3, 0.3),
        (20, 1, 0.3),
    ]
    assert total(dear).rules == ("0.30 per task, 2026-11-01",)
    assert total([]) == NOTHING


STATES = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), st.sampled_from(State)), max_size=12)


@given(STATES)
def test_every_attempt_that_may_have_been_sent_counts_once(changes):
    chunks = [Chunk("r", n, State.PLANNED, 0.0, 0, "", "", "", Cost(shots=10**n, dollars=1)) for n in range(3)]
    events = [Event(0.0, number, state, attempt, "", "", "") for number, attempt, state in changes]
    last = {(number, attempt): state for number, attempt, state in changes}
    sent = [number for (number, _), state in last.items() if state != State.PLANNED]
    found = spent(chunks, events)
    assert found.shots == sum(10**number for number in sent)
    assert (found.dollars or 0) == len(sent)


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sqlite3.connect", HASTY)


BINDINGS = Bindings.of({"t": [0.1 * row for row in range(6)]})
ONE = QUICK.model_copy(update={"rows": 1})


def start(backend, ledger, budget, policy=ONE):
    with still():
        return run(TURN, BINDINGS, backend, shots=20, seed=1, policy=policy, ledger=ledger, budget=budget)


@pytest.mark.parametrize("with_ledger", [True, False])
@pytest.mark.parametrize(
    ("budget", "passes"),
    [
        (None, True),
        (Budget(), True),
        (Budget(dollars=1.8, seconds=6, shots=120), True),
        (Budget(dollars=1.79), False),
        (Budget(seconds=5.99), False),
        (Budget(shots=119), False),
    ],
)
def test_a_run_over_its_budget_sends_nothing(tmp_path, budget, passes, with_ledger):
    cloud = Cloud()
    with Ledger(tmp_path / "ledger.db") as book:
        ledger = book if with_ledger else "none"
        if passes:
            assert start(Dear(cloud), ledger, budget).counts.rows == 6
            assert len(cloud.jobs) == 6
        else:
            with pytest.raises(BudgetError):
                start(Dear(cloud), ledger, budget)
            assert not cloud.calls
            assert book.runs() == []


def test_unknown_costs_are_over_any_limit_but_a_simulators(tmp_path):
    for simulated in (False, True):
        cloud = Cloud()
        backend = Vendor(cloud, simulated=simulated)
        if simulated:
            start(backend, "none", Budget(dollars=1))
            with pytest.raises(BudgetError):
                start(backend, "none", Budget(shots=1))
        else:
            with pytest.raises(BudgetError, match="nobody says"):
                start(backend, "none", Budget(dollars=1))
        assert bool(cloud.jobs) is simulated


def test_resuming_counts_what_was_spent_with_failures_and_doubts(tmp_path):
    """6 chunks of 0.3 dollars; one job is gone and one submit is in doubt: 8 are spent in the end."""
    with Ledger(tmp_path / "ledger.db") as book:
        cloud = Cloud({"submit": ["", "lost"], "fetch": ["failed"]})
        with pytest.raises(Exception, match="the job failed"):
            start(Dear(cloud), book, Budget(dollars=2.0))
        (entry,) = book.runs()
        states = [chunk.state for chunk in book.chunks(entry.id)]
        assert states[:2] == [State.FAILED, State.IN_DOUBT]
        before = cloud.calls.copy()
        for budget in (None, Budget(dollars=2.09)):  # the run's own budget holds if none is named
            with still(), pytest.raises(BudgetError):
                resume(entry.id, backend=Dear(cloud), policy=ONE, ledger=book, budget=budget)
            assert cloud.calls == before
        with still(), pytest.raises(InDoubtError):
            resume(entry.id, backend=Dear(cloud), policy=ONE, ledger=book, budget=Budget(dollars=2.11))
        assert len(cloud.jobs) == 7
        # Sending the one in doubt again is one more, refused before it is done.
        resend = ONE.model_copy(update={"in_doubt": "resend"})
        with still(), pytest.raises(BudgetError):
            resume(entry.id, backend=Dear(cloud), policy=resend, ledger=book, budget=Budget(dollars=2.11))
        assert len(cloud.jobs) == 7
        with still():
            resume(entry.id, backend=Dear(cloud), policy=resend, ledger=book, budget=Budget(dollars=2.41))
        assert len(cloud.jobs) == 8
        assert spent(book.chunks(entry.id), book.events(entry.id)).dollars == pytest.approx(2.4)


def test_what_never_arrived_is_not_spent(tmp_path):
    with Ledger(tmp_path / "ledger.db") as book:
        cloud = Cloud({"submit": ["down"] * 9})
        with pytest.raises(UnavailableError):
            start(DearFindable(cloud), book, Budget(dollars=1.8))
        (entry,) = book.runs()
        assert spent(book.chunks(entry.id), book.events(entry.id)) == NOTHING
        cloud.script({})
        with still():
            resume(entry.id, backend=DearFindable(cloud), policy=ONE, ledger=book)
        assert len(cloud.jobs) == 6


@pytest.mark.parametrize("with_ledger", [True, False])
@pytest.mark.parametrize(("dollars", "passes"), [(1.8, False), (2.1, False), (2.4, True)])
def test_jobs_that_the_vendor_loses_count_while_the_run_is_under_way(tmp_path, dollars, passes, with_ledger):
    cloud = Cloud({"fetch": ["", "gone", "gone"]})
    with Ledger(tmp_path / "ledger.db") as book:
        ledger = book if with_ledger else "none"
        if passes:
            start(DearFindable(cloud), ledger, Budget(dollars=dollars))
        else:
            with pytest.raises(BudgetError):
                start(DearFindable(cloud), ledger, Budget(dollars=dollars))
        assert len(cloud.jobs) * 0.3 <= dollars + 1e-9


def test_jobs_that_ended_with_their_process_are_paid_again(tmp_path):
    with Ledger(tmp_path / "ledger.db") as book:
        cloud = Cloud({"fetch": ["pending", "pending", "denied"]})
        with pytest.raises(Exception, match="expired"):
            start(Dear(cloud, retrieval=False), book, Budget(dollars=1.8))
        (entry,) = book.runs()
        assert [chunk.state for chunk in book.chunks(entry.id)].count(State.SUBMITTED) == 2
        sent = len(cloud.jobs)
        with still(), pytest.raises(BudgetError, match=r"takes 2\.4 US"):
            resume(entry.id, backend=Dear(cloud, retrieval=False), policy=ONE, ledger=book)
        assert len(cloud.jobs) == sent
