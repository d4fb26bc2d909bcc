"""Redact: secrets that must appear in no message, log or file.

Vendors log what they send and what a server answers, the key among it, through loggers of their own. So from the first
``conceal`` on, the factory of log records is wrapped (``logging.setLogRecordFactory``) for all loggers of the process:
messages, arguments and exceptions are masked before any handler sees them. Out of its reach is what joins a record
later: values of ``extra=``, and records of ``logging.makeLogRecord``.
"""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from logging import LogRecord

LEAST = 8
"""Shortest text that is taken for a secret; hiding shorter ones would garble messages and protect nothing."""

MASK = "[secret]"

_DEPTH = 6
"""How deep ``scrub`` looks into nested containers."""
_HIDDEN = ("strerror", "filename", "filename2", "msg", "text", "reason", "object", "doc", "name", "path")
"""Attributes of built-in exceptions that are in their message but neither in ``args`` nor in ``__dict__``."""

_secrets: dict[str, frozenset[str]] = {}


def conceal(*values: str | None) -> None:
    """Keep values, as keys and tokens, out of everything that ``redacted`` is asked about in this process.

    They are kept out as they are and as they read in a URL, in JSON and in a ``repr``. So they are out of log records,
    whose factory is wrapped where it is not yet. The factory that was set before goes on making them. One that is set
    later in its place is left alone until the next call.
    """
    for value in values:
        secret = value.strip() if value else ""
        if len(secret) >= LEAST:
            _secrets[secret] = frozenset(_forms(secret))
            _watch_logs()


def _forms(secret: str) -> Iterator[str]:
    yield secret
    yield json.dumps(secret)[1:-1]
    yield repr(secret)[1:-1]
    with suppress(UnicodeEncodeError):  # lone surrogates have no form in a URL
        yield from (quote(secret), quote(secret, safe=""), quote_plus(secret))


def concealed() -> frozenset[str]:
    """The values that are kept out."""
    return frozenset(_secrets)


def redacted(text: str) -> str:
    """Return a text with every concealed value masked."""
    # The longest first: a token may hold another one.
    forms = {form for own in list(_secrets.values()) for form in own}
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, MASK)
    return text


def scrub(error: BaseException) -> None:
    """Mask concealed values in an exception and in all that it came from or holds; never raises.

    Vendors put what a server answered, and at times what they sent to it, into their exceptions, and a traceback shows
    them. Looked at are arguments, notes and attributes: texts, bytes, exceptions, and containers of them.
    """
    seen = set[int]()
    found: list[BaseException | None] = [error]
    while found:
        each = found.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        found += [each.__cause__, each.__context__]
        if isinstance(each, BaseExceptionGroup):
            found += each.exceptions
        with suppress(Exception):
            each.args = _masked(each.args, found)
        for name in (*_HIDDEN, *getattr(each, "__dict__", ())):
            with suppress(Exception):
                value = getattr(each, name, None)
                if (masked := _masked(value, found)) is not value:
                    setattr(each, name, masked)


def _masked(value: Any, found: list[BaseException | None], depth: int = 0) -> Any:
    """A value without secrets, the value itself if it has none; exceptions inside are noted in ``found``."""
    if isinstance(value, BaseException):
        found.append(value)
    elif isinstance(value, str):
        hidden = redacted(value)
        return value if hidden == value else hidden
    elif isinstance(value, bytes):
        text = value.decode("utf-8", "surrogateescape")
        hidden = redacted(text)
        return value if hidden == text else hidden.encode("utf-8", "surrogateescape")
    elif depth < _DEPTH and type(value) in (tuple, list, set, frozenset):
        inside = [_masked(item, found, depth + 1) for item in value]
        if any(new is not old for new, old in zip(inside, value, strict=True)):
            return type(value)(inside)
    elif depth < _DEPTH and type(value) is dict:
        keys, items = tuple(value), tuple(value.values())
        masked = _masked(keys, found, depth + 1), _masked(items, found, depth + 1)
        if masked[0] is not keys or masked[1] is not items:
            return dict(zip(*masked, strict=True))
    return value


class _Probe:
    """Message of a record that is made to learn whether our factory is asked."""

    reached = False


class _Redacting:
    """A factory of log records that masks what another one makes."""

    def __init__(self, former: Callable[..., LogRecord]) -> None:
        self.former = former

    def __call__(self, *values: Any, **named: Any) -> LogRecord:
        record = self.former(*values, **named)
        if isinstance(record.msg, _Probe):
            record.msg.reached = True
        else:
            _redact_record(record)
        return record


def _watch_logs() -> None:
    """Wrap the factory of log records unless ours is asked already, maybe by one that was set after it."""
    import logging

    factory = logging.getLogRecordFactory()
    probe = _Probe()
    if not isinstance(factory, _Redacting):
        with suppress(Exception):
            factory(__name__, logging.DEBUG, __file__, 0, probe, (), None)
        if not probe.reached:
            logging.setLogRecordFactory(_Redacting(factory))


def _redact_record(record: LogRecord) -> None:
    """Mask concealed values in a log record; what holds none stays as it is; never raises."""
    with suppress(Exception):
        try:
            text = record.getMessage()
        except Exception:  # logging will report it, with message and arguments as they are
            record.msg, record.args = _shown(record.msg), _shown(record.args)
        else:
            if (hidden := redacted(text)) != text:
                record.msg, record.args = hidden, ()
            else:
                record.args = _masked(record.args, [])
    with suppress(Exception):
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            scrub(error)
            # Some make their message anew of what they hold, and cannot be scrubbed.
            text = "".join(traceback.format_exception(*record.exc_info)).removesuffix("\n")  # type: ignore[misc]
            if not record.exc_text and (hidden := redacted(text)) != text:
                record.exc_text = hidden
    for name in ("exc_text", "stack_info"):
        with suppress(Exception):
            setattr(record, name, _masked(getattr(record, name), []))


def _shown(value: Any) -> Any:
    """A value, or its masked ``repr`` if that shows a secret."""
    text = repr(value)
    if (hidden := redacted(text)) == text:
        return value
    masked = _masked(value, [])
    return masked if redacted(repr(masked)) == repr(masked) else (hidden,) if isinstance(value, tuple) else hidden
