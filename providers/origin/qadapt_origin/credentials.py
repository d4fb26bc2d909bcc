"""Credentials: the key of Origin's cloud and the address it is sent to, read from the environment."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import urlsplit

from qadapt.errors import AccessError
from qadapt.redact import conceal

KEY, URL, ALLOW_HTTP = "ORIGIN_API_KEY", "ORIGIN_URL", "ORIGIN_ALLOW_HTTP"
"""Environment variables: the key, the address of the cloud, and ``1`` to send the key over plain http."""

_PROVIDER = "origin"
_CLEAR = f"set {URL} to an https address, or {ALLOW_HTTP}=1 if whoever is on the line may read the key"


@dataclass(frozen=True)
class Credentials:
    """What opens Origin's cloud.

    Attributes:
        key: API key.
        url: ``scheme://host[:port]``; None for the address that pyQPanda3 chooses by the key.
    """

    key: str = field(repr=False)
    url: str | None = None

    def identity(self) -> dict[str, str]:
        """Which account this is, for people and for comparison: the start of the key's digest, and the address."""
        return {"account": hashlib.sha256(self.key.encode()).hexdigest()[:12], "url": self.url or "default"}

    @classmethod
    def read(cls, environment: Mapping[str, str] = os.environ) -> Credentials | None:
        """Read them; None without a key.

        The key goes out in an HTTP header that pyQPanda3 puts together unchecked, so that a line break in it would add
        headers. It goes in clear text unless the address is https, and the address that pyQPanda3 chooses is not; so
        plain http is refused, but for this machine itself and where ``ORIGIN_ALLOW_HTTP=1`` says otherwise.

        Raises:
            AccessError: A key or an address that cannot be used, or a key that would be sent in clear text.
        """
        key = environment.get(KEY, "").strip()
        conceal(key)
        if not key:
            return None
        if not (key.isascii() and key.isprintable() and " " not in key):
            message = f"{KEY} holds a space, a control character or something else that no key has"
            raise AccessError(message, provider=_PROVIDER, hint="copy it again from Origin's site")
        clear = environment.get(ALLOW_HTTP, "").strip() == "1"
        url = environment.get(URL, "").strip().rstrip("/")
        if not url:
            if not clear:
                raise AccessError(f"without {URL} the key is sent over plain http", provider=_PROVIDER, hint=_CLEAR)
            return cls(key)
        scheme, local = _parts(url)
        if scheme == "http" and not (local or clear):
            raise AccessError(f"{URL} is plain http, which shows the key", provider=_PROVIDER, hint=_CLEAR)
        return cls(key, url)


def _parts(url: str) -> tuple[str, bool]:
    """Scheme of an address and whether it is this machine's.

    Raises:
        AccessError: It is not ``http[s]://host[:port]``.
    """
    wrong = AccessError(f"{URL} is not of the form https://host or https://host:port", provider=_PROVIDER)
    if not (url.isascii() and url.isprintable() and " " not in url):
        raise wrong
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise wrong from None
    rest = parts.path or parts.query or parts.fragment or parts.username is not None or "\\" in url
    if parts.scheme not in ("http", "https") or not host or rest:
        raise wrong
    try:
        return parts.scheme, ip_address(host).is_loopback
    except ValueError:
        return parts.scheme, host == "localhost"
