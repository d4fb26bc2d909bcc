"""Stage: a stand-in for a backend, to go through rules without submitting anything.

It declares what the backend declares, refuses what that should refuse, and answers with what the oracle expects.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from qadapt import (
    Backend,
    Counts,
    Done,
    Failed,
    JobFailedError,
    NotSupportedError,
    Pending,
    Provenance,
    Result,
    Work,
)
from qadapt.provider import check_works
from qadapt_conformance import oracle


class Stage:
    """A stand-in for a backend that answers with the expected counts.

    Attributes:
        submitted: The works of every job.
    """

    def __init__(self, inner: Backend) -> None:
        self.name, self.target, self.capabilities = inner.name, inner.target, inner.capabilities
        self.submitted: list[tuple[Work, ...]] = []
        self._tags: dict[str, str] = {}

    def submit(self, work: Sequence[Work], *, tag: str) -> str:
        """Take works that fit."""
        check_works(work, self.target, self.capabilities)
        if tag not in self._tags:
            self.submitted.append(tuple(work))
            self._tags[tag] = f"job-{len(self.submitted)}"
        return self._tags[tag]

    def fetch(self, job_id: str) -> Pending | Done | Failed:
        """Answer at once."""
        number = job_id.removeprefix("job-")
        if job_id not in self._tags.values():
            return Failed(JobFailedError(f"no job {job_id!r}", provider=self.name, job_id=job_id))
        return Done(tuple(self._result(work) for work in self.submitted[int(number) - 1]))

    def cancel(self, job_id: str) -> None:
        """Do as is declared."""
        if not self.capabilities.cancel:
            raise NotSupportedError("jobs cannot be cancelled", capability="cancel")

    def find(self, tag: str) -> str | None:
        """Find the job of a tag."""
        return self._tags.get(tag)

    def _result(self, work: Work) -> Result:
        registers = tuple(rounded(table, work.shots) for table in oracle.tables(work.circuit, work.bindings))
        said = Provenance(
            backend=self.name,
            circuit_hash=work.circuit.content_hash,
            qubits=work.circuit.measured,
            shots=work.shots,
            seed=work.seed if self.capabilities.seed else None,
            simulated=True,
        )
        return Result(Counts(registers, work.shots), said)


def rounded(probabilities: NDArray[np.float64], shots: int) -> NDArray[np.int64]:
    """Counts ``[rows, outcomes]`` that come as near to probabilities as whole numbers of the right total can."""
    exact = shots * probabilities
    counts = np.floor(exact).astype(np.int64)
    places = np.argsort(counts - exact, axis=1, kind="stable")
    missing = shots - counts.sum(axis=1, keepdims=True)
    np.put_along_axis(counts, places, np.take_along_axis(counts, places, 1) + (np.arange(counts.shape[1]) < missing), 1)
    return counts
