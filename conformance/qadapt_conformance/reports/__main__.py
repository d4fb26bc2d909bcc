"""Write the schemas of the JSON forms to the files that are published with the package."""

from __future__ import annotations

from qadapt_conformance.reports.document import SCHEMAS, schema_text

if __name__ == "__main__":
    for file, form in SCHEMAS.items():
        file.write_text(schema_text(form), encoding="utf-8")
