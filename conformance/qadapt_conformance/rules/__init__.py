"""Rules, one module per chapter of the specification; importing this package registers them all."""

from qadapt_conformance.rules import (  # noqa: I001 - the order of the chapters
    names,
    bits,
    rows,
    parameters,
    angles,
    gates,
    shots,
    refusals,
    drops,
    jobs,
    compiled,
    lowered,
    packing,
    provenance,
    adapters,
    optional,
)

__all__ = [
    "adapters",
    "angles",
    "bits",
    "compiled",
    "drops",
    "gates",
    "jobs",
    "lowered",
    "names",
    "optional",
    "packing",
    "parameters",
    "provenance",
    "refusals",
    "rows",
    "shots",
]
