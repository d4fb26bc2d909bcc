"""Compute ``qadapt/data/identity_starts.json``: well-conditioned angles at which block skeletons are the identity.

For every shape of couplings, walls of more and more edges are tried, each with tails of several lengths, by solving the
identity from a few random starts. The first number of edges at which some solution has a Jacobian with a large enough
smallest singular value is kept, with the best of many more solutions. Takes some minutes on one core; seeds are fixed.
"""

import argparse
import json
from pathlib import Path

import numpy as np

from qadapt.synthesis.ansatz import Ansatz
from qadapt.synthesis.arrays import Floats
from qadapt.synthesis.lm import conditioning, fit, random_starts, rank
from qadapt.synthesis.skeletons import fewest, line, wall
from qadapt.synthesis.structure import Edge

OUT = Path(__file__).parents[1] / "qadapt" / "data" / "identity_starts.json"
SHAPES: dict[str, tuple[Edge, ...]] = {
    "line of 3": line(3),
    "line of 4": line(4),
    "star of 4": ((0, 1), (1, 2), (1, 3)),
    "ring of 4": ((0, 1), (0, 2), (1, 3), (2, 3)),
    "line of 5": line(5),
    "fork of 5": ((0, 1), (1, 2), (2, 3), (1, 4)),
}
FEW = {3: 64, 4: 16, 5: 4}
MANY = {3: 4096, 4: 512, 5: 32}
"""Random starts while looking for a skeleton, and on the one that is kept, by number of qubits."""
ENOUGH = {3: 0.1, 4: 0.03, 5: 0.02}
"""Smallest singular value that ends the search for a skeleton."""
STEP = {3: 1, 4: 1, 5: 4}
"""Steps of the number of edges and of the length of the tail."""


def solutions(ansatz: Ansatz, tries: int) -> tuple[Floats, Floats]:
    """Angles ``[solutions, size]`` for the identity, and the smallest singular value of the Jacobian at each."""
    dim = 1 << ansatz.num_qubits
    identity = np.broadcast_to(np.eye(dim), (tries, dim, dim))
    order = np.arange(tries)[:, None]
    angles, distances = fit(ansatz, identity, random_starts(ansatz, tries, 0), order, evaluations=150, goal=1e-13)
    solved = angles[distances < 1e-12]
    parts = np.array_split(solved, max(1, len(solved) // 64))
    return solved, np.concatenate([conditioning(ansatz, part) for part in parts])


def skeleton(couplings: tuple[Edge, ...], free: bool) -> Ansatz:
    """The shortest wall found whose identity is regular enough."""
    num_qubits = 1 + max(map(max, couplings))
    dim, step = 1 << num_qubits, STEP[num_qubits]
    count = fewest(couplings, free=free)
    while True:
        count += step
        best: tuple[float, Ansatz | None] = (0.0, None)
        for tail in range(0, count // 3, step):
            ansatz = wall(couplings, count, free=free, tail=tail)
            if rank(ansatz) == dim * (dim - 1) // 2:
                best = max(best, (solutions(ansatz, FEW[num_qubits])[1].max(initial=0.0), ansatz), key=lambda b: b[0])
        if best[1] is not None and best[0] >= ENOUGH[num_qubits]:
            return best[1]


def main() -> None:
    """Write the file, or another one, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=OUT)
    out = parser.parse_args().out
    entries = []
    for name, couplings in SHAPES.items():
        shortest = None
        for free in (False, True):
            ansatz = skeleton(couplings, free)
            if shortest is not None and len(ansatz.edges) >= shortest:
                continue  # the one of CZ alone is as good
            shortest = len(ansatz.edges)
            angles, scores = solutions(ansatz, MANY[ansatz.num_qubits])
            gates = f"{len(ansatz.edges)} {'CZ and RZZ' if free else 'CZ'}"
            print(f"{name}, {gates}, flips {ansatz.flips}: smallest singular value {scores.max():.3f}", flush=True)
            wrapped = np.remainder(angles[scores.argmax()] + 2 * np.pi, 4 * np.pi) - 2 * np.pi  # the period is 4 pi
            fields = {"num_qubits": ansatz.num_qubits, "edges": ansatz.edges, "flips": ansatz.flips, "free": free}
            entries.append({**fields, "angles": [round(angle, 17) for angle in wrapped.tolist()]})
    out.write_text(json.dumps({"schema_version": 2, "starts": entries}) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
