"""A vendor that is a folder: its jobs are files, so every process sees them, and a test can look at what was sent.

``python folder.py FOLDER words...`` is ``qadapt words...`` with this vendor as the provider ``folder``. Files in the
folder make it go wrong:

- ``hold``: every job is pending.
- ``hang``: the submit that makes the job of this number never answers.
- ``lose``: the answers of the submits that make the jobs of these numbers are lost.
- ``stubborn``: jobs of these numbers cannot be cancelled.
- ``slow``: cancelled jobs stay pending.
- ``deny``: a look at a job finds the credentials expired.
- ``no-find``, ``no-cancel``: the capability is not there.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace

from qadapt.codec import decode_works, encode_works
from qadapt.cost import Cost
from qadapt.counts import sample
from qadapt.errors import AccessError, JobFailedError, ProviderError, UnavailableError
from qadapt.provider import Done, Failed, Pending, Provenance, Result, Work, check_works
from qadapt.simulate import statevector
from qadapt.target import Capabilities, Target

BOX = Target(name="box", num_qubits=4, native=("rx", "ry", "rz", "cz"))
RULE = "half a dollar per job, a cent per shot (made up, 2026-04-01)"


class FolderBackend:
    """The one machine of the vendor; its counts follow from a job's content."""

    name = "folder:box"
    target = BOX

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.capabilities = Capabilities(
            seed=True,
            retrieval=True,
            max_jobs=3,
            cancel=not (folder / "no-cancel").exists(),
            find=not (folder / "no-find").exists(),
        )

    def submit(self, work: Sequence[Work], *, tag: str) -> str:
        check_works(work, self.target, self.capabilities)
        if found := self.find(tag):
            return found
        job = str(max((int(file.name.split(".")[0]) for file in self.folder.glob("*.job")), default=0) + 1)
        draft = self.folder / "draft"
        draft.write_bytes(encode_works(work))
        draft.rename(self.folder / f"{job}.{tag}.job")
        while self._named("hang", job):
            time.sleep(0.01)
        if self._named("lose", job):
            raise UnavailableError("the answer was lost", provider="folder", doubtful=True)
        return job

    def fetch(self, job_id: str) -> Pending | Done | Failed:
        if (self.folder / "deny").exists():
            raise AccessError("the token has expired", provider="folder")
        file = next(self.folder.glob(f"{job_id}.*.job"), None)
        cancelled = (self.folder / f"{job_id}.cancelled").exists()
        if file is None or (cancelled and not (self.folder / "slow").exists()):
            said = "no such job" if file is None else "cancelled by the user"
            return Failed(JobFailedError(said, provider="folder", job_id=job_id))
        if cancelled or (self.folder / "hold").exists():
            return Pending(position=7)
        works = decode_works(file.read_bytes())
        return Done(tuple(map(self._result, works)), raw=b'{"job": "%s"}' % job_id.encode())

    def cancel(self, job_id: str) -> None:
        if self._named("stubborn", job_id):
            raise ProviderError("cannot be cancelled now", provider="folder", job_id=job_id)
        if (self.folder / "hold").exists():  # otherwise it has finished, and stays as it is
            (self.folder / f"{job_id}.cancelled").touch()

    def find(self, tag: str) -> str | None:
        return next((file.name.split(".")[0] for file in self.folder.glob(f"*.{tag}.job")), None)

    def cost(self, work: Sequence[Work]) -> Cost:
        shots = sum(each.shots * each.bindings.rows for each in work)
        return Cost(shots=shots, seconds=2, dollars=0.5 + shots / 100, rules=(RULE,))

    def tags(self) -> list[str]:
        """Tags of the jobs that were made, in order."""
        files = sorted(self.folder.glob("*.job"), key=lambda file: int(file.name.split(".")[0]))
        return [file.name.split(".")[1] for file in files]

    def _named(self, file: str, job: str) -> bool:
        path = self.folder / file
        return path.exists() and job in path.read_text().split()

    def _result(self, work: Work) -> Result:
        counts = sample(statevector.probabilities(work.circuit, work.bindings), work.shots, work.seed or 1)
        provenance = Provenance(
            backend=self.name,
            circuit_hash=work.circuit.content_hash,
            qubits=work.circuit.measured,
            shots=work.shots,
            seed=work.seed,
            simulated=False,
        )
        return Result(counts, provenance)


class Folder:
    """The provider."""

    name = "folder"

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def targets(self) -> Mapping[str, Target]:
        return {BOX.name: BOX}

    def open(self, _target: str) -> FolderBackend:
        return FolderBackend(self.folder)


if __name__ == "__main__":
    from qadapt import cli, registry

    entry = SimpleNamespace(name="folder", load=lambda: lambda: Folder(Path(sys.argv[1])), dist=None)
    registry.installed = lambda: {"folder": entry}  # type: ignore[dict-item]
    cli.main(sys.argv[2:])
