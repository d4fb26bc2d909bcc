"""Redact: secrets that must appear in no message, log or file."""

from __future__ import annotations

LEAST = 8
"""Shortest text that is taken for a secret; hiding shorter ones would garble messages and protect nothing."""

MASK = "[secret]"

_secrets: set[str] = set()


def conceal(*values: str | None) -> None:
    """Keep values, as keys and tokens, out of everything that ``redacted`` is asked about in this process."""
    _secrets.update(value.strip() for value in values if value and len(value.strip()) >= LEAST)


def redacted(text: str) -> str:
    """Return a text with every concealed value masked."""
    # The longest first: a token may hold another one.
    for secret in sorted(_secrets, key=len, reverse=True):
        text = text.replace(secret, MASK)
    return text


def scrub(error: BaseException) -> None:
    """Mask concealed values in the arguments of an exception and of all that it came from.

    Vendors put what a server answered, and at times what they sent to it, into their exceptions, and a traceback shows
    them.
    """
    seen = set[int]()
    found: BaseException | None = error
    while found is not None and id(found) not in seen:
        seen.add(id(found))
        found.args = tuple(redacted(item) if isinstance(item, str) else item for item in found.args)
        for name, value in getattr(found, "__dict__", {}).items():
            if isinstance(value, str) and redacted(value) != value:
                setattr(found, name, redacted(value))
        found = found.__cause__ or found.__context__
