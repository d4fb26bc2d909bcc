"""The error of adapters that do not fit a model."""

from __future__ import annotations

from qadapt.errors import QadaptError


class AdapterError(QadaptError):
    """An adapter that does not fit: bad configuration, no matching layer, wrong width, unreadable weights."""

    code = "adapter"
