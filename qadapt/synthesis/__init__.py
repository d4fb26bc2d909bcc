"""Synthesis: real states and orthogonal blocks as few CZ and RY, angles for all rows at once.

Everything here is real: RY and CZ have real matrices, so states have real amplitudes and blocks are rotations. One call
finds one skeleton for all its rows, which makes its result an angle array for one parametrised circuit.
"""

from qadapt.synthesis.ansatz import BLOCKS, STATES, Ansatz, Synthesis, brick_wall
from qadapt.synthesis.blocks import synthesise_blocks
from qadapt.synthesis.inputs import TOLERANCE
from qadapt.synthesis.states import synthesise_states

__all__ = [
    "BLOCKS",
    "STATES",
    "TOLERANCE",
    "Ansatz",
    "Synthesis",
    "brick_wall",
    "synthesise_blocks",
    "synthesise_states",
]
