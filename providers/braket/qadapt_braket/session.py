"""Session: the client of Amazon Braket, with timeouts, credentials that stay secret, and a memory of lost answers."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qadapt.redact import conceal

if TYPE_CHECKING:
    from braket.aws import AwsSession

CONNECT_TIMEOUT, READ_TIMEOUT = 5.0, 20.0
"""Seconds that one attempt may wait for a connection and for the next bytes."""

ATTEMPTS = 3
"""Attempts of one request by botocore. Every attempt of a submit carries the same ``clientToken``."""

REGION, BUCKET = "QADAPT_BRAKET_REGION", "QADAPT_BRAKET_BUCKET"
"""Environment variables: region in which devices are looked for by name, and the bucket for results."""

CREDENTIALS = ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI")
SECRETS = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
FILES = ("~/.aws/credentials", "~/.aws/config")


def has_credentials() -> bool:
    """Whether there are credentials, as far as this can be seen without asking the network."""
    files = (
        os.environ.get("AWS_SHARED_CREDENTIALS_FILE", FILES[0]),
        os.environ.get("AWS_CONFIG_FILE", FILES[1]),
    )
    return any(os.environ.get(name) for name in CREDENTIALS) or any(Path(file).expanduser().is_file() for file in files)


def chosen_region() -> str | None:
    """Region that the user asked for; None where nobody did."""
    names = (REGION, "AWS_REGION", "AWS_DEFAULT_REGION")
    return next((value for name in names if (value := os.environ.get(name, "").strip())), None)


def connect(region: str) -> AwsSession:
    """Make the client for a region; nothing is asked of the network, except by credentials that have to be fetched."""
    import boto3
    from botocore.config import Config
    from botocore.session import get_session
    from braket.aws import AwsSession

    conceal(*(os.environ.get(name) for name in SECRETS))
    config = Config(
        connect_timeout=CONNECT_TIMEOUT,
        read_timeout=READ_TIMEOUT,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
    )
    core = get_session()
    # S3's and STS's clients are made by the SDK without a configuration of their own.
    core.set_default_client_config(config)
    made = boto3.Session(botocore_session=core, region_name=region)
    found = made.get_credentials()
    if found is not None:
        frozen = found.get_frozen_credentials()
        conceal(frozen.secret_key, frozen.token)
    session = AwsSession(boto_session=made, config=config, default_bucket=os.environ.get(BUCKET) or None)
    session.braket_client.meta.events.register("needs-retry.braket.CreateQuantumTask", _note)
    return session


_attempts = threading.local()


def forget_attempts() -> None:
    """Start to watch the attempts of a submit that this thread is about to make."""
    _attempts.lost = False


def was_lost() -> bool:
    """Whether an attempt of this thread's submit may have created a task that nobody told us about."""
    return bool(getattr(_attempts, "lost", False))


def _note(response: Any = None, caught_exception: Exception | None = None, **_: Any) -> None:
    """Look at one attempt; botocore asks its handlers after every one whether to make another."""
    if caught_exception is not None:
        from botocore.exceptions import ConnectTimeoutError, EndpointConnectionError

        # These two say that no connection was made; the first of them covers refused ones and unknown names.
        if not isinstance(caught_exception, (EndpointConnectionError, ConnectTimeoutError)):
            _attempts.lost = True
    elif response is not None and response[0].status_code >= 500:
        _attempts.lost = True
