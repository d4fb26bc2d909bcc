"""Limits: what one quantum task may hold, as the device says; the SDK's client checks none of it."""

from __future__ import annotations

from dataclasses import dataclass

from qadapt.errors import NotSupportedError
from qadapt.provider import Work
from qadapt.target import Capabilities

MAX_JOBS = 10
"""Tasks open at the same time, as many as Braket's own batches have."""


@dataclass(frozen=True)
class ProgramSetLimits:
    """Limits of a program set.

    Attributes:
        executables: Most rows.
        least: Fewest shots of all rows together.
        most: Most shots of all rows together.
    """

    executables: int
    least: int
    most: int


@dataclass(frozen=True)
class Limits:
    """Limits of a device.

    Attributes:
        least: Fewest shots per row.
        most: Most shots per row.
        program_set: Limits of program sets; None where the device takes single programs only.
    """

    least: int
    most: int
    program_set: ProgramSetLimits | None

    def capabilities(self) -> Capabilities:
        """What a device with these limits can be asked for.

        One submit is one work and one quantum task: a program set has one number of shots for all of its programs.
        """
        sets = self.program_set
        return Capabilities(
            max_shots=self.most,
            max_rows=sets.executables if sets else 1,
            max_works=1,
            max_executions=sets.most if sets else self.most,
            max_jobs=MAX_JOBS,
            native_parameters=sets is not None,
            cancel=True,
            retrieval=True,
            find=True,
        )

    def most_rows(self, shots: int) -> int:
        """Most rows of one task, at least 1."""
        if self.program_set is None:
            return 1
        return max(1, min(self.program_set.executables, self.program_set.most // shots))

    def check(self, work: Work, device: str) -> None:
        """Refuse a work with fewer shots than the device takes; those of ``Capabilities`` are checked already.

        Raises:
            NotSupportedError: Too few shots per row, or in all.
        """
        if work.shots < self.least:
            message = f"{work.shots} shots, {device} takes {self.least} to {self.most}"
            raise NotSupportedError(message, capability="min_shots")
        total = work.bindings.rows * work.shots
        if self.program_set is not None and total < self.program_set.least:
            message = f"{total} shots in all, a program set of {device} has at least {self.program_set.least}"
            raise NotSupportedError(message, capability="min_executions")
