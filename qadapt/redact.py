"""Redact: secrets that must appear in no message, log or file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import quote, quote_plus

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

    They are kept out as they are and as they read in a URL, in JSON and in a ``repr``.
    """
    for value in values:
        secret = value.strip() if value else ""
        if len(secret) >= LEAST:
            _secrets[secret] = frozenset(_forms(secret))


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
