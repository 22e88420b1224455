"""AWS as far as a run meets it: jobs that take one server at a time, move when told to, and may be seen late."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from drs_operator.planning.facts import Job, Jobs, JobServer, Observed, Place, RecoveryInstance
from drs_operator.planning.launching import Refusal, Refused, Unknown
from drs_operator.planning.run import LaunchIntent
from tests import builders as b

FATES = ("started", "quota", "throttled", "not sent", "lost", "lost and launched", "lost and launched, seen late")
"""What may happen to a call, besides what the state of AWS makes of it."""
SEEN_LATE = timedelta(minutes=5)
"""How late a job may be seen: within the time that the operator allows for it."""
_REFUSALS = {"quota": Refusal.JOBS_QUOTA, "throttled": Refusal.THROTTLED, "not sent": Refusal.NOT_SENT}


@dataclass
class SimulatedJob:
    """A job and what is known of its servers."""

    job_id: str
    place: Place
    token: str | None
    statuses: dict[str, str]
    created_at: datetime
    seen_from: datetime
    ended_at: datetime | None = None
    instances: set[str] = field(default_factory=set)
    """Servers whose instance exists."""
    said: set[tuple[str, str]] = field(default_factory=set)
    """Every status that a server ever had."""
    servers: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.servers = tuple(self.statuses)

    def say(self, server: str, status: str) -> None:
        """Gives a server that is not decided a status; LAUNCHED means that its instance exists."""
        if server in self.undecided():
            self.statuses[server] = status
            self.said.add((server, status))
            if status == "LAUNCHED":
                self.instances.add(server)

    def undecided(self) -> list[str]:
        """Servers that neither came up nor failed."""
        return [server for server, status in self.statuses.items() if status not in ("LAUNCHED", "FAILED")]

    def fact(self) -> Job:
        """As DescribeJobs shows it."""
        return Job(
            job_id=self.job_id,
            status="STARTED" if self.ended_at is None else "COMPLETED",
            type="LAUNCH",
            initiated_by="START_DRILL",
            created_at=self.created_at,
            ended_at=self.ended_at,
            servers=tuple(JobServer(server, status) for server, status in self.statuses.items()),
            tags={b.TOKEN_TAG: self.token} if self.token else {},
        )


@dataclass
class SimulatedDrs:
    """All places together; `skew` is how far AWS's clock is ahead of the operator's."""

    skew: timedelta
    jobs: list[SimulatedJob] = field(default_factory=list)
    launches: Counter[str] = field(default_factory=Counter)
    """How often each server was launched for the run: a second time destroys the instance of the first."""
    invalid: frozenset[str] = frozenset()
    """Servers that a call is refused for."""
    names_invalid: bool = True
    """Whether the refusal says which."""
    denied: set[Place] = field(default_factory=set)
    silent: set[Place] = field(default_factory=set)
    """Places that do not answer."""
    healthy: set[str] = field(default_factory=set)
    """Servers whose instance has passed its checks."""

    def time(self, now: datetime) -> datetime:
        """AWS's clock."""
        return now + self.skew

    def running(self) -> list[SimulatedJob]:
        """Jobs that have not ended."""
        return [job for job in self.jobs if job.ended_at is None]

    def call(self, place: Place, intent: LaunchIntent, fate: str, now: datetime) -> SimulatedJob | Refused | Unknown:
        """StartRecovery."""
        servers = frozenset(intent.server_ids)
        if fate in _REFUSALS:
            return Refused(_REFUSALS[fate], fate, fate)
        if fate == "lost" or place in self.silent:
            return Unknown("no answer")
        if place in self.denied:
            return Refused(Refusal.DENIED, "AccessDenied", "denied")
        if wrong := servers & self.invalid:
            return Refused(Refusal.INVALID, "Validation", "wrong", tuple(sorted(wrong)) if self.names_invalid else ())
        if any(servers & job.statuses.keys() for job in self.running()):
            return Refused(Refusal.SERVER_IN_JOB, "Conflict", "being processed by a job")
        self.launches.update(servers)
        job = self._begin(place, servers, intent.token, now, late=fate.endswith("seen late"))
        return job if fate == "started" else Unknown("the answer was lost")

    def foreign(self, place: Place, servers: Iterable[str], now: datetime) -> None:
        """Somebody else starts a job, if AWS lets them."""
        free = set(servers).difference(*(job.statuses for job in self.running()))
        if free:
            self._begin(place, free, None, now, late=False)

    def _begin(
        self, place: Place, servers: Iterable[str], token: str | None, now: datetime, late: bool
    ) -> SimulatedJob:
        created = self.time(now)
        job = SimulatedJob(
            job_id=b.job_id(len(self.jobs) + 1),
            place=place,
            token=token,
            statuses=dict.fromkeys(sorted(servers), "PENDING"),
            created_at=created,
            seen_from=created + SEEN_LATE if late else created,
        )
        self.jobs.append(job)
        return job

    def board(self, place: Place, now: datetime) -> Jobs | None:
        """DescribeJobs; None: no answer."""
        if place in self.silent:
            return None
        seen = [job.fact() for job in self.jobs if job.place == place and job.seen_from <= self.time(now)]
        return Jobs(place, tuple(seen), self.time(now), b.NOW - timedelta(days=9))

    def observe(self, places: Iterable[Place], now: datetime) -> Observed:
        """What a look at these places shows."""
        boards = {place: board for place in set(places) if (board := self.board(place, now)) is not None}
        instances = {
            place: tuple(
                RecoveryInstance(_instance(server), server, job.job_id, True, "RUNNING", "10.0.0.9", job.created_at)
                for job in self.jobs
                if job.place == place
                for server in sorted(job.instances)
            )
            for place in boards
        }
        return Observed(boards, instances, frozenset(_instance(server) for server in self.healthy))


def _instance(server: str) -> str:
    return f"i-{server[2:]}"
