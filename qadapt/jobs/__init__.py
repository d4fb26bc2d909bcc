"""Jobs: everything between a circuit and its counts that is the same for every vendor."""

from qadapt.jobs.budget import Budget, estimate
from qadapt.jobs.ledger import Ledger
from qadapt.jobs.plan import Options, Plan, derived_seed, make_plan
from qadapt.jobs.policy import PATIENT, Policy
from qadapt.jobs.progress import Progress
from qadapt.jobs.records import State
from qadapt.jobs.runner import Partial, Run, partial_results, resume, run
from qadapt.jobs.waiting import wait

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
