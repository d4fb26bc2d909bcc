"""Account: where the credentials of the service come from, and the client that they give."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from qadapt.errors import AccessError
from qadapt.redact import conceal

if TYPE_CHECKING:
    from qiskit_ibm_runtime import QiskitRuntimeService

TOKEN, INSTANCE, CHANNEL, URL = "QISKIT_IBM_TOKEN", "QISKIT_IBM_INSTANCE", "QISKIT_IBM_CHANNEL", "QISKIT_IBM_URL"
"""Environment variables that the client reads."""

SAVED = "~/.qiskit/qiskit-ibm.json"
"""File of the accounts that ``QiskitRuntimeService.save_account`` saved."""

Resolver = Callable[[str, str, bool | None, str], str]


@dataclass(frozen=True)
class Account:
    """An account of IBM Quantum; what is left out comes from the environment or from the saved account.

    Attributes:
        token: API key of IBM Cloud.
        instance: CRN or name of the service instance.
        channel: ``ibm_quantum_platform``, or ``ibm_cloud`` for accounts that were saved with it.
        url: Address of IBM Cloud, or of a server that stands for the service.
        url_resolver: Gives the address of the service from url, instance, whether it is private, and channel. By
            default IBM's rule for addresses of IBM, and for all others the address itself with ``/api/v1``.
        name: Name of a saved account.
        filename: File of saved accounts.
    """

    token: str | None = field(default=None, repr=False)
    instance: str | None = None
    channel: Literal["ibm_quantum_platform", "ibm_cloud"] | None = None
    url: str | None = None
    url_resolver: Resolver | None = None
    name: str | None = None
    filename: str | None = None

    def given(self) -> bool:
        """Whether there are credentials; looks at the environment and at files only."""
        return bool(self.token or os.environ.get(TOKEN)) or bool(self._saved())

    def connect(self) -> QiskitRuntimeService:
        """Make the client of the service.

        Raises:
            AccessError: The address would show the credentials to everyone on the way.
            Exception: What the client raises.
        """
        from qadapt_ibm import wire

        saved = self._saved()
        conceal(self.token, os.environ.get(TOKEN), *(str(item.get("token")) for item in saved))
        # An account that is asked for by name comes from the file, whatever the environment says.
        token = self.token or (None if self.name else os.environ.get(TOKEN))
        url = (self.url or os.environ.get(URL)) if token else next((item.get("url") for item in saved), None)
        _check(url)
        service = wire.service_class()(
            channel=self.channel or (os.environ.get(CHANNEL) if token else None),
            token=token,
            url=url if token else None,
            instance=self.instance or (os.environ.get(INSTANCE) if token else None),
            name=self.name,
            filename=self.filename,
            url_resolver=self.url_resolver or (resolved if url and not _ibm(url) else None),
        )
        wire.check(service)
        return service

    def _saved(self) -> list[dict[str, Any]]:
        """Saved accounts. Asked about a file that is not there, Qiskit would make it."""
        file = Path(self.filename or SAVED).expanduser()
        if not file.is_file():
            return []
        from qiskit_ibm_runtime import QiskitRuntimeService

        try:
            return list(QiskitRuntimeService.saved_accounts(filename=str(file), name=self.name).values())
        except Exception:  # a broken file: whatever is in it, it is no account
            return []


def resolved(url: str, *_: object) -> str:
    """Address of the service at a server that is not IBM's."""
    return f"{url.rstrip('/')}/api/v1"


def _ibm(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    return host == "cloud.ibm.com" or host.endswith(".cloud.ibm.com")


def _check(url: str | None) -> None:
    """Refuse to send credentials in clear over a network."""
    for address in filter(None, (url, os.environ.get("IAM_URL"))):
        parts = urlsplit(address)
        if parts.scheme != "https" and not _loopback(parts.hostname or ""):
            raise AccessError(f"{address} is not https, credentials would go over the network in clear", provider="ibm")


def _loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
