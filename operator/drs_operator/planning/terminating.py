"""The life of a terminate intent: PLANNED, CALLING, STARTED, ENDED, and which instances it may name at all.

An instance belongs to a run if DRS says that it is a drill and that a job of this run has launched it. Terminating an
instance twice harms nobody, but a call whose outcome is unknown is resolved by looking first, as a launch is. The API
takes no tags: a lost job is known by its type, its servers and its time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from drs_operator.planning.facts import Job, Jobs, Place, RecoveryInstance
from drs_operator.planning.intents import Cleanup, TerminateIntent
from drs_operator.planning.launching import QUEUE_WAIT, WAITING, Refusal, Refused
from drs_operator.planning.run import Run

SERVERS_PER_JOB = 100
"""Quota of a job; the API itself takes 200 ids."""
MOST_JOBS = 3
"""How many jobs may try to terminate an instance before it is left to a person."""
LONGEST_WAIT = timedelta(minutes=10)
"""Between two calls that AWS refuses."""
CLOCK_SLACK = timedelta(seconds=5)
"""AWS's clock is known to the second, and some of its answers are older than they are read."""
GOING = frozenset({"SHUTTING-DOWN", "TERMINATED", "NOT_FOUND"})
"""States of instances that nobody needs to terminate any more. An unknown state counts as there."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What was seen of a place for one decision."""

    instances: tuple[RecoveryInstance, ...]
    """Of this run alone (`own`), whatever their state."""
    jobs: Jobs | None = None
    """The job board; None where no call is followed."""


def launched(run: Run) -> dict[Place, tuple[frozenset[str], frozenset[str]]]:
    """By place, the jobs of every attempt of the run, and the servers that they launched."""
    found: dict[Place, tuple[frozenset[str], frozenset[str]]] = {}
    for intent in run.intents:
        if intent.job_id is not None:
            place = run.wave(intent.wave_number).place
            jobs, servers = found.get(place, (frozenset(), frozenset()))
            found[place] = (jobs | {intent.job_id}, servers | set(intent.server_ids))
    return found


def own(run: Run, place: Place, instances: Iterable[RecoveryInstance]) -> tuple[RecoveryInstance, ...]:
    """Those that this run may terminate: drills that its own jobs have launched, and nothing else."""
    jobs = launched(run).get(place, (frozenset(), frozenset()))[0]
    return tuple(i for i in instances if run.is_drill and i.is_drill is True and i.job_id in jobs and i.instance_id)


def find(cleanup: Cleanup, shard: int) -> TerminateIntent | None:
    """The intent as it is recorded now."""
    return next((intent for intent in cleanup.intents if intent.shard == shard), None)


def with_intent(cleanup: Cleanup, intent: TerminateIntent) -> Cleanup:
    """The clean-up with this intent in place of the one of the same shard, or added."""
    others = [other for other in cleanup.intents if other.shard != intent.shard]
    return cleanup.model_copy(update={"intents": tuple(sorted([*others, intent], key=lambda i: i.shard))})


def given_up(cleanup: Cleanup) -> dict[str, str]:
    """Instances that are left to a person, and why."""
    found: dict[str, str] = {}
    jobs: dict[str, list[str]] = {}
    for intent in cleanup.intents:
        if intent.state != "Ended":
            continue
        for instance_id in intent.instance_ids:
            if intent.error:
                found[instance_id] = intent.error
            if intent.job_id:
                jobs.setdefault(instance_id, []).append(intent.job_id)
    for instance_id, tried in jobs.items():
        if len(tried) >= MOST_JOBS:
            found.setdefault(instance_id, f"still there after job {tried[-1]}")
    return found


def planned(run: Run, cleanup: Cleanup, place: Place, account_name: str, there: Iterable[RecoveryInstance]) -> Cleanup:
    """New intents for the instances that are there, that no intent works on and that are not given up."""
    busy = {i for intent in cleanup.intents if intent.state != "Ended" for i in intent.instance_ids}
    left = given_up(cleanup)
    wanted = sorted(
        (i for i in there if i.instance_id not in busy and i.instance_id not in left), key=lambda i: i.instance_id
    )
    for start in range(0, len(wanted), SERVERS_PER_JOB):
        part = wanted[start : start + SERVERS_PER_JOB]
        cleanup = _added(run, cleanup, place, account_name, {i.instance_id: i.server_id for i in part})
    return cleanup


def _added(run: Run, cleanup: Cleanup, place: Place, account_name: str, members: Mapping[str, str]) -> Cleanup:
    shard = 1 + max((intent.shard for intent in cleanup.intents), default=0)
    intent = TerminateIntent(
        shard=shard,
        token=f"{run.execution_id}/clean-up/{shard}",
        account_name=account_name,
        account_id=place.account_id,
        region=place.region,
        instance_ids=tuple(members),
        server_ids=tuple(members.values()),
    )
    return with_intent(cleanup, intent)


def call(
    cleanup: Cleanup, intent: TerminateIntent, there: Mapping[str, str], caller: str, now: datetime, aws_now: datetime
) -> Cleanup:
    """PLANNED to CALLING for those that were there right now (`there`: server by instance); ENDED if none was."""
    members = {i: there[i] for i in intent.instance_ids if i in there}
    if not members:
        return with_intent(cleanup, intent.model_copy(update={"state": "Ended", "end_time": now}))
    update = {
        "state": "Calling",
        "instance_ids": tuple(members),
        "server_ids": tuple(members.values()),
        "caller": caller,
        "called_at": now,
        "called_at_aws": aws_now,
        "tries": intent.tries + 1,
        "not_before": None,
    }
    return with_intent(cleanup, intent.model_copy(update=update))


def started(cleanup: Cleanup, intent: TerminateIntent, job_id: str, status: str, created_at: datetime) -> Cleanup:
    """CALLING to STARTED: the job is known, by the answer of the call or by looking."""
    update = {"state": "Started", "job_id": job_id, "job_status": status, "start_time": created_at}
    return with_intent(cleanup, intent.model_copy(update=update)).model_copy(update={"message": ""})


def refused(run: Run, cleanup: Cleanup, intent: TerminateIntent, answer: Refused, now: datetime) -> Cleanup:
    """What a definite refusal makes of an intent that was CALLING: it waits, is split, or is given up."""
    said = f"{intent.place}: {answer.code}: {answer.message}"
    if answer.kind is Refusal.INVALID:
        if len(intent.instance_ids) == 1:
            ended = intent.model_copy(update={"state": "Ended", "end_time": now, "error": f"DRS_ERROR: {said}"})
            return with_intent(cleanup, ended)
        cleanup = with_intent(cleanup, intent.model_copy(update={"state": "Ended", "end_time": now}))
        members, middle = list(zip(intent.instance_ids, intent.server_ids, strict=True)), len(intent.instance_ids) // 2
        for half in (members[:middle], members[middle:]):
            cleanup = _added(run, cleanup, intent.place, intent.account_name, dict(half))
        return cleanup
    at_once = answer.kind is Refusal.NOT_SENT and intent.tries <= 1
    wait = QUEUE_WAIT if answer.kind in WAITING else min(LONGEST_WAIT, QUEUE_WAIT * 2 ** min(intent.tries, 6))
    cleanup = with_intent(cleanup, _again(intent, now if at_once else now + wait))
    return cleanup.model_copy(update={"message": f"waits, and tries again: {said}"})


def _again(intent: TerminateIntent, not_before: datetime | None) -> TerminateIntent:
    update = {"state": "Planned", "caller": None, "called_at": None, "called_at_aws": None, "not_before": not_before}
    return intent.model_copy(update=update)


def followed(cleanup: Cleanup, place: Place, sight: Sight, settle: timedelta, now: datetime) -> Cleanup:
    """What looking made of the intents of a place: unknown outcomes resolved, jobs followed to their end."""
    there = {i.instance_id for i in sight.instances if i.state not in GOING}
    for intent in cleanup.intents:
        if intent.place != place or intent.state == "Ended":
            continue
        gone = not there & set(intent.instance_ids)
        if gone and intent.state == "Planned":
            cleanup = with_intent(cleanup, intent.model_copy(update={"state": "Ended", "end_time": now}))
        if intent.state == "Calling":
            cleanup = _resolved(cleanup, intent, sight.jobs, gone, settle, now)
        found = find(cleanup, intent.shard)  # the job that was looked for may have ended by now
        if found is not None and found.state == "Started":
            cleanup = _after_job(cleanup, found, sight.jobs, gone, now)
    return cleanup


def _after_job(cleanup: Cleanup, intent: TerminateIntent, board: Jobs | None, gone: bool, now: datetime) -> Cleanup:
    job = board.by_id().get(intent.job_id or "") if board else None
    status = job.status if job else intent.job_status
    if gone or (job is not None and not job.running):
        end = (job.ended_at if job else None) or now
        return with_intent(cleanup, intent.model_copy(update={"state": "Ended", "job_status": status, "end_time": end}))
    return with_intent(cleanup, intent.model_copy(update={"job_status": status}))


def _resolved(
    cleanup: Cleanup, intent: TerminateIntent, board: Jobs | None, gone: bool, settle: timedelta, now: datetime
) -> Cleanup:
    if (job := _job_of(cleanup, intent, board)) is not None:
        return started(cleanup, intent, job.job_id, job.status, job.created_at)
    if gone:
        return with_intent(cleanup, intent.model_copy(update={"state": "Ended", "end_time": now}))
    if board is None or not intent.settled(board.aws_time, settle):
        return cleanup
    return with_intent(cleanup, _again(intent, None))


def _job_of(cleanup: Cleanup, intent: TerminateIntent, board: Jobs | None) -> Job | None:
    """The TERMINATE job of exactly these servers, not older than the call, that no other intent has."""
    if board is None or intent.called_at_aws is None:
        return None
    known = {other.job_id for other in cleanup.intents if other.job_id}
    wanted, since = set(intent.server_ids), intent.called_at_aws - CLOCK_SLACK
    for job in board.jobs:
        same = {server.server_id for server in job.servers} == wanted
        if job.type == "TERMINATE" and same and job.created_at >= since and job.job_id not in known:
            return job
    return None
