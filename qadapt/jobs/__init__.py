"""Jobs: everything between a circuit and its counts that is the same for every vendor."""

from qadapt.jobs.budget import Budget, estimate
from qadapt.jobs.flight import Progress, wait
from qadapt.jobs.ledger import Ledger, State
from qadapt.jobs.plan import Options, Plan, derived_seed, make_plan
from qadapt.jobs.policy import PATIENT, Policy
from qadapt.jobs.runner import Partial, Run, partial_results, resume, run

__all__ = [
    "PATIENT",
    "Budget",
    "Ledger",
    "Options",
    "Partial",
    "Plan",
    "Policy",
    "Progress",
    "Run",
    "State",
    "derived_seed",
    "estimate",
    "make_plan",
    "partial_results",
    "resume",
    "run",
    "wait",
]
