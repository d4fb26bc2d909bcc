"""Run the pages and print what they measure: ``python -m benchmarks [PAGE ...] [--full] [--json FILE]``."""

from __future__ import annotations

import argparse
import json
import os
import sys
import warnings
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from benchmarks.tables import Limit, Table
    from benchmarks.timing import Comparison

    Item: TypeAlias = Comparison | Limit | Table

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_variable] = "1"  # before the libraries load: one thread for every side
os.environ["QISKIT_PARALLEL"] = "FALSE"

PAGES = ("compiling", "simulating", "training", "synthesis", "jobs", "conformance", "readout", "tiers")


def main() -> int:
    """Print what the pages measure, bar by bar; return 1 if a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pages", nargs="*", metavar="PAGE", help=f"{', '.join(PAGES)}; all of them by default")
    full = "the whole workload of the synthesis page, the kills of the jobs page, 200 seeds of conformance; takes hours"
    parser.add_argument("--full", action="store_true", help=full)
    parser.add_argument("--json", help="also write the measurements to this file")
    arguments = parser.parse_args()
    if unknown := sorted(set(arguments.pages) - set(PAGES)):
        parser.error(f"no page {', '.join(unknown)}; there are {', '.join(PAGES)}")
    warnings.simplefilter("ignore")
    import torch

    from benchmarks.tables import Table, plain

    torch.set_num_threads(1)
    missed, found = 0, []
    pages = _pages(arguments.full)
    for name in arguments.pages or PAGES:
        for item in pages[name]():
            missed += not (isinstance(item, Table) or item.met)
            found.append(plain(item))
            print("\n".join(_lines(item)), flush=True)
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump(found, file, indent=2)
    return 1 if missed else 0


def _pages(full: bool) -> Mapping[str, Callable[[], Iterable[Item]]]:
    from benchmarks import compiling, conformance, jobs, readout, simulating, synthesis, tiers, training

    return {
        "compiling": compiling.comparisons,
        "simulating": simulating.comparisons,
        "training": training.comparisons,
        "synthesis": partial(synthesis.comparisons, full),
        "jobs": partial(jobs.comparisons, full),
        "conformance": partial(conformance.comparisons, full),
        "readout": readout.comparisons,
        "tiers": tiers.comparisons,
    }


def _lines(item: Item) -> list[str]:
    from benchmarks.tables import Limit, Ratio, Table

    if isinstance(item, Table):
        note = [f"({item.note})"] if item.note else []
        return ["", item.title, *note, *item.lines(), ""]
    mark, remark = "ok  " if item.met else "MISS", f" ({item.note})" if item.note else ""
    if isinstance(item, Limit):
        value = "none" if item.value is None else f"{item.value:.3g}"
        return [f"{mark} {value:>10}  (most {item.limit:.3g} {item.unit})  {item.title}{remark}"]
    unit = item.unit if isinstance(item, Ratio) else "s"
    return [
        f"{mark} {item.ratio:10.2f}x (bar {item.bar:g})  {item.title}",
        f"      qadapt {item.ours:.3g} {unit}, {item.peer} {item.theirs:.3g} {unit}{remark}",
    ]


if __name__ == "__main__":
    sys.exit(main())
