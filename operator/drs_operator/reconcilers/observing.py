"""What a run needs to see of AWS: the job board of its places, instances where a launch has to be confirmed."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime

from drs_operator.planning.facts import Failure, Job, Jobs, Observed, Place, RecoveryInstance
from drs_operator.planning.intents import LaunchIntent
from drs_operator.planning.launching import LOOK_BACK
from drs_operator.planning.run import FINAL_SERVER_PHASES, Run, RunServer, RunWave
from drs_operator.ports import Access, ReadFailed
from drs_operator.reconcilers.access import access_of, account_of
from drs_operator.reconcilers.context import Context


@dataclass(slots=True)
class Sight:
    """What was seen, and what could not be read: nothing is concluded from the latter."""

    jobs: dict[Place, Jobs] = field(default_factory=dict)
    instances: dict[Place, tuple[RecoveryInstance, ...]] = field(default_factory=dict)
    healthy: set[str] = field(default_factory=set)
    raw_errors: dict[tuple[str, str], str] = field(default_factory=dict)
    progress: dict[tuple[str, str], str] = field(default_factory=dict)
    troubles: list[Failure] = field(default_factory=list)

    def observed(self) -> Observed:
        """For the decision."""
        return Observed(self.jobs, self.instances, frozenset(self.healthy), self.raw_errors, self.progress)


async def observe(context: Context, run: Run) -> Sight:
    """Reads what the followed jobs of a run need; a place that fails leaves the others alone."""
    sight = Sight()
    followed: dict[Place, list[tuple[RunWave, LaunchIntent]]] = defaultdict(list)
    for intent in run.intents:
        wave = run.wave(intent.wave_number)
        if intent.state == "Started" or (intent.job_id and wave.phase == "Launching"):
            followed[wave.place].append((wave, intent))
    for place, watched in followed.items():
        name = watched[0][0].account_name
        account = account_of(context, name, place)
        if account is None:
            text = f"TargetAccount {name} is gone or another account; its jobs cannot be followed until it is back"
            sight.troubles.append(Failure("ACCOUNT_UNAVAILABLE", text))
            continue
        try:
            await _place(context, await access_of(context, account), place, watched, sight)
        except ReadFailed as error:
            sight.troubles.append(Failure(error.code, error.message))
    return sight


async def _place(
    context: Context, access: Access, place: Place, watched: list[tuple[RunWave, LaunchIntent]], sight: Sight
) -> None:
    since = min(intent.called_at_aws or intent.start_time or datetime.max for _, intent in watched) - LOOK_BACK
    board = await context.cloud.jobs(access, place.region, since)
    sight.jobs[place] = board
    context.quota.look(board, context.clock.now())
    jobs = board.by_id()
    unsure: set[str] = set()
    for wave, intent in watched:
        job = jobs.get(intent.job_id or "")
        unsure |= {s.server_id for s in _members(wave, intent) if _needs_instance(s, job)}
        pending = frozenset(s.server_id for s in _members(wave, intent) if s.phase not in FINAL_SERVER_PHASES)
        if job is not None and pending:
            await _log(context, access, place, job, pending, sight)
    if unsure:
        sight.instances[place] = await context.cloud.recovery_instances(access, place.region, unsure)
    booting = _booting(watched, sight.instances.get(place, ()))
    if booting:
        sight.healthy |= await context.cloud.healthy_instances(access, place.region, booting)


def _members(wave: RunWave, intent: LaunchIntent) -> list[RunServer]:
    """The servers of a call, but those that a later attempt has taken over."""
    return [s for s in wave.servers if s.server_id in intent.server_ids and s.attempt <= intent.attempt]


def _needs_instance(server: RunServer, job: Job | None) -> bool:
    """Its launch is over as far as the job tells, and its instance was not seen yet."""
    if server.phase in ("Failed", "Skipped") or server.private_ip is not None:
        return False
    status = next((s.launch_status for s in job.servers if s.server_id == server.server_id), None) if job else None
    return status == "LAUNCHED" or job is None or not job.running


def _booting(watched: list[tuple[RunWave, LaunchIntent]], instances: tuple[RecoveryInstance, ...]) -> set[str]:
    known = {(i.job_id, i.server_id): i.instance_id for i in instances}
    waiting: set[str] = set()
    for wave, intent in watched:
        if wave.ready_when == "Launched":
            continue
        for server in _members(wave, intent):
            instance = server.recovery_instance_id or known.get((intent.job_id or "", server.server_id))
            if server.phase not in FINAL_SERVER_PHASES and instance:
                waiting.add(instance)
    return waiting


async def _log(context: Context, access: Access, place: Place, job: Job, pending: frozenset[str], sight: Sight) -> None:
    """How far each server is and what went wrong, by the job's log: told while a server's fate is open.

    It explains and decides nothing, so a log that cannot be read delays nothing.
    """
    try:
        items = await context.logs.get(
            place,
            job,
            pending,
            context.clock.now(),
            context.poll_seconds,
            lambda: context.cloud.job_log(access, place.region, job.job_id),
        )
    except ReadFailed as error:
        sight.troubles.append(Failure(error.code, error.message))
        return
    for item in items:
        if item.server_id is None:
            continue
        sight.progress[(job.job_id, item.server_id)] = item.event
        if item.raw_error:
            sight.raw_errors[(job.job_id, item.server_id)] = item.raw_error
