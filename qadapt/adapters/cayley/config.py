"""CayleyConfig: size, side and read-out of a Cayley adapter."""

from __future__ import annotations

from typing import Literal

from pydantic import field_validator

from qadapt.adapters.config import AdapterConfig
from qadapt.errors import NotSupportedError
from qadapt.readout import readout


class CayleyConfig(AdapterConfig):
    """A block-diagonal orthogonal rotation of the input or output of linear layers.

    Attributes:
        dim: Side d of a block, 2, 4, 8, 16 or 32; a block runs on log2(d) qubits and has d(d-1)/2 parameters.
        side: ``input`` for ``W (Q x) + b``, ``output`` for ``Q (W x + b)``.
        readout: Read-out on a backend; it must estimate amplitudes. ``input-sign`` is the published one, ``signed``
            measures signs too, and ``signed-ancilla`` also the sign of the whole where nothing else gives it.
        sign_constrained: Compute ``sign(x) |Q x|`` in torch too, which is what the read-out ``input-sign`` delivers,
            so that a model trained this way sees the same map on a backend. Off by default: the map is not linear,
            so it cannot be merged, and it loses sign flips that a read-out with signs would carry. Leave it off when
            the blocks stay near the identity or the read-out measures signs.
    """

    kind: Literal["cayley"] = "cayley"
    dim: Literal[2, 4, 8, 16, 32] = 4
    side: Literal["input", "output"] = "input"
    readout: str = "input-sign"
    sign_constrained: bool = False

    @field_validator("readout")
    @classmethod
    def _known(cls, name: str) -> str:
        try:
            quantity = readout(name).quantity
        except NotSupportedError as error:
            raise ValueError(str(error)) from None
        if quantity != "amplitudes":
            raise ValueError(f"read-out {name!r} estimates {quantity}, a Cayley block needs amplitudes")
        return name
