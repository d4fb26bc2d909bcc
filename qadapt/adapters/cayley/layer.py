"""CayleyLinear: a linear layer with a block-diagonal rotation on its input or output."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from qadapt.adapters.cayley.circuit import BLOCK, STATE, Slices, bind, interferometer, join, split, template
from qadapt.adapters.cayley.config import CayleyConfig
from qadapt.adapters.cayley.rotation import cayley, rotate
from qadapt.adapters.config import AdapterConfig
from qadapt.adapters.layer import AdapterLayer, Interference, Measure, Request
from qadapt.bindings import Bindings
from qadapt.compile.choice import synthesise_for
from qadapt.errors import AdapterError, BindingsError, NotSupportedError
from qadapt.readout import InputSign, Readout, Signed, certificate
from qadapt.readout.ancilla import controlled
from qadapt.synthesis import Cache, Synthesis, synthesise_states

DIMS = (2, 4, 8, 16, 32)
"""Block sizes that can be carried out by circuits."""


class CayleyLinear(AdapterLayer):
    """A linear layer whose input or output is rotated block by block, ``W (Q x) + b`` or ``Q (W x + b)``.

    Starts as the identity: until it is trained, the output is bit for bit that of the base layer.

    Attributes:
        dim: Side d of the blocks.
        side: Which end is rotated.
        sign_constrained: Whether torch computes ``sign(x) |Q x|`` instead of ``Q x``.
        skew: The parameters, ``[blocks, d(d-1)/2]``: each block's K above the diagonal, row by row. float32, or
            float64 beside a float64 base layer.
    """

    quantity = "amplitudes"

    def __init__(
        self,
        base: nn.Linear,
        dim: int = 4,
        *,
        side: Literal["input", "output"] = "input",
        sign_constrained: bool = False,
    ) -> None:
        """Wrap a linear layer.

        Raises:
            AdapterError: The dim or side is unknown, or the blocks do not fill the width.
        """
        super().__init__(base)
        if dim not in DIMS or side not in ("input", "output"):
            raise AdapterError(f"dim {dim!r}, side {side!r}: expected a dim of {DIMS} and side 'input' or 'output'")
        width = base.in_features if side == "input" else base.out_features
        if width % dim:
            raise AdapterError(
                f"blocks of {dim} do not fill the {side} width {width}",
                hint=f"that width takes blocks of {', '.join(str(d) for d in DIMS if width % d == 0) or 'no size'}",
            )
        self.dim, self.side, self.sign_constrained = dim, side, sign_constrained
        dtype = torch.promote_types(base.weight.dtype, torch.float32)
        self.skew = nn.Parameter(
            torch.zeros(width // dim, dim * (dim - 1) // 2, dtype=dtype, device=base.weight.device)
        )
        self._synthesis: dict[int, tuple[tuple[object, ...], Synthesis]] = {}

    @classmethod
    def from_config(cls, base: nn.Linear, config: AdapterConfig) -> Self:
        """Wrap a linear layer as a ``CayleyConfig`` says; ``AdapterError`` where it does not fit."""
        if not isinstance(config, CayleyConfig):
            raise AdapterError(f"a Cayley layer is made from a CayleyConfig, not {type(config).__name__}")
        return cls(base, config.dim, side=config.side, sign_constrained=config.sign_constrained)

    def matrices(self) -> Tensor:
        """Orthogonal blocks ``[blocks, d, d]``, float64; gradients reach ``skew``."""
        return cayley(self.skew, self.dim)

    def adapted(self, inputs: Tensor) -> Tensor:
        """Output of base layer and rotation."""
        if self.side == "input":
            return self.base(self.rotated(inputs))  # type: ignore[no-any-return]
        return self.rotated(self.base(inputs))

    def rotated(self, values: Tensor) -> Tensor:
        """Values ``[..., width]`` rotated block by block: in torch, in a read-out's limit, or by circuits.

        Raises:
            NotSupportedError: Circuits are to be run while gradients are wanted.
        """
        if self.measure is not None:
            return self._measured(values, self.measure)
        outputs = self._computed(values)
        if self.watch is None:
            return outputs
        return self.watch(outputs.reshape(-1, len(self.skew), self.dim)).reshape(outputs.shape)

    def adapted_weight(self) -> tuple[Tensor, Tensor | None]:
        """Weight and bias of ``W Q`` or ``Q W``; ``NotSupportedError`` for a sign-constrained layer."""
        if self.sign_constrained:
            raise NotSupportedError("sign(x) |Q x| is not linear and cannot be merged", capability="merge")
        blocks, weight, bias = self.matrices(), self.base.weight, self.base.bias
        if self.side == "input":
            return rotate(weight, blocks.mT), bias
        return rotate(weight.mT, blocks).mT.contiguous(), None if bias is None else rotate(bias, blocks)

    def extra_repr(self) -> str:
        """Block size and side, for printing."""
        return f"dim={self.dim}, side={self.side}" + ", sign_constrained" * self.sign_constrained

    def _computed(self, values: Tensor) -> Tensor:
        """What torch makes of the values, exactly or as a read-out would with infinitely many shots."""
        if self.limit is not None:
            return self._limit(values, self.limit)
        outputs = rotate(values, self.matrices())
        return InputSign().limit(outputs, values) if self.sign_constrained else outputs

    def _limit(self, values: Tensor, readout: Readout) -> Tensor:
        """What circuits deliver with infinitely many shots: the read-out's limit on unit slices, times their norms."""
        wide = values.to(torch.promote_types(values.dtype, torch.float32))
        slices = wide.reshape(*wide.shape[:-1], len(self.skew), self.dim)
        norms = torch.linalg.vector_norm(slices, dim=-1, keepdim=True)
        units = slices / torch.where(norms > 0, norms, 1)
        outputs = rotate(units.flatten(-2), self.matrices()).reshape(units.shape)
        return (norms * readout.limit(outputs, units)).flatten(-2).to(values.dtype)  # type: ignore[no-any-return]

    def _measured(self, values: Tensor, measure: Measure) -> Tensor:
        """Run every slice as one row: prepare it, apply its block, measure, decode, put the norm back."""
        if torch.is_grad_enabled() and (values.requires_grad or self.skew.requires_grad):
            raise NotSupportedError(
                "no gradient flows through a backend", capability="gradient", hint="run under torch.no_grad()"
            )
        with torch.no_grad():
            array = values.detach().to("cpu", torch.float64).reshape(-1, len(self.skew), self.dim).numpy()
            if not np.isfinite(array).all():
                raise BindingsError(f"activations of {self.__class__.__name__} hold values that are not finite")
            slices = split(array)
            out = np.zeros_like(array)
            if len(slices.units):
                matrices = cayley(self.skew.to("cpu", torch.float64), self.dim).numpy()
                blocks = self._blocks(matrices, measure)
                states = synthesise_states(slices.units, couplings=blocks.ansatz.couplings or None)
                circuit = template(states.ansatz, blocks.ansatz)
                bindings = bind(slices, states.angles, blocks.angles)
                request = Request(
                    circuit,
                    bindings,
                    slices.units,
                    exact=np.einsum("rij,rj->ri", matrices[np.nonzero(slices.live)[0]], slices.units),
                    residual=max(float(states.residual.max()), float(blocks.residual.max())),
                    live=slices.live,
                    norms=slices.norms[slices.live],
                )
                if isinstance(measure.readout, Signed):
                    request = self._signs(request, slices, matrices, measure, ancilla=measure.readout.ancilla)
                out = join(slices, measure.run(request).values)
            return torch.from_numpy(out).reshape(values.shape).to(values.device, values.dtype)

    def _signs(
        self, request: Request, slices: Slices, matrices: NDArray[np.float64], measure: Measure, *, ancilla: bool
    ) -> Request:
        """Say of which blocks the overlap gives the global sign, and with what to measure it for the others."""
        known = certificate(matrices)
        request = replace(request, certificate=known)
        of_rows = np.nonzero(slices.live)[0]
        rows = np.flatnonzero(~known.holds[of_rows])
        if not ancilla or not len(rows):
            return request
        if 2 * self.dim > max(DIMS):
            raise NotSupportedError(
                f"blocks of {self.dim} are too large for an ancilla beside them", capability="ancilla"
            )
        chosen, place = np.unique(of_rows[rows], return_inverse=True)
        blocks = self._blocks(controlled(matrices[chosen]), measure)
        states = synthesise_states(slices.units[rows])
        angles = {f"{STATE}{i}": column for i, column in enumerate(states.angles.T)}
        angles |= {f"{BLOCK}{i}": column for i, column in enumerate(blocks.angles[place].T)}
        circuit = interferometer(states.ansatz, blocks.ansatz)
        return replace(request, interference=Interference(circuit, Bindings.of(angles), rows))

    def _blocks(self, matrices: NDArray[np.float64], measure: Measure) -> Synthesis:
        """Angles of the blocks, found anew, starting from the last ones, only when blocks or target have changed."""
        key = matrices.tobytes(), measure.target, measure.effort, measure.approximate
        size = matrices.shape[1]
        last = self._synthesis.get(size)
        if last is None or last[0] != key:
            found = synthesise_for(
                matrices,
                measure.target,
                effort=measure.effort,
                approximate=measure.approximate,
                warm=None if last is None else last[1],
                cache=Cache(),
            )
            self._synthesis[size] = last = key, found
        return last[1]
