"""Circuit: the one circuit representation of qadapt.

A circuit is plain frozen data: gates by name on integer qubits, angles that are numbers or named parameters, and
registers of measured qubits. Its canonical JSON (sorted keys, shortest floats, a schema version) is what is hashed,
stored and exchanged. Measurements end the circuit; mid-circuit measurement and reset have no form here.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence, Set
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self, TypeAlias, TypeVar

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from qadapt.errors import CircuitError
from qadapt.gates import FENCE, gate

SCHEMA_VERSION: Literal[1] = 1
MAX_REGISTER_BITS = 20
"""Widest register whose outcomes are kept as a dense table; wider results are measured into several registers."""


def _finite(value: Any) -> Any:
    if isinstance(value, bool | complex | str | bytes | np.bool_ | np.complexfloating):
        raise ValueError(f"an angle is a real number, not {value!r}")
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"an angle is finite, not {value!r}")
        return value + 0.0  # -0.0 equals 0.0 and has to hash like it
    return value


def _ordered(value: Any) -> Any:
    if isinstance(value, Set | Mapping):
        raise ValueError(f"the order of qubits matters, {type(value).__name__} has none")
    return value


Qubits: TypeAlias = Annotated[tuple[Annotated[int, Field(ge=0, strict=True)], ...], BeforeValidator(_ordered)]


class Parameter(BaseModel):
    """An angle ``scale * value + offset`` (radians) whose value is bound by name, row by row."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_.\[\]]*$")]
    scale: Annotated[float, BeforeValidator(_finite)] = 1.0
    offset: Annotated[float, BeforeValidator(_finite)] = 0.0

    if not TYPE_CHECKING:  # checkers keep the signature that pydantic declares

        def __init__(self, /, **data: Any) -> None:
            try:
                super().__init__(**data)
            except ValidationError as error:
                raise _circuit_error(f"bad parameter {data.get('name')!r}", error) from None

    def renamed(self, name: str) -> Parameter:
        """Return this parameter under another name, which is not checked: for passes, not for input."""
        return _bare(Parameter, {"name": name, "scale": self.scale, "offset": self.offset})

    def shifted(self, scale: float = 1.0, offset: float = 0.0) -> Parameter:
        """Return the parameter of ``scale * self + offset``."""
        return Parameter(name=self.name, scale=self.scale * scale, offset=self.offset * scale + offset)


Angle: TypeAlias = Annotated[float | Parameter, BeforeValidator(_finite)]


class Operation(BaseModel):
    """One gate, or a fence, on qubits; angles are in the order of the gate table."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    gate: str
    qubits: Qubits
    angles: tuple[Angle, ...] = ()

    if not TYPE_CHECKING:  # checkers keep the signature that pydantic declares

        def __init__(self, /, **data: Any) -> None:
            try:
                super().__init__(**data)
            except ValidationError as error:
                raise _circuit_error(f"bad operation {data.get('gate')!r} on {data.get('qubits')}", error) from None

    def moved(self, qubits: tuple[int, ...], angles: tuple[float | Parameter, ...]) -> Operation:
        """Return this gate on other qubits with other angles, which are not checked: for passes, not for input."""
        return _bare(Operation, {"gate": self.gate, "qubits": qubits, "angles": angles})

    @property
    def is_fence(self) -> bool:
        """Whether this is a fence rather than a gate."""
        return self.gate == FENCE

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The parameters among the angles, in order."""
        return tuple(angle for angle in self.angles if isinstance(angle, Parameter))


def op(name: str, *qubits: int, angles: Sequence[float | str | Parameter] = ()) -> Operation:
    """Make one operation; an angle given as text is the parameter of that name.

    Raises:
        CircuitError: An argument has the wrong type or is not finite.
    """
    values = tuple(Parameter(name=angle) if isinstance(angle, str) else angle for angle in angles)
    return Operation(gate=name, qubits=qubits, angles=values)


def _registers(value: Any) -> Any:
    """Accept a flat list of qubits as one register."""
    items = list(_ordered(value)) if isinstance(value, Iterable) else value
    return [items] if isinstance(items, list) and items and not isinstance(items[0], list | tuple) else items


class Circuit(BaseModel):
    """A circuit of named gates with bound-by-name parameters and measured registers.

    Attributes:
        num_qubits: Number of qubits; amplitude index *i* has qubit *k* in bit *k*.
        operations: Gates and fences in the order they act.
        measured: Registers of measured qubits. Bit *k* of a register's outcome is its *k*-th qubit. A flat list of
            qubits is taken as one register. Counts are kept per register.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    schema_name: ClassVar[str] = "qadapt-circuit"

    schema_version: Literal[1] = SCHEMA_VERSION
    num_qubits: Annotated[int, Field(ge=1, le=4096, strict=True)]
    operations: tuple[Operation, ...] = ()
    measured: Annotated[tuple[Qubits, ...], BeforeValidator(_registers)] = ()

    def __init__(self, /, **data: Any) -> None:
        try:
            super().__init__(**data)
        except ValidationError as error:
            raise _circuit_error("bad circuit", error) from None

    @model_validator(mode="after")
    def _check(self) -> Self:
        for index, operation in enumerate(self.operations):
            if problem := _problem(operation, self.num_qubits):
                raise CircuitError(f"operation {index}, {operation.gate} on {operation.qubits}: {problem}")
        bits = [qubit for register in self.measured for qubit in register]
        if len(set(bits)) != len(bits):
            raise CircuitError(f"repeated measurement: each qubit is measured once, got {self.measured}")
        if any(qubit >= self.num_qubits for qubit in bits):
            raise CircuitError(
                f"measured qubit out of range: the circuit has {self.num_qubits} qubits, got {self.measured}"
            )
        for number, register in enumerate(self.measured):
            if not 0 < len(register) <= MAX_REGISTER_BITS:
                raise CircuitError(
                    f"register {number} has {len(register)} bits, allowed are 1 to {MAX_REGISTER_BITS}",
                    hint="measure into several registers; counts are kept per register",
                )
        return self

    @cached_property
    def parameters(self) -> tuple[str, ...]:
        """Parameter names in order of first appearance."""
        return tuple(dict.fromkeys(p.name for operation in self.operations for p in operation.parameters))

    @property
    def bits(self) -> tuple[int, ...]:
        """All measured qubits, register by register."""
        return tuple(qubit for register in self.measured for qubit in register)

    def gates(self) -> Iterable[Operation]:
        """Yield the operations that are gates, fences left out."""
        return (operation for operation in self.operations if not operation.is_fence)

    def count(self, *names: str) -> int:
        """Number of operations of the given gate names, or of all entangling gates when none is named."""
        if names:
            return sum(operation.gate in names for operation in self.operations)
        return sum(len(operation.qubits) > 1 for operation in self.gates())

    def to_json(self) -> str:
        """Return the canonical JSON: sorted keys, no spaces, defaults of optional fields left out."""
        data = self.model_dump(mode="json", exclude_defaults=True)
        data["schema_version"] = self.schema_version
        return json.dumps(data, sort_keys=True, separators=(",", ":"), allow_nan=False)

    @classmethod
    def from_json(cls, text: str | bytes) -> Circuit:
        """Read canonical or hand-written JSON.

        Raises:
            CircuitError: The text is not JSON, repeats a key, or is not a circuit of a known schema version.
        """
        try:
            data = json.loads(text, object_pairs_hook=_unique)
        except (ValueError, RecursionError) as error:
            raise CircuitError(f"not JSON: {error}") from None
        if not isinstance(data, dict):
            raise CircuitError(f"a circuit is a JSON object, not {type(data).__name__}")
        version = data.get("schema_version")
        if version != SCHEMA_VERSION or isinstance(version, bool):
            raise CircuitError(f"schema_version is {version!r}, this qadapt reads {SCHEMA_VERSION}")
        return cls(**data)

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 of the canonical JSON, in hexadecimal."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) != len(pairs):
        raise CircuitError(f"repeated key in a JSON object with keys {[key for key, _ in pairs]}")
    return data


_Model = TypeVar("_Model", bound=BaseModel)


def _bare(kind: type[_Model], fields: dict[str, Any]) -> _Model:
    """Do what ``model_construct`` does, without its walk over defaults; packing makes thousands at a time."""
    made = kind.__new__(kind)
    object.__setattr__(made, "__dict__", fields)
    object.__setattr__(made, "__pydantic_fields_set__", set(fields))
    object.__setattr__(made, "__pydantic_extra__", None)
    object.__setattr__(made, "__pydantic_private__", None)
    return made


def _problem(operation: Operation, num_qubits: int) -> str:
    """What is wrong with an operation of a circuit of so many qubits; empty if nothing is."""
    qubits = operation.qubits
    if len(qubits) > 1 and len(set(qubits)) != len(qubits):
        return "repeated qubit"
    if qubits and max(qubits) >= num_qubits:
        return f"qubit out of range, the circuit has {num_qubits} qubits"
    if operation.is_fence:
        return "a fence takes no angles" if operation.angles else ""
    entry = gate(operation.gate)
    if len(qubits) != entry.qubits:
        return f"the gate acts on {entry.qubits} qubits"
    if len(operation.angles) != len(entry.parameters):
        return f"got {len(operation.angles)} angles, expected {list(entry.parameters)}"
    return ""


def _circuit_error(message: str, error: ValidationError) -> CircuitError:
    details = "; ".join(f"{'.'.join(map(str, item['loc'])) or 'value'}: {item['msg']}" for item in error.errors())
    return CircuitError(f"{message}: {details}")
