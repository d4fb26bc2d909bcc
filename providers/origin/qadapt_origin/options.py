"""Options: what Origin's cloud may do to a circuit and its counts beyond running it; all of it is off unless asked for.

They are part of a target's name, as in ``WK_C180+mapping+optimisation``, so that they reach a worker process, are kept
with a run and are seen in its provenance.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from qadapt.errors import TargetError

SEPARATOR = "+"


@dataclass(frozen=True)
class Options:
    """What is asked of the cloud.

    Attributes:
        mapping: It may move the circuit to other qubits.
        optimisation: It may rewrite the circuit.
        correction: It corrects readout errors (its ``amend_flag`` 1); counts are then its corrected distribution.
        crosstalk: It may keep CZ gates apart in time (its ``use_cz_pattern``).
        tagged: Each submit carries its tag as batch number, to be found by people; the client cannot ask for it.
    """

    mapping: bool = False
    optimisation: bool = False
    correction: bool = False
    crosstalk: bool = False
    tagged: bool = False


NAMES = tuple(field.name for field in fields(Options))


def parsed(target: str) -> tuple[str, Options]:
    """Split a target's name into the chip's and the options.

    Raises:
        TargetError: An option that there is not, or one that is given twice.
    """
    chip, *names = target.split(SEPARATOR)
    wrong = [f"no option is called {name!r}" for name in names if name not in NAMES]
    wrong += [f"{name!r} is given twice" for name in sorted(set(names)) if names.count(name) > 1]
    if wrong:
        raise TargetError(f"bad options in {target!r}", violations=wrong, hint=f"options are {', '.join(NAMES)}")
    return chip, Options(**dict.fromkeys(names, True))
