"""The study of Cayley adapters (arXiv 2605.05914): perplexity without, with, and with a quantum adapter.

The state of a study is a folder named after its settings, its model and the version of qadapt: the trained adapter, and
per backend and calibration one file per window of tokens. A window that is there is not run again, so an interrupted
study goes on where it was.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from torch import Tensor

import qadapt
from qadapt.adapters.adapter import Adapter
from qadapt.adapters.cayley.config import CayleyConfig
from qadapt.adapters.inject import inject
from qadapt.jobs import derived_seed
from qadapt.provider import Backend, Provenance
from qadapt.registry import backend as open_backend
from qadapt.replicate.corpus import wikitext, windows
from qadapt.replicate.language_model import LanguageModel, load_language_model
from qadapt.replicate.outcome import BackendOutcome, Evaluation, Outcome, Settings
from qadapt.replicate.training import train
from qadapt.replicate.verdict import agreement
from qadapt.replicate.window import evaluate, load, save

Floats = NDArray[np.float64]
Advance = Callable[[int, int], None]
TRAINING_WINDOW = 128
"""Tokens per training window."""


def run_study(settings: Settings, backends: Sequence[str], out: Path, console: Console) -> Outcome:
    """Train or load the adapter, evaluate it exactly and on every backend, and return what was found.

    Args:
        settings: What decides the study.
        backends: Backend names; all are opened before anything is run.
        out: Folder; the state is kept in a folder inside it.
        console: Where progress is shown.

    Raises:
        QadaptError: The model, the adapter or a backend is not to be had, or a backend failed.
    """
    opened = [open_backend(name) for name in dict.fromkeys(backends)]
    language_model = load_language_model(settings.model)
    state = out / f"state-{_key(settings.model_dump_json(), language_model.fingerprint(), qadapt.__version__)}"
    state.mkdir(parents=True, exist_ok=True)
    config = CayleyConfig(targets=settings.targets, layers=settings.layers, dim=settings.dim, sign_constrained=True)
    test = windows(language_model.encode(wikitext("test")), settings.tokens, settings.window)
    base = _losses(language_model, test)
    adapter = inject(language_model.model, config)
    with _bar(console, "training the adapter") as advance:
        losses = _train(settings, language_model, state, advance)
    language_model.model.eval()
    exact = _losses(language_model, test)
    outcomes = []
    for backend in opened:
        with _bar(console, backend.name) as advance:
            outcomes.append(_on_backend(settings, language_model, adapter, backend, test, exact, state, advance))
    return Outcome(
        study="cayley",
        settings=settings,
        model=language_model.name,
        adapted=tuple(adapter.layers),
        parameters=adapter.num_parameters,
        base=_evaluation(base, exact),
        exact=_evaluation(exact, exact),
        backends=tuple(outcomes),
        training_loss=losses,
        tokens=settings.tokens,
        qadapt=qadapt.__version__,
    )


def _key(*parts: str) -> str:
    """Short name of everything that decides a result; what changes it is run anew."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


@contextmanager
def _bar(console: Console, what: str) -> Iterator[Advance]:
    """Show one progress bar; its body calls what it is given with the parts done and in all."""
    columns = (
        TextColumn("{task.description:<28}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(what, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def _losses(language_model: LanguageModel, test: Sequence[Tensor]) -> Floats:
    """Loss of every predicted token, in nats, ``[tokens]``."""
    return np.concatenate([language_model.losses(window).numpy() for window in test])


def _evaluation(losses: Floats, exact: Floats) -> Evaluation:
    """Perplexity, and its difference to the exact one by the delta method on paired losses."""
    perplexity, reference = float(np.exp(losses.mean())), float(np.exp(exact.mean()))
    spread = losses * perplexity - exact * reference
    error = float(spread.std(ddof=1) / np.sqrt(len(spread))) if len(spread) > 1 else 0.0
    return Evaluation(perplexity=perplexity, difference=perplexity - reference, error=error)


def _train(settings: Settings, language_model: LanguageModel, state: Path, advance: Advance) -> tuple[float, ...]:
    tokens = language_model.encode(wikitext("validation"))
    language_model.model.train()
    losses = train(
        language_model.model,
        tokens,
        steps=settings.steps,
        batch=settings.batch,
        window=TRAINING_WINDOW,
        rate=settings.rate,
        seed=settings.seed,
        checkpoint=state / "training.pt",
        progress=advance,
    )
    advance(settings.steps, settings.steps)
    return losses


def _on_backend(
    settings: Settings,
    language_model: LanguageModel,
    adapter: Adapter,
    backend: Backend,
    test: Sequence[Tensor],
    exact: Floats,
    state: Path,
    advance: Advance,
) -> BackendOutcome:
    """Evaluate every window that is not in the state yet, then sum up all of them."""
    folder = state / _key(backend.name, backend.target.content_hash)
    parts = []
    advance(0, len(test))
    for number, window in enumerate(test):
        path = folder / f"{number:05d}.npz"
        if not path.exists():
            seed = derived_seed(settings.seed, number)
            made = evaluate(
                language_model, adapter, backend, window, shots=settings.shots, seed=seed, effort=settings.effort
            )
            save(path, made)
        parts.append(load(path))
        advance(number + 1, len(test))
    first = Provenance.model_validate_json(parts[0].provenance)
    rows = np.concatenate([part.counts for part in parts])
    return BackendOutcome(
        backend=backend.name,
        simulated=first.simulated,
        noise=first.noise,
        shots=settings.shots,
        rows=len(rows),
        executions=sum(part.executions for part in parts),
        circuits_per_token=sum(part.executions for part in parts) / sum(part.passes for part in parts),
        tiles=parts[0].tiles,
        entanglers=parts[0].entanglers,
        evaluation=_evaluation(np.concatenate([part.losses for part in parts]), exact),
        agreement=agreement(
            rows,
            np.concatenate([part.predicted for part in parts]),
            np.concatenate([part.ideal for part in parts]),
            simulated=first.simulated,
            seed=settings.seed,
        ),
        decoded_error=float(np.sqrt(np.concatenate([part.squared_error for part in parts]).mean())),
        seconds=sum(part.seconds for part in parts),
        calibrated=first.calibrated,
        versions=first.versions,
    )
