"""Put adapters into models and read them back from disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from torch.nn.modules.linear import NonDynamicallyQuantizableLinear

from qadapt.adapters.adapter import Adapter
from qadapt.adapters.cayley.config import CayleyConfig
from qadapt.adapters.cayley.layer import CayleyLinear
from qadapt.adapters.config import AdapterConfig
from qadapt.adapters.layer import AdapterLayer
from qadapt.adapters.match import select
from qadapt.adapters.store import read_config, read_weights
from qadapt.errors import AdapterError


@dataclass(frozen=True)
class Method:
    """An adapter method: its configuration and the layer that is made from it."""

    config: type[AdapterConfig]
    layer: type[AdapterLayer]


METHODS: dict[str, Method] = {"cayley": Method(CayleyConfig, CayleyLinear)}
"""Adapter methods by ``kind``; a third party adds its own entry before it injects or loads."""


def inject(model: nn.Module, config: AdapterConfig) -> Adapter:
    """Replace the matching linear layers of a model by adapted ones and freeze everything else.

    The model is changed in place, or not at all if anything is wrong. Only the adapter's parameters require gradients
    afterwards. A linear layer that the model holds under several names is adapted once, under all names that match.

    Args:
        model: Any module tree; its ``nn.Linear`` layers can be adapted, except the output projection of
            ``nn.MultiheadAttention``, whose weight torch uses without calling the layer.
        config: What to inject, and where.

    Raises:
        AdapterError: Nothing matches, a width does not fit, or the model carries an adapter already.
    """
    places = _wrap(model, config)
    adapter = Adapter(model, config, _first_names(places))
    _install(adapter, places)
    return adapter


def load(model: nn.Module, path: str | Path) -> Adapter:
    """Inject an adapter that ``Adapter.save`` has written; the model is unchanged if anything is wrong.

    Raises:
        AdapterError: The files cannot be read or do not fit the model.
    """
    folder = Path(path)
    data = read_config(folder)
    method = METHODS.get(str(data.get("kind")))
    if method is None:
        raise AdapterError(f"unknown adapter kind {data.get('kind')!r}; known are {', '.join(sorted(METHODS))}")
    config = method.config(**data)
    places = _wrap(model, config)
    adapter = Adapter(model, config, _first_names(places))
    parameters = adapter.parameters
    weights = read_weights(folder, {name: value.shape for name, value in parameters.items()})
    with torch.no_grad():
        for name, value in parameters.items():
            value.copy_(weights[name])
    _install(adapter, places)
    return adapter


def _wrap(model: nn.Module, config: AdapterConfig) -> dict[str, AdapterLayer]:
    """Adapted layers by every name that matches, not yet in the model."""
    method = METHODS.get(config.kind)
    if method is None or not isinstance(config, method.config):
        raise AdapterError(f"no adapter method for {type(config).__name__} of kind {config.kind!r}")
    if any(isinstance(module, AdapterLayer) for module in model.modules()):
        raise AdapterError("the model carries an adapter already", hint="remove() it first")
    linear = {
        name: module
        for name, module in model.named_modules(remove_duplicate=False)
        if name and isinstance(module, nn.Linear) and not isinstance(module, NonDynamicallyQuantizableLinear)
    }
    made: dict[nn.Linear, AdapterLayer] = {}
    layers: dict[str, AdapterLayer] = {}
    for name in select(linear, config.targets, config.layers):
        base = linear[name]
        try:
            layers[name] = made[base] = made.get(base) or method.layer.from_config(base, config)
        except AdapterError as error:
            raise AdapterError(f"{name}: {error}") from None
    return layers


def _first_names(places: Mapping[str, AdapterLayer]) -> dict[str, AdapterLayer]:
    """Each layer once, by the first of its names."""
    names: dict[AdapterLayer, str] = {}
    for name, layer in places.items():
        names.setdefault(layer, name)
    return {name: layer for layer, name in names.items()}


def _install(adapter: Adapter, places: Mapping[str, AdapterLayer]) -> None:
    """Put the layers in their places and leave only the adapter trainable."""
    for name, layer in places.items():
        parent, _, key = name.rpartition(".")
        setattr(adapter.model.get_submodule(parent), key, layer)
        layer.train(layer.base.training)
    adapter.model.requires_grad_(False)
    for value in adapter.parameters.values():
        value.requires_grad_(True)
