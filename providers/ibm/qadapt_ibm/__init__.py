"""qadapt-ibm: IBM's fake machines on Qiskit Aer, and the IBM Quantum service; it registers itself as ``ibm``."""
