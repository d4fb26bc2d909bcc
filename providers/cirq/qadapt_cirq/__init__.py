"""qadapt-cirq: exact simulation by Cirq; it registers itself as the provider ``cirq``."""
