"""Adapter files: weights as safetensors, the configuration as JSON beside them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from qadapt.adapters.config import SCHEMA_VERSION, AdapterConfig
from qadapt.errors import AdapterError

WEIGHTS, CONFIG = "adapter_model.safetensors", "adapter_config.json"


def write(folder: Path, config: AdapterConfig, weights: Mapping[str, Tensor]) -> None:
    """Write weights and configuration into a folder, which is made if needed."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {name: value.to("cpu").contiguous() for name, value in weights.items()}
    save_file(tensors, folder / WEIGHTS, metadata={"format": "pt", "schema_version": str(SCHEMA_VERSION)})
    (folder / CONFIG).write_text(config.to_json(), encoding="utf-8")


def read_config(folder: Path) -> dict[str, Any]:
    """Read the configuration's fields.

    Raises:
        AdapterError: There is none, it is not a JSON object, or its schema version is not known.
    """
    path = folder / CONFIG
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise AdapterError(f"cannot read {path}: {error}") from None
    if not isinstance(data, dict):
        raise AdapterError(f"{path} holds {type(data).__name__}, expected an object")
    if data.get("schema_version") != SCHEMA_VERSION:
        raise AdapterError(f"{path}: schema_version {data.get('schema_version')!r}, this qadapt reads {SCHEMA_VERSION}")
    return data


def read_weights(folder: Path, expected: Mapping[str, torch.Size]) -> dict[str, Tensor]:
    """Read weights on the CPU and check that they are exactly those expected.

    Raises:
        AdapterError: The file cannot be read, or a weight is missing, extra, not finite or of another shape.
    """
    path = folder / WEIGHTS
    try:
        weights: dict[str, Tensor] = load_file(path)
    except (OSError, SafetensorError) as error:
        raise AdapterError(f"cannot read {path}: {error}") from None
    wrong = [f"missing {name}" for name in expected if name not in weights]
    for name, value in weights.items():
        if name not in expected:
            wrong.append(f"extra {name}")
        elif value.shape != expected[name]:
            wrong.append(f"{name} is {list(value.shape)}, expected {list(expected[name])}")
        elif not value.is_floating_point() or not value.isfinite().all():
            wrong.append(f"{name} holds {value.dtype} values that are not all finite real numbers")
    if wrong:
        rest = f" and {len(wrong) - 8} more" if len(wrong) > 8 else ""
        raise AdapterError(f"{path} does not fit the model: {'; '.join(wrong[:8])}{rest}")
    return weights
