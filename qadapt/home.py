"""Home: the folder where qadapt keeps what must not be lost."""

from __future__ import annotations

import os
from pathlib import Path


def home() -> Path:
    """``$QADAPT_HOME``, or the platform's folder for a user's data; it need not exist yet.

    Processes of several machines should have a folder each: neither locks nor write-ahead logs can be relied on across
    a network.
    """
    from platformdirs import user_data_path

    named = os.environ.get("QADAPT_HOME")
    return Path(os.path.expanduser(named)) if named else user_data_path("qadapt", appauthor=False)
