"""Spec: the text of every numbered rule, as shipped with this package."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

SPEC = "1.0"
"""Version of the specification."""

_HEADING = re.compile(r"^### ([A-Z]+-[0-9]+)$", re.MULTILINE)


@cache
def sections() -> Mapping[str, str]:
    """Text of every rule by its id, in the order of the specification."""
    text = (files("qadapt_conformance") / "spec.md").read_text(encoding="utf-8")
    found = list(_HEADING.finditer(text))
    ends = [match.start() for match in found[1:]] + [len(text)]
    return {
        match[1]: re.split(r"^## ", text[match.end() : end], flags=re.MULTILINE)[0].strip()
        for match, end in zip(found, ends, strict=True)
    }
