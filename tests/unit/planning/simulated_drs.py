"""AWS as far as a run meets it: jobs that take one server at a time, move when told to, and may be seen late."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from drs_operator.planning.facts import Jobs, Observed, Place, RecoveryInstance, SourceServer
from drs_operator.planning.intents import LaunchIntent, TerminateIntent
from drs_operator.planning.launching import Refusal, Refused, Unknown
from tests import builders as b
from tests.unit.planning.simulated_jobs import SimulatedInstance, SimulatedJob, Trace

_LOST = ("lost", "lost and done", "lost and done, seen late")
FATES = ("started", "started", "quota", "throttled", "not sent", *_LOST, *["lost and done, untagged"] * 2)
"""What may happen to a call, besides what the state of AWS makes of it."""
UNTRACEABLE = "lost and done, untraceable"
"""Nothing tells whose the job is: where the operator then calls again, a double launch could not be helped."""
TERMINATE_FATES = ("started", "quota", "not sent", *_LOST)
SEEN_LATE = timedelta(minutes=5)
"""How late a job may be seen: within the time that the operator allows for it."""
_REFUSALS = {"quota": Refusal.JOBS_QUOTA, "throttled": Refusal.THROTTLED, "not sent": Refusal.NOT_SENT}
_TRACES: dict[str, Trace] = {"lost and done, untagged": "last launch", UNTRACEABLE: "none"}


@dataclass
class SimulatedDrs:
    """All places together. Launching a server destroys its instance of before, as soon as the job begins."""

    skew: timedelta
    """How far AWS's clock is ahead of the operator's."""
    drill: bool
    """What this run's launches are."""
    now: datetime = b.NOW
    """The operator's clock."""
    jobs: list[SimulatedJob] = field(default_factory=list)
    launches: Counter[str] = field(default_factory=Counter)
    """How often each server was launched for the run."""
    invalid: frozenset[str] = frozenset()
    """Servers that a call is refused for."""
    names_invalid: bool = True
    """Whether the refusal says which."""
    names_instances: bool = True
    """Whether jobs name the instances of their servers."""
    forgets: bool = True
    """Whether instances that are gone are not listed any more."""
    protected: frozenset[str] = frozenset()
    """Servers whose instances AWS does not take for termination."""
    stubborn: frozenset[str] = frozenset()
    """Servers whose instances stay, whatever job terminates them."""
    denied: set[Place] = field(default_factory=set)
    silent: set[Place] = field(default_factory=set)
    """Places that do not answer."""
    healthy: set[str] = field(default_factory=set)
    """Instances that have passed their checks."""

    @property
    def time(self) -> datetime:
        """AWS's clock."""
        return self.now + self.skew

    def running(self) -> list[SimulatedJob]:
        """Jobs that have not ended."""
        return [job for job in self.jobs if job.ended_at is None]

    def launching(self) -> list[SimulatedJob]:
        """Those of them that launch."""
        return [job for job in self.running() if job.launches]

    def there(self) -> list[SimulatedInstance]:
        """Instances that run."""
        return [instance for job in self.jobs for instance in job.instances.values() if instance.there]

    def newest(self, server: str) -> SimulatedJob | None:
        """The last job that launched it, or tried to."""
        return next((job for job in reversed(self.jobs) if job.launches and server in job.servers), None)

    # --- calls ------------------------------------------------------------------------------------------------------

    def call(self, place: Place, intent: LaunchIntent, fate: str) -> SimulatedJob | Refused | Unknown:
        """StartRecovery."""
        servers = frozenset(intent.server_ids)
        if (answer := self._unheard(place, fate)) is not None:
            return answer
        if wrong := servers & self.invalid:
            return Refused(Refusal.INVALID, "Validation", "wrong", tuple(sorted(wrong)) if self.names_invalid else ())
        if self._busy(servers):
            return Refused(Refusal.SERVER_IN_JOB, "Conflict", "being processed by a job")
        self.launches.update(servers)
        job = self._begin(place, servers, intent.token, self.drill, fate)
        return job if fate == "started" else Unknown("the answer was lost")

    def terminate(self, place: Place, intent: TerminateIntent, fate: str) -> SimulatedJob | Refused | Unknown:
        """TerminateRecoveryInstances."""
        if (answer := self._unheard(place, fate)) is not None:
            return answer
        found = tuple(i for i in self.there() if i.instance_id in intent.instance_ids)
        if len(found) < len(intent.instance_ids) or any(i.server in self.protected for i in found):
            return Refused(Refusal.INVALID, "Validation", "not to be terminated")
        if self._busy(frozenset(i.server for i in found)):
            return Refused(Refusal.SERVER_IN_JOB, "Conflict", "being processed by a job")
        job = self._begin(place, (i.server for i in found), intent.token, self.drill, fate, found)
        return job if fate == "started" else Unknown("the answer was lost")

    def foreign(self, place: Place, servers: Iterable[str], drill: bool, trace: Trace) -> None:
        """Somebody else starts a job, if AWS lets them.

        Not over a launch that its tags do not tell of: with both, nobody could say what has become of the call.
        """
        newest = {server: self.newest(server) for server in servers}
        hidden = {s for s, job in newest.items() if job and job.token and job.trace != "tags" and not job.adopted}
        if free := {server for server in newest if not self._busy(frozenset({server}))} - hidden:
            self._begin(place, free, None, drill, "started").trace = trace

    def end(self, job: SimulatedJob) -> None:
        """The job is COMPLETED; what it terminates is gone, if it can be."""
        job.ended_at = self.time
        for instance in job.terminates:
            job.statuses[instance.server] = "TERMINATED"
            if instance.server not in self.stubborn:
                instance.state = "TERMINATED"

    def shut_down(self) -> None:
        """What was shutting down is gone."""
        for instance in [instance for job in self.jobs for instance in job.instances.values()]:
            if instance.state == "SHUTTING-DOWN":
                instance.state = "TERMINATED"

    def _unheard(self, place: Place, fate: str) -> Refused | Unknown | None:
        """The answer to a call that AWS has not looked at."""
        if fate in _REFUSALS:
            return Refused(_REFUSALS[fate], fate, fate)
        if fate == "lost" or place in self.silent:
            return Unknown("no answer")
        if place in self.denied:
            return Refused(Refusal.DENIED, "AccessDenied", "denied")
        return None

    def _busy(self, servers: frozenset[str]) -> bool:
        return any(servers & set(job.servers) for job in self.running())

    def _begin(
        self,
        place: Place,
        servers: Iterable[str],
        token: str | None,
        drill: bool,
        fate: str,
        terminates: tuple[SimulatedInstance, ...] = (),
    ) -> SimulatedJob:
        job = SimulatedJob(
            job_id=b.job_id(len(self.jobs) + 1),
            place=place,
            is_drill=drill,
            token=token,
            statuses=dict.fromkeys(sorted(servers), "PENDING"),
            created_at=self.time,
            seen_from=self.time + SEEN_LATE if fate.endswith("seen late") else self.time,
            trace=_TRACES.get(fate, "tags"),
            terminates=terminates,
        )
        for instance in self.there():
            if job.launches and instance.server in job.servers:
                instance.state = "TERMINATED"
        self.jobs.append(job)
        return job

    # --- reads ------------------------------------------------------------------------------------------------------

    def board(self, place: Place) -> Jobs | None:
        """DescribeJobs; None: no answer."""
        if place in self.silent:
            return None
        seen = [job for job in self.jobs if job.place == place and job.seen_from <= self.time]
        facts = tuple(job.fact(self.names_instances) for job in seen)
        return Jobs(place, facts, self.time, b.NOW - timedelta(days=9))

    def instances(self, place: Place) -> tuple[RecoveryInstance, ...]:
        """DescribeRecoveryInstances."""
        listed = [i for job in self.jobs if job.place == place for i in job.instances.values()]
        return tuple(i.fact() for i in listed if i.state != "TERMINATED" or not self.forgets)

    def source_servers(self, server_ids: Iterable[str]) -> list[SourceServer]:
        """DescribeSourceServers, as far as their last launch goes."""
        last = {server_id: self.newest(server_id) for server_id in server_ids}
        return [
            b.source_server(server_id=s, last_launch_job_id=job.job_id if job and job.trace != "none" else None)
            for s, job in last.items()
        ]

    def observe(self, places: Iterable[Place]) -> Observed:
        """What a look at these places shows."""
        boards = {place: board for place in set(places) if (board := self.board(place)) is not None}
        return Observed(boards, {place: self.instances(place) for place in boards}, frozenset(self.healthy))
