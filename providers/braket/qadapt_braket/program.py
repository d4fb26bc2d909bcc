"""Program: a work to what a quantum task is created from: an action, shots and device parameters.

Circuits are verbatim boxes on the device's own qubits, and rewiring is switched off, so AWS runs them as they are. A
program set is one program with a list of values per input, or, of a work without inputs, one program per row.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from qadapt.circuit import Circuit, Parameter
from qadapt.provider import Work
from qadapt_braket.lower import build, columns_of_inputs, openqasm
from qadapt_braket.properties import Device

if TYPE_CHECKING:
    from braket.circuits import FreeParameter


@lru_cache(maxsize=32)  # a run sends the same circuit again and again
def source(circuit: Circuit, labels: tuple[int, ...], as_rx: bool) -> tuple[str, tuple[Parameter, ...]]:
    """OpenQASM of a native circuit with inputs ``a0``, ``a1``, ..., and our angle of each.

    Args:
        circuit: Native circuit; its qubit *i* is the device's ``labels[i]``.
        labels: Labels of the device's qubits.
        as_rx: Quarter and half turns are written as rx.
    """
    from braket.circuits import Circuit as BraketCircuit

    inputs = dict[Parameter, "FreeParameter"]()
    gates = [(o.gate, o.angles, tuple(labels[qubit] for qubit in o.qubits)) for o in circuit.gates()]
    whole = BraketCircuit()
    if gates:
        whole.add_verbatim_box(build(gates, inputs, as_rx=as_rx))
    whole.measure([labels[qubit] for register in circuit.measured for qubit in register])
    return openqasm(whole).source, tuple(inputs)


def task(work: Work, device: Device) -> dict[str, Any]:
    """Arguments of ``CreateQuantumTask`` that say what to run; the same in every process."""
    from braket.ir.openqasm import Program, ProgramSet

    text, angles = source(work.circuit, device.labels, device.as_rx)
    columns = columns_of_inputs(angles, work.bindings)
    if device.limits.program_set is None:
        return {
            "action": Program(source=text, inputs={name: column[0] for name, column in columns.items()}).json(),
            "deviceParameters": _fixed_qubits(len(work.circuit.bits)),
            "shots": work.shots,
        }
    # Not checked again: to look at every value by itself takes a third of the client's own time for a submit.
    rows, program = work.bindings.rows, Program.construct(source=text, inputs=columns or None)
    programs = [program] if columns else [program] * rows
    return {"action": ProgramSet.construct(programs=programs).json(), "shots": rows * work.shots}


def _fixed_qubits(count: int) -> str:
    """Device parameters that forbid AWS to choose other qubits, as the SDK sends them."""
    from braket.device_schema import GateModelParameters
    from braket.device_schema.simulators import GateModelSimulatorDeviceParameters

    paradigm = GateModelParameters(qubitCount=count, disableQubitRewiring=True)
    return str(GateModelSimulatorDeviceParameters(paradigmParameters=paradigm).json(exclude_none=True))
