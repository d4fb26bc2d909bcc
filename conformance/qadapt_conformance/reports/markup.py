"""Markup: HTML and SVG elements whose text is escaped by construction."""

from __future__ import annotations

import re
from html import escape

VOID = frozenset({"br", "meta", "img", "hr"})
"""Elements of HTML without an end."""

_FORBIDDEN = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def clean(text: str) -> str:
    """Text with every character that XML 1.0 forbids (section 2.2: controls, lone surrogates) replaced by U+FFFD."""
    return _FORBIDDEN.sub("\ufffd", text)


def join(*parts: str | None) -> Markup:
    """Put parts after each other; what is no markup is escaped, and None is left out."""
    return Markup("".join(part if isinstance(part, Markup) else escape(clean(part)) for part in parts if part))


def element(name: str, *children: str | None, **attributes: object) -> Markup:
    """Make an element.

    Args:
        name: Its tag.
        children: What it contains; text is escaped, None is left out.
        attributes: As written, with ``_`` for ``-`` and one underscore at the end dropped, as in ``class_``; False and
            None leave the attribute out, True gives it without a value.
    """
    said = []
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        named = key.removesuffix("_").replace("_", "-")
        said.append(f" {named}" if value is True else f' {named}="{escape(clean(str(value)))}"')
    opening = f"{name}{''.join(said)}"
    return Markup(f"<{opening}>" if name in VOID else f"<{opening}>{join(*children)}</{name}>")
