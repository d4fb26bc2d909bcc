"""Compile with bqskit in a process of its own: tasks as JSON lines in, circuits as JSON lines out.

A process of its own because bqskit starts servers and workers, and because it may have to be stopped. The line
``{"ready": true}`` says that imports and a first compile are done.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any


def main() -> None:
    """Answer every line ``{"level", "block" or "state"}`` by ``{"seconds", "gates": [[name, qubits, angles]]}``."""
    import numpy as np
    from bqskit import MachineModel, compile  # noqa: A004
    from bqskit.compiler import Compiler
    from bqskit.ir.gates import CZGate, RZGate, SqrtXGate
    from bqskit.qis import StateVector, UnitaryMatrix

    names = {"CZGate": "cz", "RZGate": "rz", "SqrtXGate": "sx", "U3Gate": "u3"}
    with Compiler(num_workers=1) as compiler:

        def answer(wanted: Any, qubits: int, level: int) -> dict[str, Any]:
            line = [(qubit, qubit + 1) for qubit in range(qubits - 1)]
            machine = MachineModel(qubits, line, {CZGate(), RZGate(), SqrtXGate()})
            start = time.perf_counter()
            made = compile(wanted, machine, optimization_level=level, compiler=compiler, seed=1)
            seconds = time.perf_counter() - start
            gates = [
                [names[type(one.gate).__name__], list(one.location), [float(value) for value in one.params]]
                for one in made
            ]
            return {"seconds": seconds, "gates": gates}

        answer(UnitaryMatrix(np.eye(4)), 2, 1)
        print(json.dumps({"ready": True}), flush=True)
        for text in sys.stdin:
            task = json.loads(text)
            # Its first qubit is the highest bit: the caller reverses the qubits.
            if "state" in task:
                wanted: Any = StateVector(np.array(task["state"], dtype=complex))
            else:
                wanted = UnitaryMatrix(np.array(task["block"], dtype=complex))
            print(json.dumps(answer(wanted, wanted.num_qudits, task["level"])), flush=True)


if __name__ == "__main__":
    main()
