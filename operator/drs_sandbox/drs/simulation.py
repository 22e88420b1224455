"""The whole of the simulated DRS: its clock, its neighbours, and the state of every account and Region."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any

from drs_sandbox.clock import Clock
from drs_sandbox.drs.errors import not_found
from drs_sandbox.drs.ports import Ec2Port, FaultPort
from drs_sandbox.drs.snapshot_rounds import SnapshotRounds
from drs_sandbox.drs.state import Job, RecoveryInstance, RegionState, SourceServer
from drs_sandbox.world import Quotas, Subnet

Resume = Callable[[], None]
_FIRST_HOST = 10
_OTHER_SOURCES = ip_network("10.128.0.0/9")


def source_addresses(subnet: Subnet | None) -> Iterator[str]:
    """Addresses for the sources of a Region: in its first subnet while that has room, so that they can be copied."""
    used = set(subnet.used_ips) if subnet else set()
    for network in (ip_network(subnet.cidr), _OTHER_SOURCES) if subnet else (_OTHER_SOURCES,):
        for offset in range(_FIRST_HOST, network.num_addresses - 1):
            if (address := str(network[offset])) not in used:
                yield address


class Simulation:
    """State and neighbours, as the operations see them. Used under the clock's lock only."""

    def __init__(self, clock: Clock, ec2: Ec2Port, faults: FaultPort) -> None:
        self.clock = clock
        self.ec2 = ec2
        self.faults = faults
        self.rounds = SnapshotRounds(clock)
        self.regions: dict[tuple[str, str], RegionState] = {}
        self.staging_trust: set[tuple[str, str]] = set()  # staging account, account that may extend its servers
        self._stuck: list[Resume] = []

    def region(self, account: str, name: str) -> RegionState:
        """DRS in an account and Region; one that the world does not list is there, not initialised."""
        key = (account, name)
        if key not in self.regions:
            self.regions[key] = RegionState(
                account, name, initialized=False, quotas=Quotas(), addresses=source_addresses(None)
            )
        return self.regions[key]

    def servers(self) -> Iterator[SourceServer]:
        """The source servers of all accounts and Regions."""
        for region in self.regions.values():
            yield from region.servers.values()

    def find_server(self, account: str, region: str, server_id: str) -> SourceServer | None:
        """A source server, if it is there."""
        state = self.regions.get((account, region))
        return state.servers.get(server_id) if state else None

    def park(self, resume: Resume) -> None:
        """Keeps something stuck until `release_stuck`."""
        self._stuck.append(resume)

    def release_stuck(self) -> None:
        """Lets everything that is stuck go on."""
        parked, self._stuck = self._stuck, []
        for resume in parked:
            resume()


@dataclass(frozen=True, slots=True)
class Call:
    """A call of one operation by somebody, in an account and Region."""

    simulation: Simulation
    region: RegionState
    principal: str
    operation: str
    parameters: Mapping[str, Any]
    hide_job_seconds: float = 0.0

    @property
    def now(self) -> float:
        """AWS's time, seconds since the epoch."""
        return self.simulation.clock.timestamp()

    @property
    def progress(self) -> float:
        """The clock's progress."""
        return self.simulation.clock.progress()

    def server(self) -> SourceServer:
        """The source server that the request names. Raises ResourceNotFoundException."""
        server_id = self.parameters["sourceServerID"]
        server = self.region.servers.get(server_id)
        if server is None:
            raise not_found("SourceServer", server_id)
        return server

    def job(self) -> Job | None:
        """The job that the request names, if it can be seen."""
        job = self.region.jobs.get(self.parameters["jobID"])
        return None if job is None or job.hidden(self.progress) else job

    def instance(self) -> RecoveryInstance:
        """The recovery instance that the request names. Raises ResourceNotFoundException."""
        instance_id = self.parameters["recoveryInstanceID"]
        instance = self.region.instances.get(instance_id)
        if instance is None or instance.job.hidden(self.progress):
            raise not_found("RecoveryInstance", instance_id)
        return instance


Operation = Callable[[Call], dict[str, Any]]
