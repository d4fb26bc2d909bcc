"""Training: an adapter on a text, checkpointed so that it can be interrupted and resumed."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from qadapt.errors import QadaptError

CHECKPOINT_EVERY = 25


def train(
    model: nn.Module,
    tokens: Tensor,
    *,
    steps: int,
    batch: int,
    window: int,
    rate: float,
    seed: int,
    checkpoint: Path,
    progress: Callable[[int, int], None],
) -> tuple[float, ...]:
    """Minimise the mean next-token cross entropy over the parameters that want gradients.

    Adam without weight decay, linear warm-up over a tenth of the steps, cosine to zero; windows are drawn uniformly.
    The state is written to ``checkpoint`` every 25 steps and read from it at the start, so a training that was
    interrupted goes on where it was and ends with the same parameters.

    Args:
        model: A causal language model; all but the trained parameters are frozen.
        tokens: Token ids of the training text, ``[tokens]``.
        steps: Training steps.
        batch: Windows per step.
        window: Tokens per window.
        rate: Peak learning rate.
        seed: Decides the windows.
        checkpoint: Where the state is kept.
        progress: Called with the steps done and in all.

    Returns:
        Loss of every step in nats per token.

    Raises:
        QadaptError: The checkpoint cannot be read.
    """
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.Adam(parameters, lr=rate)
    generator = torch.Generator().manual_seed(seed)
    losses: list[float] = []
    if checkpoint.exists():
        try:
            state = torch.load(checkpoint, weights_only=True)
            for parameter, saved in zip(parameters, state["parameters"], strict=True):
                parameter.data.copy_(saved)
            optimizer.load_state_dict(state["optimizer"])
            generator.set_state(state["generator"])
            losses = state["losses"]
        except (OSError, RuntimeError, ValueError, KeyError, EOFError, pickle.UnpicklingError) as error:
            raise QadaptError(
                f"cannot read the training state {checkpoint}: {error}", hint="remove the file"
            ) from error
    warm = max(1, steps // 10)
    for step in range(len(losses), steps):
        starts = torch.randint(len(tokens) - window, (batch,), generator=generator)
        inputs = tokens[starts[:, None] + torch.arange(window)]
        for group in optimizer.param_groups:
            rest = (step - warm) / max(1, steps - warm)
            group["lr"] = rate * ((step + 1) / warm if step < warm else 0.5 * (1 + math.cos(math.pi * rest)))
        loss = model(input_ids=inputs, labels=inputs).loss
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
        if (step + 1) % CHECKPOINT_EVERY == 0 or step + 1 == steps:
            _save(checkpoint, parameters, optimizer, generator, losses)
        progress(step + 1, steps)
    return tuple(losses)


def _save(
    path: Path,
    parameters: list[nn.Parameter],
    optimizer: torch.optim.Optimizer,
    generator: torch.Generator,
    losses: list[float],
) -> None:
    """Write the state beside its place first, so that an interrupt never leaves half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    state = {"parameters": [p.data for p in parameters], "optimizer": optimizer.state_dict()}
    torch.save({**state, "generator": generator.get_state(), "losses": losses}, partial)
    partial.replace(path)
