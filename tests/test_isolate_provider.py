"""IsolatedProvider: interpreters of other environments, and answers that help where they cannot be used."""

from __future__ import annotations

import stat
import sys
import sysconfig
import venv
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import qadapt
from isolate_cases import NAME, SECRET, WORK, cloud_in, install, wish
from qadapt import registry
from qadapt.errors import MissingExtraError, ProviderError, QadaptError
from qadapt.isolate import IsolatedProvider
from qadapt.isolate.process import how
from qadapt.provider import Done, Requirements
from qadapt.redact import redacted

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="writes shell scripts and POSIX environments")


@pytest.fixture
def cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return cloud_in(tmp_path, monkeypatch)


@pytest.fixture
def provider() -> Iterator[Callable[[], IsolatedProvider]]:
    made = []

    def make() -> IsolatedProvider:
        made.append(IsolatedProvider(NAME))
        return made[-1]

    yield make
    for each in made:
        each.close()


def environment(folder: Path) -> Path:
    """A virtual environment with the provider, and with qadapt and what it needs by way of a path file."""
    venv.create(folder, symlinks=True)
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    site = folder / "lib" / version / "site-packages"
    here = [sysconfig.get_path("purelib"), sysconfig.get_path("platlib"), str(Path(qadapt.__file__).parents[1])]
    (site / "shared.pth").write_text("\n".join(dict.fromkeys(here)))
    install(site)
    return folder / "bin" / "python"


def script(path: Path, text: str) -> str:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def test_a_provider_of_another_environment_is_used(
    cloud: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = environment(tmp_path / "env")
    monkeypatch.setenv("QADAPT_CRASHY_PYTHON", str(python))
    assert NAME not in registry.installed()
    registry.provider.cache_clear()
    try:
        provider = registry.provider(NAME)
        assert list(provider.targets()) == ["volatile", "cloud", "full"]
        assert isinstance(provider, IsolatedProvider)
        assert provider.requirements().secrets == ("CRASHY_TOKEN",)
        assert redacted(SECRET) == "[secret]", "what is secret is known here, though the provider is not"
        backend = registry.backend("crashy:cloud")
        assert isinstance(backend.fetch(backend.submit([WORK], tag="a")), Done)
        wish(cloud, "fetch", "interpreter")
        with pytest.raises(QadaptError, match=f"{python} {tmp_path / 'env'}"):
            backend.fetch("x")
    finally:
        registry.provider.cache_clear()


def test_requirements_come_from_this_process_where_the_provider_is_there(
    provider: Callable[[], IsolatedProvider],
) -> None:
    needs = Requirements(modules=("here",))
    assert IsolatedProvider(NAME, lambda: needs).requirements() == needs


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        (
            "exec /nowhere/python",
            MissingExtraError,
            "ended with exit status 12[67], instead|instead of running a worker",
        ),
        ("exit 0", MissingExtraError, "exit status 0"),
        (
            "echo Hi; exec sleep 60",
            MissingExtraError,
            r"instead of running a worker, wrote garbage \(.*b'H'\) and was stopped",
        ),
        ("echo 'No module named qadapt' >&2; exit 1", MissingExtraError, "has no qadapt, or an old one"),
        ('exec {python} -S "$@"', MissingExtraError, "has no qadapt, or an old one"),
    ],
)
def test_an_interpreter_that_runs_no_worker(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    provider: Callable[[], IsolatedProvider],
    text: str,
    kind: type[QadaptError],
    words: str,
) -> None:
    path = script(tmp_path / "python", text.format(python=sys.executable))
    monkeypatch.setenv("QADAPT_CRASHY_PYTHON", path)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(kind, match=words) as caught:
        provider().targets()
    assert type(caught.value) is kind
    assert f"QADAPT_CRASHY_PYTHON={path}" in str(caught.value)
    assert "names the Python" in caught.value.hint


@pytest.mark.parametrize("path", ["/nowhere/bin/python", "/etc/passwd", "/", "nowhere"])
def test_an_interpreter_that_is_none(
    monkeypatch: pytest.MonkeyPatch, provider: Callable[[], IsolatedProvider], path: str
) -> None:
    monkeypatch.setenv("QADAPT_CRASHY_PYTHON", path)
    with pytest.raises(MissingExtraError, match=f"QADAPT_CRASHY_PYTHON={path} cannot be started"):
        provider().targets()


def test_an_environment_without_the_provider(cloud: Path, provider: Callable[[], IsolatedProvider]) -> None:
    with pytest.raises(MissingExtraError, match=r"no provider 'crashy' is installed; installed are .*local"):
        provider().targets()


def test_a_worker_of_another_version_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, provider: Callable[[], IsolatedProvider]
) -> None:
    code = "import qadapt.isolate.frames as f; f.PROTOCOL = 99; import qadapt.isolate.worker as w; w.main()"
    text = f'exec {sys.executable} -c "{code}" "$4" "$5"'
    monkeypatch.setenv("QADAPT_CRASHY_PYTHON", script(tmp_path / "python", text))
    with pytest.raises(MissingExtraError, match=r"another language \(99, here 2\)") as caught:
        provider().targets()
    assert type(caught.value) is MissingExtraError
    assert "same version of qadapt" in caught.value.hint


def test_a_wrapper_that_stays_in_between_is_no_obstacle(
    cloud: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, provider: Callable[[], IsolatedProvider]
) -> None:
    install(tmp_path / "site")
    text = f'PYTHONPATH={tmp_path / "site"} {sys.executable} "$@"; exit $?'
    monkeypatch.setenv("QADAPT_CRASHY_PYTHON", script(tmp_path / "python", text))
    wish(cloud, "targets", "segfault")
    with pytest.raises(ProviderError, match="in targets, ended with exit status 139"):
        provider().targets()


def test_nothing_of_the_current_folder_is_imported(
    cloud: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, provider: Callable[[], IsolatedProvider]
) -> None:
    install(tmp_path / "site")
    (tmp_path / "numpy.py").write_text("raise SystemExit('the wrong numpy')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    monkeypatch.chdir(tmp_path)
    assert len(provider().targets()) == 3


def test_ends_are_said_in_words() -> None:
    assert how(3) == "ended with exit status 3"
    assert how(-11).startswith("ended with SIGSEGV (")
    assert how(-99) == "ended with signal 99"
