"""What the simulated DRS knows: per account and Region its source servers, jobs and recovery instances."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal

from drs_sandbox.drs.ids import arn
from drs_sandbox.drs.recovery_points import RecoveryPoint, RecoveryPoints
from drs_sandbox.world import Origin, Quotas, ReplicationState

JobStatus = Literal["PENDING", "STARTED", "COMPLETED"]
JobType = Literal["LAUNCH", "TERMINATE", "CREATE_CONVERTED_SNAPSHOT"]
InitiatedBy = Literal["START_RECOVERY", "START_DRILL", "FAILBACK", "TERMINATE_RECOVERY_INSTANCES", "TARGET_ACCOUNT"]
LaunchStatus = Literal["PENDING", "IN_PROGRESS", "LAUNCHED", "FAILED", "TERMINATED"]
FailbackState = Literal[
    "FAILBACK_NOT_STARTED", "FAILBACK_IN_PROGRESS", "FAILBACK_READY_FOR_LAUNCH", "FAILBACK_COMPLETED"
]
# A source in one of these states sends its data; a snapshot can be taken of it.
SENDING: frozenset[str] = frozenset({"CONTINUOUS", "CREATING_SNAPSHOT", "BACKLOG", "RESCAN"})
# Of these, those whose replica is consistent all the time: recovery points appear by themselves.
CONSISTENT: frozenset[str] = frozenset({"CONTINUOUS", "CREATING_SNAPSHOT"})


@dataclass(slots=True)
class Replication:
    """The replication of one source; an extended source server shares it with the one in the staging account.

    `state_set` is when the state was set from outside, and `generation` counts these times: what a timer of an earlier
    one wanted is void.
    """

    points: RecoveryPoints
    state: ReplicationState
    state_set: float
    lag: timedelta = timedelta(0)
    generation: int = 0


@dataclass(slots=True)
class LaunchSettings:
    """The launch configuration of a source server, without what its EC2 launch template holds."""

    name: str
    launch_disposition: str = "STARTED"
    right_sizing: str = "BASIC"
    copy_private_ip: bool = False
    copy_tags: bool = False
    os_byol: bool = False
    post_launch_enabled: bool = False
    launch_into_instance_id: str | None = None
    recovery_mode: str = "OPTIMAL"


@dataclass(slots=True)
class LogItem:
    """An entry of a job's log; `data` are the members of JobLogEventData."""

    time: float
    event: str
    data: dict[str, Any]


@dataclass(slots=True)
class Participant:
    """A server's part in a job.

    `late_seconds` is how long after the job's end its status stays IN_PROGRESS; `waiting` is called once it is `done`.
    """

    server_id: str
    status: LaunchStatus = "PENDING"
    instance_id: str | None = None
    point: RecoveryPoint | None = None
    late_seconds: float = 0.0
    done: bool = False
    waiting: list[Callable[[], None]] = field(default_factory=list)


@dataclass(slots=True)
class Job:
    """A job; `hidden_until` is the progress up to which nobody sees it."""

    id: str
    account: str
    region: str
    position: int
    type: JobType
    initiated_by: InitiatedBy
    created: float
    created_progress: float
    participants: list[Participant]
    tags: dict[str, str]
    hidden_until: float
    status: JobStatus = "PENDING"
    ended: float | None = None
    ended_progress: float | None = None
    log: list[LogItem] = field(default_factory=list)

    @property
    def arn(self) -> str:
        return arn(self.region, self.account, f"job/{self.id}")

    @property
    def is_drill(self) -> bool:
        return self.initiated_by == "START_DRILL"

    def hidden(self, progress: float) -> bool:
        """Whether nobody sees it yet."""
        return progress < self.hidden_until

    def shown_status(self, participant: Participant, progress: float) -> LaunchStatus:
        """The launch status that callers see: it may trail the job's end."""
        if participant.done and participant.late_seconds:
            shown_at = None if self.ended_progress is None else self.ended_progress + participant.late_seconds
            if shown_at is None or progress < shown_at:
                return "IN_PROGRESS"
        return participant.status


@dataclass(slots=True)
class Launch:
    """A launch of a source server: what `lifeCycle.lastLaunch` speaks of."""

    job: Job
    participant: Participant
    terminated: bool = False


@dataclass(slots=True)
class SourceServer:
    """A source server. `staging` names account and id of the server that it extends."""

    id: str
    account: str
    region: str
    position: int
    hostname: str
    tags: dict[str, str]
    replication: Replication
    template_id: str
    launch_settings: LaunchSettings
    instance_type: str
    private_ip: str
    added: float
    origin: Origin | None = None
    staging: tuple[str, str] | None = None
    extension_error: str | None = None
    disconnected: bool = False
    direction: Literal["FAILOVER", "FAILBACK"] = "FAILOVER"
    reversed_arn: str | None = None
    launches: list[Launch] = field(default_factory=list)
    replication_settings: dict[str, Any] = field(default_factory=dict)

    @property
    def arn(self) -> str:
        return arn(self.region, self.account, f"source-server/{self.id}")

    @property
    def state(self) -> ReplicationState:
        """The state of its data replication."""
        return "DISCONNECTED" if self.disconnected else self.replication.state


@dataclass(slots=True)
class RecoveryInstance:
    """A recovery instance; what EC2 knows of it is asked for when it is shown.

    `failback_replication` is that of the reversed source server, or of the Failback Client at home.
    """

    id: str
    account: str
    region: str
    position: int
    server_id: str
    job: Job
    point: RecoveryPoint | None
    is_drill: bool
    availability_zone: str
    tags: dict[str, str]
    disconnected: bool = False
    failback_replication: Replication | None = None
    failback_started: float | None = None
    failback_completed: bool = False
    failback_job_id: str | None = None
    failback_settings: dict[str, Any] = field(default_factory=dict)

    @property
    def arn(self) -> str:
        return arn(self.region, self.account, f"recovery-instance/{self.id}")

    @property
    def replicating(self) -> bool:
        """Whether its data is on the way back to the source."""
        replication = self.failback_replication
        return (
            not self.disconnected and replication is not None and replication.state not in ("STOPPED", "DISCONNECTED")
        )

    @property
    def failback_state(self) -> FailbackState:
        """How far the way back has come."""
        if self.failback_completed:
            return "FAILBACK_COMPLETED"
        if self.failback_replication is None or not self.replicating:
            return "FAILBACK_NOT_STARTED"
        return (
            "FAILBACK_READY_FOR_LAUNCH" if self.failback_replication.state == "CONTINUOUS" else "FAILBACK_IN_PROGRESS"
        )


@dataclass(slots=True)
class RegionState:
    """DRS in one account and Region. `addresses` are those that the sources get, one after the other."""

    account: str
    name: str
    initialized: bool
    quotas: Quotas
    addresses: Iterator[str]
    servers: dict[str, SourceServer] = field(default_factory=dict)
    jobs: dict[str, Job] = field(default_factory=dict)
    instances: dict[str, RecoveryInstance] = field(default_factory=dict)
    busy: dict[str, Job] = field(default_factory=dict)
    positions: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def active_jobs(self) -> list[Job]:
        """The jobs that count towards the quotas."""
        return [job for job in self.jobs.values() if job.status != "COMPLETED"]

    def instances_of(self, server_id: str) -> list[RecoveryInstance]:
        """The recovery instances of a source server, oldest first."""
        return [instance for instance in self.instances.values() if instance.server_id == server_id]
