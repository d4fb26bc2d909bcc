"""Run every comparison and print the ratios: ``python -m benchmarks [--json FILE]``."""

from __future__ import annotations

import argparse
import json
import os
import sys
import warnings
from dataclasses import asdict

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_variable] = "1"  # before the libraries load: one thread for every side
os.environ["QISKIT_PARALLEL"] = "FALSE"


def main() -> int:
    """Print one line per comparison; return 1 if a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", help="also write the measurements to this file")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    import torch

    from benchmarks import compiling, simulating, training

    torch.set_num_threads(1)
    missed, rows = 0, []
    for page in (compiling, simulating, training):
        for one in page.comparisons():
            missed += not one.met
            rows.append({**asdict(one), "ratio": one.ratio, "met": one.met})
            mark = "ok  " if one.met else "MISS"
            print(f"{mark} {one.ratio:10.2f}x (bar {one.bar:g})  {one.title}")
            note = f" ({one.note})" if one.note else ""
            print(f"      qadapt {one.ours:.3g} s, {one.peer} {one.theirs:.3g} s{note}", flush=True)
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump(rows, file, indent=2)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
