"""Check what pip cannot install: the Python version, the venv module and the shared libraries of pyqpanda3.

Runs before there is an environment, so it imports nothing but the standard library. Exits with 1 and says what to do.
"""

import ctypes
import importlib.util
import sys

LIBRARIES = {"libcurl.so.4": "libcurl4", "libgomp.so.1": "libgomp1", "libatomic.so.1": "libatomic1"}


def loads(library: str) -> bool:
    """Whether the dynamic loader finds a shared library."""
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def main() -> int:
    """Print every problem; return the exit code."""
    problems = []
    if sys.version_info < (3, 11):  # noqa: UP036 - this runs on whatever Python is there
        problems.append(
            f"Python 3.11 or newer is needed, this is {sys.version.split()[0]} (make PYTHON=python3.12 ...)"
        )
    if importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None:
        problems.append("the venv module is missing: apt-get install python3-venv")
    if sys.platform.startswith("linux"):
        missing = [package for library, package in LIBRARIES.items() if not loads(library)]
        if missing:
            problems.append(f"pyqpanda3 needs system libraries: apt-get install {' '.join(missing)}")
    for problem in problems:
        print(f"qadapt: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
