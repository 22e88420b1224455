"""The life of a launch intent: PLANNED, CALLING, STARTED, ENDED, and what each answer of AWS makes of it.

StartRecovery has no idempotency token and a second launch of a server destroys the instance of the first. So every
transition here is recorded before what follows from it is done.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from drs_operator.planning import ids
from drs_operator.planning.facts import Job
from drs_operator.planning.run import ErrorRecord, Hold, LaunchIntent, Run, RunServer

LOOK_BACK = timedelta(minutes=15)
"""How long before the intent, on AWS's clock, the search for its job begins."""
QUEUE_WAIT = timedelta(seconds=15)
"""How long a queued call waits before it asks again."""


class Refusal(StrEnum):
    """Kinds of answers after which it is certain that nothing was launched."""

    JOBS_QUOTA = "ConcurrentJobsLimitExceeded"
    SERVERS_QUOTA = "ServersInJobsLimitExceeded"
    SERVER_IN_JOB = "ServerInJob"
    THROTTLED = "Throttled"
    NOT_SENT = "NotSent"
    """Expired credentials, a signature that was too old, no connection: the request did nothing."""
    DENIED = "Denied"
    INVALID = "Invalid"


@dataclass(frozen=True, slots=True)
class Refused:
    """A definite refusal."""

    kind: Refusal
    code: str
    message: str
    server_ids: tuple[str, ...] = ()
    """The servers that an INVALID names, if it names any."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """The call may or may not have launched: only looking tells."""

    message: str


def find(run: Run, intent: LaunchIntent) -> LaunchIntent | None:
    """The intent as it is recorded now."""
    return next((i for i in run.intents if i.key == intent.key), None)


def call(
    run: Run,
    intent: LaunchIntent,
    caller: str,
    now: datetime,
    aws_now: datetime,
    snapshots: Mapping[str, str],
    excluded: Mapping[str, ErrorRecord],
) -> Run:
    """PLANNED to CALLING for the servers that passed the guards; the others fail with their reason.

    Nothing is left to call when every server is excluded: the intent ends.
    """
    members = tuple(server_id for server_id in intent.server_ids if server_id not in excluded)
    run = _fail_servers(run, intent, excluded)
    wave = run.wave(intent.wave_number)
    run = run.with_wave(
        wave.model_copy(update={"phase": "Launching", "queued_reason": None, "start_time": wave.start_time or now})
    )
    if not members:
        return run.with_intent(intent.model_copy(update={"state": "Ended", "end_time": now}))
    called = intent.model_copy(
        update={
            "state": "Calling",
            "server_ids": members,
            "snapshots": {k: v for k, v in snapshots.items() if k in members},
            "caller": caller,
            "called_at": now,
            "called_at_aws": aws_now,
            "tries": intent.tries + 1,
            "not_before": None,
        }
    )
    return run.with_intent(called)


def started(run: Run, intent: LaunchIntent, job_id: str, status: str, created_at: datetime) -> Run:
    """CALLING to STARTED: the job is known, by the answer of the call or by looking."""
    return _launching(run, intent).with_intent(
        intent.model_copy(update={"state": "Started", "job_id": job_id, "job_status": status, "start_time": created_at})
    )


def _launching(run: Run, intent: LaunchIntent) -> Run:
    members = set(intent.server_ids)
    return run.with_servers(
        intent.wave_number,
        lambda s: (
            s.model_copy(update={"phase": "Launching"})
            if s.server_id in members and s.phase in ("Pending", "Queued")
            else s
        ),
    )


def refused(run: Run, intent: LaunchIntent, answer: Refused, now: datetime) -> Run:
    """What a definite refusal makes of an intent that was CALLING (or about to call)."""
    if answer.kind is Refusal.INVALID:
        return _invalid(run, intent, answer, now)
    again = intent.model_copy(update={"state": "Planned", "caller": None, "not_before": now + QUEUE_WAIT})
    if answer.kind is Refusal.NOT_SENT:
        again = again.model_copy(update={"not_before": now})
    run = _requeue(run, again, answer.kind.value)
    if answer.kind is Refusal.DENIED:
        return hold(run, intent.wave_number, "AccountUnavailable", now, answer.message)
    return run


def hold(run: Run, number: int, reason: str, now: datetime, detail: str) -> Run:
    """The wave waits for a person; it keeps its planned intents."""
    count = 1 + sum(1 for h in run.holds if h.wave_number == number)
    opened = Hold(id=f"{number}.{count}", wave_number=number, reason=reason, since=now, detail=detail)
    run = run.with_wave(run.wave(number).model_copy(update={"phase": "Held"}))
    return run.model_copy(update={"holds": (*run.holds, opened)})


def _requeue(run: Run, intent: LaunchIntent, reason: str) -> Run:
    run = run.with_intent(intent)
    wave = run.wave(intent.wave_number)
    if not any(i.state in ("Calling", "Started") for i in run.intents_of(intent.wave_number)):
        run = run.with_wave(wave.model_copy(update={"phase": "Queued", "queued_reason": reason}))
    return run


def _invalid(run: Run, intent: LaunchIntent, answer: Refused, now: datetime) -> Run:
    """A request that AWS calls wrong: the named servers fail; if none is named, halves find the bad one."""
    error = ErrorRecord(code="DRS_ERROR", message=f"{answer.code}: {answer.message}")
    named = [server_id for server_id in intent.server_ids if server_id in answer.server_ids]
    if not named and len(intent.server_ids) == 1:
        named = list(intent.server_ids)
    if named:
        run = _fail_servers(run, intent, dict.fromkeys(named, error))
        rest = tuple(server_id for server_id in intent.server_ids if server_id not in named)
        if not rest:
            return run.with_intent(intent.model_copy(update={"state": "Ended", "end_time": now}))
        return _requeue(run, _planned(intent, rest), Refusal.INVALID.value)
    # The token of a call that was answered must not serve for another set of servers: halves are new shards.
    run = run.with_intent(intent.model_copy(update={"state": "Ended", "end_time": now}))
    shard = max(i.shard for i in run.intents_of(intent.wave_number))
    middle = len(intent.server_ids) // 2
    for offset, members in enumerate((intent.server_ids[:middle], intent.server_ids[middle:]), start=1):
        half = _planned(intent, members).model_copy(
            update={
                "shard": shard + offset,
                "token": ids.launch_token(run.execution_id, intent.wave_number, intent.attempt, shard + offset),
            }
        )
        run = _requeue(run, half, Refusal.INVALID.value)
    return run


def _planned(intent: LaunchIntent, members: tuple[str, ...]) -> LaunchIntent:
    return intent.model_copy(
        update={"state": "Planned", "server_ids": members, "caller": None, "not_before": None, "snapshots": {}}
    )


def resolved(
    run: Run, intent: LaunchIntent, job: Job | None, aws_now: datetime, settle: timedelta, now: datetime
) -> Run:
    """What looking made of a call with an unknown outcome: adopted, open, to be repeated, or a person's to decide.

    The same run is returned while the settle window is open: a job may be visible only later.
    """
    if job is not None:
        return started(run, intent, job.job_id, job.status, job.created_at)
    assert intent.called_at_aws is not None
    if aws_now < intent.called_at_aws + settle:
        return run
    if run.verdict is not None:
        error = ErrorRecord(
            code="LAUNCH_OUTCOME_UNKNOWN", message="no job of this call was found; nothing was repeated"
        )
        run = _fail_servers(run, intent, dict.fromkeys(intent.server_ids, error))
        return run.with_intent(intent.model_copy(update={"state": "Ended", "end_time": now}))
    if run.ambiguous_launch_policy == "Reissue":
        # A new shard, so a new token: should the lost job turn up after all, it is not taken for this one.
        shard = 1 + max(i.shard for i in run.intents_of(intent.wave_number))
        again = _planned(intent, intent.server_ids).model_copy(
            update={
                "shard": shard,
                "token": ids.launch_token(run.execution_id, intent.wave_number, intent.attempt, shard),
            }
        )
        run = run.with_intent(intent.model_copy(update={"state": "Ended", "end_time": now}))
        return _requeue(run, again, "LaunchOutcomeUnknown")
    if any(h.open and h.reason == "LaunchOutcomeUnknown" for h in run.open_holds(intent.wave_number)):
        return run
    return _unknown_hold(run, intent, now)


def _unknown_hold(run: Run, intent: LaunchIntent, now: datetime) -> Run:
    region = run.wave(intent.wave_number).region
    since = (intent.called_at_aws or now) - LOOK_BACK
    detail = (
        "LAUNCH_OUTCOME_UNKNOWN: look whether this launch exists: aws drs describe-jobs "
        f"--region {region} --filters fromDate={since:%Y-%m-%dT%H:%M:%SZ}"
    )
    count = 1 + sum(1 for h in run.holds if h.wave_number == intent.wave_number)
    opened = Hold(
        id=f"{intent.wave_number}.{count}",
        wave_number=intent.wave_number,
        reason="LaunchOutcomeUnknown",
        since=now,
        detail=detail,
    )
    return run.model_copy(update={"holds": (*run.holds, opened)})


def _fail_servers(run: Run, intent: LaunchIntent, errors: Mapping[str, ErrorRecord]) -> Run:
    def fail(server: RunServer) -> RunServer:
        error = errors.get(server.server_id)
        return server if error is None else server.model_copy(update={"phase": "Failed", "error": error})

    return run.with_servers(intent.wave_number, fail)
