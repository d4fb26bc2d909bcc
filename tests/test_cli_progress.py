"""The progress of runs: words about the queue, and a bar where somebody looks."""

from __future__ import annotations

import io
import sys
from datetime import UTC, datetime, timedelta

import pytest

from qadapt.cli.progress import bar, queue
from qadapt.jobs import Progress

NOON = datetime(2026, 4, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("progress", "said"),
    [
        (Progress(0, 5), ""),
        (Progress(1, 5, 1), "1 open job"),
        (Progress(1, 5, 2), "2 open jobs"),
        (Progress(1, 5, 1, 0), "1 open job, place 0 in the queue"),
        (Progress(1, 5, 2, 17), "2 open jobs, place 17 in the queue"),
        (Progress(1, 5, 1, until=NOON + timedelta(seconds=59)), "1 open job, vendor expects less than a minute"),
        (Progress(1, 5, 1, until=NOON + timedelta(minutes=90)), "1 open job, vendor expects 90 min"),
        (Progress(1, 5, 1, 3, NOON + timedelta(minutes=2)), "1 open job, place 3 in the queue, vendor expects 2 min"),
        (Progress(1, 5, 1, until=NOON - timedelta(minutes=2)), "1 open job"),
    ],
)
def test_the_queue_in_words(progress: Progress, said: str) -> None:
    assert queue(progress, NOON) == said


def test_where_nobody_looks_there_is_no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    monkeypatch.setattr(sys, "stderr", screen)
    with bar() as show:
        assert show is None
    assert screen.getvalue() == ""


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Put a terminal in the place of stderr, in the test itself: pytest puts its own there after fixtures."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "150")
    monkeypatch.delenv("NO_COLOR", raising=False)
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    return screen


def test_the_bar_shows_how_far_a_run_is(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = terminal(monkeypatch)
    with bar("block 7") as show:
        assert show is not None
        show(Progress(0, 40, 2, 11))
        show(Progress(30, 40, 1))
    said = screen.getvalue()
    assert "block 7" in said
    assert "30/40" in said
    assert "1 open job" in said
    assert "11" not in said.rsplit("30/40", 1)[1], "what is over is not shown"


def test_the_bar_goes_when_the_run_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = terminal(monkeypatch)

    def stopped() -> None:
        with bar() as show:
            assert show is not None
            show(Progress(1, 2))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    said = screen.getvalue()
    assert said.rindex("\x1b[2K") > said.rindex("1/2"), "its line is cleared"
    assert said.rindex("\x1b[?25h") > said.rindex("\x1b[?25l"), "the cursor is back"
