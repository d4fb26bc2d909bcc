"""Document: a report, or a comparison, as JSON, and the schemas of that.

``python -m qadapt_conformance.reports`` writes the schemas to the files that are published with the package.
"""

from __future__ import annotations

import json
import sys
from math import copysign, isinf
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, computed_field

from qadapt_conformance.agreement import MatchReport
from qadapt_conformance.report import Report
from qadapt_conformance.reports.markup import clean
from qadapt_conformance.verdict import Verdict

VERSION: Literal[1] = 1
"""Version of the form; a change that readers have to know raises it."""

LARGEST = sys.float_info.max


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


class Pair(BaseModel):
    """What is said of two sides.

    Attributes:
        first: ``exact``, which is the closed form, or full name of a backend.
        second: Full name of a backend.
        verdict: CONFORMS if they match, VIOLATES if they surely differ, else UNDECIDED.
        circuits: Those that can say that they match.
    """

    model_config = ConfigDict(frozen=True)

    first: str
    second: str
    verdict: Verdict
    circuits: tuple[str, ...]


class MatchDocument(MatchReport):
    """A comparison, the version of its form, and the outcome.

    Attributes:
        schema_version: Version of the form.
    """

    schema_version: Literal[1] = VERSION

    @computed_field(description="Every backend with the closed form, and every two backends.")  # type: ignore[prop-decorator]
    @property
    def outcomes(self) -> tuple[Pair, ...]:
        """What is said of every two sides."""
        return tuple(
            Pair(first=one, second=two, verdict=self.verdict(one, two), circuits=self.judged(one, two))
            for one, two in self.pairs
        )

    @computed_field(description="0 all sides match, 1 two surely differ, 3 something is undecided.")  # type: ignore[prop-decorator]
    @property
    def exit_code(self) -> Literal[0, 1, 3]:
        """What the command ends with."""
        return super().exit_code  # type: ignore[return-value]


FOLDER = Path(__file__).parents[1]

SCHEMAS: dict[Path, type[BaseModel]] = {
    FOLDER / "report.schema.json": Document,
    FOLDER / "compare.schema.json": MatchDocument,
}
"""Where the schema of each form is published."""


def document(report: Report | MatchReport) -> str:
    """Write a report as JSON in one line; ``Report.model_validate_json``, or that of ``MatchReport``, reads it.

    JSON has no infinite numbers: they become the largest double of their sign. Characters that XML forbids are
    replaced, as in every other form.
    """
    form = MatchDocument if isinstance(report, MatchReport) else Document
    written = form.model_construct(**dict(report)).model_dump(mode="json")
    return json.dumps(_plain(written), allow_nan=False, ensure_ascii=False, separators=(",", ":"))


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, float):
        return copysign(LARGEST, value) if isinf(value) else value
    if isinstance(value, dict):
        return {clean(key): _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value


def schema(form: type[BaseModel] = Document) -> dict[str, Any]:
    """JSON schema (draft 2020-12) of what ``document`` writes."""
    found = form.model_json_schema(mode="serialization")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **found,
        "required": ["schema_version", *found["required"]],
    }


def schema_text(form: type[BaseModel] = Document) -> str:
    """The schema as the file holds it."""
    return json.dumps(schema(form), indent=2, sort_keys=True) + "\n"
