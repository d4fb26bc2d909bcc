"""Provider ``ibm``: fake machines always, machines of the IBM Quantum service where there are credentials."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from qadapt.errors import AccessError, JobFailedError, ProviderError, QadaptError, TargetError, UnavailableError
from qadapt.provider import Backend, Requirements
from qadapt.target import Target
from qadapt_ibm import fake
from qadapt_ibm.account import CHANNEL, INSTANCE, SAVED, TOKEN, URL, Account
from qadapt_ibm.errors import vendor
from qadapt_ibm.options import Options

if TYPE_CHECKING:
    from qiskit_ibm_runtime import QiskitRuntimeService

FRACTIONAL = "-fractional"
"""End of the name of a machine that is opened with its fractional gates."""


class IBMProvider:
    """IBM Quantum.

    Args:
        account: Credentials; by default those in the environment or of the saved account, if there are any.
        options: How jobs are run; by default as environment variables say, see ``Options``.
    """

    name = "ibm"

    def __init__(self, account: Account | None = None, options: Options | None = None) -> None:
        self._account = account or Account()
        self._options = options
        self._service: QiskitRuntimeService | None = None

    def requirements(self) -> Requirements:
        """What this provider needs from the machine it runs on."""
        return Requirements(
            modules=("qiskit_ibm_runtime", "qiskit_aer"),
            credentials=(TOKEN, INSTANCE, CHANNEL, URL),
            secrets=(TOKEN,),
            files=(SAVED,),
        )

    def targets(self) -> Mapping[str, Target]:
        """Fake machines, each loaded when it is looked at, and the service's machines that answer.

        Without credentials nothing is asked of the network. A service that does not answer has no machines.
        """
        return _Targets(self._reachable())

    def open(self, target: str) -> Backend:
        """Open a fake machine, or a machine of the service.

        Raises:
            TargetError: There is no such target, or the options do not fit it.
            AccessError: There are no credentials, or they do not suffice.
            UnavailableError: The service does not answer.
        """
        if target in fake.FAKES:
            return fake.FakeBackend(target)
        if self._account.given():
            return self._open(target)
        if target.startswith("ibm_"):
            raise AccessError(
                f"{target} is a machine of the IBM Quantum service, and there are no credentials",
                provider=f"{self.name}:{target}",
                hint="set QISKIT_IBM_TOKEN and QISKIT_IBM_INSTANCE, or save an account",
            )
        raise _unknown(target)

    def _open(self, target: str) -> Backend:
        from qiskit.providers.exceptions import QiskitBackendNotFoundError
        from qiskit_ibm_runtime.exceptions import IBMInputValueError

        from qadapt_ibm.service import ServiceBackend, service_target

        options = Options.read(os.environ) if self._options is None else self._options
        name, wanted = f"{self.name}:{target}", target.endswith(FRACTIONAL)
        with vendor(name):
            service = self._client()
            try:
                machine = service.backend(target.removesuffix(FRACTIONAL), use_fractional_gates=wanted)
            except QiskitBackendNotFoundError as error:
                raise self._unopened(service, target) from error
            except IBMInputValueError as error:
                raise TargetError(f"ibm has no target {target!r}: {error}") from error
            return ServiceBackend(name, service_target(target, machine, fractional=wanted), service, machine, options)

    def _unopened(self, service: QiskitRuntimeService, target: str) -> QadaptError:
        """What it means that the client finds no such machine, as it says also where a request has failed.

        Raises:
            UnavailableError: The service does not list its machines now.
            AccessError: The credentials do not suffice.
        """
        from qadapt_ibm import wire

        self._service = None  # a client keeps a list that it could not read as an empty one
        name = f"{self.name}:{target}"
        try:
            with vendor(name, None, UnavailableError):
                listed = wire.names(service)
        except JobFailedError as error:  # there is no job: a status of 400 or so
            raise UnavailableError(error.args[0], provider=name) from error.__cause__
        machine = target.removesuffix(FRACTIONAL)
        if machine not in listed:
            self._service = service
            return _unknown(target)
        return UnavailableError(f"{machine} is there, but its configuration cannot be read now", provider=name)

    def _reachable(self) -> dict[str, Target]:
        """Targets of the service's machines; those that cannot be read are left out."""
        if not self._account.given():
            return {}
        from qadapt_ibm.service import service_target

        found: dict[str, Target] = {}
        try:
            with vendor(self.name):
                machines = self._client().backends(use_fractional_gates=True)
        except ProviderError:
            return {}
        for machine in machines:
            try:
                with vendor(self.name):
                    found[machine.name] = service_target(machine.name, machine, fractional=False)
                    name = f"{machine.name}{FRACTIONAL}"
                    full = service_target(name, machine, fractional=True)
                    if "rzz" in full.native:
                        found[name] = full
            except QadaptError:
                continue
        return found

    def _client(self) -> QiskitRuntimeService:
        if self._service is None:
            self._service = self._account.connect()
        return self._service


class _Targets(Mapping[str, Target]):
    """Fake machines, loaded when they are looked at, and others that are already there."""

    def __init__(self, others: Mapping[str, Target]) -> None:
        self._others = others

    def __getitem__(self, name: str) -> Target:
        return fake.target(name) if name in fake.FAKES else self._others[name]

    def __iter__(self) -> Iterator[str]:
        yield from fake.FAKES
        yield from (name for name in self._others if name not in fake.FAKES)

    def __len__(self) -> int:
        return len(set(fake.FAKES) | set(self._others))

    def __contains__(self, name: object) -> bool:
        return name in fake.FAKES or name in self._others


def _unknown(target: str) -> TargetError:
    return TargetError(f"ibm has no target {target!r}", hint=f"fake machines are {', '.join(fake.FAKES)}")
