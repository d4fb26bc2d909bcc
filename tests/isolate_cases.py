"""A provider that goes wrong on request, installed in a folder of its own, for tests of isolation.

Its "cloud" is a folder: what is in it outlives every worker, as a vendor's jobs do.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from qadapt.bindings import Bindings
from qadapt.circuit import Circuit, op
from qadapt.provider import Work

NAME = "crashy"
MODULE = "qadapt_crashy_for_tests"
SECRET = "hunter2-hunter2"
KINDS = ("segfault", "abort", "hang", "eat", "exit", "garbage")
"""Ways in which a worker can be lost."""

CIRCUIT = Circuit(num_qubits=2, operations=[op("ry", 0, angles=["w"]), op("cx", 0, 1)], measured=[0, 1])
WORK = Work(CIRCUIT, Bindings.of({"w": [0.3, 1.2]}), 100, 7)

SOURCE = '''
import ctypes, hashlib, json, os, sys, time, uuid
from pathlib import Path
from qadapt.codec import decode_works, encode_works
from qadapt.cost import Cost
from qadapt.errors import AccessError, BadResultError, JobFailedError, TargetError, UnavailableError
from qadapt.local import STATEVECTOR, StatevectorBackend
from qadapt.provider import Done, Failed, Pending, Requirements
from qadapt.redact import conceal
from qadapt.target import Capabilities

CLOUD = Path(os.environ["CRASHY_CLOUD"])

def misbehave(verb):
    """Do once what the file "wish" says, if it is about this verb."""
    try:
        wished, kind = (CLOUD / "wish").read_text().split()
    except (FileNotFoundError, ValueError):
        return None
    if wished != verb:
        return None
    (CLOUD / "wish").unlink()
    return globals()[kind]()

def segfault(): ctypes.string_at(0)
def abort(): os.abort()
def exit(): os._exit(3)
def hang(): ctypes.PyDLL(None).sleep(1000)  # holds the interpreter's lock
def doze(): time.sleep(1000)
def breed():
    import subprocess
    child = subprocess.Popen(["sleep", "1000"])
    (CLOUD / "child.new").write_text(str(child.pid))
    (CLOUD / "child.new").replace(CLOUD / "child")
    doze()
def eat():
    held = []
    while True:
        held.append(bytes(2**24))
def garbage():
    for number in range(3, 64):
        try:
            os.write(number, b"HTTP/1.1 502 Bad Gateway" * 100)
        except OSError:
            pass
def chatter():
    print("hello from the vendor", flush=True)
    os.write(1, b"\\x00qadapt\\xff" * 1000)
    os.write(2, b"x" * 300_000)
    assert sys.stdin.read() == ""
    return None
def raises():
    try:
        raise KeyError("the vendor's own")
    except KeyError as error:
        raise RuntimeError("no luck with " + os.environ.get("CRASHY_TOKEN", "")) from error
def refused(): raise AccessError("not today", provider="crashy", hint="pay")
def leaves(): sys.exit(0)
def lies(): return 17
def nonsense(): return Failed(BadResultError("none", provider="crashy"), b"\\x00what came")
def tells():
    conceal("late-secret-value")
    os.write(2, b"late-secret-value " + os.environ.get("CRASHY_TOKEN", "").encode())
    return None
def tells_and_dies():
    tells()
    os.abort()
def slow():
    while not (CLOUD / "go").exists():
        time.sleep(0.01)
def interpreter():
    raise JobFailedError(sys.executable + " " + sys.prefix, provider="crashy")

class Volatile:
    """Jobs live in the worker."""
    def __init__(self, name):
        self.name = "crashy:" + name
        self.target = STATEVECTOR.renamed(name)
        self.capabilities = Capabilities(seed=True, simulated=True, cancel=True)
        self.inner = StatevectorBackend()
        self.jobs = {}
    def submit(self, work, *, tag):
        wrong = misbehave("submit")
        self.jobs.setdefault(str(len(self.jobs)), list(work))
        return wrong or str(len(self.jobs) - 1)
    def fetch(self, job_id):
        if wrong := misbehave("fetch"):
            return wrong
        if job_id not in self.jobs:
            return Failed(JobFailedError("no job", provider=self.name, job_id=job_id))
        return Done(tuple(self.inner.execute(work) for work in self.jobs[job_id]), b"raw")
    def cancel(self, job_id):
        misbehave("cancel")

class Cloud(Volatile):
    """Jobs live in a folder; "after" is misbehaviour between making the job and answering."""
    def __init__(self, name):
        super().__init__(name)
        self.capabilities = Capabilities(seed=True, retrieval=True, cancel=True)
    def submit(self, work, *, tag):
        wrong = misbehave("submit")
        job_id = hashlib.sha256(tag.encode()).hexdigest() + "-" + uuid.uuid4().hex
        # At once or not at all, wherever this process is killed: a cloud makes no job without its tag.
        part = CLOUD / (job_id + ".part")
        part.write_bytes(encode_works(work))
        part.rename(CLOUD / (job_id + ".job"))
        return misbehave("after") or wrong or job_id
    def fetch(self, job_id):
        if wrong := misbehave("fetch"):
            return wrong
        path = CLOUD / (job_id + ".job")
        if not path.exists():
            return Failed(JobFailedError("no job", provider=self.name, job_id=job_id))
        return Done(tuple(self.inner.execute(work) for work in decode_works(path.read_bytes())), b"")

class Full(Cloud):
    """With all optional verbs."""
    def __init__(self, name):
        super().__init__(name)
        self.capabilities = self.capabilities.model_copy(update={"find": True})
    def find(self, tag):
        if wrong := misbehave("find"):
            return wrong
        return next((path.stem for path in CLOUD.glob(hashlib.sha256(tag.encode()).hexdigest() + "-*.job")), None)
    def cost(self, work):
        misbehave("cost")
        return Cost(shots=sum(each.shots * each.bindings.rows for each in work), dollars=1.5, rules=("a rule",))
    def identity(self):
        return misbehave("identity") or {"account": "one", "options": ""}
    def most_rows(self, circuit, shots):
        return misbehave("most_rows") or circuit.num_qubits * shots
    def lowered(self, work, row):
        return misbehave("lowered") or work.bindings.bound(work.circuit, row)

class Provider:
    name = "crashy"
    isolated = True
    made = {"volatile": Volatile, "cloud": Cloud, "full": Full}
    def __init__(self):
        misbehave("load")
    def requirements(self):
        return Requirements(credentials=("CRASHY_TOKEN",), secrets=("CRASHY_TOKEN",))
    def targets(self):
        misbehave("targets")
        return {name: STATEVECTOR.renamed(name) for name in self.made}
    def open(self, target):
        misbehave("open")
        if target not in self.made:
            raise TargetError(f"crashy has no target {target!r}", violations=["one"], hint="crashy:cloud")
        return self.made[target](target)
'''


def install(folder: Path) -> None:
    """Install the provider into a folder that is, or will be, searched for modules."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{MODULE}.py").write_text(SOURCE)
    info = folder / "qadapt_crashy_for_tests-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: qadapt-crashy-for-tests\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[qadapt.providers]\n{NAME} = {MODULE}:Provider\n")


def cloud_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a cloud for what is started from now on, with home and limits of its own."""
    cloud = folder / "cloud"
    cloud.mkdir()
    monkeypatch.setenv("CRASHY_CLOUD", str(cloud))
    monkeypatch.setenv("CRASHY_TOKEN", SECRET)
    monkeypatch.setenv("QADAPT_CRASHY_MEMORY_MB", "250")
    monkeypatch.setenv("QADAPT_HOME", str(folder / "home"))
    return cloud


def wish(cloud: Path, verb: str, kind: str) -> None:
    """Let the next call of a verb go wrong."""
    (cloud / "wish.new").write_text(f"{verb} {kind}")
    (cloud / "wish.new").replace(cloud / "wish")


def jobs(cloud: Path) -> int:
    """Jobs that the cloud has made."""
    return len(list(cloud.glob("*.job")))


def gone(pid: int) -> bool:
    """Whether a process has ended; one that nobody has waited for counts."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True
