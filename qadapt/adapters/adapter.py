"""Adapter: the handle on the adapted layers of one model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

import torch
from torch import Tensor, nn

from qadapt import registry
from qadapt.adapters.allocation import Allocation
from qadapt.adapters.config import AdapterConfig
from qadapt.adapters.execution import Execution
from qadapt.adapters.layer import AdapterLayer
from qadapt.adapters.precision import Precision
from qadapt.adapters.sensitivity import Sensitivity, collected
from qadapt.adapters.store import write
from qadapt.errors import AdapterError, NotSupportedError
from qadapt.mitigation import Mitigation
from qadapt.provider import Backend
from qadapt.readout import Noise, Readout, readout
from qadapt.synthesis import Effort


class Adapter:
    """An adapter that has been injected into a model.

    Attributes:
        model: The model, changed in place.
        config: What was injected.
        layers: Adapted layers by their names in the model, each once; read-only.
    """

    def __init__(self, model: nn.Module, config: AdapterConfig, layers: Mapping[str, AdapterLayer]) -> None:
        self.model = model
        self.config = config
        self.layers = MappingProxyType(dict(layers))

    def __repr__(self) -> str:
        return f"Adapter({self.config.kind!r}, {len(self.layers)} layers, {self.num_parameters} parameters)"

    @property
    def parameters(self) -> dict[str, nn.Parameter]:
        """Parameters of the adapter by name in the model, the base layers' left out."""
        return {
            f"{name}.{key}": value
            for name, layer in self.layers.items()
            for key, value in layer.adapter_parameters().items()
        }

    @property
    def num_parameters(self) -> int:
        """Number of trainable numbers in the adapter."""
        return sum(value.numel() for value in self.parameters.values())

    @property
    def enabled(self) -> bool:
        """Whether the adapter acts; set it to False for the base model, also while merged."""
        return all(layer.enabled for layer in self.layers.values())

    @enabled.setter
    def enabled(self, value: bool) -> None:
        for layer in self.layers.values():
            layer.enabled = value

    @contextmanager
    def disabled(self) -> Iterator[None]:
        """Compute with the base model inside the block."""
        before = {name: layer.enabled for name, layer in self.layers.items()}
        self.enabled = False
        try:
            yield
        finally:
            for name, layer in self.layers.items():
                layer.enabled = before[name]

    @property
    def merged(self) -> bool:
        """Whether the adapter is in the base weights at present."""
        return any(layer.merged for layer in self.layers.values())

    def merge(self) -> None:
        """Put the adapter into the base weights; all layers or none.

        Raises:
            NotSupportedError: The adapter is not linear.
        """
        try:
            for layer in self.layers.values():
                layer.merge()
        except NotSupportedError:
            self.unmerge()
            raise

    def unmerge(self) -> None:
        """Take the adapter out of the base weights again, exactly."""
        for layer in self.layers.values():
            layer.unmerge()

    def remove(self) -> nn.Module:
        """Put the plain linear layers back, with the adapter in their weights if it is merged, and return the model.

        Parameters stay frozen as ``inject`` left them. This handle is of no use afterwards.
        """
        for name, module in list(self.model.named_modules(remove_duplicate=False)):
            if isinstance(module, AdapterLayer):
                parent, _, key = name.rpartition(".")
                setattr(self.model.get_submodule(parent), key, module.base)
        return self.model

    def save(self, path: str | Path) -> None:
        """Write ``adapter_model.safetensors`` and ``adapter_config.json`` into a folder, which is made if needed.

        Only the adapter is written, never the base weights; ``qadapt.adapters.inject.load`` reads it.
        """
        write(Path(path), self.config, {name: value.detach() for name, value in self.parameters.items()})

    @contextmanager
    def on(
        self,
        backend: Backend | str,
        *,
        shots: int,
        seed: int | None = None,
        readout: Readout | str | None = None,
        packed: bool | None = None,
        spacing: int = 0,
        effort: Effort = "fast",
        approximate: float | None = None,
        noise: Noise | None = None,
        mitigation: Mitigation | None = None,
        allocation: Allocation | None = None,
        precision: Precision | None = None,
    ) -> Iterator[Execution]:
        """Run the quantum part of every forward pass inside the block on a backend.

        For inference only: gradients are off inside the block, and a layer refuses to run where they were switched on
        again, because no gradient flows through a backend. Everything but the adapter's own circuits stays in torch.

        Args:
            backend: An open backend or its name, as in ``local:statevector``.
            shots: Shots per row, over all measurement settings of the read-out.
            seed: Decides the counts on backends that honour seeds; equal seeds and inputs give equal outputs.
            readout: A read-out or its name; that of the configuration by default.
            packed: Whether copies run side by side on the chip; where the target allows it by default.
            spacing: Least number of idle qubits between two copies.
            effort: ``fast`` synthesises blocks in milliseconds; ``best`` takes longer for the fewest entangling gates.
            approximate: Largest loss ``||V - Q|| / ||Q - 1||`` that a block may have, to save entangling gates; exact
                blocks when omitted.
            noise: What the read-out is told of the noise; when omitted what mitigation has measured, and what the
                target's calibration predicts where it has not.
            mitigation: What is done against errors. A read-out with a likelihood takes what was measured, one of the
                computational basis mitigated probabilities.
            allocation: Shots of every row, from ``Sensitivity.allocation``, in place of ``shots``.
            precision: Standard error at which a layer has shots enough; ``shots`` are then the most.

        Yields:
            The execution; its ``records`` say what was run, also after the block.

        Raises:
            AdapterError: The adapter is merged, so that nothing would run; or both allocation and precision are given.
            NotSupportedError: The read-out does not estimate what the adapter needs, or takes no amplified counts.
            QadaptError: The backend cannot be opened, or shots or seed are not whole numbers in range.
        """
        self._refuse_merged()
        with registry.using(backend) as opened:
            found = self._readout(readout)
            execution = Execution(
                *(opened, found, shots, seed, packed, spacing, effort, approximate, noise),
                mitigation=mitigation,
                allocation=allocation,
                precision=precision,
            )
            before = {name: layer.measure for name, layer in self.layers.items()}
            try:
                for name, layer in self.layers.items():
                    layer.measure = execution.measure(name)
                with torch.no_grad():
                    yield execution
            finally:
                for name, layer in self.layers.items():
                    layer.measure = before[name]

    @contextmanager
    def exact(self, readout: Readout | str | None = None) -> Iterator[None]:
        """Compute in torch what a noiseless backend would deliver with infinitely many shots.

        For ``input-sign`` that is ``sign(x) |Q x|`` rather than ``Q x``. Gradients flow.

        Args:
            readout: A read-out or its name; that of the configuration by default.

        Raises:
            AdapterError: The adapter is merged.
            NotSupportedError: The read-out does not estimate what the adapter needs.
        """
        self._refuse_merged()
        limit = self._readout(readout)
        before = {name: layer.limit for name, layer in self.layers.items()}
        try:
            for layer in self.layers.values():
                layer.limit = limit
            yield
        finally:
            for name, layer in self.layers.items():
                layer.limit = before[name]

    def sensitivity(self, loss: Callable[[], Tensor], readout: Readout | str | None = None) -> Sensitivity:
        """Compute what an error of each block's output does to a loss, by one backward pass in torch.

        Args:
            loss: Runs the model and returns its loss, a tensor of one number.
            readout: A read-out or its name; that of the configuration by default. The pass goes through its limit.

        Raises:
            AdapterError: The adapter is merged, none of its layers was called, or the loss is not one finite number
                that depends on them.
            NotSupportedError: The read-out does not estimate what the adapter needs.
        """
        with self.exact(readout):
            return collected(self.layers, loss)

    def _refuse_merged(self) -> None:
        if self.merged:
            raise AdapterError("the adapter is merged into the base weights, nothing is left to run", hint="unmerge()")

    def _readout(self, given: Readout | str | None) -> Readout:
        found = self.config.readout if given is None else given
        found = readout(found) if isinstance(found, str) else found
        needed = next(iter(self.layers.values())).quantity
        if found.quantity != needed:
            raise NotSupportedError(
                f"read-out {found.name!r} estimates {found.quantity}, this adapter needs {needed}", capability="readout"
            )
        return found
