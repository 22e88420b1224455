"""What was seen in AWS, in the operator's own words: plain values that adapters fill and decisions read.

Enumerations of AWS stay open strings: a value that this version does not know is kept, shown and never acted on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property

from drs_operator.planning import tags


@dataclass(frozen=True, slots=True)
class Place:
    """An AWS account and Region."""

    account_id: str
    region: str

    def __str__(self) -> str:
        return f"{self.account_id}/{self.region}"


@dataclass(frozen=True, slots=True)
class SourceServer:
    """A DRS source server, as far as decisions need it."""

    server_id: str
    hostname: str
    tags: dict[str, str]
    replication_state: str
    """AWS's `dataReplicationState`; an open string."""
    lag: timedelta | None
    source_region: str
    source_account_id: str
    recovery_instance_id: str | None = None
    last_launch_job_id: str | None = None
    staging_account_id: str | None = None
    """Set on extended source servers only."""
    active_job_id: str | None = None
    """The launch job that was working on it, whoever began it. Termination jobs do not show here."""


@dataclass(frozen=True)  # no slots: what is derived is kept with the inventory, and goes with it
class Inventory:
    """All source servers of a place, from one complete sweep."""

    place: Place
    servers: tuple[SourceServer, ...]
    taken_at: datetime

    def by_id(self) -> Mapping[str, SourceServer]:
        """The servers by their id."""
        return self._by_id

    def matching(self, selection: Mapping[str, str]) -> tuple[SourceServer, ...]:
        """The servers that a tag selection means (`tags.matches`), in the inventory's order, without a scan of all."""
        return tuple(self.servers[position] for position in self._by_tag.matching(selection))

    @cached_property
    def _by_id(self) -> dict[str, SourceServer]:
        return {server.server_id: server for server in self.servers}

    @cached_property
    def _by_tag(self) -> tags.Index:
        return tags.Index([server.tags for server in self.servers])


@dataclass(frozen=True, slots=True)
class JobServer:
    """One participating server of a DRS job."""

    server_id: str
    launch_status: str
    recovery_instance_id: str | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """A DRS job. Its COMPLETED says nothing of success: the verdict is per server."""

    job_id: str
    status: str
    type: str
    initiated_by: str
    created_at: datetime
    ended_at: datetime | None
    servers: tuple[JobServer, ...]
    tags: dict[str, str]

    @property
    def running(self) -> bool:
        """Not known to have ended."""
        return self.status != "COMPLETED"


@dataclass(frozen=True, slots=True)
class Jobs:
    """The jobs of a place since some moment, from one complete read."""

    place: Place
    jobs: tuple[Job, ...]
    aws_time: datetime
    """AWS's clock when the read was answered."""
    since: datetime
    """How far back the read reached, on AWS's clock."""

    def by_id(self) -> dict[str, Job]:
        """The jobs by their id."""
        return {job.job_id: job for job in self.jobs}

    def by_token(self, tag: str, token: str) -> Job | None:
        """The job that carries this launch token."""
        return next((job for job in self.jobs if job.tags.get(tag) == token), None)


@dataclass(frozen=True, slots=True)
class RecoveryInstance:
    """An instance that DRS launched for a source server."""

    instance_id: str
    server_id: str
    job_id: str
    is_drill: bool
    state: str
    private_ip: str | None
    recovery_point_time: datetime | None

    @property
    def live(self) -> bool:
        """Exists in EC2. An unknown state counts as live: it must never be launched over."""
        return self.state not in ("TERMINATED", "NOT_FOUND")


@dataclass(frozen=True, slots=True)
class RecoveryPoint:
    """A point in time that a server can be recovered to."""

    snapshot_id: str
    time: datetime


@dataclass(frozen=True, slots=True)
class RegionReport:
    """What was found in one Region of a target account."""

    name: str
    state: str
    """ACTIVE, NOT_INITIALIZED, ACCESS_DENIED, NOT_OPTED_IN, THROTTLED, UNREACHABLE, ERROR."""
    code: str = ""
    """Of the vocabulary; empty where the state is ACTIVE."""
    message: str = ""
    inventory: Inventory | None = None
    quotas: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Failure:
    """A failed read or refused act, already in the operator's vocabulary."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class LogItem:
    """An entry of a job's log."""

    event: str
    """AWS's event; an open string: AWS sends some that its model lacks (LAUNCH_END)."""
    time: datetime
    server_id: str | None
    raw_error: str | None


@dataclass(frozen=True, slots=True)
class Observed:
    """What was seen for one decision; a place that could not be read is absent, and nothing is concluded from that."""

    jobs: Mapping[Place, Jobs] = field(default_factory=dict)
    instances: Mapping[Place, tuple[RecoveryInstance, ...]] = field(default_factory=dict)
    healthy_instances: frozenset[str] = frozenset()
    """Instances whose EC2 status checks are ok."""
    raw_errors: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """What the log of a job says of a failed server, by job and server."""
    progress: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """The latest event of a job's log for a server, by job and server."""
