"""Document: a report as JSON, and the schema of that.

``python -m qadapt_conformance.reports`` writes the schema to the file that is published with the package.
"""

from __future__ import annotations

import json
import sys
from math import copysign, isinf
from pathlib import Path
from typing import Any, Literal

from pydantic import computed_field

from qadapt_conformance.report import Report
from qadapt_conformance.reports.markup import clean

VERSION: Literal[1] = 1
"""Version of the form; a change that readers have to know raises it."""

LARGEST = sys.float_info.max

SCHEMA = Path(__file__).parents[1] / "report.schema.json"


class Document(Report):
    """A report, the version of its form, and the outcome.

    Attributes:
        schema_version: Version of the form.
    """

    schema_version: Literal[1] = VERSION

    @computed_field(description="0 conforms, 1 violated or nothing conforms, 3 something of the tier is not judged.")  # type: ignore[prop-decorator]
    @property
    def exit_code(self) -> Literal[0, 1, 3]:
        """What the command ends with."""
        return super().exit_code  # type: ignore[return-value]


def document(report: Report) -> str:
    """Write a report as JSON in one line; ``Report.model_validate_json`` reads it.

    JSON has no infinite numbers: they become the largest double of their sign. Characters that XML forbids are
    replaced, as in every other form.
    """
    written = Document.model_construct(**dict(report)).model_dump(mode="json")
    return json.dumps(_plain(written), allow_nan=False, ensure_ascii=False, separators=(",", ":"))


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, float):
        return copysign(LARGEST, value) if isinf(value) else value
    if isinstance(value, dict):
        return {clean(key): _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value


def schema() -> dict[str, Any]:
    """JSON schema (draft 2020-12) of what ``document`` writes."""
    found = Document.model_json_schema(mode="serialization")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **found,
        "required": ["schema_version", *found["required"]],
    }


def schema_text() -> str:
    """The schema as the file holds it."""
    return json.dumps(schema(), indent=2, sort_keys=True) + "\n"
