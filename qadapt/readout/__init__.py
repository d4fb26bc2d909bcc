"""Read-outs: from counts to vectors, probabilities and expectations, each with error bars."""

from qadapt.readout.certificate import Certificate, certificate
from qadapt.readout.decode import Expectations, InputSign, Probabilities, expectations, input_sign, probabilities
from qadapt.readout.interface import Decoded, Quantity, Readout, readout, readouts, register
from qadapt.readout.noise import IDEAL, Noise, depolarising, tensored
from qadapt.readout.signed import Signed

for _made in (InputSign(), Probabilities(), Expectations(), Signed(), Signed("signed-ancilla", ancilla=True)):
    register(_made)

__all__ = [
    "IDEAL",
    "Certificate",
    "Decoded",
    "Expectations",
    "InputSign",
    "Noise",
    "Probabilities",
    "Quantity",
    "Readout",
    "Signed",
    "certificate",
    "depolarising",
    "expectations",
    "input_sign",
    "probabilities",
    "readout",
    "readouts",
    "register",
    "tensored",
]
