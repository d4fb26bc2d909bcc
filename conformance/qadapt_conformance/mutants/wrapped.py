"""Wrapped: a backend with a change before submit and a change after fetch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from qadapt import Backend, Capabilities, Done, Failed, Pending, Result, Target, Work
from qadapt_conformance.mutants.mutant import WorkChange

ResultChange: TypeAlias = Callable[[Work, Result], Result]


class Wrapped:
    """A backend with a change before submit and a change after fetch, which believes itself right.

    Args:
        inner: A right backend.
        before: Changes works on their way in.
        after: Changes results on their way out; is given the work as it was asked for.
        declared: Capabilities that are declared otherwise than by the right backend.
    """

    def __init__(
        self,
        inner: Backend,
        before: WorkChange | None = None,
        after: ResultChange | None = None,
        **declared: Any,
    ) -> None:
        self._inner, self._before, self._after, self._declared = inner, before, after, declared
        self._works: dict[str, tuple[Work, ...]] = {}

    @property
    def name(self) -> str:
        """Name of the right backend."""
        return self._inner.name

    @property
    def target(self) -> Target:
        """Target of the right backend."""
        return self._inner.target

    @property
    def capabilities(self) -> Capabilities:
        """Capabilities of the right backend, but for those that are declared otherwise."""
        return self._inner.capabilities.model_copy(update=self._declared)

    def submit(self, work: Sequence[Work], *, tag: str) -> str:
        """Submit changed works."""
        changed = [self._before(item) for item in work] if self._before else work
        job = self._inner.submit(changed, tag=tag)
        self._works.setdefault(job, tuple(work))
        return job

    def fetch(self, job_id: str) -> Pending | Done | Failed:
        """Fetch and change the results of a job that was made here."""
        state = self._inner.fetch(job_id)
        if not isinstance(state, Done) or job_id not in self._works:
            return state
        works = self._works[job_id]
        results = self._results(works, [self._believed(*each) for each in zip(works, state.results, strict=True)])
        return replace(state, results=tuple(results))

    def _believed(self, work: Work, result: Result) -> Result:
        believed = {
            "backend": self.name,
            "circuit_hash": work.circuit.content_hash,
            "qubits": work.circuit.measured,
            "shots": work.shots,
            "seed": work.seed if self.capabilities.seed else None,
        }
        return replace(result, provenance=result.provenance.model_copy(update=believed))

    def _results(self, works: Sequence[Work], results: Sequence[Result]) -> Sequence[Result]:
        """Change all results of a job."""
        return [self._after(*each) for each in zip(works, results, strict=True)] if self._after else results

    def cancel(self, job_id: str) -> None:
        """Cancel the job."""
        self._inner.cancel(job_id)

    def __getattr__(self, name: str) -> Any:
        # Optional verbs are there as far as the right backend has them.
        return getattr(self._inner, name)
