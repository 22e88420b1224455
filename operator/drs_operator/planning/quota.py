"""Who may call when the quotas of an account and Region are short: usage, the line, and who goes.

Counted is every job that AWS has not ended, whoever began it, terminations included, and every own call that the job
board does not show yet. Source of the limits: AWS General Reference, quotas L-D88FAC3A (jobs in progress), L-B827C881
(servers in a job) and L-05AFA8C6 (servers in all jobs), each per account and Region.

The line of a place is strict. Its order is RECOVERY, DRILL, termination; then the plan's priority; then age. A call
goes only if it has room together with every call that stands before it: nobody overtakes who waits, however small, so
that the jobs that end make room for a large wave at last. The price is that room stays empty while the first in line
needs more of it. Only a call of a higher rank passes, when it comes: drills give way to recoveries, always.

Drills and terminations leave a reserve free, from which a recovery begins at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from drs_operator.api.v1alpha1.targetaccount import RegionQuotas
from drs_operator.planning import launching
from drs_operator.planning.facts import Jobs, Place
from drs_operator.planning.intents import LaunchIntent, TerminateIntent
from drs_operator.planning.launching import Refusal
from drs_operator.planning.run import Run

REASONS = frozenset({Refusal.JOBS_QUOTA, Refusal.SERVERS_QUOTA})
"""Why a wave is queued that stands in line."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What AWS allows at once in an account and Region; the defaults are its published quotas."""

    jobs: int = 20
    servers_per_job: int = 100
    servers: int = 500


@dataclass(frozen=True, slots=True)
class Reserve:
    """What drills and terminations leave free for recoveries."""

    jobs: int = 5
    servers: int = 100


@dataclass(frozen=True, slots=True)
class Usage:
    """Jobs in progress, and the servers in them."""

    jobs: int = 0
    servers: int = 0

    def plus(self, servers: int) -> Usage:
        """With one more job."""
        return Usage(self.jobs + 1, self.servers + servers)


@dataclass(frozen=True, slots=True)
class Call:
    """A call that begins a job: of a launch intent, or of a termination."""

    kind: Literal["launch", "terminate"]
    token: str
    """Of its intent: what the call is known by."""
    place: Place
    servers: int
    execution_id: str
    namespace: str
    name: str
    """Of the execution."""
    wave_number: int
    """0: a termination."""
    shard: int
    drill: bool
    priority: int
    claimed_time: datetime

    @property
    def rank(self) -> tuple[int, int, datetime, str, int, int, str]:
        """Lower goes first: RECOVERY, DRILL, termination; priority; age of the run, then its waves in their order."""
        kind = 2 if self.kind == "terminate" else 1 if self.drill else 0
        return (kind, -self.priority, self.claimed_time, self.execution_id, self.wave_number, self.shard, self.token)


@dataclass(frozen=True, slots=True)
class Made:
    """A call that may have begun a job which the job board does not show yet."""

    call: Call
    called_at_aws: datetime
    job_id: str | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """A call in line."""

    call: Call
    refused: Refusal | None = None
    not_before: datetime | None = None
    """AWS has refused the call for a quota that looked free: nobody behind it goes before it has asked again."""


def limits_of(quotas: RegionQuotas | None) -> Limits:
    """The quotas in force where they are known, the published ones where not."""
    if quotas is None:
        return Limits()
    known = {
        "jobs": quotas.jobs_in_progress,
        "servers_per_job": quotas.servers_per_job,
        "servers": quotas.servers_in_all_jobs,
    }
    return Limits(**{name: value for name, value in known.items() if value})


def launch_call(run: Run, intent: LaunchIntent) -> Call:
    """The call of a launch intent."""
    wave = run.wave(intent.wave_number)
    return _call(run, "launch", intent.token, wave.place, len(intent.server_ids), wave.wave_number, intent.shard)


def terminate_call(run: Run, intent: TerminateIntent) -> Call:
    """The call of a termination: a job like any other, with a server for each instance."""
    return _call(run, "terminate", intent.token, intent.place, len(intent.instance_ids), 0, intent.shard)


def _call(
    run: Run, kind: Literal["launch", "terminate"], token: str, place: Place, servers: int, wave: int, shard: int
) -> Call:
    return Call(
        kind=kind,
        token=token,
        place=place,
        servers=servers,
        execution_id=run.execution_id,
        namespace=run.namespace,
        name=run.name,
        wave_number=wave,
        shard=shard,
        drill=run.is_drill,
        priority=run.priority,
        claimed_time=run.claimed_time,
    )


def made_by(run: Run) -> list[Made]:
    """The calls of a run that may have begun a job which goes on, as its row tells."""
    launches = [(launch_call(run, i), i) for i in run.intents if i.state in ("Calling", "Started")]
    ended = run.cleanup.intents if run.cleanup else ()
    terminations = [(terminate_call(run, i), i) for i in ended if i.state in ("Calling", "Started")]
    both: list[tuple[Call, LaunchIntent | TerminateIntent]] = [*launches, *terminations]
    return [Made(call, i.called_at_aws, i.job_id) for call, i in both if i.called_at_aws is not None]


def may_wait(run: Run) -> frozenset[str]:
    """Tokens of the calls that a run has still to make. A held, cancelled or ended run has none: it holds no quota."""
    launches = {intent.token for intent in run.intents if launching.may_call(run, intent)}
    ended = run.cleanup.intents if run.cleanup else ()
    return frozenset(launches | {intent.token for intent in ended if intent.state == "Planned"})


def in_line(run: Run) -> list[Waiting]:
    """The calls that stand in line as the row of their run tells: so a new leader finds the line as it was."""
    found = []
    for intent in run.intents:
        reason = run.wave(intent.wave_number).queued_reason
        if launching.may_call(run, intent) and reason in REASONS:
            found.append(Waiting(launch_call(run, intent), Refusal(reason), intent.not_before))
    return found


def usage(board: Jobs | None, made: Iterable[Made], settle: timedelta) -> Usage:
    """What is used of a place. A call counts until its job is on the board, which counts from then on.

    A call whose job is not on a board that was read after the settle window has begun none.
    """
    running = [job for job in board.jobs if job.running] if board else []
    used = Usage(len(running), sum(len(job.servers) for job in running))
    tokens = {job.tags.get(launching.TOKEN_TAG) for job in board.jobs} if board else set()
    jobs = {job.job_id for job in board.jobs} if board else set()
    for item in made:
        shown = item.call.token in tokens or item.job_id in jobs
        since, until = item.called_at_aws, item.called_at_aws + settle
        looked = board is not None and board.since <= since and board.aws_time >= until
        if not shown and not looked:
            used = used.plus(item.call.servers)
    return used


def ceiling(call: Call, limits: Limits, reserve: Reserve) -> Usage:
    """What may be used at most once a call is made. A reserve never shuts drills out: one job of one server is left."""
    if call.kind == "launch" and not call.drill:
        return Usage(limits.jobs, limits.servers)
    return Usage(max(1, limits.jobs - reserve.jobs), max(1, limits.servers - reserve.servers))


def largest(call: Call, limits: Limits, reserve: Reserve) -> int:
    """How many servers a call may have and still find room some day."""
    return max(1, min(limits.servers_per_job, ceiling(call, limits, reserve).servers))


def shortage(call: Call, used: Usage, limits: Limits, reserve: Reserve) -> Refusal | None:
    """What a call has to wait for; None: there is room. One that is larger than its ceiling goes when nothing runs."""
    most, then = ceiling(call, limits, reserve), used.plus(call.servers)
    if then.jobs > most.jobs:
        return Refusal.JOBS_QUOTA
    if then.servers > most.servers and used.jobs:
        return Refusal.SERVERS_QUOTA
    return None


def ordered(line: Iterable[Waiting]) -> list[Waiting]:
    """The line, who goes first at its head."""
    return sorted(line, key=lambda waiting: waiting.call.rank)


def answers(
    line: Iterable[Waiting], used: Usage, limits: Limits, reserve: Reserve, now: datetime
) -> dict[str, Refusal | None]:
    """By token, what each call in line has to wait for; None: it may go, together with all before it."""
    found: dict[str, Refusal | None] = {}
    stopped: Refusal | None = None
    for waiting in ordered(line):
        call = waiting.call
        short = shortage(call, used, limits, reserve)
        if short is None and waiting.not_before is not None and now < waiting.not_before:
            short = waiting.refused or Refusal.JOBS_QUOTA
        stopped = stopped or short
        found[call.token] = short or stopped
        used = used.plus(call.servers)
    return found


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a wave stands in line, and for want of what."""

    position: int
    """1: next. Waves are counted, not their jobs."""
    reason: Refusal


def standings(line: Iterable[Waiting], told: Mapping[str, Refusal]) -> dict[tuple[str, int], Standing]:
    """By execution and wave; `told` is what each call that waits was told when it asked last, by token."""
    found: dict[tuple[str, int], Standing] = {}
    for waiting in ordered(line):
        call = waiting.call
        if call.token in told:
            found.setdefault((call.execution_id, call.wave_number), Standing(len(found) + 1, told[call.token]))
    return found
