"""The shipped JSON Schema is that of the model, takes every circuit, and refuses what is none."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import jsonschema
import pytest
from hypothesis import given

import qadapt
from oracles import circuits
from qadapt.circuit import Circuit
from qadapt.errors import CircuitError

SCHEMA = json.loads((Path(qadapt.__file__).parent / "schema" / "circuit-1.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
TOOL = Path(__file__).parents[1] / "tools" / "export_schema.py"


def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("export_schema", TOOL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_file_is_what_the_model_says() -> None:
    exporter = tool()
    assert exporter.FILE.read_text() == exporter.text(), "run tools/export_schema.py"
    assert exporter.schema() == SCHEMA


def test_it_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@given(circuits(measured=True))
def test_every_circuit_validates(circuit: Circuit) -> None:
    VALIDATOR.validate(json.loads(circuit.to_json()))


def document(**changes: Any) -> dict[str, Any]:
    """A small circuit with some of its keys replaced; a key set to None is left out."""
    operation = {"gate": "rx", "qubits": [0], "angles": [{"name": "a", "scale": 2.0}]}
    whole = {"schema_version": 1, "num_qubits": 2, "operations": [operation], "measured": [[0, 1]]} | changes
    return {key: value for key, value in whole.items() if value is not None}


def test_the_document_that_the_bad_ones_differ_from_is_good() -> None:
    VALIDATOR.validate(document())
    assert Circuit.from_json(json.dumps(document())).parameters == ("a",)


@pytest.mark.parametrize(
    "bad",
    [
        document(num_qubits=None),
        document(schema_version=None),
        document(schema_version=2),
        document(schema_version="1"),
        document(num_qubits=0),
        document(num_qubits=4097),
        document(num_qubits=1.5),
        document(num_qubits="2"),
        document(shots=100),
        document(measured=[["0"]]),
        document(measured=[[-1]]),
        document(measured=3),
        document(operations=[{"gate": "x"}]),
        document(operations=[{"qubits": [0]}]),
        document(operations=[{"gate": "x", "qubits": [0], "label": "mine"}]),
        document(operations=[{"gate": "x", "qubits": [0.5]}]),
        document(operations=[{"gate": "x", "qubits": 0}]),
        document(operations=[{"gate": 5, "qubits": [0]}]),
        document(operations=[{"gate": "rx", "qubits": [0], "angles": ["a"]}]),
        document(operations=[{"gate": "rx", "qubits": [0], "angles": [None]}]),
        document(operations=[{"gate": "rx", "qubits": [0], "angles": [True]}]),
        document(operations=[{"gate": "rx", "qubits": [0], "angles": [{"scale": 1.0}]}]),
        document(operations=[{"gate": "rx", "qubits": [0], "angles": [{"name": "two words"}]}]),
        document(operations=[{"gate": "rx", "qubits": [0], "angles": [{"name": "a", "power": 2}]}]),
        [],
        "circuit",
    ],
)
def test_what_is_no_circuit_is_refused_by_schema_and_reader_alike(bad: Any) -> None:
    assert not VALIDATOR.is_valid(bad)
    with pytest.raises(CircuitError):
        Circuit.from_json(json.dumps(bad))
