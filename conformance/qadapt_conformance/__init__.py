"""qadapt-conformance: does a backend compute what the circuit says, and hand the answer back in the right place?"""

from qadapt_conformance.rule import RULES, Rule
from qadapt_conformance.suite import Report, RuleVerdict, Verdict, run_suite

__version__ = "0.1.0"

__all__ = ["RULES", "Report", "Rule", "RuleVerdict", "Verdict", "run_suite"]
