"""The whole error tree of qadapt.

```
QadaptError                     .code  .hint
├─ CircuitError                 unknown gate, bad arity, repeated qubit, repeated measurement
├─ BindingsError                missing or extra parameter, not finite, wrong shape
├─ TargetError                  the circuit does not fit the target; .violations lists all of them
├─ NotSupportedError            a capability that is not declared; .capability
├─ ProviderError                .provider .job_id; __cause__ is the vendor's exception
│   ├─ AccessError              credentials, permission, quota
│   ├─ UnavailableError         worth retrying; the only one that is retried
│   ├─ JobFailedError           the vendor says the job failed
│   └─ BadResultError           counts of wrong width, total or row number: a provider bug
├─ AdapterError                 an adapter that does not fit its model
├─ BudgetError                  the run would cost more than it may
├─ LedgerError                  the ledger cannot be read, or what is asked of it is not there or not to be had now
├─ InDoubtError                 submits whose fate is not known; .run
└─ MissingExtraError            what to install
```

Messages say what came, what should have come and where; ``hint`` says what to do next. ``code`` is stable and may be
searched for and linked to.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from qadapt.redact import redacted


class QadaptError(Exception):
    """Base of every error that qadapt raises on purpose."""

    code: ClassVar[str] = "qadapt"

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint

    def __str__(self) -> str:
        message = super().__str__()
        return f"{message} ({self.hint})" if self.hint else message

    def __reduce__(self) -> tuple[Any, ...]:
        # The default calls the class with the message alone, so errors with more to say could not cross processes.
        return _rebuilt, (type(self), self.args, self.__dict__)


def _rebuilt(kind: type[QadaptError], args: tuple[Any, ...], state: dict[str, Any]) -> QadaptError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(state)
    return error


class CircuitError(QadaptError):
    """A circuit that means nothing: unknown gate, bad arity, repeated qubit, repeated measurement."""

    code = "circuit"


class BindingsError(QadaptError):
    """Parameter values that do not fit a circuit: missing, extra, not finite, of the wrong shape or type."""

    code = "bindings"


class TargetError(QadaptError):
    """A circuit that does not fit a target; ``violations`` lists every misfit, not only the first."""

    code = "target"

    def __init__(self, message: str, *, violations: Sequence[str] = (), hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.violations = tuple(violations)

    def __str__(self) -> str:
        return "\n  - ".join([super().__str__(), *self.violations])


class NotSupportedError(QadaptError):
    """A capability that the backend does not declare."""

    code = "not-supported"

    def __init__(self, message: str, *, capability: str, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.capability = capability


class ProviderError(QadaptError):
    """A vendor went wrong; ``__cause__`` is the vendor's exception where there is one."""

    code = "provider"

    def __init__(self, message: str, *, provider: str, job_id: str | None = None, hint: str = "") -> None:
        super().__init__(redacted(message), hint=hint)
        self.provider = provider
        self.job_id = job_id


class AccessError(ProviderError):
    """Credentials, permission or quota."""

    code = "access"


class UnavailableError(ProviderError):
    """The vendor cannot answer now; the only error that is worth a retry.

    Attributes:
        doubtful: What was asked for may have happened all the same: the answer was lost, not the question. False only
            where the vendor has surely not taken it.
    """

    code = "unavailable"

    def __init__(
        self, message: str, *, provider: str, job_id: str | None = None, hint: str = "", doubtful: bool = True
    ) -> None:
        super().__init__(message, provider=provider, job_id=job_id, hint=hint)
        self.doubtful = doubtful


class JobFailedError(ProviderError):
    """The vendor says that the job failed, or does not know it."""

    code = "job-failed"


class BadResultError(ProviderError):
    """Counts of the wrong width, total or row number: a bug of the provider."""

    code = "bad-result"


class AdapterError(QadaptError):
    """An adapter that does not fit: bad configuration, no matching layer, wrong width, unreadable weights."""

    code = "adapter"


class BudgetError(QadaptError):
    """The run would cost more than it may."""

    code = "budget"


class LedgerError(QadaptError):
    """The ledger cannot be read, another process works on the run, or there is no such run."""

    code = "ledger"


class InDoubtError(QadaptError):
    """Submits whose answer was lost and that the vendor cannot be asked about; nothing is sent again by itself.

    Attributes:
        run: Id of the run in the ledger.
        chunks: Numbers of its chunks that are in doubt.
    """

    code = "in-doubt"

    def __init__(self, message: str, *, run: str, chunks: Sequence[int], hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.run = run
        self.chunks = tuple(chunks)


class MissingExtraError(QadaptError):
    """Something optional is not installed; the message says what to install."""

    code = "missing-extra"
