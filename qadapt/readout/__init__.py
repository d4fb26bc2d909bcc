"""Read-outs: from counts to vectors, probabilities and expectations, each with error bars."""

from qadapt.readout.decode import Decoded, Readout, Setting, input_sign, probabilities, readout, readouts, register

__all__ = ["Decoded", "Readout", "Setting", "input_sign", "probabilities", "readout", "readouts", "register"]
