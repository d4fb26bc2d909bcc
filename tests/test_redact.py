"""Redact: concealed values are in no text, whatever form they take, and exceptions survive being scrubbed."""

from __future__ import annotations

import io
import json
import logging
import traceback
from collections.abc import Iterator, Mapping
from urllib.parse import quote, quote_plus, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qadapt import redact
from qadapt.errors import ProviderError
from qadapt.redact import LEAST, MASK, conceal, concealed, redacted, scrub

KEY = "k3y/with+all='sorts' of\\characters"
SECRETS = st.text(min_size=LEAST).map(str.strip).filter(lambda text: len(text) >= LEAST and text not in MASK)


@pytest.fixture(autouse=True)
def _own_secrets(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(redact, "_secrets", {})
    factory = logging.getLogRecordFactory()
    logging.setLogRecordFactory(logging.LogRecord)
    yield
    logging.setLogRecordFactory(factory)


@given(SECRETS, st.text(), st.text())
def test_a_concealed_value_is_in_no_text(secret: str, before: str, after: str) -> None:
    conceal(f" {secret}\n")
    assert secret in concealed()
    assert secret not in redacted(f"{before}{secret}{after}").replace(MASK, "")


def test_forms_that_a_vendor_or_a_log_gives_it_are_hidden() -> None:
    conceal(KEY)
    for form in (
        KEY,
        quote(KEY),
        quote(KEY, safe=""),
        quote_plus(KEY),
        urlencode({"key": KEY}),
        json.dumps({"key": KEY}),
        repr(KEY),
        repr({"key": [KEY]}),
    ):
        assert MASK in redacted(f"GET {form} failed"), form
        assert "all" not in redacted(form), form


def test_a_secret_in_another_is_hidden_with_it() -> None:
    conceal("abcdefgh", "xxabcdefghyy")
    assert redacted("xxabcdefghyy abcdefgh") == f"{MASK} {MASK}"


def test_what_is_no_secret_stays() -> None:
    conceal(None, "", "short", " seven77 ")
    assert not concealed()
    assert redacted("short seven77") == "short seven77"


def test_messages_of_provider_errors_are_redacted_by_themselves() -> None:
    conceal(KEY)
    assert KEY not in str(ProviderError(f"no entry with {KEY}", provider="acme"))


class VendorError(Exception):
    """Keeps what it got in attributes of several kinds."""

    def __init__(self, message: str) -> None:
        super().__init__("vendor")
        self.body: Mapping[str, object] = {"authorization": [message, (message.encode(), 3)], message: 1}
        self.inner = OSError(5, message, message)

    def __str__(self) -> str:
        return f"{self.body} {self.inner}"


class SlottedError(Exception):
    """Cannot be changed."""

    __slots__ = ()

    @property
    def message(self) -> str:
        raise RuntimeError("not to be read")

    @property
    def reason(self) -> str:
        return "fixed"


def shown(error: BaseException) -> str:
    """Everything that a traceback, a log or a curious user may show."""
    return "".join(traceback.format_exception(error)) + repr(error) + str(error)


def chained() -> BaseException:
    """Exceptions of many kinds around one key."""
    try:
        try:
            try:
                raise ValueError(f"context {KEY}")
            except ValueError:
                raise VendorError(f"Bearer {KEY}") from KeyError(KEY)
        except VendorError as error:
            error.add_note(f"sent with {KEY}")
            group = ExceptionGroup(
                "group",
                [
                    error,
                    ConnectionError(RuntimeError(f"nested {KEY}")),
                    UnicodeDecodeError("utf-8", KEY.encode(), 0, 1, "bad"),
                    FileNotFoundError(2, "nothing", f"/tmp/{KEY}"),
                    ImportError("m", name=KEY),
                    json.JSONDecodeError("bad", f"<html>{KEY}", 3),
                    SlottedError("plain"),
                ],
            )
            raise RuntimeError(b"bytes " + KEY.encode(), {KEY}, {"deep": [[KEY]]}) from group
    except RuntimeError as error:
        return error


def test_nothing_of_an_exception_shows_a_secret_after_scrubbing() -> None:
    error = chained()
    conceal(KEY)
    assert "all=" in shown(error)
    scrub(error)
    text = shown(error)
    assert "all=" not in text
    assert text.count(MASK) > 8
    inner = error.__cause__.exceptions[0]  # type: ignore[union-attr]
    assert str(inner.__context__) == f"context {MASK}", "not shown beside a cause, but there"
    assert "vendor" in repr(error.__cause__.exceptions[0])  # type: ignore[union-attr]


def test_what_holds_no_secret_is_left_alone() -> None:
    conceal(KEY)
    body = {"list": [1, "two", (3,)], "bytes": b"\xff\x00"}
    error = VendorError("harmless")
    error.body, held = body, error.inner
    scrub(error)
    assert error.body is body
    assert error.inner is held
    assert error.args == ("vendor",)


def test_loops_end() -> None:
    conceal(KEY)
    first, second = ValueError(KEY), ValueError("second")
    first.__context__, second.__context__ = second, first
    first.args = (KEY, second)
    second.args = (first,)
    endless: list[object] = [KEY]
    endless.append(endless)
    second.endless = endless  # type: ignore[attr-defined]
    scrub(first)
    assert first.args[0] == MASK


@given(st.binary())
def test_bytes_come_back_as_they_were(data: bytes) -> None:
    error = ValueError(data)
    scrub(error)
    assert error.args == (data,)


class Log(logging.Handler):
    """A vendor's logger that was there before, the records it gave out, and what they read."""

    def __init__(self) -> None:
        super().__init__()
        self.logger = logging.Logger("vendor.of.tests")
        self.logger.addHandler(self)
        self.records: list[logging.LogRecord] = []
        self.text = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)
        try:
            self.text += self.format(record) + "\n"
        except Exception:
            self.handleError(record)

    @property
    def last(self) -> logging.LogRecord:
        return self.records[-1]


@pytest.fixture
def log() -> Log:
    made = Log()
    conceal(KEY)
    return made


class Answer:
    """Shows its headers in every text that is made of it."""

    def __repr__(self) -> str:
        return f"Answer({KEY})"


def test_log_records_of_any_logger_hold_no_secret(log: Log) -> None:
    log.logger.warning(f"sent Bearer {KEY}, 100%")
    assert (log.last.msg, log.last.args) == (f"sent Bearer {MASK}, 100%", ())
    log.logger.warning("sent %s in %d s", KEY, 3)
    assert log.last.getMessage() == f"sent {MASK} in 3 s"
    log.logger.warning("got %r", [{"answer": Answer()}])
    assert log.last.getMessage() == f"got [{{'answer': Answer({MASK})}}]"
    log.logger.warning("got %(body)s", {"body": KEY.encode()})
    log.logger.warning(ValueError(KEY))
    log.logger.warning("not shown", {"key": KEY})
    assert log.last.args == {"key": MASK}
    assert "all=" not in log.text + repr([(each.msg, each.args) for each in log.records])
    assert log.text.count(MASK) == 5


def test_records_without_secrets_are_as_they_were(log: Log) -> None:
    held = object()
    log.logger.info("%s of %s", held, [1])
    assert log.last.msg == "%s of %s"
    assert isinstance(log.last.args, tuple)
    assert log.last.args[0] is held
    assert (log.last.exc_info, log.last.exc_text, log.last.stack_info) == (None, None, None)
    error = VendorError("harmless")
    body = error.body
    log.logger.error("failed", exc_info=error)
    assert log.last.exc_info is not None
    assert log.last.exc_info[1] is error
    assert error.body is body
    assert "harmless" in log.text


class StubbornError(Exception):
    """Makes its message anew of what it cannot be made to forget."""

    def __str__(self) -> str:
        return repr(Answer())


@pytest.mark.parametrize("kind", [ValueError, VendorError, StubbornError])
def test_exceptions_in_log_records_hold_no_secret(log: Log, kind: type[Exception]) -> None:
    try:
        try:
            raise kind(KEY)
        except kind as error:
            raise RuntimeError("outer") from error
    except RuntimeError:
        log.logger.exception("failed", stack_info=True)
    assert "RuntimeError: outer" in log.text
    assert MASK in log.text
    assert "all=" not in log.text


def test_the_exception_of_a_log_record_is_scrubbed_for_those_who_format_it_themselves(log: Log) -> None:
    error = VendorError(KEY)
    log.logger.error("failed", exc_info=error)
    assert "all=" not in shown(error)


def test_stacks_in_log_records_hold_no_secret(log: Log) -> None:
    record = logging.getLogRecordFactory()("name", 10, "file", 1, "text", (), None, None, f"Stack: {KEY}")
    assert record.stack_info == f"Stack: {MASK}"


class Mute:
    """Has no text at all."""

    def __repr__(self) -> str:
        raise RuntimeError("no text")


def test_mistakes_of_format_are_left_to_logging(log: Log, capsys: pytest.CaptureFixture[str]) -> None:
    log.logger.info("%d of %d", 1)
    log.logger.info("%d", "text")
    log.logger.info("%s", Mute())
    assert [each.args for each in log.records[:2]] == [(1,), ("text",)]
    assert isinstance(log.records[2].args, tuple)
    for message, *args in (("%d", KEY), (f"{KEY} %d", "x"), ("%d %d", Answer())):
        log.logger.info(message, *args)
    error = capsys.readouterr().err
    assert error.count("--- Logging error ---") == 6
    assert error.count(MASK) == 3
    lines = [line for line in error.splitlines() if line.startswith(("Message: ", "Arguments: "))]
    assert lines
    assert "all=" not in "".join(lines)


def test_the_factory_is_wrapped_with_the_first_secret_and_once(monkeypatch: pytest.MonkeyPatch) -> None:
    conceal(None, "short")
    assert logging.getLogRecordFactory() is logging.LogRecord

    class Theirs(logging.LogRecord):
        pass

    logging.setLogRecordFactory(Theirs)
    conceal(KEY)
    ours = logging.getLogRecordFactory()
    conceal(KEY, "another-secret")
    assert logging.getLogRecordFactory() is ours
    assert isinstance(ours("name", 10, "file", 1, "text", (), None), Theirs)


def test_factories_that_are_set_later_are_kept(log: Log) -> None:
    ours = logging.getLogRecordFactory()

    def around(*args: object, **named: object) -> logging.LogRecord:
        record = ours(*args, **named)
        record.around = True
        return record

    logging.setLogRecordFactory(around)
    conceal("another-secret")
    assert logging.getLogRecordFactory() is around, "it asks ours"

    def instead(*args: object, **named: object) -> logging.LogRecord:
        if not isinstance(args[4], str):
            raise TypeError("texts only")
        record = logging.LogRecord(*args, **named)  # type: ignore[arg-type]
        record.instead = True
        return record

    logging.setLogRecordFactory(instead)
    log.logger.info(KEY)
    assert log.text == KEY + "\n"
    conceal(KEY)
    assert logging.getLogRecordFactory() is not instead
    log.logger.info(KEY)
    assert log.last.msg == MASK
    assert log.last.instead  # type: ignore[attr-defined]


def test_an_ordinary_handler_writes_no_secret(log: Log) -> None:
    stream = io.StringIO()
    log.logger.addHandler(logging.StreamHandler(stream))
    log.logger.warning("Authorization: Bearer %s", KEY)
    assert stream.getvalue() == f"Authorization: Bearer {MASK}\n"
