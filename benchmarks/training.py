"""One training step of a Cayley adapter against PEFT's OFT with blocks of the same size."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from benchmarks.timing import Comparison, cpu_seconds
from qadapt.adapters.cayley.layer import CayleyLinear

TOKENS = (32, 128)


def comparisons() -> Iterator[Comparison]:
    """Yield the comparisons of this page."""
    for width in (256, 576):
        for block in (4, 8):
            ours = _seconds(CayleyLinear(_frozen(width), block), width)
            for series in (True, False):
                peer = f"PEFT OFT, {'5-term series' if series else 'exact Cayley'}"
                title = f"training step, width {width}, blocks of {block}, {TOKENS[0]} x {TOKENS[1]} tokens"
                yield Comparison(title, ours, peer, _seconds(_oft(width, block, series), width), 1 / 1.2)


def _frozen(width: int) -> nn.Linear:
    return nn.Linear(width, width, bias=False).requires_grad_(False)


def _oft(width: int, block: int, series: bool) -> nn.Module:
    from peft import OFTConfig, get_peft_model

    model = nn.Sequential(_frozen(width))
    config = OFTConfig(oft_block_size=block, target_modules=["0"], use_cayley_neumann=series)
    adapted: nn.Module = get_peft_model(model, config)
    return adapted


def _seconds(model: nn.Module, width: int) -> float:
    """CPU seconds of forward and backward with a gradient to the input, as inside a network."""
    torch.manual_seed(0)
    inputs: Tensor = torch.randn(*TOKENS, width, requires_grad=True)
    weights = torch.randn(*TOKENS, width)

    def step() -> None:
        model.zero_grad(set_to_none=True)
        inputs.grad = None
        (model(inputs) * weights).sum().backward()

    return cpu_seconds(step, repeats=25)
