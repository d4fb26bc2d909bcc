"""Compute ``qadapt/data/identity_starts.json``: well-conditioned angles at which the block skeletons are the identity.

Solves the identity from many random starts and keeps, per skeleton, the solution whose Jacobian has the largest
smallest singular value. Takes half a minute on one core; the seed is fixed.
"""

import argparse
import json
from pathlib import Path

import numpy as np

from qadapt.synthesis.ansatz import BLOCKS, Ansatz
from qadapt.synthesis.arrays import Floats
from qadapt.synthesis.lm import conditioning, fit, random_starts

OUT = Path(__file__).parents[1] / "qadapt" / "data" / "identity_starts.json"
TRIES = {3: 8192, 4: 1024}
"""Random starts by number of qubits."""


def identity_start(ansatz: Ansatz, tries: int, seed: int = 0) -> tuple[Floats, float]:
    """Best angles ``[size]`` for the identity, and the smallest singular value of the Jacobian there."""
    starts = random_starts(ansatz, tries, seed)
    identity = np.broadcast_to(np.eye(1 << ansatz.num_qubits), (tries, *[1 << ansatz.num_qubits] * 2))
    angles, distances = fit(ansatz, identity, starts, np.arange(tries)[:, None], goal=1e-13)
    solved = angles[distances < 1e-12]
    scores = np.concatenate([conditioning(ansatz, part) for part in np.array_split(solved, -(-len(solved) // 64))])
    return solved[scores.argmax()], float(scores.max())


def main() -> None:
    """Write the file, or another one, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=OUT)
    out = parser.parse_args().out
    entries = []
    for num_qubits, tries in TRIES.items():
        ansatz = BLOCKS[num_qubits]
        angles, score = identity_start(ansatz, tries)
        print(f"{num_qubits} qubits, {len(ansatz.edges)} CZ: smallest singular value {score:.3f}")
        wrapped = np.remainder(angles + 2 * np.pi, 4 * np.pi) - 2 * np.pi  # ry has period 4 pi
        entries.append({"num_qubits": num_qubits, "edges": ansatz.edges, "angles": wrapped.tolist()})
    out.write_text(json.dumps({"schema_version": 1, "starts": entries}) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
