"""Provider ``origin``: Origin's chips through its cloud, and pyQPanda3's simulators on this machine.

Simulators give exact probabilities and qadapt's sampler the counts: pyQPanda3 crashes on wide registers and its shots
have no seed, so programs hold no measurements and every connected component of a circuit is simulated by itself.
"""

from __future__ import annotations

import ctypes
import logging
import sys
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qadapt.bindings import Bindings
from qadapt.circuit import Circuit
from qadapt.errors import ProviderError, QadaptError, TargetError
from qadapt.exact import EXACT, ExactBackend, by_component
from qadapt.provider import Requirements, Work, check_row
from qadapt.simulate.components import Component, merge, split
from qadapt.simulate.noise import assignment
from qadapt.target import Target, bundled_targets
from qadapt_origin import readback
from qadapt_origin.cloud import CloudBackend, online_chips, open_chip
from qadapt_origin.credentials import ALLOW_HTTP, KEY, URL, Credentials
from qadapt_origin.errors import sdk, translate
from qadapt_origin.lower import NATIVE, local, lower
from qadapt_origin.noise import noise_model
from qadapt_origin.options import parsed
from qadapt_origin.read import misread, mixed, pure
from qadapt_origin.session import Session

CPU = "cpu"
EMULATOR = "wukong72-emulator"
WUKONG = "wukong-72"
"""Bundled target whose calibration the emulator has."""

NUM_QUBITS = 256
"""Qubits of the ideal simulator; memory limits connected qubits, not qubits."""

_CPU = Target(name=CPU, num_qubits=NUM_QUBITS, native=tuple(NATIVE), source="pyqpanda3 CPUQVM")


class OriginBackend(ExactBackend):
    """One of pyQPanda3's simulators."""

    packages = ("qadapt", "qadapt-origin", "pyqpanda3")

    def __init__(self, target: Target) -> None:
        sdk()
        super().__init__(f"origin:{target.name}", target, EXACT)

    @abstractmethod
    def rows(self, component: Component, circuit: Circuit, bindings: Bindings) -> Iterator[Sequence[ArrayLike]]:
        """Simulate a component row by row; yields the true outcomes' probabilities of each of its reads."""

    def read_out(self, table: NDArray[np.float64], qubits: Sequence[int]) -> NDArray[np.float64]:
        """From probabilities ``[rows, outcomes]`` of true outcomes to those of read ones; qubits are physical."""
        return table

    def probabilities(self, work: Work) -> list[NDArray[np.float64]]:
        """Exact probabilities ``[rows, 2**bits]`` of every register, column *i* for outcome *i*."""
        _one_thread()
        return by_component(work, lambda component: self._tables(component, work.bindings))

    def lowered(self, work: Work, row: int) -> Circuit:
        """One row of a work, read back from the programs that pyQPanda3 is handed."""
        check_row(work, row, self.target, self.capabilities)
        parts = []
        for component in split(work.circuit, work.circuit.measured):
            if component.reads:
                circuit, distinct = _distinct(component, work.bindings)
                program = next(islice(lower(circuit, distinct), min(row, distinct.rows - 1), None))
                parts.append(readback.component(program, component))
        return merge(parts, work.circuit.num_qubits)

    def _tables(self, component: Component, bindings: Bindings) -> Iterator[NDArray[np.float64]]:
        """Probabilities ``[rows, outcomes]`` of each read of a component."""
        circuit, distinct = _distinct(component, bindings)
        tables = [np.empty((distinct.rows, 2 ** len(read.bits))) for read in component.reads]
        for row, values in enumerate(self.rows(component, circuit, distinct)):
            for table, probabilities in zip(tables, values, strict=True):
                table[row] = probabilities
        for read, table in zip(component.reads, tables, strict=True):
            seen = self.read_out(table, [component.qubits[qubit] for qubit in read.qubits])
            yield np.broadcast_to(seen, (bindings.rows, seen.shape[1]))

    def translate(self, error: Exception) -> ProviderError:
        """Put pyQPanda3's exception into our tree."""
        return translate(error, provider=self.name)


class CpuBackend(OriginBackend):
    """The state-vector simulator ``CPUQVM``, ideal."""

    connected = 24

    def rows(self, component: Component, circuit: Circuit, bindings: Bindings) -> Iterator[Sequence[ArrayLike]]:
        """Run one program per row and read exact probabilities."""
        simulator = sdk().CPUQVM()
        for program in lower(circuit, bindings):
            # One shot, which measures nothing: pyqpanda3 takes no fewer.
            simulator.run(program, 1)
            result = simulator.result()
            yield [pure(result, read.qubits) for read in component.reads]


class EmulatorBackend(OriginBackend):
    """The density-matrix simulator with the noise of a calibrated target."""

    connected = 10

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        kind = "published sample values" if target.sample else "calibration"
        self.noise = (
            f"{kind} of {WUKONG}: gate errors and relaxation by pyqpanda3's DensityMatrixSimulator; readout errors, "
            "which it ignores, applied to the probabilities by qadapt-origin"
        )

    def rows(self, component: Component, circuit: Circuit, bindings: Bindings) -> Iterator[Sequence[ArrayLike]]:
        """Run one program per row under the component's noise model and read exact probabilities."""
        simulator, noise = sdk().DensityMatrixSimulator(), noise_model(circuit, component.qubits, self.target)
        for program in lower(circuit, bindings):
            simulator.run(program, noise)
            yield [mixed(simulator, read.qubits) for read in component.reads]

    def read_out(self, table: NDArray[np.float64], qubits: Sequence[int]) -> NDArray[np.float64]:
        """Apply the readout errors of the target."""
        return misread(table, [assignment(self.target, qubit) for qubit in qubits])


class OriginProvider:
    """Origin Quantum: the simulators of its SDK and, with a key, the chips of its cloud.

    Attributes:
        isolated: Runs in a process of its own unless it is told not to: calls to the cloud hold Python's global lock,
            end at no signal, and the SDK can crash the interpreter.
    """

    name = "origin"
    isolated = True

    def requirements(self) -> Requirements:
        """What this provider needs from the machine it runs on."""
        return Requirements(
            modules=("pyqpanda3.core", "pyqpanda3.qcloud"),
            credentials=(KEY, URL, ALLOW_HTTP),
            secrets=(KEY,),
            libraries={"libcurl.so.4": "libcurl4", "libgomp.so.1": "libgomp1", "libatomic.so.1": "libatomic1"},
        )

    def targets(self) -> Mapping[str, Target]:
        """The ideal simulator, the emulator of Wukong-72 and, with a key, every chip that is online.

        A cloud that cannot be asked is warned about in the log, and the others are listed all the same.
        """
        chips: Mapping[str, Target] = {}
        try:
            credentials = Credentials.read()
            if credentials is not None:
                chips = online_chips(Session(credentials))
        except QadaptError as error:
            logging.getLogger(__name__).warning("Origin's chips cannot be listed: %s", error)
        return MappingProxyType({**_offline(), **chips})

    def open(self, target: str) -> OriginBackend | CloudBackend:
        """Open a target by name; a chip's may be followed by options, as in ``WK_C180+correction``.

        Raises:
            TargetError: There is no such target or option.
            AccessError: The key cannot be used.
            UnavailableError: The chip is offline, or the cloud does not answer.
            MissingExtraError: pyqpanda3, or a shared library that it links, is not installed.
        """
        offline = _offline()
        if target in offline:
            return CpuBackend(_CPU) if target == CPU else EmulatorBackend(offline[target])
        chip, options = parsed(target)
        credentials = Credentials.read()
        if credentials is None or chip in offline:
            hint = f"targets are {', '.join(offline)}; the chips of Origin's cloud need {KEY}"
            raise TargetError(f"origin has no target {target!r}", hint=hint)
        return open_chip(Session(credentials), target, chip, options)


def _distinct(component: Component, bindings: Bindings) -> tuple[Circuit, Bindings]:
    """Circuit of a component, and the rows that it differs in: one where nothing is bound."""
    circuit = local(component)
    return circuit, bindings if circuit.parameters else bindings.slice(0, 1)


def _offline() -> Mapping[str, Target]:
    wukong = bundled_targets()[WUKONG].model_dump()
    return {CPU: _CPU, EMULATOR: Target(**{**wukong, "name": EMULATOR})}


def _one_thread() -> None:
    """Keep pyQPanda3's OpenMP to this thread.

    DensityMatrixSimulator starts a team even for two qubits: slower by orders of magnitude where the cores are busy,
    and a process that is forked afterwards hangs. The setting belongs to the calling thread, which is the backend's
    own, so torch and others that share the library keep their threads. ``OMP_NUM_THREADS`` is read once, when the
    library is loaded, so that setting it here would reach them too, or come too late.
    """
    if sys.platform == "linux":
        ctypes.CDLL("libgomp.so.1").omp_set_num_threads(1)
