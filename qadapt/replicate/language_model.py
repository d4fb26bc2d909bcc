"""LanguageModel: a causal language model with its tokenizer, shipped or from Hugging Face."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from qadapt.errors import MissingExtraError, QadaptError
from qadapt.replicate.corpus import encode

SHIPPED = Path(__file__).parent.parent / "data" / "model"


@dataclass(frozen=True, eq=False)
class LanguageModel:
    """A model in float32 on the CPU, in evaluation mode, and its tokenizer."""

    name: str
    model: nn.Module
    tokenizer: Any

    def encode(self, text: str) -> Tensor:
        """Token ids ``[tokens]`` of a text."""
        return encode(text, self.tokenizer)

    @torch.no_grad()
    def fingerprint(self) -> str:
        """Hash of the names, shapes and sums of all weights; other weights under the same name are told apart."""
        weights = [
            f"{name} {list(value.shape)} {float(value.double().sum())!r}"
            for name, value in self.model.named_parameters()
        ]
        return hashlib.sha256("\n".join(weights).encode()).hexdigest()

    @torch.no_grad()
    def losses(self, window: Tensor) -> Tensor:
        """Cross entropy in nats of each predicted token of one window ``[tokens + 1]``, as float64 ``[tokens]``."""
        logits = self.model(input_ids=window[None, :-1]).logits[0]
        return nn.functional.cross_entropy(logits.double(), window[1:], reduction="none")


def load_language_model(name: str | None = None) -> LanguageModel:
    """Load the shipped model, or any Hugging Face id or local path.

    Raises:
        MissingExtraError: transformers is not installed.
        QadaptError: The model cannot be loaded.
    """
    try:
        from transformers import AutoModelForCausalLM, AutoTokenizer
        from transformers.utils import logging
    except ImportError as error:
        raise MissingExtraError("transformers is not installed", hint="pip install 'qadapt[replicate]'") from error
    logging.disable_progress_bar()
    source = str(SHIPPED) if name is None else name
    try:
        tokenizer = AutoTokenizer.from_pretrained(source)
        model = AutoModelForCausalLM.from_pretrained(source, dtype=torch.float32)
    except (OSError, ValueError) as error:
        raise QadaptError(f"cannot load the model {source!r}: {error}") from error
    return LanguageModel(name or "qadapt-small", model.eval(), tokenizer)
