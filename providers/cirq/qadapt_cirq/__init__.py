"""qadapt-cirq: Cirq's simulators, noise models and samplers; it registers itself as the provider ``cirq``."""

from qadapt_cirq.noisy import noisy
from qadapt_cirq.sampler import wrap

__all__ = ["noisy", "wrap"]
