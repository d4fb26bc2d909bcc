"""Corpus: the texts that ship with qadapt, and texts as windows of tokens."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from qadapt.errors import QadaptError

_FOLDER = Path(__file__).parent.parent / "data" / "text"
Split = Literal["validation", "test"]


def wikitext(split: Split) -> str:
    """Return a split of WikiText-2 as shipped (CC BY-SA; see the README beside the files)."""
    return gzip.decompress((_FOLDER / f"wikitext-2-{split}.txt.gz").read_bytes()).decode("utf-8")


def windows(tokens: Tensor, predictions: int, length: int) -> list[Tensor]:
    """Cut the start of a text into windows that together predict a number of tokens.

    Each window has one token more than it predicts, and consecutive windows share that token, so every token but the
    very first is predicted once.

    Args:
        tokens: Token ids ``[tokens]``.
        predictions: Tokens to predict in all.
        length: Most tokens predicted in one window.

    Raises:
        QadaptError: The text is too short.
    """
    if len(tokens) < predictions + 1:
        raise QadaptError(f"the text has {len(tokens)} tokens, predicting {predictions} needs {predictions + 1}")
    starts = range(0, predictions, length)
    return [tokens[start : min(start + length, predictions) + 1] for start in starts]


def encode(text: str, tokenizer: Callable[..., dict[str, list[int]]]) -> Tensor:
    """Token ids ``[tokens]`` of a text, without special tokens."""
    return torch.tensor(tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])
