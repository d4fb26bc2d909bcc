"""AdapterLayer: what every adapted linear layer has in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import linear

from qadapt.adapters.config import AdapterConfig
from qadapt.bindings import Bindings
from qadapt.circuit import Circuit
from qadapt.errors import NotSupportedError
from qadapt.readout import Certificate, Decoded, InputSign, Quantity, Readout
from qadapt.synthesis import Effort
from qadapt.target import Target


@dataclass(frozen=True, eq=False)
class Interference:
    """A circuit that measures the global signs of some rows with an ancilla, see ``qadapt.readout.ancilla``.

    Attributes:
        circuit: Circuit that measures its qubits, the ancilla last, as one register.
        bindings: Values of its parameters, one row per row whose sign it measures.
        rows: Numbers of those rows, ``[signs]``.
    """

    circuit: Circuit
    bindings: Bindings
    rows: NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Request:
    """What a layer wants to have run and decoded.

    Attributes:
        circuit: Circuit that measures all its qubits as one register.
        bindings: Values of its parameters.
        inputs: What each row prepares, ``[rows, d]``.
        exact: What each row is to become, ``[rows, d]``; goes into the records.
        residual: Largest residual of the circuit's parts; goes into the records.
        live: Which slices are rows, ``[blocks, tokens]``, blocks outside; None for one block that all rows are of.
        norms: Lengths of the slices, by which decoded vectors are multiplied, ``[rows]``; None for 1.
        certificate: What is known of the global signs of the blocks; None where the read-out does not need it.
        interference: What measures those that are not known; None for nothing.
    """

    circuit: Circuit
    bindings: Bindings
    inputs: NDArray[np.float64]
    exact: NDArray[np.float64]
    residual: float = 0.0
    live: NDArray[np.bool_] | None = None
    norms: NDArray[np.float64] | None = None
    certificate: Certificate | None = None
    interference: Interference | None = None


@dataclass(frozen=True)
class Measure:
    """How the quantum part of a layer is run.

    Attributes:
        run: Runs what it is asked for and decodes it.
        target: The machine that angles are synthesised for.
        effort: How much is spent on short circuits.
        approximate: Largest loss of an inexact block; None for exact ones.
        readout: What is measured and how it is decoded.
    """

    run: Callable[[Request], Decoded]
    target: Target
    effort: Effort = "fast"
    approximate: float | None = None
    readout: Readout = field(default_factory=InputSign)


class AdapterLayer(nn.Module, ABC):
    """A linear layer with an adapter around it.

    The linear layer stays as it is, as ``base``; everything else in the module belongs to the adapter. A subclass
    says what ``adapted`` computes and, where the adapter is linear, what it does to the weight.

    Attributes:
        quantity: What a read-out must estimate to serve this adapter.
        base: The linear layer.
        enabled: Whether the adapter acts; if not, the output is that of the base layer as it was before any merge.
        measure: Runs the quantum part on a backend; None to compute it in torch.
        limit: Read-out whose infinite-shot limit the quantum part goes through; None for none.
        watch: Is given the output of the quantum part in slices, ``[tokens, blocks, d]``, wherever it is computed in
            torch, and returns what is to go on; None for nobody.
    """

    quantity: ClassVar[Quantity]

    def __init__(self, base: nn.Linear) -> None:
        super().__init__()
        self.base = base
        self.enabled = True
        self.measure: Measure | None = None
        self.limit: Readout | None = None
        self.watch: Callable[[Tensor], Tensor] | None = None
        self._kept: tuple[nn.Parameter, nn.Parameter | None] | None = None

    @classmethod
    @abstractmethod
    def from_config(cls, base: nn.Linear, config: AdapterConfig) -> Self:
        """Wrap a linear layer as a configuration says.

        Raises:
            AdapterError: The layer does not fit the configuration.
        """

    @abstractmethod
    def adapted(self, inputs: Tensor) -> Tensor:
        """Output ``[..., out_features]`` of base layer and adapter for inputs ``[..., in_features]``."""

    def adapted_weight(self) -> tuple[Tensor, Tensor | None]:
        """Weight and bias of the one linear layer that does the same.

        Raises:
            NotSupportedError: There is none.
        """
        raise NotSupportedError(f"{type(self).__name__} is not linear and cannot be merged", capability="merge")

    @property
    def in_features(self) -> int:
        """Width of the input."""
        return self.base.in_features

    @property
    def out_features(self) -> int:
        """Width of the output."""
        return self.base.out_features

    @property
    def merged(self) -> bool:
        """Whether the adapter is in the base weight at present."""
        return self._kept is not None

    def forward(self, inputs: Tensor) -> Tensor:
        """Output ``[..., out_features]`` for inputs ``[..., in_features]``."""
        if not self.enabled:
            return self.base(inputs) if self._kept is None else linear(inputs, *self._kept)
        if self.merged:
            return self.base(inputs)  # type: ignore[no-any-return]
        return self.adapted(inputs)

    def adapter_parameters(self) -> dict[str, nn.Parameter]:
        """Parameters of the adapter by name, those of the base layer left out."""
        return {name: value for name, value in self.named_parameters() if not name.startswith("base.")}

    def merge(self) -> None:
        """Put the adapter into the base weight; does nothing if it is there already.

        The weight is computed in float32 or wider and rounded to the dtype of the base layer. The original is kept
        beside it, so ``unmerge`` is exact. A weight that the base layer shares with another module stays as it is
        there.

        Raises:
            NotSupportedError: The adapter is not linear.
        """
        if self._kept is not None:
            return
        with torch.no_grad():
            weight, bias = self.adapted_weight()
        self._kept = (self.base.get_parameter("weight"), self.base.bias)
        self._set(
            nn.Parameter(weight, requires_grad=False), None if bias is None else nn.Parameter(bias, requires_grad=False)
        )

    def unmerge(self) -> None:
        """Take the adapter out of the base weight again; does nothing if it is not in it."""
        if self._kept is not None:
            self._set(*self._kept)
            self._kept = None

    def _set(self, weight: nn.Parameter, bias: nn.Parameter | None) -> None:
        self.base.register_parameter("weight", weight)
        self.base.register_parameter("bias", bias)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Move and cast what merging has kept together with the rest."""
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        for kept in self._kept or ():
            if kept is not None:
                kept.data = fn(kept.data)
        return self
