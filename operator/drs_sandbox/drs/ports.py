"""What the DRS simulator needs from the rest of the simulated AWS: EC2 in an account and Region, and the faults.

Everything is called under the clock's lock. Accounts are 12 digits, Regions are names (`us-east-1`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from drs_sandbox.world import Fault

Phase = Literal["CLEANUP", "SNAPSHOT", "CONVERSION", "LAUNCH", "TERMINATE"]
InstanceState = Literal["pending", "running", "stopping", "stopped", "shutting-down", "terminated"]


class LaunchRejected(Exception):
    """EC2 refused to run an instance; `raw_error` is what the job log shows, e.g. `InvalidSubnetID.NotFound: …`."""

    def __init__(self, raw_error: str) -> None:
        super().__init__(raw_error)
        self.raw_error = raw_error


@dataclass(frozen=True, slots=True)
class TemplateVersion:
    """A version of an EC2 launch template; `data` has the members of EC2's `LaunchTemplateData` (`InstanceType`, …)."""

    number: int
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class InstanceLaunch:
    """An instance to run from a version of a launch template.

    `tags` are all of the instance's tags: those of the template are merged in already and win over the others.
    `private_ip` is the address to copy from the source, absent to leave it to the template or the subnet.
    With `started` false the instance ends stopped.
    """

    template_id: str
    version: TemplateVersion
    tags: Mapping[str, str]
    private_ip: str | None
    started: bool


@dataclass(frozen=True, slots=True)
class Instance:
    """An EC2 instance as it is at this moment."""

    instance_id: str
    state: InstanceState
    instance_type: str
    private_ip: str | None
    availability_zone: str
    tags: Mapping[str, str]
    termination_protected: bool


class Ec2Port(Protocol):
    """EC2 as DRS uses it. Changes appear in the call log with the principal `drs.amazonaws.com`; reads do not."""

    def create_launch_template(
        self, account: str, region: str, name: str, data: Mapping[str, Any], tags: Mapping[str, str]
    ) -> str:
        """Creates a launch template whose version 1 is the default; returns its id (`lt-…`)."""
        ...

    def default_template_version(self, account: str, region: str, template_id: str) -> TemplateVersion | None:
        """The version that is the default now; None when there is no such template (somebody deleted it)."""
        ...

    def add_template_version(
        self, account: str, region: str, template_id: str, data: Mapping[str, Any], make_default: bool
    ) -> int:
        """Adds a version that holds exactly `data`; returns its number."""
        ...

    def delete_launch_template(self, account: str, region: str, template_id: str) -> None:
        """Deletes a launch template; none there is no error."""
        ...

    def run_instance(self, account: str, region: str, launch: InstanceLaunch) -> Instance:
        """Runs one instance. Raises LaunchRejected when EC2 refuses it; then nothing is left behind."""
        ...

    def instance(self, account: str, region: str, instance_id: str) -> Instance | None:
        """An instance, terminated ones while EC2 still knows them; None when EC2 does not know it."""
        ...

    def terminate_instance(self, account: str, region: str, instance_id: str) -> None:
        """Terminates an instance, protected or not; none there is no error. Callers look at the protection first."""
        ...

    def start_instance(self, account: str, region: str, instance_id: str) -> None:
        """Starts a stopped instance; a running one stays. Raises LaunchRejected when EC2 refuses it or knows none."""
        ...

    def stop_instance(self, account: str, region: str, instance_id: str) -> None:
        """Stops a running instance; a stopped one stays, none there is no error."""
        ...


class FaultPort(Protocol):
    """The faults of servers' phases in the world file and what `inject` added."""

    def phase_fault(self, phase: Phase, account: str, region: str, server_id: str) -> Fault | None:
        """The first fault that matches, and counts it as used (`times`). Asked once as a server enters a phase."""
        ...
