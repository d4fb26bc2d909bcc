"""qadapt: write an adapter circuit once, run it on any QPU, prove that it computed the same thing.

A module may import only modules that are imported before it in this list; the packages that are loaded on demand have
their place in the same order: ``synthesis``, ``simulate``, ``exact``, ``local``, ``interchange``, ``readout``,
``adapters``, ``replicate``, ``cli``.
"""

from qadapt.errors import (
    AccessError,
    AdapterError,
    BadResultError,
    BindingsError,
    BudgetError,
    CircuitError,
    InDoubtError,
    JobFailedError,
    LedgerError,
    MissingExtraError,
    NotSupportedError,
    ProviderError,
    QadaptError,
    TargetError,
    UnavailableError,
)
from qadapt.gates import FENCE, GATES, Gate, gate
from qadapt.circuit import Circuit, Operation, Parameter, op
from qadapt.bindings import Bindings
from qadapt.target import Capabilities, Qubit, Site, Target, bundled_targets
from qadapt.cost import Cost
from qadapt.counts import Counts, sample, tally
from qadapt.provider import (
    Backend,
    Done,
    Failed,
    Pending,
    Provenance,
    Provider,
    Requirements,
    Result,
    Work,
)
from qadapt.inline import InlineBackend
from qadapt.registry import backend, installed
from qadapt.compile import Compiled, Packed, compile_circuit, pack
from qadapt.jobs import Run, run

__version__ = "0.1.0"

__all__ = [
    "FENCE",
    "GATES",
    "AccessError",
    "AdapterError",
    "Backend",
    "BadResultError",
    "Bindings",
    "BindingsError",
    "BudgetError",
    "Capabilities",
    "Circuit",
    "CircuitError",
    "Compiled",
    "Cost",
    "Counts",
    "Done",
    "Failed",
    "Gate",
    "InDoubtError",
    "InlineBackend",
    "JobFailedError",
    "LedgerError",
    "MissingExtraError",
    "NotSupportedError",
    "Operation",
    "Packed",
    "Parameter",
    "Pending",
    "Provenance",
    "Provider",
    "ProviderError",
    "QadaptError",
    "Qubit",
    "Requirements",
    "Result",
    "Run",
    "Site",
    "Target",
    "TargetError",
    "UnavailableError",
    "Work",
    "backend",
    "bundled_targets",
    "compile_circuit",
    "gate",
    "installed",
    "op",
    "pack",
    "run",
    "sample",
    "tally",
]
