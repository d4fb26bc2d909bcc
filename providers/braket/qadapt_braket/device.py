"""Device: machines of Amazon Braket. One submit is one quantum task, of one program set where the machine takes them.

Tasks are created through ``AwsSession``, the layer under the SDK's ``AwsDevice``: only there can the client token be
given. It follows from the submit's tag, so however often a submit is sent, by botocore or by us, AWS makes one task.
What is needed to read the results travels with the task as tags, so any process can fetch a job by its id, the ARN.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from qadapt.circuit import Circuit
from qadapt.cost import Cost
from qadapt.errors import AccessError, BadResultError, JobFailedError, ProviderError, UnavailableError
from qadapt.provider import Done, Failed, Pending, Provenance, Result, Work, check_row, check_works
from qadapt_braket import manifest, program, readback, results
from qadapt_braket.errors import code_of, looking, vendor
from qadapt_braket.manifest import Head
from qadapt_braket.properties import Device
from qadapt_braket.session import BUCKET, forget_attempts, was_lost

if TYPE_CHECKING:
    from braket.aws import AwsSession

FOLDER = "qadapt"
"""Folder of results in the bucket."""

LATEST = 600.0
"""Seconds after a task's end from which on its results should have appeared in S3."""

_ARN = re.compile(r"arn:aws[a-z-]*:braket:[a-z0-9-]+:\d*:quantum-task/[\w-]+")


class DeviceBackend:
    """A machine.

    Args:
        name: Full name of the backend.
        arn: Of the device.
        device: The device in our terms.
        session: The client, for the device's region.
    """

    def __init__(self, name: str, arn: str, device: Device, session: AwsSession) -> None:
        self.name = name
        self.target = device.target
        self.capabilities = device.limits.capabilities()
        self.device = device
        self._arn = arn
        self._session = session
        self._tags: dict[str, str] = {}
        self._completed: dict[str, float] = {}

    def submit(self, work: Sequence[Work], *, tag: str) -> str:
        """Create one quantum task of a work.

        Raises:
            QadaptError: The work does not fit into one task, or the service refused it.
        """
        check_works(work, self.target, self.capabilities)
        (own,) = work
        self.device.limits.check(own, self.target.name)
        tags = manifest.tags(manifest.head_of(own, self.device.labels), tag)
        if tag not in self._tags:
            self._tags[tag] = self._create(own, tag, tags)
        return self._tags[tag]

    def lowered(self, work: Work, row: int) -> Circuit:
        """One row of a work, read back from the action of the quantum task that would be created."""
        check_row(work, row, self.target, self.capabilities)
        with vendor(self.name):
            return readback.posted(program.task(work, self.device)["action"], row, work.widths, self.device.labels)

    def _create(self, work: Work, tag: str, tags: dict[str, str]) -> str:
        with vendor(self.name):
            task = program.task(work, self.device)
        bucket = self._bucket()
        forget_attempts()
        try:
            with vendor(self.name):
                arn = self._session.create_quantum_task(
                    clientToken=manifest.token(tag),
                    deviceArn=self._arn,
                    outputS3Bucket=bucket,
                    outputS3KeyPrefix=FOLDER,
                    tags=tags,
                    **task,
                )
        except ProviderError as error:
            raise self._judged(error) from error.__cause__
        return str(arn)

    def _bucket(self) -> str:
        """Bucket for results: the user's, or the one that the SDK makes for the account and region."""
        try:
            with vendor(self.name):
                try:
                    return str(self._session.default_bucket())
                except ValueError as error:
                    raise AccessError(str(error), provider=self.name, hint=f"name a bucket in {BUCKET}") from error
        except UnavailableError as error:
            error.doubtful = False
            raise

    def _judged(self, error: ProviderError) -> ProviderError:
        """Say whether a submit that failed may have created a task: an attempt was lost, or the answer unreadable."""
        from botocore.exceptions import ClientError, ConnectTimeoutError, EndpointConnectionError

        refused = isinstance(error.__cause__, (ClientError, ConnectTimeoutError, EndpointConnectionError))
        if not isinstance(error, UnavailableError):
            # Whatever a later attempt was refused for, an earlier one may have got through.
            return UnavailableError(error.args[0], provider=self.name, doubtful=True) if was_lost() else error
        error.doubtful = was_lost() or not refused
        return error

    def find(self, tag: str) -> str | None:
        """ARN of the task with this tag, among all tasks of the device that the account has.

        The service filters by device but not by tag, and does not say how soon it lists a new task. Whoever takes None
        for an answer does well to ask some seconds after the submit. To send again under the same tag is safe in any
        case: the client token is the same.

        Raises:
            UnavailableError: The service does not answer.
            AccessError: The credentials do not suffice.
        """
        wanted = manifest.label(tag)
        filters = [{"name": "deviceArn", "operator": "EQUAL", "values": [self._arn]}]
        with looking(self.name):
            pages = self._session.braket_client.get_paginator("search_quantum_tasks")
            for page in pages.paginate(filters=filters, PaginationConfig={"PageSize": 100}):
                for task in page["quantumTasks"]:
                    if task.get("tags", {}).get(manifest.KEY) == wanted:
                        return str(task["quantumTaskArn"])
        return None

    def fetch(self, job_id: str) -> Pending | Done | Failed:
        """Look at a task.

        Raises:
            UnavailableError: The service or S3 does not answer, or the results of a task that ended long ago are not
                there.
            AccessError: The credentials do not suffice.
        """
        if not _ARN.fullmatch(job_id):
            return Failed(JobFailedError(f"no job {job_id!r}", provider=self.name, job_id=job_id))
        try:
            with looking(self.name, job_id):
                task = self._session.get_quantum_task(job_id)
                status = str(task["status"])
        except JobFailedError as error:
            return Failed(error)
        if status in ("FAILED", "CANCELLED"):
            return Failed(self._ended(task, status, job_id))
        if status != "COMPLETED":
            return Pending(_position(task))
        try:
            head = manifest.head_from(task.get("tags") or {})
        except ValueError as error:
            return Failed(JobFailedError(f"{error}", provider=self.name, job_id=job_id))
        return self._done(task, head, job_id)

    def _ended(self, task: dict[str, Any], status: str, job_id: str) -> JobFailedError:
        said = "the task was cancelled" if status == "CANCELLED" else f"the task failed: {task.get('failureReason')}"
        return JobFailedError(said, provider=self.name, job_id=job_id)

    def _done(self, task: dict[str, Any], head: Head, job_id: str) -> Pending | Done | Failed:
        """Results of a completed task, once they are in S3."""
        from botocore.exceptions import ClientError

        raw: bytes | None = None
        with looking(self.name, job_id):
            bucket, folder = str(task["outputS3Bucket"]), str(task["outputS3Directory"])

            def fetch(key: str) -> bytes:
                return bytes(self._session.s3_client.get_object(Bucket=bucket, Key=key)["Body"].read())

            try:
                raw = fetch(f"{folder}/{results.FILE}")
                document, raw = results.gather(raw, folder, fetch, provider=self.name)
            except ClientError as error:
                if code_of(error) == "NoSuchKey" and not self._is_late(task, job_id):
                    return Pending()
                raise
            except BadResultError as error:
                error.job_id = job_id
                return Failed(error, raw)
        try:
            counts = results.counts(document, head, provider=self.name)
        except ProviderError as error:
            error.job_id = job_id
            return Failed(error, raw)
        return Done((Result(counts, self._provenance(head, task)),), raw)

    def _is_late(self, task: dict[str, Any], job_id: str) -> bool:
        """Whether a task has ended so long ago that its results should be there."""
        ended = task.get("endedAt")
        if isinstance(ended, datetime):
            return (datetime.now(UTC) - ended).total_seconds() > LATEST
        return time.monotonic() - self._completed.setdefault(job_id, time.monotonic()) > LATEST

    def _provenance(self, head: Head, task: dict[str, Any]) -> Provenance:
        calibrated, created = self.target.calibrated, task.get("createdAt")
        known = calibrated is not None and isinstance(created, datetime) and created >= calibrated
        return Provenance(
            backend=self.name,
            circuit_hash=head.circuit,
            qubits=head.qubits,
            shots=head.shots,
            seed=None,
            simulated=False,
            calibrated=calibrated if known else None,
            versions={package: version(package) for package in ("qadapt-braket", "amazon-braket-sdk")},
        )

    def cancel(self, job_id: str) -> None:
        """Stop a task; one that has ended stays as it is.

        Raises:
            ProviderError: The service does not know the task, or did not answer.
        """
        from botocore.exceptions import ClientError

        with vendor(self.name, job_id):
            try:
                self._session.cancel_quantum_task(job_id)
            except ClientError as error:
                # The service's word for a task that has ended.
                if code_of(error) != "ConflictException":
                    raise

    def most_rows(self, circuit: Circuit, shots: int) -> int:
        """Most rows of one task; the circuit does not matter."""
        return self.device.limits.most_rows(shots)

    def cost(self, work: Sequence[Work]) -> Cost:
        """Estimate of one submit by AWS's published rules."""
        return self.device.price.cost(work, program_set=self.device.limits.program_set is not None)

    def identity(self) -> Mapping[str, str]:
        """Number of the AWS account, by one question to STS that the client remembers, and the region.

        Raises:
            UnavailableError: STS does not answer.
            AccessError: The credentials do not suffice.
        """
        with looking(self.name):
            return {"account": str(self._session.account_id), "region": str(self._session.region)}


def _position(task: dict[str, Any]) -> int | None:
    """Place in the queue; None where the service gives none or says "more than"."""
    position = str((task.get("queueInfo") or {}).get("position"))
    return int(position) if position.isdecimal() else None
