"""Write the schema of the JSON report to the file that is published with the package."""

from __future__ import annotations

from qadapt_conformance.reports.document import SCHEMA, schema_text

if __name__ == "__main__":
    SCHEMA.write_text(schema_text(), encoding="utf-8")
