"""Multiple: the false-alarm rate of a whole run of many looks."""

from __future__ import annotations

from collections.abc import Sequence

ALPHA = 1e-6
"""Probability that a run says anything wrong about a right backend, at most."""


def holm(p_values: Sequence[float], alpha: float = ALPHA) -> list[bool]:
    """Say which p-values are too small to be chance, with a family-wise error rate of at most alpha.

    The looks may depend on each other in any way (S. Holm, A simple sequentially rejective multiple test procedure,
    Scand. J. Statist. 6 (1979) 65).

    Args:
        p_values: One per look.
        alpha: Probability of rejecting even one look that is as it should be, at most.
    """
    rejected = [False] * len(p_values)
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        if p_values[index] > alpha / (len(p_values) - rank):
            break
        rejected[index] = True
    return rejected
