"""Statistics: what counts say, as pure functions of arrays, with false-alarm rates that hold at any number of shots.

``exact`` asks whether counts come from given probabilities, ``mixture`` and ``evidence`` which of two circuits a noisy
machine has run, ``distance`` how far it is from the ideal, ``power`` how many shots each of them needs, and
``multiple`` keeps the rate over a whole run.
"""

from qadapt_conformance.statistics.distance import Distance, Standing, measure, p_values, total_variation
from qadapt_conformance.statistics.evidence import Evidence, p_value, weigh
from qadapt_conformance.statistics.exact import IMPOSSIBLE, divergences, surprise, tail, threshold
from qadapt_conformance.statistics.mixture import Fit, fit, log_likelihood, mix
from qadapt_conformance.statistics.multiple import ALPHA, holm
from qadapt_conformance.statistics.power import POWER, distance_shots, evidence_shots, exact_shots

__all__ = [
    "ALPHA",
    "IMPOSSIBLE",
    "POWER",
    "Distance",
    "Evidence",
    "Fit",
    "Standing",
    "distance_shots",
    "divergences",
    "evidence_shots",
    "exact_shots",
    "fit",
    "holm",
    "log_likelihood",
    "measure",
    "mix",
    "p_value",
    "p_values",
    "surprise",
    "tail",
    "threshold",
    "total_variation",
    "weigh",
]
