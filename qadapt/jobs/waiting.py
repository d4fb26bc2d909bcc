"""Waiting: how long to wait between two looks at a job, and until a single job has finished."""

from __future__ import annotations

import time

from qadapt.errors import JobFailedError
from qadapt.provider import Backend, Done, Failed, Pending, Result

FIRST, LONGEST = 0.005, 30.0
"""Least and most seconds between two looks at a job."""


def pause(waited: float) -> float:
    """Seconds until the next look at a job: a tenth of those that it has taken so far, within bounds."""
    return min(LONGEST, max(FIRST, waited / 10))


def wait(backend: Backend, job_id: str) -> tuple[Result, ...]:
    """Look at a single job until it has finished, without deadlines, retries or records.

    Raises:
        ProviderError: The job failed.
    """
    since = time.monotonic()
    while True:
        match backend.fetch(job_id):
            case Done(results):
                return results
            case Failed(error):
                raise error
            case Pending():
                time.sleep(pause(time.monotonic() - since))
            case other:
                raise JobFailedError(
                    f"fetch answered {type(other).__name__}, expected Pending, Done or Failed",
                    provider=backend.name,
                    job_id=job_id,
                )
