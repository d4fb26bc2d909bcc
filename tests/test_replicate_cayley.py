"""The study of Cayley adapters, end to end and small: results, resuming, and the page."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the studies need the extra qadapt[replicate]")
pytest.importorskip("transformers", reason="the studies need the extra qadapt[replicate]")

from rich.console import Console  # noqa: E402

from qadapt.errors import AdapterError, QadaptError, TargetError  # noqa: E402
from qadapt.replicate import cayley as study  # noqa: E402
from qadapt.replicate.corpus import wikitext, windows  # noqa: E402
from qadapt.replicate.language_model import load_language_model  # noqa: E402
from qadapt.replicate.outcome import Outcome, Settings  # noqa: E402
from qadapt.replicate.report import page, summary  # noqa: E402
from qadapt.replicate.training import train  # noqa: E402

SMALL = Settings(tokens=6, window=4, shots=256, steps=2, batch=2)
BACKENDS = ("local:statevector", "local:emulator/heron-r2")
START = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from qadapt.cli import main; main()"
"""The command; a shell may have started the tests with interrupts ignored, which its children inherit."""


def quiet() -> Console:
    return Console(quiet=True)


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> tuple[Outcome, Path]:
    out = tmp_path_factory.mktemp("study")
    return study.run_study(SMALL, BACKENDS, out, quiet()), out


def test_a_study_evaluates_every_backend(outcome):
    found, _ = outcome
    assert [b.backend for b in found.backends] == list(BACKENDS)
    assert found.adapted == ("model.layers.1.self_attn.v_proj",)
    assert found.parameters == 384
    assert len(found.training_loss) == 2
    ideal, noisy = found.backends
    assert (ideal.rows, ideal.executions, ideal.tiles) == (6 * 64, 6 * 64, 1)
    assert noisy.rows == 6 * 64
    assert noisy.tiles >= 60
    assert noisy.executions == -(-4 * 64 // noisy.tiles) + -(-2 * 64 // noisy.tiles)
    assert ideal.entanglers == noisy.entanglers == 3
    assert ideal.agreement.verdict == noisy.agreement.verdict == "match"
    assert ideal.agreement.noise == 0 < noisy.agreement.noise
    assert ideal.noise is None
    assert "heron-r2" in (noisy.noise or "")


def test_an_outcome_survives_json(outcome):
    found, _ = outcome
    assert Outcome.model_validate_json(found.model_dump_json()) == found


def test_a_finished_study_is_not_run_again(outcome, monkeypatch):
    found, out = outcome

    def never(*arguments, **options):
        raise AssertionError("a window was evaluated twice")

    monkeypatch.setattr(study, "evaluate", never)
    again = study.run_study(SMALL, BACKENDS, out, quiet())
    assert again == found


def test_an_interrupted_study_goes_on_where_it_was(outcome, tmp_path, monkeypatch):
    found, _ = outcome
    real, calls = study.evaluate, []

    def interrupted(*arguments, **options):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(*arguments, **options)

    monkeypatch.setattr(study, "evaluate", interrupted)
    with pytest.raises(KeyboardInterrupt):
        study.run_study(SMALL, BACKENDS, tmp_path, quiet())
    resumed = study.run_study(SMALL, BACKENDS, tmp_path, quiet())
    assert len(calls) == 5  # two windows on two backends, one of them tried twice
    for before, after in zip(found.backends, resumed.backends, strict=True):
        assert after.evaluation == before.evaluation
        assert after.agreement == before.agreement
    assert resumed.training_loss == found.training_loss


def test_the_page_is_self_contained_and_says_everything(outcome):
    found, _ = outcome
    html = page(found)
    for b in found.backends:
        assert b.backend in html
    assert summary(found) in html
    assert html.count("<svg") == 3
    assert "http://" not in html.replace("http://www.w3.org", "").replace("http://purl.org", "").replace(
        "http://creativecommons.org", ""
    )
    assert "<script" not in html
    assert "<link" not in html
    assert page(found) == html


def test_a_backend_that_is_not_there_is_refused_before_anything_is_trained(tmp_path):
    with pytest.raises(TargetError):
        study.run_study(SMALL, ("local:nowhere",), tmp_path, quiet())
    assert not list(tmp_path.iterdir())


def test_targets_and_models_that_are_not_there_are_refused(tmp_path):
    with pytest.raises(AdapterError, match="no_such"):
        study.run_study(SMALL.model_copy(update={"targets": ("no_such",)}), (), tmp_path, quiet())
    with pytest.raises(QadaptError, match="cannot load"):
        load_language_model(str(tmp_path / "nothing"))


def test_a_broken_state_is_named(tmp_path):
    study.run_study(SMALL, BACKENDS[:1], tmp_path, quiet())
    (window,) = tmp_path.glob("state-*/*/00001.npz")
    window.write_bytes(b"not a window")
    with pytest.raises(QadaptError, match=r"00001\.npz"):
        study.run_study(SMALL, BACKENDS[:1], tmp_path, quiet())
    (checkpoint,) = tmp_path.glob("state-*/training.pt")
    checkpoint.write_bytes(b"not a checkpoint")
    with pytest.raises(QadaptError, match=r"training\.pt"):
        study.run_study(SMALL, BACKENDS[:1], tmp_path, quiet())


def test_an_interrupt_ends_the_command_at_once_and_leaves_the_state(tmp_path):
    # A whole minute of work for the simulator; what is measured is that nobody waits for it.
    command = [sys.executable, "-c", START, "replicate", "cayley", "--quick", "--steps", "0", "--tokens", "256"]
    process = subprocess.Popen([*command, "--dim", "16", "--out", str(tmp_path)], stdout=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 120
        while not list(tmp_path.glob("state-*/*/00000.npz")) and time.monotonic() < deadline:
            assert process.poll() is None, "the command ended before it could be interrupted"
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.05)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "goes on where it was" in output
    assert list(tmp_path.glob("state-*/*/00000.npz"))
    assert not (tmp_path / "results.json").exists()


@pytest.mark.parametrize(("predictions", "length"), [(1, 1), (7, 3), (6, 3), (5, 100)])
def test_windows_predict_every_token_once(predictions, length):
    cut = windows(torch.arange(50), predictions, length)
    predicted = torch.cat([window[1:] for window in cut])
    assert predicted.tolist() == list(range(1, predictions + 1))
    assert all(len(window) <= length + 1 for window in cut)


def test_texts_are_too_short_or_long_enough():
    with pytest.raises(QadaptError, match="needs 6"):
        windows(torch.arange(5), 5, 2)
    assert len(wikitext("test").split()) > 200_000
    assert "Homarus" in wikitext("validation")


def test_training_resumes_to_the_same_parameters(tmp_path):
    tokens = load_language_model().encode(wikitext("validation")[:20_000])

    def trained(checkpoint: Path, stop_at: int | None) -> list[torch.Tensor]:
        language_model = load_language_model()
        adapter = study.inject(language_model.model, study.CayleyConfig(targets=("v_proj",), layers=(1,)))

        def progress(done: int, total: int) -> None:
            if done == stop_at:
                raise KeyboardInterrupt

        options = {"steps": 27, "batch": 1, "window": 16, "rate": 0.01, "seed": 3, "checkpoint": checkpoint}
        try:
            train(language_model.model, tokens, progress=progress, **options)
        except KeyboardInterrupt:
            return trained(checkpoint, None)
        return [value.detach().clone() for value in adapter.parameters.values()]

    whole, resumed = trained(tmp_path / "a.pt", None), trained(tmp_path / "b.pt", 26)
    assert all(torch.equal(a, b) for a, b in zip(whole, resumed, strict=True))
    assert any(bool(value.abs().max() > 0) for value in whole)


def test_the_shipped_model_is_what_its_card_says():
    language_model = load_language_model()
    tokens = language_model.encode(wikitext("test"))[: 256 * 8]
    losses = np.concatenate([language_model.losses(window).numpy() for window in windows(tokens, 2000, 255)])
    assert sum(p.numel() for p in language_model.model.parameters()) == 3_950_848
    assert 30 < np.exp(losses.mean()) < 90


def test_the_command_writes_results_and_page(tmp_path, capsys):
    from qadapt.cli import main

    with pytest.raises(SystemExit) as left:
        main(
            ["replicate", "cayley", "--quick", "--tokens", "4", "--shots", "64", "--steps", "0", "--out", str(tmp_path)]
        )
    assert left.value.code == 0
    results = json.loads((tmp_path / "results.json").read_text())
    assert results["backends"][0]["backend"] == "local:statevector"
    assert results["exact"]["difference"] == 0
    assert results["base"]["difference"] == pytest.approx(0, abs=1e-6)
    assert (tmp_path / "report.html").read_text().startswith("<!doctype html>")
    assert "match" in capsys.readouterr().out
