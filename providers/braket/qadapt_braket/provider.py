"""Provider ``braket``: local simulators and an emulator always; AWS's machines where the user asks for them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from qadapt.errors import AccessError, ProviderError, QadaptError, TargetError
from qadapt.provider import Backend, Requirements
from qadapt.target import Target
from qadapt_braket import local, properties, sample, session
from qadapt_braket.device import DeviceBackend
from qadapt_braket.emulator import PREFIX, EmulatorBackend
from qadapt_braket.errors import vendor
from qadapt_braket.local import BraketBackend
from qadapt_braket.properties import Device

if TYPE_CHECKING:
    from braket.aws import AwsSession

Connect = Callable[[str], "AwsSession"]


class BraketProvider:
    """Amazon Braket.

    Machines are named as AWS names them, in lower case, as in ``garnet``, or by ARN. Names are looked up in one region,
    an ARN says its own. Before each name may stand ``emulator/``.

    Args:
        connect: Makes the client for a region; by default with the credentials that the AWS SDK finds.
    """

    name = "braket"

    def __init__(self, connect: Connect = session.connect) -> None:
        self._connect = connect
        self._sessions: dict[str, AwsSession] = {}

    def requirements(self) -> Requirements:
        """What this provider needs from the machine it runs on."""
        return Requirements(
            modules=("braket.devices", "braket.aws"),
            credentials=("AWS_ACCESS_KEY_ID", "AWS_PROFILE", session.REGION),
            secrets=session.SECRETS,
            files=session.FILES[:1],
        )

    def targets(self) -> Mapping[str, Target]:
        """Simulators and the sample by name, and the machines of the region that the user chose.

        Without credentials and a region nothing is asked of the network. Machines that qadapt cannot compile to and
        those that do not answer are left out.
        """
        return _offline() | self._reachable()

    def open(self, target: str) -> Backend:
        """Open a simulator, a machine, or the emulator of a machine.

        Raises:
            TargetError: There is no such target, or qadapt cannot compile to it.
            AccessError: There are no credentials, or they do not suffice.
            UnavailableError: The service does not answer.
        """
        if target in local.SIMULATORS:
            return BraketBackend(self.name, target)
        machine = target.removeprefix(PREFIX)
        if target == PREFIX + sample.NAME:
            return EmulatorBackend(self.name, sample.device())
        arn, region, device = self._find(machine)
        if target.startswith(PREFIX):
            with vendor(f"{self.name}:{target}"):
                return EmulatorBackend(self.name, device)
        return DeviceBackend(f"{self.name}:{device.target.name}", arn, device, self._session(region))

    def _find(self, machine: str) -> tuple[str, str, Device]:
        """ARN, region and properties of a machine by name or ARN."""
        region = _region(machine) if machine.startswith("arn:") else session.chosen_region()
        if machine.startswith("arn:") and not region:
            raise TargetError(f"{machine} has no region", hint="machines have one; simulators on AWS are not supported")
        if not region or not session.has_credentials():
            if machine.startswith("arn:"):
                raise AccessError(
                    f"{machine} is a machine on AWS, and there are no credentials",
                    provider=self.name,
                    hint="set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
                )
            raise _unknown(machine, (), f"; machines on AWS need credentials and {session.REGION}")
        if machine.startswith("arn:"):
            return machine, region, self._device(machine, region)
        arns = {_slug(item["deviceName"]): str(item["deviceArn"]) for item in self._listed(region)}
        if machine not in arns:
            raise _unknown(machine, tuple(arns), f" in {region}")
        return arns[machine], region, self._device(arns[machine], region)

    def _reachable(self) -> dict[str, Target]:
        """Targets of the machines of the chosen region that qadapt can use, as machines and as emulators."""
        region = session.chosen_region()
        if not region or not session.has_credentials():
            return {}
        found: dict[str, Target] = {}
        try:
            listed = self._listed(region)
        except ProviderError:
            return {}
        for item in listed:
            try:
                target = self._device(str(item["deviceArn"]), region).target
            except QadaptError:
                continue
            found[target.name] = target
            found[PREFIX + target.name] = target.renamed(PREFIX + target.name)
        return found

    def _listed(self, region: str) -> list[Mapping[str, Any]]:
        """QPUs of a region that are not retired."""
        with vendor(self.name):
            return list(self._session(region).search_devices(types=["QPU"]))

    def _device(self, arn: str, region: str) -> Device:
        with vendor(self.name):
            answer = self._session(region).get_device(arn)
            name, text = _slug(answer["deviceName"]), str(answer["deviceCapabilities"])
        try:
            document = json.loads(text)
        except ValueError as error:
            raise TargetError(f"the properties of {name} are not JSON: {error}") from error
        return properties.read(document, name=name, source=f"Amazon Braket, {arn}", text=text)

    def _session(self, region: str) -> AwsSession:
        if region not in self._sessions:
            with vendor(self.name):
                self._sessions[region] = self._connect(region)
        return self._sessions[region]


def _offline() -> dict[str, Target]:
    targets = {name: local.target(name) for name in local.SIMULATORS}
    return targets | {PREFIX + sample.NAME: sample.device().target.renamed(PREFIX + sample.NAME)}


def _slug(name: str) -> str:
    return name.lower().replace(" ", "-")


def _region(arn: str) -> str:
    """Region of an ARN; empty where it has none."""
    parts = arn.split(":")
    return parts[3] if len(parts) > 3 else ""


def _unknown(machine: str, more: tuple[str, ...], where: str) -> TargetError:
    targets = ", ".join((*_offline(), *more))
    return TargetError(f"braket has no target {machine!r}{where}", hint=f"targets are {targets}")
