"""A job of the simulated AWS, and the instances that jobs launch and terminate."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from drs_operator.planning.facts import Job, JobServer, Place, RecoveryInstance
from tests import builders as b

Trace = Literal["tags", "last launch", "none"]
"""What tells that a launch is this run's: its tags, only its servers' last launch, or nobody but a person."""


@dataclass
class SimulatedInstance:
    """What a job has launched, from then on for ever."""

    instance_id: str
    server: str
    job: SimulatedJob
    state: str = "RUNNING"

    @property
    def there(self) -> bool:
        """It runs: it could still be destroyed."""
        return self.state == "RUNNING"

    def fact(self) -> RecoveryInstance:
        """As DescribeRecoveryInstances shows it."""
        job = self.job
        return RecoveryInstance(
            self.instance_id, self.server, job.job_id, job.is_drill, self.state, "10.0.0.9", job.created_at
        )


@dataclass
class SimulatedJob:
    """A job and what is known of its servers."""

    job_id: str
    place: Place
    is_drill: bool
    token: str | None
    """Of the call of this run that began it; None: somebody else did."""
    statuses: dict[str, str]
    created_at: datetime
    seen_from: datetime
    trace: Trace = "tags"
    terminates: tuple[SimulatedInstance, ...] = ()
    """It terminates these; none: it launches."""
    ended_at: datetime | None = None
    instances: dict[str, SimulatedInstance] = field(default_factory=dict)
    """What it has launched, by server."""
    said: set[tuple[str, str]] = field(default_factory=set)
    """Every status that a server ever had."""
    servers: tuple[str, ...] = ()
    adopted: bool = False
    """A person, or the last launch of its servers, has said that it is a launch of the run."""

    def __post_init__(self) -> None:
        self.servers = tuple(self.statuses)

    @property
    def launches(self) -> bool:
        """It is no termination."""
        return not self.terminates

    @property
    def ours(self) -> bool:
        """Whether it is a launch of the run, and can be known to be."""
        return self.launches and (self.adopted or (self.token is not None and self.trace != "none"))

    def say(self, server: str, status: str) -> None:
        """Gives a server that is not decided a status; LAUNCHED means that its instance exists."""
        if server in self.undecided():
            self.statuses[server] = status
            self.said.add((server, status))
            if status == "LAUNCHED":
                self.launch(server)

    def launch(self, server: str) -> None:
        """The instance exists, whatever is said of it."""
        if server not in self.instances:
            self.instances[server] = SimulatedInstance(f"i-{self.job_id[-4:]}{server[-13:]}", server, self)

    def undecided(self) -> list[str]:
        """Servers that neither came up nor failed."""
        return [s for s, status in self.statuses.items() if status not in ("LAUNCHED", "FAILED", "TERMINATED")]

    def fact(self, names_instances: bool) -> Job:
        """As DescribeJobs shows it, where the instances of its servers may be left out."""
        named = {s: i.instance_id for s, i in self.instances.items()} if names_instances else {}
        kind = "START_DRILL" if self.is_drill else "START_RECOVERY"
        return Job(
            job_id=self.job_id,
            status="STARTED" if self.ended_at is None else "COMPLETED",
            type="LAUNCH" if self.launches else "TERMINATE",
            initiated_by=kind if self.launches else "TERMINATE_RECOVERY_INSTANCES",
            created_at=self.created_at,
            ended_at=self.ended_at,
            servers=tuple(JobServer(server, status, named.get(server)) for server, status in self.statuses.items()),
            tags={b.TOKEN_TAG: self.token} if self.launches and self.token and self.trace == "tags" else {},
        )
