"""Checks: what an installation has and what it lacks, as plain data.

Nothing about a vendor is known here: packages come from the metadata of the distributions, the rest from each
provider's ``requirements``. Of credentials only the names are looked at, never the values.
"""

from __future__ import annotations

import ctypes
import os
import re
import stat
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import EntryPoint, PackageNotFoundError, version
from pathlib import Path
from typing import Any

from qadapt import registry
from qadapt.errors import QadaptError
from qadapt.isolate.settings import Settings
from qadapt.provider import Requirements, Requiring

IMPORT_SECONDS = 120
"""After so many seconds an import counts as hanging."""

_REQUIREMENT = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^]]*\])?([^;]*)(?:;(.*))?")
_EXTRA = re.compile(r"""extra\s*==\s*['"]([^'"]+)['"]""")


def packages(name: str, requires: Sequence[str]) -> list[dict[str, Any]]:
    """Packages that a distribution requires or that its extras do, with the installed version.

    Args:
        name: The distribution.
        requires: Its requirements, as its metadata has them.
    """
    found = []
    for text in requires:
        match = _REQUIREMENT.match(text)
        if match is None or match.group(1) == name:
            continue
        package, wanted, marker = match.group(1), match.group(2).strip(), match.group(3) or ""
        extra = _EXTRA.search(marker)
        if marker and extra is None:
            continue  # needed on other platforms or Python versions only, as far as can be told here
        found.append(
            {
                "package": package,
                "for": f"{name}[{extra.group(1)}]" if extra else name,
                "wanted": wanted,
                "extra": extra.group(1) if extra else None,
                "version": _version(package),
                "get": f"pip install '{name}[{extra.group(1)}]'" if extra else f"pip install '{package}{wanted}'",
            }
        )
    return found


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def examine(name: str, entry: EntryPoint | None) -> dict[str, Any]:
    """Everything that can be said about one provider without connecting to anything.

    Args:
        name: Of the provider.
        entry: Where it is installed; None if that is another environment, whose interpreter is asked then.
    """
    dist = entry.dist if entry else None
    report: dict[str, Any] = {
        "provider": name,
        "package": dist.name if dist else None,
        "version": dist.version if dist else None,
        "packages": packages(dist.name, dist.requires or ()) if dist and dist.name != "qadapt" else [],
        "runs": None,
        "error": None,
        "modules": {},
        "credentials": {},
        "files": {},
        "libraries": [],
    }
    try:
        report["runs"] = registry.place(name)
        made, settings = registry.provider(name), Settings.of(name)
        needs = made.requirements() if isinstance(made, Requiring) else Requirements()
    except QadaptError as error:
        return report | {"error": str(error)}
    return report | {
        "modules": {module: import_error(module, settings) for module in needs.modules},
        "credentials": {variable: _variable(variable) for variable in needs.credentials},
        "files": {file: _file(file) for file in needs.files},
        "libraries": libraries(needs.libraries),
    }


def import_error(module: str, settings: Settings) -> str | None:
    """Why a module cannot be imported by a fresh interpreter, that of a provider's worker; None if it can.

    A process of its own, because a broken vendor package may end the interpreter that imports it.
    """
    code = "import importlib, sys; importlib.import_module(sys.argv[1])"
    try:
        done = subprocess.run(
            [settings.python or sys.executable, "-P", "-c", code, module],
            env=settings.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=IMPORT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"the import does not end within {IMPORT_SECONDS} s"
    if not done.returncode:
        return None
    said = done.stderr.decode(errors="replace").strip().splitlines()
    return said[-1] if done.returncode > 0 and said else f"the interpreter ended with {done.returncode}"


def libraries(needed: Mapping[str, str]) -> list[dict[str, Any]]:
    """Whether each shared library can be loaded, and the line that installs it; empty where it is not Linux."""
    if sys.platform != "linux":
        return []
    found = []
    for name, package in needed.items():
        try:
            ctypes.CDLL(name)
        except OSError:
            loaded = False
        else:
            loaded = True
        found.append({"library": name, "found": loaded, "get": f"apt-get install {package}"})
    return found


def _variable(name: str) -> str:
    value = os.environ.get(name)
    return "not set" if value is None else "set" if value else "set, but empty"


def _file(name: str) -> str:
    """State of a credential file; its contents stay unread."""
    try:
        mode = Path(name).expanduser().stat().st_mode
    except OSError:
        return "absent"
    open_to_others = os.name == "posix" and mode & (stat.S_IRGRP | stat.S_IROTH)
    return f"present, readable by others (chmod 600 {name})" if open_to_others else "present"


def broken(report: Mapping[str, Any]) -> list[str]:
    """What is installed and cannot work, in words; empty if all is well."""
    wrong = _missing(report["packages"])
    for provider in report["providers"]:
        mine = [provider["error"]] if provider["error"] else []
        mine += _missing(provider["packages"])
        mine += [f"import {module}: {error}" for module, error in provider["modules"].items() if error]
        lost = [library for library in provider["libraries"] if not library["found"]]
        mine += [f"{library['library']} is missing: {library['get']}" for library in lost]
        wrong += [f"{provider['provider']}: {text}" for text in mine]
    return wrong


def _missing(listed: Iterable[Mapping[str, Any]]) -> list[str]:
    needed = [item for item in listed if item["extra"] is None and item["version"] is None]
    return [f"{item['package']} is missing: {item['get']}" for item in needed]
