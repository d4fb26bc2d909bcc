"""Cayley adapters: block-diagonal orthogonal rotations that a few qubits can carry out (arXiv 2605.05914)."""
