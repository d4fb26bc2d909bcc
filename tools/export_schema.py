"""Write the JSON Schema of a circuit; ``--check`` only says whether the file is up to date."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from qadapt.circuit import SCHEMA_VERSION, Circuit

FILE = Path(__file__).parents[1] / "qadapt" / "schema" / f"circuit-{SCHEMA_VERSION}.json"


def schema() -> dict[str, Any]:
    """The schema of canonical circuit JSON; the version, optional in Python, is required in a file."""
    found = Circuit.model_json_schema()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **found,
        "required": ["schema_version", *found["required"]],
    }


def text() -> str:
    """The schema as the file holds it."""
    return json.dumps(schema(), indent=2, sort_keys=True) + "\n"


def main() -> int:
    """Write or check the file; 1 if it was found out of date."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing")
    if parser.parse_args().check:
        return int(not FILE.exists() or FILE.read_text() != text())
    FILE.write_text(text())
    return 0


if __name__ == "__main__":
    sys.exit(main())
