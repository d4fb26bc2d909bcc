"""Session: calls to Origin's cloud through pyQPanda3's client, for one set of credentials.

The client keeps key and address in global variables, those of the service that was made last, and a job that is made
from its id uses them. Making a service takes two microseconds and sends nothing, so one is made for every call. Calls
hold Python's global lock, up to 182 s where a server is silent, and no signal reaches them: this module belongs into a
process of its own, which ``OriginProvider.isolated`` asks for.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

from qadapt.redact import scrub
from qadapt_origin.credentials import Credentials
from qadapt_origin.errors import sdk
from qadapt_origin.options import Options

if TYPE_CHECKING:
    from pyqpanda3.core.core import QProg

T = TypeVar("T")

SIMULATORS = frozenset({"full_amplitude", "partial_amplitude", "single_amplitude"})
"""Names that the client adds to the chips, whatever the cloud says."""
COUNTS = "probCount"
"""Result field that holds counts; the cloud sends it only if it is asked for."""
CORRECTION = 1
"""``amend_flag`` of the correction of a whole distribution after sampling; 0 is none."""

_lock = Lock()


@dataclass(frozen=True)
class Session:
    """One account.

    Every method raises what the client raises, a RuntimeError, with concealed values masked.
    """

    credentials: Credentials

    def chips(self) -> Mapping[str, bool]:
        """Every chip and whether it is online."""
        found: Mapping[str, bool] = self._call(lambda service: service.backends())
        return {name: online for name, online in found.items() if name not in SIMULATORS}

    def chip(self, name: str) -> Any:
        """The client's ``ChipInfo`` of a chip; the client takes any name."""
        return self._call(lambda service: service.backend(name).chip_info())

    def submit(self, chip: str, programs: Sequence[QProg], shots: int, options: Options, tag: str) -> str:
        """Make one task of programs, and return its id; the client sends this request once and tries no second time."""
        asked = _cloud().QCloudOptions(
            amend_flag=CORRECTION if options.correction else 0,
            use_cz_pattern=options.crosstalk,
            mapping=options.mapping,
            optimization=options.optimisation,
            is_prob_counts=True,
        )
        batch = tag if options.tagged else ""
        job: str = self._call(
            lambda service: service.backend(chip).run(list(programs), shots, asked, batch_id=batch).job_id()
        )
        return job

    def answer(self, task: str) -> str:
        """The cloud's answer to a question about a task, JSON as it came."""
        data: str = self._call(lambda _: _cloud().QCloudJob(task).query(keys=[COUNTS]).origin_data())
        return data

    def cancel(self, task: str) -> bool:
        """Ask for the end of a task; False if it cannot be ended, is not known or the key is not good."""
        done: bool = self._call(lambda _: _cloud().QCloudJob(task).cancel())
        return done

    def _call(self, call: Callable[[Any], T]) -> T:
        key, url = self.credentials.key, self.credentials.url
        make = _cloud().QCloudService
        with _lock:
            try:
                return call(make(key) if url is None else make(key, url))
            except Exception as error:
                scrub(error)
                raise


def _cloud() -> ModuleType:
    sdk()  # says what is missing
    return importlib.import_module("pyqpanda3.qcloud")
