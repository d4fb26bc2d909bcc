"""Synthesis: real states and orthogonal blocks with few entangling gates, angles for all rows at once.

One call finds one skeleton for all its rows, which makes its result an angle array for one parametrised circuit. Every
row is verified against its target before it is handed out.
"""

from qadapt.synthesis.ansatz import Ansatz, Attempt, Synthesis, brick_wall
from qadapt.synthesis.blocks import synthesise_blocks
from qadapt.synthesis.cache import Cache
from qadapt.synthesis.inputs import TOLERANCE
from qadapt.synthesis.skeletons import Effort, ladder, wall
from qadapt.synthesis.states import synthesise_states

__all__ = [
    "TOLERANCE",
    "Ansatz",
    "Attempt",
    "Cache",
    "Effort",
    "Synthesis",
    "brick_wall",
    "ladder",
    "synthesise_blocks",
    "synthesise_states",
    "wall",
]
