"""Jobs: everything between a circuit and its counts that is the same for every vendor."""

from qadapt.jobs.runner import Run, derived_seed, run, wait

__all__ = ["Run", "derived_seed", "run", "wait"]
