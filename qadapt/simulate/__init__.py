"""Exact simulation for all rows at once: ideal (``statevector``) and with a target's noise (``density``)."""
