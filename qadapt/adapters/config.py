"""AdapterConfig: what every adapter method must be told, as frozen data with a JSON form."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from qadapt.errors import AdapterError

SCHEMA_VERSION: Literal[1] = 1
"""Version of the saved form of every configuration, and of the weights beside it."""

Pattern = Annotated[str, StringConstraints(min_length=1)]
Layer = Annotated[int, Field(ge=0, strict=True)]


class AdapterConfig(BaseModel):
    """Where an adapter goes; each method adds its own fields and fixes ``kind``.

    Attributes:
        kind: Name of the adapter method.
        targets: Linear layers to adapt: full names, last parts of names (``q_proj``, ``self_attn.q_proj``) or shell
            patterns over the full name (``*.layers.1?.mlp.*``). Each must match at least one layer.
        layers: Layer numbers to adapt, where a name's layer number is its first part that is a whole number;
            None for all.
        readout: Name of the read-out with which circuits of this adapter are decoded.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = SCHEMA_VERSION
    kind: str
    targets: Annotated[tuple[Pattern, ...], Field(min_length=1)]
    layers: Annotated[tuple[Layer, ...], Field(min_length=1)] | None = None
    readout: str

    def __init__(self, **data: Any) -> None:
        try:
            super().__init__(**data)
        except ValidationError as error:
            wrong = "; ".join(f"{'.'.join(map(str, item['loc'])) or 'value'}: {item['msg']}" for item in error.errors())
            raise AdapterError(f"bad adapter configuration: {wrong}") from None

    def to_json(self) -> str:
        """Return every field as JSON, with the schema version."""
        return self.model_dump_json(indent=2) + "\n"
