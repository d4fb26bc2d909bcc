"""qadapt-aer: exact state-vector simulation by Qiskit Aer; it registers itself as the provider ``aer``."""
