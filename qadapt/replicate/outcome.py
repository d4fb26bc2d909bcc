"""Outcome: what a study found, as plain data; ``results.json`` is its JSON."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from qadapt.replicate.verdict import Agreement
from qadapt.synthesis import Effort

_FROZEN = ConfigDict(frozen=True, extra="forbid")


class Settings(BaseModel):
    """Everything that decides a study of Cayley adapters; equal settings give an equal study.

    Attributes:
        model: Hugging Face id or local path; None for the shipped model.
        targets: Names of the linear layers that get an adapter.
        layers: Layer numbers; None for all.
        dim: Side of the blocks, 2, 4, 8, 16 or 32.
        tokens: Tokens of the test text that are predicted.
        window: Most tokens predicted in one window.
        shots: Shots per row on every backend.
        effort: How much is spent on short circuits, ``fast`` or ``best``.
        seed: Seed of training, shots and bootstrap.
        steps: Training steps; 0 leaves the adapter at the identity.
        batch: Windows per training step.
        rate: Peak learning rate of the training.
    """

    model_config = _FROZEN

    model: str | None = None
    targets: tuple[str, ...] = ("v_proj",)
    layers: tuple[int, ...] | None = (1,)
    dim: Literal[2, 4, 8, 16, 32] = 4
    tokens: int = 512
    window: int = 64
    shots: int = 8192
    effort: Effort = "fast"
    seed: int = 7
    steps: int = 300
    batch: int = 16
    rate: float = 0.01


class Evaluation(BaseModel):
    """One way to evaluate the model: perplexity and its difference to the exact adapter.

    Attributes:
        perplexity: exp of the mean loss per predicted token.
        difference: Perplexity minus that of the exact adapter.
        error: Standard error of the difference, from the losses of the single tokens, which are compared in pairs.
    """

    model_config = _FROZEN

    perplexity: float
    difference: float
    error: float


class BackendOutcome(BaseModel):
    """What one backend did to the model.

    Attributes:
        backend: Full name.
        simulated: The counts come from a simulator.
        noise: What its noise stands for; None without noise.
        shots: Shots per row.
        rows: Circuits of the adapter that were run, one per block and token.
        executions: Circuits that the backend executed, packed ones counted once.
        circuits_per_token: Executions per token that went through an adapted layer.
        tiles: Copies of the adapter circuit side by side in one execution.
        entanglers: Entangling gates per block.
        evaluation: Perplexity.
        agreement: Comparison of the counts with the target's prediction.
        decoded_error: Root-mean-square error of the decoded unit vectors against the exact ones, signs included.
        seconds: Time that the backend took.
        calibrated: Time of the calibration in force.
        versions: Versions of the packages that took part.
    """

    model_config = _FROZEN

    backend: str
    simulated: bool
    noise: str | None
    shots: int
    rows: int
    executions: int
    circuits_per_token: float
    tiles: int
    entanglers: float
    evaluation: Evaluation
    agreement: Agreement
    decoded_error: float
    seconds: float
    calibrated: datetime | None
    versions: Mapping[str, str]


class Outcome(BaseModel):
    """A whole study.

    Attributes:
        study: Name of the study.
        settings: What decided it.
        model: Name of the language model.
        adapted: Names of the adapted layers.
        parameters: Trained parameters.
        base: The model without adapter.
        exact: With the adapter computed in torch.
        backends: With the adapter's quantum part on each backend, in the order given.
        training_loss: Loss of every training step, in nats per token.
        tokens: Tokens that were predicted.
        qadapt: Version of qadapt.
    """

    model_config = _FROZEN

    schema_version: Literal[1] = 1
    study: str
    settings: Settings
    model: str
    adapted: tuple[str, ...]
    parameters: int
    base: Evaluation
    exact: Evaluation
    backends: tuple[BackendOutcome, ...]
    training_loss: tuple[float, ...]
    tokens: int
    qadapt: str
