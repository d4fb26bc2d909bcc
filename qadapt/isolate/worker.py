"""Worker: serves one provider to the process that started it, ``python -m qadapt.isolate.worker PROVIDER BYTES``.

It talks over private duplicates of its standard input and output, so that whatever a vendor prints cannot get between
two messages. It ends when its input does, after the call in hand.
"""

from __future__ import annotations

import faulthandler
import io
import os
import platform
import signal
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any, TypeAlias

from qadapt import entries
from qadapt.circuit import Circuit
from qadapt.codec import decode_works, encode_error, encode_results
from qadapt.deadline import at_most
from qadapt.errors import BadResultError, ProviderError, QadaptError
from qadapt.isolate import receipts
from qadapt.isolate.frames import PROTOCOL, Frame, Part, read, write
from qadapt.provider import (
    Adopting,
    Backend,
    Costing,
    Done,
    Failed,
    Finding,
    Identified,
    Limiting,
    Lowering,
    Pending,
    Provider,
    Requirements,
    Requiring,
)
from qadapt.redact import concealed, redacted

TRACEBACK = 8192
"""Most characters of a traceback that are sent."""

Said: TypeAlias = tuple[Any, Sequence[Part]]
"""JSON and parts of an answer."""


class Worker:
    """The verbs of one provider and at most one backend, each from a message to a message.

    Args:
        name: Of the provider.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._parent = os.getppid()
        self._made: Provider | None = None
        self._backend: Backend | None = None
        self._receipts: Path | None = None

    def do(self, verb: str, arguments: Mapping[str, Any], parts: Sequence[Part]) -> Said:
        """Carry out one request."""
        method: Callable[[Mapping[str, Any], Sequence[Part]], Said] = getattr(self, f"_do_{verb}")
        return method(arguments, parts)

    def _do_hello(self, _: Mapping[str, Any], __: Sequence[Part]) -> Said:
        return {"protocol": PROTOCOL, "qadapt": version("qadapt"), "python": platform.python_version()}, ()

    def _do_open(self, arguments: Mapping[str, Any], _: Sequence[Part]) -> Said:
        self._made = entries.load(entries.find(self.name, entries.installed()))
        if arguments["target"] is None:
            return {}, ()
        self._backend = backend = self._made.open(arguments["target"])
        if backend.capabilities.retrieval:
            self._receipts = Path(arguments["receipts"])
            receipts.prune(self._receipts)
        verbs = {
            "find": Finding,
            "cost": Costing,
            "most_rows": Limiting,
            "identity": Identified,
            "adopt": Adopting,
            "lowered": Lowering,
        }
        said = {
            "name": backend.name,
            "target": backend.target.to_json(),
            "capabilities": backend.capabilities.model_dump(mode="json"),
            "verbs": [verb for verb, protocol in verbs.items() if isinstance(backend, protocol)],
        }
        return said, ()

    def _do_targets(self, _: Mapping[str, Any], __: Sequence[Part]) -> Said:
        assert self._made is not None
        return {name: target.to_json() for name, target in self._made.targets().items()}, ()

    def _do_requirements(self, _: Mapping[str, Any], __: Sequence[Part]) -> Said:
        needs = self._made.requirements() if isinstance(self._made, Requiring) else Requirements()
        return needs.model_dump(mode="json"), ()

    def _do_submit(self, arguments: Mapping[str, Any], parts: Sequence[Part]) -> Said:
        backend, works, tag = self._opened, decode_works(parts[0]), str(arguments["tag"])
        if self._receipts is None:
            return _text(backend.submit(works, tag=tag), "submit"), ()
        with receipts.submitting(self._receipts, tag) as write:
            if os.getppid() != self._parent:
                os._exit(0)  # nobody waits for it, and until now nobody could see that it was to be sent
            job_id = _text(backend.submit(works, tag=tag), "submit")
            try:
                write(job_id)
            except OSError as error:  # the job is there and its id must get through
                print(f"no receipt of {job_id}: {error}", file=sys.stderr)
        return job_id, ()

    def _do_fetch(self, arguments: Mapping[str, Any], _: Sequence[Part]) -> Said:
        match self._opened.fetch(arguments["job"]):
            case Pending(position, until):
                return {"state": "pending", "position": position, "until": until and until.isoformat()}, ()
            case Done(results, raw):
                try:
                    parts = [encode_results(results)]
                except Exception as error:
                    said = f"results that are none: {type(error).__name__}: {error}"
                    raise BadResultError(said, provider=self._opened.name, job_id=arguments["job"]) from error
                return {"state": "done", "raw": raw is not None}, [*parts, raw or b""]
            case Failed(error, raw):
                return {"state": "failed", "raw": raw is not None, **_error(error)}, [] if raw is None else [raw]
            case other:
                said = f"fetch answered {type(other).__name__}, expected Pending, Done or Failed"
                raise BadResultError(said, provider=self._opened.name, job_id=arguments["job"])

    def _do_cancel(self, arguments: Mapping[str, Any], _: Sequence[Part]) -> Said:
        self._opened.cancel(arguments["job"])
        return None, ()

    def _do_find(self, arguments: Mapping[str, Any], _: Sequence[Part]) -> Said:
        backend = self._opened
        assert isinstance(backend, Finding)
        found = backend.find(arguments["tag"])
        return found if found is None else _text(found, "find"), ()

    def _do_cost(self, _: Mapping[str, Any], parts: Sequence[Part]) -> Said:
        backend = self._opened
        assert isinstance(backend, Costing)
        return backend.cost(decode_works(parts[0])).model_dump(mode="json"), ()

    def _do_most_rows(self, arguments: Mapping[str, Any], parts: Sequence[Part]) -> Said:
        backend = self._opened
        assert isinstance(backend, Limiting)
        return backend.most_rows(Circuit.from_json(bytes(parts[0])), arguments["shots"]), ()

    def _do_identity(self, _: Mapping[str, Any], __: Sequence[Part]) -> Said:
        backend = self._opened
        assert isinstance(backend, Identified)
        return dict(backend.identity()), ()

    def _do_adopt(self, arguments: Mapping[str, Any], parts: Sequence[Part]) -> Said:
        backend = self._opened
        assert isinstance(backend, Adopting)
        return _text(backend.adopt(arguments["job"], decode_works(parts[0])), "adopt"), ()

    def _do_lowered(self, arguments: Mapping[str, Any], parts: Sequence[Part]) -> Said:
        backend, (work,) = self._opened, decode_works(parts[0])
        assert isinstance(backend, Lowering)
        return None, [backend.lowered(work, arguments["row"]).to_json().encode()]

    @property
    def _opened(self) -> Backend:
        assert self._backend is not None
        return self._backend


def serve(worker: Worker, requests: IO[bytes], answers: IO[bytes]) -> None:
    """Answer requests until there are no more."""
    told: frozenset[str] = frozenset()
    while True:
        try:
            document, parts = read(requests)
        except EOFError:
            return
        seconds = max(0.01, float(document["seconds"]))
        # Works while a vendor holds the interpreter's lock, and where the parent, who would stop this process, is gone.
        faulthandler.dump_traceback_later(seconds, exit=True, file=2)
        out: Sequence[Part] = ()
        try:
            with at_most(seconds):
                value, out = worker.do(document["verb"], document.get("arguments", {}), parts)
            answer = {"ok": value}
        except MemoryError:
            traceback.print_exc()
            os._exit(1)  # what has eaten the memory would eat the next call's
        except BaseException as error:
            answer = _error(error, worker)
        secrets, told = concealed() - told, concealed()
        write(answers, Frame({**answer, "number": document["number"], "secrets": sorted(secrets)}, out))
        faulthandler.cancel_dump_traceback_later()  # waits for a thread to end, which nobody else has to wait for


def _error(error: BaseException, worker: Worker | None = None) -> dict[str, Any]:
    """An exception as part of an answer."""
    said = "".join(traceback.format_exception(error))[-TRACEBACK:]
    if not isinstance(error, QadaptError):
        name = worker.name if worker is not None else ""
        error = ProviderError(f"{type(error).__name__}: {error}", provider=name)
    return {"error": encode_error(error), "traceback": redacted(said)}


def _text(job_id: Any, verb: str) -> str:
    if not isinstance(job_id, str):
        raise BadResultError(f"{verb} answered {type(job_id).__name__}, expected a job id", provider="")
    return job_id


class _Deaf(io.FileIO):
    """A file whose loss nobody minds: the reader may have gone while a call is to be finished."""

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except OSError:
            return len(data)


def _private() -> tuple[IO[bytes], IO[bytes]]:
    """Take the pipes away from everybody else: who reads standard input finds it empty, who writes goes to errors."""
    requests, answers = (os.fdopen(os.dup(number), mode, buffering=0) for number, mode in ((0, "rb"), (1, "wb")))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    for name in ("stdout", "stderr"):
        file = io.TextIOWrapper(
            io.BufferedWriter(_Deaf(2, "w", closefd=False)), errors="backslashreplace", line_buffering=True
        )
        setattr(sys, name, file)
    return requests, answers


def _limit(memory: int) -> None:
    """Bound the memory, and see that this process and not its parent goes first where the machine runs out of it."""
    if sys.platform == "win32":
        return
    import resource

    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    if memory:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_DATA, (memory, resource.getrlimit(resource.RLIMIT_DATA)[1]))
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


def main() -> None:
    """Serve until the parent goes."""
    name, memory = sys.argv[1], int(sys.argv[2])
    requests, answers = _private()
    faulthandler.enable(file=2)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _limit(memory)
    status = 1
    try:
        serve(Worker(name), requests, answers)
        status = 0
    except BrokenPipeError:
        status = 0  # the parent has gone
    except BaseException:
        traceback.print_exc()
    # Not by way of the interpreter's end, at which vendors crash or wait for threads.
    os._exit(status)


if __name__ == "__main__":
    main()
