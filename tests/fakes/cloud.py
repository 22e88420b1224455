"""AWS in memory: source servers, and jobs that move as the clock does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from drs_operator.planning.facts import (
    Inventory,
    Job,
    Jobs,
    JobServer,
    LogItem,
    Place,
    RecoveryInstance,
    RecoveryPoint,
    RegionReport,
    SourceServer,
)
from drs_operator.planning.intents import LaunchIntent, TerminateIntent
from drs_operator.planning.launching import Refusal, Refused, Unknown
from drs_operator.ports import Access, AccessDenied, ReadFailed, Started
from tests.fakes.clock import FakeClock
from tests.fakes.effects import Effects
from tests.fakes.jobs import FakeAccount, FakeJob

LAUNCHED_AFTER = timedelta(seconds=60)
ENDED_AFTER = timedelta(seconds=20)
"""After the launch."""
BOOTED_AFTER = timedelta(seconds=60)
"""After the launch."""
REFRESH = timedelta(seconds=60)
"""How old the shared inventory may be."""


@dataclass(frozen=True)
class Lost:
    """A launch call that is not answered; the job exists or not, and may be seen only later."""

    launched: bool
    unseen_for: timedelta = timedelta()
    untagged: bool = False
    """The job has none of the tags that it was called with."""


@dataclass
class FakeCloud:
    """Port Cloud, and what happens on AWS without the operator."""

    clock: FakeClock
    effect: Effects
    skew: timedelta = timedelta()
    """How far AWS's clock is ahead of the operator's."""
    calls: list[tuple[str, Place]] = field(default_factory=list)
    """Every call, by operation and place."""
    answers: list[Refused | Lost] = field(default_factory=list)
    """What the next launch calls are answered with; then they succeed."""
    failing: dict[str, ReadFailed] = field(default_factory=dict)
    """Operations that fail until taken out."""
    launch_takes: timedelta = LAUNCHED_AFTER
    """How long the launches of new jobs take."""
    on_refresh: Callable[[Place], None] = lambda _: None
    """Told of every new inventory."""
    quotas: dict[str, int] = field(default_factory=lambda: {"replicatingServers": 300})
    """Of every place."""
    deaf: set[Place] = field(default_factory=set)
    """Places that do not answer."""
    fates: dict[str, str] = field(default_factory=dict)
    """Launch status of servers that do not come up."""
    destroyed: list[str] = field(default_factory=list)
    """Instances that a later launch of their server has destroyed."""
    conflicts: list[tuple[str, ...]] = field(default_factory=list)
    """Servers of calls that were refused because a job was running on one of them."""
    termination_answers: list[Refused | Lost] = field(default_factory=list)
    """What the next terminate calls are answered with; then they succeed."""
    terminations: list[tuple[str, ...]] = field(default_factory=list)
    """Instances of every terminate call that has made a job, in order."""
    unterminable: set[str] = field(default_factory=set)
    """Instances that stay, whatever job terminates them."""
    over_quota: list[tuple[str, ...]] = field(default_factory=list)
    """Servers of calls that were refused because a quota was used up."""
    _accounts: dict[str, FakeAccount] = field(default_factory=dict)
    _servers: dict[Place, dict[str, SourceServer]] = field(default_factory=dict)
    _points: dict[str, tuple[RecoveryPoint, ...]] = field(default_factory=dict)
    _jobs: dict[Place, list[FakeJob]] = field(default_factory=dict)
    _elder: dict[Place, list[RecoveryInstance]] = field(default_factory=dict)
    _swept: dict[Place, Inventory] = field(default_factory=dict)

    # --- what happens without the operator ----------------------------------------------------------------------

    def account(self, account_id: str, external_id: str | None = None) -> None:
        """An account whose role asks for this external id."""
        self._accounts[account_id] = FakeAccount(external_id)

    def refuse(self, account_id: str, refused: bool = True) -> None:
        """Nobody may assume the role of this account any more, or again."""
        self._accounts[account_id].refused = refused

    def server(
        self, place: Place, server_id: str, state: str = "CONTINUOUS", points: int = 1, **tags: str
    ) -> SourceServer:
        """A source server with recovery points of the last minutes; one that exists is replaced."""
        now = self.clock.now()
        added = SourceServer(
            server_id, f"host-{server_id[-3:]}", tags, state, timedelta(seconds=5), "eu-west-1", place.account_id
        )
        self._servers.setdefault(place, {})[server_id] = added
        self._points[server_id] = tuple(
            RecoveryPoint(f"snap-{server_id[-3:]}-{n}", now - timedelta(minutes=5 * n)) for n in range(1, points + 1)
        )
        return added

    def remove(self, place: Place, server_id: str) -> None:
        """The source server is deleted."""
        del self._servers[place][server_id]

    def live_instance(self, place: Place, server_id: str) -> str:
        """The server runs as a real recovery since long ago."""
        instance = RecoveryInstance(
            f"i-live-{server_id[-3:]}", server_id, "drsjob-elder", False, "RUNNING", "10.9.9.9", None
        )
        self._elder.setdefault(place, []).append(instance)
        return instance.instance_id

    def mend(self, *server_ids: str) -> None:
        """Later jobs bring these servers up; those that have not stay as they are."""
        for server_id in server_ids:
            fate = self.fates.pop(server_id)
            for job in [job for jobs in self._jobs.values() for job in jobs if server_id in job.server_ids]:
                job.failed[server_id] = fate

    def foreign_job(self, place: Place, server_ids: Iterable[str], lasts: timedelta, is_drill: bool = True) -> str:
        """Somebody else launches these servers now."""
        job = self._add(place, tuple(server_ids), is_drill, {})
        job.ends_at = job.created_at + lasts
        return job.job_id

    def launches(self) -> list[tuple[str, tuple[str, ...]]]:
        """Every job that a launch call has made: its token and its servers, in order."""
        return [
            (job.tags["drs-operator.io/token"], job.server_ids)
            for jobs in self._jobs.values()
            for job in jobs
            if "drs-operator.io/token" in job.tags
        ]

    def instances(self, place: Place) -> list[RecoveryInstance]:
        """What runs there now."""
        now = self.clock.now() + self.skew
        found = {i.server_id: i for i in self._elder.get(place, [])}
        for job in self._jobs.get(place, []):
            if now < job.launched_at:
                continue
            if job.terminates:
                gone = set(job.terminates) - self.unterminable
                found = {s: i for s, i in found.items() if i.instance_id not in gone}
            else:
                lost = self.fates.keys() | job.failed.keys()
                found |= {s: self._instance(job, s) for s in job.server_ids if s not in lost}
        return list(found.values())

    # --- the port -----------------------------------------------------------------------------------------------

    async def report(self, access: Access, region: str, newer_than: datetime | None = None) -> RegionReport:
        """One Region of an account."""
        try:
            inventory = await self.inventory(access, region, newer_than)
        except AccessDenied as error:
            return RegionReport(region, "ACCESS_DENIED", error.code, error.message)
        except ReadFailed as error:
            return RegionReport(region, "UNREACHABLE", error.code, error.message)
        return RegionReport(region, "ACTIVE", "", "", inventory, dict(self.quotas))

    async def inventory(self, access: Access, region: str, newer_than: datetime | None = None) -> Inventory:
        """All source servers of a place: one sweep for everybody who asks, until it is old."""
        place, now = Place(access.account_id, region), self.clock.now()
        kept = self._swept.get(place)
        if kept and now - kept.taken_at < REFRESH and (newer_than is None or kept.taken_at >= newer_than):
            return kept
        self._enter("inventory", access, region)
        listed = self._listed(place, self._servers.get(place, {}).values())
        self._swept[place] = swept = Inventory(place, listed, now)
        self.on_refresh(place)
        return swept

    def known_inventory(self, place: Place) -> Inventory | None:
        """The newest inventory of a place."""
        return self._swept.get(place)

    async def source_servers(self, access: Access, region: str, server_ids: Iterable[str]) -> tuple[SourceServer, ...]:
        """These source servers, as they are now."""
        place = self._enter("source servers", access, region)
        known = self._servers.get(place, {})
        return self._listed(place, [known[server_id] for server_id in server_ids if server_id in known])

    async def jobs(self, access: Access, region: str, since: datetime) -> Jobs:
        """The jobs of a place, those that can be seen by now."""
        place = self._enter("jobs", access, region)
        now = self.aws_time(access, region)
        seen = [job for job in self._jobs.get(place, []) if job.created_at >= since and self._visible(job, now)]
        return Jobs(place, tuple(self._job(job, now) for job in seen), now, since)

    async def job_log(self, access: Access, region: str, job_id: str) -> tuple[LogItem, ...]:
        """Why servers of a job failed."""
        place = self._enter("job log", access, region)
        job = next(job for job in self._jobs[place] if job.job_id == job_id)
        if self.aws_time(access, region) < job.launched_at:
            return ()
        failed = [server_id for server_id in job.server_ids if server_id in self.fates | job.failed]
        return tuple(LogItem("LAUNCH_FAILED", job.launched_at, server_id, "no capacity") for server_id in failed)

    async def recovery_instances(
        self, access: Access, region: str, server_ids: Iterable[str]
    ) -> tuple[RecoveryInstance, ...]:
        """Recovery instances of these servers."""
        place = self._enter("recovery instances", access, region)
        wanted = set(server_ids)
        return tuple(instance for instance in self.instances(place) if instance.server_id in wanted)

    async def recovery_points(self, access: Access, region: str, server_id: str) -> tuple[RecoveryPoint, ...]:
        """Recovery points of a server, newest first."""
        self._enter("recovery points", access, region)
        return self._points.get(server_id, ())

    async def healthy_instances(self, access: Access, region: str, instance_ids: Iterable[str]) -> frozenset[str]:
        """Those that have booted."""
        place = self._enter("healthy instances", access, region)
        now = self.aws_time(access, region)
        booted = {j.job_id for j in self._jobs.get(place, []) if now >= j.launched_at + BOOTED_AFTER}
        running = {i.instance_id for i in self.instances(place) if i.job_id in booted}
        return frozenset(running & set(instance_ids))

    def aws_time(self, access: Access, region: str) -> datetime:
        """AWS's clock."""
        return self.clock.now() + self.skew

    async def start_recovery(
        self, access: Access, region: str, intent: LaunchIntent, is_drill: bool, tags: Mapping[str, str]
    ) -> Started | Refused | Unknown:
        """Launches, as AWS does: an instance that the server has is destroyed."""
        try:
            place = self._enter("start recovery", access, region)
        except ReadFailed as error:
            return Unknown(error.message)
        scripted = self.answers.pop(0) if self.answers else None
        if isinstance(scripted, Refused):
            return scripted
        if scripted is not None and not scripted.launched:
            return Unknown("the connection was lost")
        if set(self._busy(place)) & set(intent.server_ids):
            self.conflicts.append(intent.server_ids)
            return Refused(Refusal.SERVER_IN_JOB, "ConflictException", "a server is in a job")
        if (short := self._short_of(place, len(intent.server_ids))) is not None:
            self.over_quota.append(intent.server_ids)
            return Refused(short, "ServiceQuotaExceededException", "the quota is used up")
        job = self.effect("start recovery", lambda: self._add(place, intent.server_ids, is_drill, dict(tags)))
        if scripted is not None:
            job.unseen_until = job.created_at + scripted.unseen_for
            if scripted.untagged:
                job.tags.clear()
            return Unknown("the connection was lost")
        return Started(job.job_id, "PENDING", job.created_at)

    async def terminate_recovery_instances(
        self, access: Access, intent: TerminateIntent
    ) -> Started | Refused | Unknown:
        """Terminates, as AWS does: all or none, and none of a server that a job works on."""
        try:
            place = self._enter("terminate", access, intent.region)
        except ReadFailed as error:
            return Unknown(error.message)
        scripted = self.termination_answers.pop(0) if self.termination_answers else None
        if isinstance(scripted, Refused):
            return scripted
        if scripted is not None and not scripted.launched:
            return Unknown("the connection was lost")
        owners = {instance.instance_id: instance.server_id for instance in self.instances(place)}
        if set(intent.instance_ids) - owners.keys():
            return Refused(Refusal.INVALID, "ValidationException", "an instance does not exist")
        servers = tuple(owners[instance_id] for instance_id in intent.instance_ids)
        if set(self._busy(place)) & set(servers):
            return Refused(Refusal.SERVER_IN_JOB, "ConflictException", "a server is in a job")
        if (short := self._short_of(place, len(servers))) is not None:
            return Refused(short, "ServiceQuotaExceededException", "the quota is used up")
        job = self.effect("terminate", lambda: self._terminates(place, servers, intent.instance_ids))
        if scripted is not None:
            job.unseen_until = job.created_at + scripted.unseen_for
            return Unknown("the connection was lost")
        return Started(job.job_id, "PENDING", job.created_at)

    def _terminates(self, place: Place, server_ids: tuple[str, ...], instance_ids: tuple[str, ...]) -> FakeJob:
        self.terminations.append(instance_ids)
        count = sum(len(jobs) for jobs in self._jobs.values())
        now = self.clock.now() + self.skew
        gone = now + LAUNCHED_AFTER
        job = FakeJob(
            f"drsjob-{count + 1:04d}", now, False, server_ids, {}, gone, gone + ENDED_AFTER, None, instance_ids
        )
        self._jobs.setdefault(place, []).append(job)
        return job

    def _enter(self, operation: str, access: Access, region: str) -> Place:
        place = Place(access.account_id, region)
        self.calls.append((operation, place))
        self.effect.moment(operation)
        account = self._accounts.get(access.account_id)
        if account is None or account.refused or account.external_id != access.external_id:
            raise AccessDenied("ROLE_ASSUMPTION_FAILED", f"role {access.role_arn} could not be assumed")
        if place in self.deaf:
            raise ReadFailed("DRS_ERROR", f"{place} does not answer")
        if operation in self.failing:
            raise self.failing[operation]
        return place

    def _listed(self, place: Place, servers: Iterable[SourceServer]) -> tuple[SourceServer, ...]:
        """The servers as they are listed now: what runs of them, their last launch, the job that works on them."""
        running = {instance.server_id: instance.instance_id for instance in self.instances(place)}
        return tuple(
            replace(self._with_launch(place, server), recovery_instance_id=running.get(server.server_id))
            for server in servers
        )

    def _with_launch(self, place: Place, server: SourceServer) -> SourceServer:
        now = self.clock.now() + self.skew
        launches = [j for j in self._jobs.get(place, []) if server.server_id in j.server_ids and not j.terminates]
        if not (launches := [job for job in launches if self._visible(job, now)]):
            return server
        last = launches[-1]
        active = last.job_id if now < min(last.launched_at, last.ends_at) else None
        return replace(server, last_launch_job_id=last.job_id, active_job_id=active)

    def usage(self, place: Place) -> tuple[int, int]:
        """Jobs in progress, and servers in them."""
        now = self.clock.now() + self.skew
        running = [job for job in self._jobs.get(place, []) if now < job.ends_at]
        return len(running), len(self._busy(place))

    def _short_of(self, place: Place, servers: int) -> Refusal | None:
        """The quota that leaves no room for one more job of so many servers."""
        jobs, busy = self.usage(place)
        if jobs + 1 > self.quotas.get("jobsInProgress", 20):
            return Refusal.JOBS_QUOTA
        return Refusal.SERVERS_QUOTA if busy + servers > self.quotas.get("serversInAllJobs", 500) else None

    def _busy(self, place: Place) -> list[str]:
        now = self.clock.now() + self.skew
        running = [job for job in self._jobs.get(place, []) if now < job.ends_at]
        return [server_id for job in running for server_id in job.server_ids]

    def _add(self, place: Place, server_ids: tuple[str, ...], is_drill: bool, tags: dict[str, str]) -> FakeJob:
        self.destroyed += [i.instance_id for i in self.instances(place) if i.server_id in server_ids]
        count = sum(len(jobs) for jobs in self._jobs.values())
        now = self.clock.now() + self.skew
        launched = now + self.launch_takes
        job = FakeJob(f"drsjob-{count + 1:04d}", now, is_drill, server_ids, tags, launched, launched + ENDED_AFTER)
        self._jobs.setdefault(place, []).append(job)
        return job

    @staticmethod
    def _visible(job: FakeJob, now: datetime) -> bool:
        return job.unseen_until is None or now >= job.unseen_until

    def _job(self, job: FakeJob, now: datetime) -> Job:
        ended = now >= job.ends_at
        status = "COMPLETED" if ended else "STARTED" if now > job.created_at else "PENDING"
        servers = tuple(self._participant(job, server_id, now) for server_id in job.server_ids)
        end = job.ends_at if ended else None
        if job.terminates:
            servers = tuple(JobServer(s, "", i) for s, i in zip(job.server_ids, job.terminates, strict=True))
            return Job(
                job.job_id, status, "TERMINATE", "TERMINATE_RECOVERY_INSTANCES", job.created_at, end, servers, {}
            )
        kind = "START_DRILL" if job.is_drill else "START_RECOVERY"
        return Job(job.job_id, status, "LAUNCH", kind, job.created_at, end, servers, job.tags)

    def _participant(self, job: FakeJob, server_id: str, now: datetime) -> JobServer:
        if now < job.launched_at:
            return JobServer(server_id, "PENDING" if now == job.created_at else "IN_PROGRESS")
        if (fate := job.failed.get(server_id, self.fates.get(server_id))) is not None:
            return JobServer(server_id, fate)
        return JobServer(server_id, "LAUNCHED", self._instance(job, server_id).instance_id)

    def _instance(self, job: FakeJob, server_id: str) -> RecoveryInstance:
        point = self._points[server_id][0].time if self._points.get(server_id) else None
        address = f"10.0.{int(job.job_id[-4:])}.{1 + job.server_ids.index(server_id)}"
        name = f"i-{job.job_id[-4:]}-{server_id[-3:]}"
        return RecoveryInstance(name, server_id, job.job_id, job.is_drill, "RUNNING", address, point)
