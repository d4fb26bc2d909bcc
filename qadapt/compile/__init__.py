"""Compile: skeleton once, angles vectorised over the rows, copies packed side by side on the chip."""

from qadapt.compile.compiled import Compiled, compile_circuit
from qadapt.compile.pack import Packed, pack
from qadapt.compile.tiles import MAX_TILE

__all__ = ["MAX_TILE", "Compiled", "Packed", "compile_circuit", "pack"]
