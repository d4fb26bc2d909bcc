"""Rules, one module per chapter of the specification; importing this package registers them all."""

from qadapt_conformance.rules import (  # noqa: I001 - the order of the chapters
    bits,
    rows,
    parameters,
    angles,
    gates,
    shots,
    refusals,
    drops,
    jobs,
    provenance,
)

__all__ = ["angles", "bits", "drops", "gates", "jobs", "parameters", "provenance", "refusals", "rows", "shots"]
