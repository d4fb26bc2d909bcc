"""Translate: what a vendor raises, as errors of our own tree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from qadapt.errors import MissingExtraError, ProviderError, QadaptError
from qadapt.redact import scrub


@contextmanager
def translated(
    provider: str, kinds: Mapping[str, type[ProviderError]], *, job_id: str | None = None, install: str = ""
) -> Iterator[None]:
    """Turn every exception that leaves the block into a ``ProviderError``, with the original as its cause.

    Secrets are taken out of the original. An error of our own tree passes as it is.

    Args:
        provider: Whose code runs in the block.
        kinds: Errors by the name of the vendor's exception or of a base class of it, so that the vendor need not be
            imported to name them. The nearest class decides; what is not named becomes a plain ``ProviderError``.
        job_id: Job that the block is about.
        install: Command that installs the vendor's package.

    Raises:
        ProviderError: As above.
        MissingExtraError: Something cannot be imported.
    """
    try:
        yield
    except QadaptError:
        raise
    except ImportError as error:
        raise MissingExtraError(f"{provider}: {error}", hint=install) from error
    except Exception as error:
        scrub(error)
        names = (base.__name__ for base in type(error).__mro__)
        kind = next((kinds[name] for name in names if name in kinds), ProviderError)
        raise kind(f"{provider}: {type(error).__name__}: {error}", provider=provider, job_id=job_id) from error
