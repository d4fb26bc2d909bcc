"""Read-outs: how close to the quantum limit they come, whether their error bars hold, and what decoding costs.

Gaussian inputs, Cayley blocks with Gaussian K, 8,192 shots per row over all settings, counts drawn from the exact
probabilities. The quantum limit of the rms vector error is ``sqrt((d - 1) / 4 N)``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from benchmarks.tables import Limit, Ratio, Table
from benchmarks.timing import cpu_seconds
from qadapt.counts import Counts
from qadapt.readout import IDEAL, Decoded, Noise, certificate, depolarising, readout, tensored
from qadapt.readout.likelihood import Likelihood, unit
from qadapt.readout.settings import QUARTER, bases, computational, interfering

Floats: TypeAlias = NDArray[np.float64]

SHOTS, SEED = 8192, 1
ROWS = {4: 32_768, 8: 16_384, 16: 4_096}
MOVED = (0.1, 0.3, 0.6, 1.0)
SLACK = {4: 1.10, 8: 1.10, 16: 1.15}
"""Largest error that we allow ourselves, in units of the limit."""
TIMED = {4: 1.0, 8: 4.0}
"""CPU seconds in which 32,768 rows are to be decoded."""
MISREAD = np.array([[0.99, 0.02], [0.01, 0.98]])
NATS = 25.0
"""Signs of which the log-likelihood is within so many nats of the best are climbed from when settings are compared."""


@dataclass(frozen=True)
class Error:
    """One row of the table of errors.

    Attributes:
        d: Length of the vectors.
        moved: Mean of ``||Q x - x||``.
        certificate: Share of rows in whose block the overlap gives the global sign.
        signed: Rms error of ``signed`` in those rows.
        limit: The quantum limit.
        of_limit: Their ratio.
        input_sign: Rms error of ``input-sign`` in the same rows.
        times: How many times larger that is.
        covered: Share of components within 1.96 standard errors.
        covered_small: The same of components below 0.02.
        wrong_signs: Rows of them all that come back negated.
        without: Those of rows without a certificate.
    """

    d: int
    moved: float
    certificate: float
    signed: float
    limit: float
    of_limit: float
    input_sign: float
    times: float
    covered: float
    covered_small: float
    wrong_signs: int
    without: int


@dataclass(frozen=True)
class Noisy:
    """One row of the table of noise; every qubit is misread in 1 % of zeros and 2 % of ones."""

    d: int
    depolarising: float
    told: str
    of_limit: float
    covered: float
    fitted: float | None
    seconds_per_1024: float


@dataclass(frozen=True)
class Compared:
    """One row of the comparison of settings."""

    d: int
    settings: str
    number: int
    depolarising: float
    of_limit: float
    median: float
    beyond_5_limits: int


def comparisons() -> Iterator[Limit | Ratio | Table]:
    """Yield tables and limits."""
    errors = [_error(dim, moved) for dim in ROWS for moved in MOVED]
    yield Table(
        f"vectors read in {SHOTS} shots without noise", errors, "rms over rows; in units of the vector's length"
    )
    for row in errors:
        at = f"d = {row.d}, ||Qx - x|| = {row.moved:.1f}"
        yield Limit(f"error of signed where the certificate holds, {at}", row.of_limit, SLACK[row.d], "quantum limits")
        bar = 20.0 if row.d < 16 and abs(row.moved - 0.6) < 0.05 else 1.0
        yield Ratio(f"error, {at}", row.signed, "input-sign", row.input_sign, bar, unit="of the length")
        yield Limit(f"distance of the coverage from 94.5 %, {at}", abs(row.covered - 0.945), 0.045, "")
    noisy = [
        _noisy(dim, strength, told)
        for dim, strength, told in product(ROWS, (0.0, 0.03, 0.08, 0.2), ("known", "fitted"))
    ]
    yield Table(
        f"vectors read in {SHOTS} shots through noise", noisy, "fitted: from half the true depolarising strength"
    )
    for row_ in noisy:
        title = f"distance of the coverage from 94.5 %, d = {row_.d}, depolarising {row_.depolarising}, {row_.told}"
        yield Limit(title, abs(row_.covered - 0.945), 0.045, "")
    yield Table(
        "settings, the same shots for each set", [*_compared()], "started from all near signs; ||Qx - x|| = 0.3"
    )
    for dim, limit in TIMED.items():
        inputs, outputs, _ = problem(dim, 0.3, 32_768)
        counts = drawn(outputs, interfering(dim.bit_length() - 1))
        seconds = cpu_seconds(lambda counts=counts, inputs=inputs: readout("signed").decode(counts, inputs))  # type: ignore[misc]
        yield Limit(f"decoding 32,768 rows of d = {dim}", seconds, limit, "CPU s", "one thread")


@lru_cache(maxsize=4)
def problem(dim: int, moved: float, rows: int) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Unit inputs, outputs, and whether the certificate of the row's block holds; K is scaled to move so far."""
    generator = np.random.default_rng(SEED)
    inputs = unit(generator.normal(size=(rows, dim)))
    raw = generator.normal(size=(rows, dim, dim))
    skew = (raw - raw.swapaxes(1, 2)) / np.sqrt(2)
    low, high, some = 0.0, 4.0, slice(0, 1024)
    for _ in range(20):
        scale = (low + high) / 2
        far = np.linalg.norm(_turned(inputs[some], skew[some] * scale)[0] - inputs[some], axis=1).mean() > moved
        low, high = (low, scale) if far else (scale, high)
    outputs, blocks = _turned(inputs, skew * low)
    return inputs, outputs, certificate(blocks).holds


def drawn(outputs: Floats, settings: Floats, strength: float = 0.0, confusion: Floats | None = None) -> list[Counts]:
    """Counts of all settings, which share the shots evenly."""
    generator, each = np.random.default_rng(SEED + 1), SHOTS // len(settings)
    made = []
    for basis in bases(settings):
        table = (1 - strength) * np.square(outputs @ basis.T) + strength / outputs.shape[1]
        table = table if confusion is None else table @ confusion.T
        made.append(Counts((generator.multinomial(each, table / table.sum(axis=1, keepdims=True)),), each))
    return made


def _turned(inputs: Floats, skew: Floats) -> tuple[Floats, Floats]:
    identity = np.eye(inputs.shape[1])
    blocks = np.linalg.solve(identity + skew / 2, identity - skew / 2)
    return np.einsum("rij,rj->ri", blocks, inputs), blocks.astype(np.float64)


def _error(dim: int, moved: float) -> Error:
    inputs, outputs, held = problem(dim, moved, ROWS[dim])
    bits = dim.bit_length() - 1
    signed = readout("signed").decode(drawn(outputs, interfering(bits)), inputs)
    plain = readout("input-sign").decode(drawn(outputs, computational(bits)), inputs).values
    negated = np.einsum("ri,ri->r", signed.values, outputs) < 0
    limit, error, other = _limit(dim), _rms(signed.values[held], outputs[held]), _rms(plain[held], outputs[held])
    hits = _hits(signed, outputs)
    return Error(
        d=dim,
        moved=float(np.linalg.norm(outputs - inputs, axis=1).mean()),
        certificate=float(held.mean()),
        signed=error,
        limit=limit,
        of_limit=error / limit,
        input_sign=other,
        times=other / error,
        covered=float(hits[held].mean()),
        covered_small=float(hits[held][np.abs(outputs[held]) < 0.02].mean()),
        wrong_signs=int(negated.sum()),
        without=int(negated[~held].sum()),
    )


def _noisy(dim: int, strength: float, told: str) -> Noisy:
    inputs, outputs, _ = problem(dim, 0.3, ROWS[dim] // 4)
    bits = dim.bit_length() - 1
    confusion = tensored([[MISREAD] * bits])
    counts = drawn(outputs, interfering(bits), strength, confusion[0])
    known = told == "known"
    noise = Noise(np.array([strength if known else strength / 2 or 0.02]), confusion, fitted=not known)
    found = readout("signed").decode(counts, inputs, noise)
    seconds = cpu_seconds(lambda: readout("signed").decode(counts, inputs, noise), repeats=1, warm=False)
    return Noisy(
        d=dim,
        depolarising=strength,
        told=told,
        of_limit=_rms(found.values, outputs) / _limit(dim),
        covered=float(_hits(found, outputs).mean()),
        fitted=None if known else found.done["depolarising"],
        seconds_per_1024=seconds * 1024 / len(inputs),
    )


def _compared() -> Iterator[Compared]:
    for dim, strength in product((4, 8), (0.0, 0.08)):
        _, outputs, _ = problem(dim, 0.3, 4_096)
        for name, settings in _sets(dim.bit_length() - 1).items():
            counts = drawn(outputs, settings, strength)
            like = Likelihood.of(counts, settings, depolarising(strength) if strength else IDEAL)
            values = _exhaustive(like)
            errors = _distance(values, outputs) / _limit(dim)
            many = int((errors > 5).sum())
            yield Compared(
                dim, name, len(settings), strength, float(np.sqrt(np.mean(errors**2))), float(np.median(errors)), many
            )


def _sets(bits: int) -> dict[str, Floats]:
    """Sets of settings, the computational basis first; one that is listed several times gets more shots."""
    plain, single, every = computational(bits), QUARTER * np.eye(bits), np.full((1, bits), QUARTER)
    generator = np.random.default_rng(3)
    subsets = QUARTER * np.array([*product((0.0, 1.0), repeat=bits)])
    return {
        "plain, single turns, 60 % plain": np.concatenate([np.repeat(plain, 3 * bits, 0), np.repeat(single, 2, 0)]),
        "plain, single turns": np.concatenate([plain, single]),
        "plain, all at once": np.concatenate([plain, every]),
        "plain, single turns, all at once": interfering(bits),
        "the same, 60 % plain": np.concatenate(
            [np.repeat(plain, 3 * (bits + 1), 0), np.repeat(interfering(bits)[1:], 2, 0)]
        ),
        "all subsets of turns": subsets,
        "plain, all at 120 and 240 degrees": np.concatenate([plain, every * 4 / 3, every * 8 / 3]),
        "plain, n + 1 random turns": np.concatenate([plain, generator.uniform(0, 2 * np.pi, (bits + 1, bits))]),
    }


def _exhaustive(like: Likelihood) -> Floats:
    """Vectors of largest likelihood, climbed from every pattern of signs that is nearly as good as the best."""
    dim = like.counts.shape[2]
    plain = [number for number, basis in enumerate(like.bases) if np.array_equal(basis, np.eye(dim))]
    strength = float(like.strengths[0, 0])
    rate = like.counts[:, plain].sum(axis=1) / like.shots[plain].sum()
    sizes = np.sqrt(np.clip((rate - strength / dim) / (1 - strength), 0, None) + 0.25 / like.shots[plain].sum())
    patterns = np.array([(1.0, *rest) for rest in product((1.0, -1.0), repeat=dim - 1)])
    heights = np.stack([like.value(unit(sizes * pattern)) for pattern in patterns], axis=1)
    order = np.argsort(-heights, axis=1)[:, :6]
    vectors, best = like.ascend(unit(sizes * patterns[order[:, 0]]))
    for choice in order[:, 1:].T:
        rows = np.flatnonzero(heights.max(axis=1) - heights[np.arange(len(heights)), choice] < NATS)
        if not len(rows):
            continue
        reached, values = like.rows(rows).ascend(unit(sizes[rows] * patterns[choice[rows]]))
        better = values > best[rows]
        vectors[rows[better]], best[rows[better]] = reached[better], values[better]
    return vectors


def _distance(values: Floats, outputs: Floats) -> Floats:
    """Distance of each row up to the global sign."""
    signs = np.where(np.einsum("ri,ri->r", values, outputs) < 0, -1.0, 1.0)
    distance: Floats = np.linalg.norm(values * signs[:, None] - outputs, axis=1)
    return distance


def _limit(dim: int) -> float:
    return float(np.sqrt((dim - 1) / (4 * SHOTS)))


def _rms(values: Floats, outputs: Floats) -> float:
    return float(np.sqrt(np.mean(np.sum(np.square(values - outputs), axis=1))))


def _hits(found: Decoded, outputs: Floats) -> NDArray[np.bool_]:
    """Which components are within 1.96 standard errors of the truth."""
    hits: NDArray[np.bool_] = np.abs(found.values - outputs) < 1.96 * found.errors
    return hits
