"""Provider ``ibm``: fake machines always, machines of the IBM Quantum service where there are credentials."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from qadapt.errors import AccessError, ProviderError, QadaptError, TargetError
from qadapt.provider import Backend, Requirements
from qadapt.target import Target
from qadapt_ibm import fake
from qadapt_ibm.errors import vendor
from qadapt_ibm.service import ServiceBackend, service_target

if TYPE_CHECKING:
    from qiskit_ibm_runtime import QiskitRuntimeService

Connect = Callable[[], "QiskitRuntimeService"]


class IBMProvider:
    """IBM Quantum.

    Args:
        connect: Makes the client of the service; by default one with the credentials in the environment or of the saved
            account, if there are any.
    """

    name = "ibm"

    def __init__(self, connect: Connect | None = None) -> None:
        self._connect = connect
        self._service: QiskitRuntimeService | None = None

    def requirements(self) -> Requirements:
        """What this provider needs from the machine it runs on."""
        return Requirements(
            modules=("qiskit_ibm_runtime", "qiskit_aer"),
            credentials=("QISKIT_IBM_TOKEN", "QISKIT_IBM_INSTANCE"),
            files=("~/.qiskit/qiskit-ibm.json",),
        )

    def targets(self) -> Mapping[str, Target]:
        """Fake machines, each loaded when it is looked at, and the service's machines that answer.

        Without credentials nothing is asked of the network. A service that does not answer has no machines.
        """
        return _Targets(self._reachable())

    def open(self, target: str) -> Backend:
        """Open a fake machine, or a machine of the service.

        Raises:
            TargetError: There is no such target.
            AccessError: There are no credentials, or they do not suffice.
            UnavailableError: The service does not answer.
        """
        if target in fake.FAKES:
            return fake.FakeBackend(target)
        if self._can_connect():
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

        name = f"{self.name}:{target}"
        with vendor(name):
            service = self._client()
            try:
                machine = service.backend(target)
            except QiskitBackendNotFoundError:
                # The client says this also where a request failed; the next one raises what is wrong.
                service.usage()
                raise _unknown(target) from None
            return ServiceBackend(name, service_target(machine), service, machine)

    def _reachable(self) -> dict[str, Target]:
        """Targets of the service's machines; those that cannot be read are left out."""
        if not self._can_connect():
            return {}
        found: dict[str, Target] = {}
        try:
            with vendor(self.name):
                machines = self._client().backends()
        except ProviderError:
            return {}
        for machine in machines:
            try:
                with vendor(self.name):
                    found[machine.name] = service_target(machine)
            except QadaptError:
                continue
        return found

    def _can_connect(self) -> bool:
        return self._connect is not None or bool(os.environ.get("QISKIT_IBM_TOKEN")) or _account_saved()

    def _client(self) -> QiskitRuntimeService:
        if self._service is None:
            if self._connect is None:
                from qiskit_ibm_runtime import QiskitRuntimeService

                self._service = QiskitRuntimeService()
            else:
                self._service = self._connect()
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


def _account_saved() -> bool:
    """Whether Qiskit's account file exists and holds an account; asked about a missing file, Qiskit would make it."""
    file = Path.home() / ".qiskit" / "qiskit-ibm.json"
    if not file.is_file():
        return False
    from qiskit_ibm_runtime import QiskitRuntimeService

    try:
        return bool(QiskitRuntimeService.saved_accounts(filename=str(file)))
    except Exception:  # a broken file: whatever is in it, it is no account
        return False
