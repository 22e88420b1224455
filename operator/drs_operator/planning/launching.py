"""The life of a launch intent: PLANNED, CALLING, STARTED, ENDED, and what each answer of AWS makes of it.

StartRecovery has no idempotency token and a second launch of a server destroys the instance of the first. So every
transition here is recorded before what follows from it is done.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from drs_operator.planning import holds, ids
from drs_operator.planning.facts import Job
from drs_operator.planning.intents import LaunchIntent
from drs_operator.planning.record import ErrorRecord
from drs_operator.planning.run import Run, RunServer, ServerPhase

LOOK_BACK = timedelta(minutes=15)
"""How long before the intent, on AWS's clock, the search for its job begins."""
QUEUE_WAIT = timedelta(seconds=15)
"""How long a queued call waits before it asks again."""


TOKEN_TAG = "drs-operator.io/token"
"""Tag of a job with the token of its intent: a lost launch is found by it."""


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


WAITING = frozenset({Refusal.JOBS_QUOTA, Refusal.SERVERS_QUOTA, Refusal.SERVER_IN_JOB, Refusal.THROTTLED})
"""Refusals that pass when somebody else's work is done: the time until then counts as queued."""


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


def may_call(run: Run, intent: LaunchIntent) -> bool:
    """Whether the call of this intent may be made: planned, and nothing has ended or held its wave meanwhile."""
    number = intent.wave_number
    wave = run.wave(number)
    planned = intent.state == "Planned" and intent.attempt == wave.attempt
    return planned and run.deciding and not wave.final and not run.open_holds(number)


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
    run = _fail_servers(run, intent, excluded)
    wave = run.wave(intent.wave_number)
    decided = {server.server_id for server in wave.servers if server.decided}
    members = tuple(server_id for server_id in intent.server_ids if server_id not in decided)
    start_time = wave.start_time or (now if members else None)
    run = run.with_wave(wave.model_copy(update={"phase": "Launching", "queued_reason": None, "start_time": start_time}))
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
    return _with_phase(run, called, "Queued").with_intent(called)


def started(run: Run, intent: LaunchIntent, job_id: str, status: str, created_at: datetime) -> Run:
    """CALLING to STARTED: the job is known, by the answer of the call or by looking."""
    wave = run.wave(intent.wave_number)
    if not wave.final:
        run = run.with_wave(wave.model_copy(update={"phase": "Launching", "queued_reason": None}))
    return _with_phase(run, intent, "Launching").with_intent(
        intent.model_copy(update={"state": "Started", "job_id": job_id, "job_status": status, "start_time": created_at})
    )


def _with_phase(run: Run, intent: LaunchIntent, phase: ServerPhase) -> Run:
    members, update = set(intent.server_ids), {"phase": phase, "attempt": intent.attempt}
    return run.with_servers(
        intent.wave_number,
        lambda s: s.model_copy(update=update) if s.server_id in members and not s.decided else s,
    )


def refused(run: Run, intent: LaunchIntent, answer: Refused, now: datetime) -> Run:
    """What a definite refusal makes of an intent that was CALLING (or about to call)."""
    if answer.kind is Refusal.INVALID:
        return _invalid(run, intent, answer, now)
    # What was not sent may be sent at once, but only once at once: the cause may last.
    at_once = answer.kind is Refusal.NOT_SENT and intent.tries <= 1
    not_before = now if at_once else now + QUEUE_WAIT
    run = _requeue(run, _planned(intent, not_before=not_before), answer.kind, now)
    if answer.kind is Refusal.DENIED:
        return holds.opened(run, intent.wave_number, "AccountUnavailable", now, answer.message)
    return run


def queued(run: Run, intent: LaunchIntent, reason: Refusal, now: datetime) -> Run:
    """A call that stands in line for quota. AWS was not asked, so it may ask for its turn again at any time."""
    return _requeue(run, intent, reason, now)


def _requeue(run: Run, intent: LaunchIntent, reason: str, now: datetime) -> Run:
    """The intent goes back; so does its wave, unless it is over or another job of it goes on."""
    run = run.with_intent(intent)
    wave = run.wave(intent.wave_number)
    siblings = run.every_intent_of(intent.wave_number)
    if wave.final or any(i.state in ("Calling", "Started") for i in siblings):
        return run
    phase = "Held" if run.open_holds(intent.wave_number) else "Queued"
    update: dict[str, object] = {"phase": phase, "queued_reason": str(reason)}
    if reason in WAITING:
        update["queued_from"] = wave.queued_from or now
    if not any(i.job_id for i in siblings):
        update["start_time"] = None  # no job of it was started yet
    return run.with_wave(wave.model_copy(update=update))


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
        return _requeue(run, _planned(intent, server_ids=rest), Refusal.INVALID, now)
    run = run.with_intent(intent.model_copy(update={"state": "Ended", "end_time": now}))
    middle = len(intent.server_ids) // 2
    for members in (intent.server_ids[:middle], intent.server_ids[middle:]):
        run = _requeue(run, _next_shard(run, intent, members), Refusal.INVALID, now)
    return run


def _planned(intent: LaunchIntent, **changes: object) -> LaunchIntent:
    """The intent as it was before its call, which surely launched nothing."""
    before: dict[str, object] = {
        "state": "Planned",
        "caller": None,
        "called_at": None,
        "called_at_aws": None,
        "snapshots": {},
    }
    return intent.model_copy(update={**before, **changes})


def _next_shard(run: Run, intent: LaunchIntent, members: tuple[str, ...]) -> LaunchIntent:
    """An intent of its own, of the wave's present attempt: the token of a call that was made never serves again."""
    attempt = run.wave(intent.wave_number).attempt
    shard = 1 + max((i.shard for i in run.intents_of(intent.wave_number)), default=0)
    return LaunchIntent(
        wave_number=intent.wave_number,
        attempt=attempt,
        shard=shard,
        token=ids.launch_token(run.execution_id, intent.wave_number, attempt, shard),
        server_ids=members,
    )


def resolved(
    run: Run, intent: LaunchIntent, job: Job | None, aws_now: datetime, settle: timedelta, now: datetime
) -> Run:
    """What looking made of a call with an unknown outcome: adopted, open, to be repeated, or a person's to decide.

    The same run is returned while the settle window is open: a job may be visible only later.
    """
    number = intent.wave_number
    if find(run, intent) != intent or intent.state != "Calling":
        return run  # it was resolved meanwhile
    if job is not None:
        found = started(run, intent, job.job_id, job.status, job.created_at)
        return known(found, number, now, "the launch was found")
    assert intent.called_at_aws is not None
    if not intent.settled(aws_now, settle):
        return run
    if run.verdict is not None or run.cancel is not None or run.wave(number).final:
        error = ErrorRecord(
            code="LAUNCH_OUTCOME_UNKNOWN", message="no job of this call was found; nothing was repeated"
        )
        run = _fail_servers(run, intent, dict.fromkeys(intent.server_ids, error))
        return run.with_intent(intent.model_copy(update={"state": "Ended", "end_time": now}))
    if run.ambiguous_launch_policy == "Reissue":
        # Under another token: should the lost job turn up after all, it is not taken for this one.
        run = run.with_intent(intent.model_copy(update={"state": "Ended", "end_time": now}))
        return _requeue(run, _next_shard(run, intent, intent.server_ids), "LaunchOutcomeUnknown", now)
    if any(hold.reason == "LaunchOutcomeUnknown" for hold in run.open_holds(number)):
        return run
    since = intent.called_at_aws - LOOK_BACK
    detail = (
        "LAUNCH_OUTCOME_UNKNOWN: look whether this launch exists: aws drs describe-jobs "
        f"--region {run.wave(number).region} --filters fromDate={since:%Y-%m-%dT%H:%M:%SZ}"
    )
    return holds.opened(run, number, "LaunchOutcomeUnknown", now, detail)


def known(run: Run, number: int, now: datetime, closed_by: str) -> Run:
    """A launch whose job is known answers the hold that asked for it, unless another one is still looked for."""
    if any(intent.state == "Calling" for intent in run.every_intent_of(number)):
        return run
    asked = [hold.id for hold in run.open_holds(number) if hold.reason == "LaunchOutcomeUnknown"]
    return holds.closed(run, asked, now, closed_by)


def _fail_servers(run: Run, intent: LaunchIntent, errors: Mapping[str, ErrorRecord]) -> Run:
    def fail(server: RunServer) -> RunServer:
        error = errors.get(server.server_id)
        if error is None or server.launched:
            return server
        return server.model_copy(update={"phase": "Failed", "error": error})

    return run.with_servers(intent.wave_number, fail)
