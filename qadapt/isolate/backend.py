"""IsolatedBackend: a backend whose verbs are carried out in a worker process."""

from __future__ import annotations

import re
import weakref
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import cache
from typing import Any

from qadapt.circuit import Circuit
from qadapt.codec import decode_error, decode_results, encode_works
from qadapt.cost import Cost
from qadapt.deadline import remaining
from qadapt.errors import ProviderError, UnavailableError
from qadapt.isolate import receipts
from qadapt.isolate.channel import LONGEST, Channel, WorkerTraceback
from qadapt.isolate.frames import Part
from qadapt.isolate.settings import Settings
from qadapt.provider import Done, Failed, Pending, Work, check_row, check_works
from qadapt.redact import redacted
from qadapt.target import Capabilities, Target

_JOB = re.compile(r"(w[0-9a-f]{12})\.(.*)", re.DOTALL)
"""A job that lives in a worker: the worker's serial and the job's own id."""


class IsolatedBackend:
    """One target, opened in a worker process.

    A worker that ends, hangs or sends garbage is replaced at the next call. The jobs of a backend without ``retrieval``
    end with it; others are fetched by their ids from the new one.

    ``open_isolated`` makes it, with the optional verbs ``find``, ``cost``, ``most_rows``, ``identity``, ``adopt`` and
    ``lowered`` as far as the backend in the worker has them.

    Attributes:
        name: Full name, ``provider:target``.
        target: What the machine is, as it was when this was opened.
        capabilities: What it can be asked for.
    """

    def __init__(self, channel: Channel, name: str, target: Target, capabilities: Capabilities) -> None:
        self.name = name
        self.target = target
        self.capabilities = capabilities
        self._channel = channel
        self._tags: dict[str, str] = {}
        self._identity: Mapping[str, str] | None = None
        self._close = weakref.finalize(self, channel.close)

    def submit(self, work: Sequence[Work], *, tag: str) -> str:
        """Hand over works and return a job id at once; they are checked before they leave this process.

        Raises:
            QadaptError: The works do not fit, or the vendor refused them.
            UnavailableError: The worker ended or hung; ``doubtful`` if it may have sent the works.
        """
        check_works(work, self.target, self.capabilities)

        def read(value: Any, _: Sequence[Part]) -> str:
            job_id = _text(value)
            return job_id if self.capabilities.retrieval else f"{self._channel.serial}.{job_id}"

        doubtful = self.capabilities.retrieval or not self.capabilities.simulated
        job_id = self._channel.call("submit", read, {"tag": tag}, [encode_works(work)], doubtful=doubtful)
        if self.capabilities.retrieval:
            self._tags[job_id] = tag
        return job_id

    def fetch(self, job_id: str) -> Pending | Done | Failed:
        """Look at a job.

        Raises:
            UnavailableError: The worker ended or hung, or the vendor does not answer; nothing is known about the job.
        """
        serial, inner = self._split(job_id)

        def read(value: Any, parts: Sequence[Part]) -> Pending | Done | Failed:
            return _state(value, parts, self.name, job_id)

        try:
            state = self._channel.call("fetch", read, {"job": inner}, serial=serial)
        except UnavailableError as error:
            if serial is None or serial == self._channel.serial:
                raise
            text = f"the job ended with its worker: {error}"
            gone = UnavailableError(text, provider=self.name, job_id=job_id, doubtful=False)
            gone.__cause__ = error
            return Failed(gone)
        if not isinstance(state, Pending) and (tag := self._tags.pop(job_id, None)) is not None:
            receipts.forget(receipts.folder(), tag)  # whoever fetches a job knows its id
        return state

    def cancel(self, job_id: str) -> None:
        """Stop a job that has not finished; one that has ended with its worker stays as it is.

        Raises:
            NotSupportedError: The backend does not declare ``cancel``.
        """
        serial, inner = self._split(job_id)
        try:
            self._channel.call("cancel", lambda *_: None, {"job": inner}, doubtful=True, serial=serial)
        except UnavailableError:
            if serial is None or serial == self._channel.serial:
                raise

    def receipt(self, tag: str) -> str | None:
        """Job id of a submit that this or an earlier process has made; None says nothing.

        Raises:
            UnavailableError: A worker that an earlier process has left behind is still submitting it.
        """
        if not self.capabilities.retrieval:
            return None
        if not receipts.settled(receipts.folder(), tag, remaining(LONGEST)):
            text = f"a worker that another process has left behind is still submitting {tag}"
            raise UnavailableError(text, provider=self.name)
        return receipts.read(receipts.folder(), tag)

    def close(self) -> None:
        """End the worker; a later call starts another one."""
        self._channel.close()

    def _split(self, job_id: str) -> tuple[str | None, str]:
        """Serial of the worker that a job lives in, None if it lives with the vendor, and the job's own id."""
        match = None if self.capabilities.retrieval else _JOB.fullmatch(job_id)
        return (match.group(1), match.group(2)) if match else (None, job_id)


class _Finding(IsolatedBackend):
    def find(self, tag: str) -> str | None:
        """Job id of a submit; None if the vendor has surely got none with this tag.

        Raises:
            UnavailableError: The vendor does not answer, or a worker that an earlier process has left behind is still
                submitting it.
        """
        return self.receipt(tag) or self._channel.call("find", _found, {"tag": tag})


class _Costing(IsolatedBackend):
    def cost(self, work: Sequence[Work]) -> Cost:
        """Estimate of one submit by the vendor's published rules; asks nothing of the network."""
        check_works(work, self.target, self.capabilities)
        return self._channel.call("cost", lambda value, _: Cost(**value), parts=[encode_works(work)])


class _Limiting(IsolatedBackend):
    def most_rows(self, circuit: Circuit, shots: int) -> int:
        """Most rows of this circuit that one submit may hold, at least 1."""
        return self._channel.call("most_rows", _rows, {"shots": shots}, [circuit.to_json().encode()])


class _Identified(IsolatedBackend):
    def identity(self) -> Mapping[str, str]:
        """Account and options by name, without secrets; the worker is asked once.

        Raises:
            UnavailableError: The worker ended or hung, or the vendor does not answer.
        """
        if self._identity is None:
            self._identity = self._channel.call("identity", _texts)
        return self._identity


class _Adopting(IsolatedBackend):
    def adopt(self, job: str, work: Sequence[Work]) -> str:
        """Our id of the job of some works that a person names by the vendor's id; an id of ours stays as it is.

        Raises:
            JobFailedError: It can be no job id.
        """
        return self._channel.call("adopt", lambda value, _: _text(value), {"job": job}, [encode_works(work)])


class _Lowering(IsolatedBackend):
    def lowered(self, work: Work, row: int) -> Circuit:
        """The circuit that the vendor would get for one row of a work, read back from the vendor's own form."""
        check_row(work, row, self.target, self.capabilities)
        return self._channel.call("lowered", _circuit, {"row": row}, [encode_works([work])])


_OPTIONAL = {
    "find": _Finding,
    "cost": _Costing,
    "most_rows": _Limiting,
    "identity": _Identified,
    "adopt": _Adopting,
    "lowered": _Lowering,
}


@cache
def _kind(verbs: frozenset[str]) -> type[IsolatedBackend]:
    """The class with these optional verbs and no others, because a verb that is there is taken for one that works."""
    bases = tuple(kind for verb, kind in _OPTIONAL.items() if verb in verbs)
    return type("IsolatedBackend", bases or (IsolatedBackend,), {"__doc__": IsolatedBackend.__doc__})


def open_isolated(settings: Settings, target: str) -> IsolatedBackend:
    """Open a target in a worker of its own.

    Raises:
        QadaptError: There is no worker, or what the provider says to being opened.
    """
    channel = Channel(settings, target)

    def read(value: Any) -> IsolatedBackend:
        kind = _kind(frozenset(value["verbs"]))
        capabilities = Capabilities(**value["capabilities"])
        return kind(channel, _text(value["name"]), Target.from_json(value["target"]), capabilities)

    try:
        return channel.open(read)
    except BaseException:
        with suppress(OSError):
            channel.close()
        raise


def _state(value: Any, parts: Sequence[Part], provider: str, job_id: str) -> Pending | Done | Failed:
    """Read what a worker says about a job."""
    match value["state"]:
        case "pending":
            position, until = value["position"], value["until"]
            if not (position is None or isinstance(position, int)):
                raise TypeError(f"position {position!r}")
            return Pending(position, until and datetime.fromisoformat(until))
        case "done":
            return Done(decode_results(parts[0]), bytes(parts[1]) if value["raw"] else None)
        case "failed":
            error = decode_error(value["error"], provider=provider)
            if not isinstance(error, ProviderError):
                error = ProviderError(f"{type(error).__name__}: {error}", provider=provider)
            if error.job_id is not None:
                error.job_id = job_id
            if value["traceback"]:
                error.__cause__ = WorkerTraceback(redacted(str(value["traceback"])))
            return Failed(error, bytes(parts[0]) if value["raw"] else None)
    raise ValueError(f"state {value['state']!r}")


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{type(value).__name__} instead of text")
    return value


def _found(value: Any, _: Sequence[Part]) -> str | None:
    return value if value is None else _text(value)


def _texts(value: Any, _: Sequence[Part]) -> Mapping[str, str]:
    if not isinstance(value, dict):
        raise TypeError(f"{type(value).__name__} instead of texts by name")
    return {name: _text(text) for name, text in value.items()}


def _circuit(_: Any, parts: Sequence[Part]) -> Circuit:
    return Circuit.from_json(bytes(parts[0]))


def _rows(value: Any, _: Sequence[Part]) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{type(value).__name__} instead of a number of rows")
    return value
