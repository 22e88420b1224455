"""The status of an execution: the projection of its run, the same whenever it is made anew."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from drs_operator.api.v1alpha1.codes import Code, reason
from drs_operator.api.v1alpha1.conditions import Condition, set_condition, without_condition
from drs_operator.api.v1alpha1.drexecution import DRExecution
from drs_operator.api.v1alpha1.drexecution_status import (
    DRExecutionStatus,
    Durations,
    ErrorStatus,
    Finding,
    HoldStatus,
    ObjectiveResults,
    RequestStatus,
    ServerError,
    ServerStatus,
    WaveStatus,
)
from drs_operator.api.v1alpha1.enums import ConditionStatus, ConditionType, ExecutionPhase, ObjectiveState
from drs_operator.api.v1alpha1.fields import clip
from drs_operator.api.v1alpha1.limits import LISTED_FINDINGS, LISTED_HOLDS, LISTED_JOBS_PER_WAVE
from drs_operator.planning import cleanup
from drs_operator.planning.holds import way_on
from drs_operator.planning.job_status import job_status
from drs_operator.planning.quota import Standing
from drs_operator.planning.run import Answer, Hold, Run, RunServer, RunWave
from drs_operator.planning.spans import covered
from drs_operator.planning.waiting import waiting_for

SIGN_OF_LIFE = timedelta(minutes=1)
HOLD_MESSAGE = 384
"""What the schema allows for the message of a hold."""
TRUE, FALSE, UNKNOWN = ConditionStatus.TRUE, ConditionStatus.FALSE, ConditionStatus.UNKNOWN


def phase(run: Run) -> ExecutionPhase:
    """Cancelling, else Running while a wave is under way or the run drains, else Paused when a hold is open."""
    if run.state == "Ended":
        return ExecutionPhase(run.verdict or "Failed")
    if run.state == "Claimed":
        return ExecutionPhase.QUEUED if run.blocked_by else ExecutionPhase.VALIDATING
    if run.cancel is not None:
        return ExecutionPhase.CANCELLING
    busy = any(wave.phase in ("Queued", "Launching") for wave in run.waves)
    if busy or run.verdict is not None or not run.open_holds():
        return ExecutionPhase.RUNNING
    return ExecutionPhase.PAUSED


def project(
    run: Run, execution: DRExecution, now: datetime, standings: Mapping[int, Standing] | None = None
) -> DRExecutionStatus:
    """The whole status. `standings`: where waves stand in line for quota, by number; only memory knows that."""
    before = execution.status
    servers = [server for wave in run.waves for server in wave.servers]
    launched = len(_launched(run))
    failed = sum(1 for server in servers if server.phase == "Failed")
    done = sum(1 for wave in run.waves if wave.final)
    ended = run.state == "Ended"
    holds = [_hold(run, hold) for hold in run.open_holds()][:LISTED_HOLDS]
    seen = before.last_observed_time
    # Whole seconds, as the API server keeps them: the next look must come to the same words.
    alive = now.replace(microsecond=0) if not ended and (seen is None or now - seen >= SIGN_OF_LIFE) else seen
    return before.model_copy(
        update={
            "observed_generation": execution.metadata.generation or 0,
            "phase": phase(run),
            "execution_id": None if run.dry_run else run.execution_id,
            "plan_version": run.plan_version or None,
            "requested_by": run.requested_by or None,
            # So its minutes move no more often than the sign of life.
            "waiting_for": waiting_for(run, alive or now, standings=standings),
            "current_wave": min((wave.wave_number for wave in run.waves if not wave.final), default=None),
            "total_waves": len(run.waves) or None,
            "wave_progress": f"{done}/{len(run.waves)}" if run.waves else None,
            "server_progress": f"{launched}/{len(servers)}{f' !{failed}' if failed else ''}" if servers else None,
            "findings": [Finding.model_validate(found.model_dump()) for found in run.findings[:LISTED_FINDINGS]],
            "holds": holds,
            "waves": [_wave(run, wave) for wave in sorted(run.waves, key=lambda w: w.wave_number)],
            "start_time": run.start_time,
            "last_observed_time": alive,
            "finish_time": run.finish_time,
            "durations": _durations(run) if ended else None,
            "achieved_rpo_seconds": achieved_rpo(run) if ended and not run.dry_run else None,
            "objectives": _objectives(run) if ended else None,
            "cleanup": cleanup.status(run),
            "requests": [_request(answer) for answer in run.answers],
            "error": ErrorStatus(code=run.error.code, message=run.error.message) if run.error else None,
            "conditions": _conditions(run, execution, now, standings),
        }
    )


def refused(
    execution: DRExecution, code: str, message: str, execution_id: str | None, now: datetime
) -> DRExecutionStatus:
    """The status of an object whose run was never claimed by it: final, nothing was launched."""
    text = f"{code}: {message}"
    generation = execution.metadata.generation or 0
    listed = _ended(execution.status.conditions, FALSE, reason(Code(code)), text, generation, now)
    return execution.status.model_copy(
        update={
            "observed_generation": generation,
            "phase": ExecutionPhase.FAILED,
            "execution_id": execution_id,
            "waiting_for": None,
            "finish_time": now,
            "error": ErrorStatus(code=code, message=message),
            "conditions": listed,
        }
    )


# --- parts ----------------------------------------------------------------------------------------------------------


def _request(answer: Answer) -> RequestStatus:
    said = {name: value for name, value in answer.model_dump().items() if value != ""}
    return RequestStatus.model_validate(said)


def _hold(run: Run, hold: Hold) -> HoldStatus:
    line = way_on(run, hold)
    # The line is what a person needs first: a long detail is cut, not the line.
    message = f"{clip(hold.detail, HOLD_MESSAGE - len(line) - 2)}; {line}" if hold.detail else line
    return HoldStatus(id=hold.id, wave_number=hold.wave_number, reason=hold.reason, since=hold.since, message=message)


def _wave(run: Run, wave: RunWave) -> WaveStatus:
    intents = [i for i in run.intents if i.wave_number == wave.wave_number and (i.job_id or i.active)]
    return WaveStatus(
        wave_number=wave.wave_number,
        name=wave.name,
        phase=wave.phase,
        on_failure=wave.on_failure,
        attempt=wave.attempt,
        jobs=[job_status(i, wave.place, len(i.server_ids), i.attempt) for i in intents][-LISTED_JOBS_PER_WAVE:],
        servers=[_server(server) for server in wave.servers],
        start_time=wave.start_time,
        end_time=wave.end_time,
    )


def _server(server: RunServer) -> ServerStatus:
    return ServerStatus(
        server_id=server.server_id,
        hostname=server.hostname or None,
        phase=server.phase,
        launch_status=server.launch_status,
        recovery_instance_id=server.recovery_instance_id,
        private_ip=server.private_ip,
        recovery_point_time=server.recovery_point_time,
        attempt=server.attempt or None,
        error=ServerError(code=server.error.code, message=server.error.message) if server.error else None,
    )


def _durations(run: Run) -> Durations | None:
    """Where the time went: queueing counts while nothing launches, a hold while nothing launches or is queued."""
    if run.start_time is None or run.finish_time is None:
        return None
    end = run.finish_time
    busy = [(wave.start_time, wave.end_time or end) for wave in run.waves if wave.start_time is not None]
    queue = [(w.queued_from, w.start_time or w.end_time or end) for w in run.waves if w.queued_from is not None]
    held = [(hold.since, hold.closed_at or end) for hold in run.holds]
    total, queued, paused = end - run.start_time, covered([*busy, *queue]), covered([*busy, *queue, *held])
    paused, queued = paused - queued, queued - covered(busy)
    return Durations(
        total_seconds=_whole(total),
        active_seconds=_whole(total) - _whole(paused) - _whole(queued),
        paused_seconds=_whole(paused),
        queued_seconds=_whole(queued),
        since_incident_seconds=_whole(end - run.incident_time) if run.incident_time else None,
    )


def _whole(span: timedelta) -> int:
    return max(0, int(span.total_seconds()))


def achieved_rpo(run: Run) -> int | None:
    """Seconds between the incident (or the start) and the oldest recovery point that was launched; never below 0.

    As far as AWS has told the points.
    """
    reference = run.incident_time or run.start_time
    points = [s.recovery_point_time for s in _launched(run) if s.recovery_point_time is not None]
    return _whole(reference - min(points)) if reference is not None and points else None


def _launched(run: Run) -> list[RunServer]:
    return [server for wave in run.waves for server in wave.servers if server.launched]


def _objectives(run: Run) -> ObjectiveResults | None:
    if run.dry_run or (run.rto_seconds is None and run.rpo_seconds is None):
        return None
    good = run.verdict in ("Completed", "CompletedWithExceptions")
    since = run.incident_time or run.start_time
    took = (run.finish_time - since).total_seconds() if good and run.finish_time and since else None
    rpo = _met(run.rpo_seconds, achieved_rpo(run) if good else None)
    if rpo is ObjectiveState.MET and any(server.recovery_point_time is None for server in _launched(run)):
        rpo = ObjectiveState.UNKNOWN  # the point that is not known may be the oldest
    return ObjectiveResults(rto=_met(run.rto_seconds, took), rpo=rpo)


def _met(target: int | None, value: float | None) -> ObjectiveState | None:
    if target is None:
        return None
    if value is None:
        return ObjectiveState.UNKNOWN
    return ObjectiveState.MET if value <= target else ObjectiveState.MISSED


def _conditions(
    run: Run, execution: DRExecution, now: datetime, standings: Mapping[int, Standing] | None
) -> list[Condition]:
    generation = execution.metadata.generation or 0
    before = execution.status.conditions
    if run.state == "Ended":
        good = run.verdict in ("Completed", "CompletedWithExceptions")
        cause: str = run.verdict or "Failed"
        message = f"{run.error.code}: {run.error.message}" if run.error else summary(run)
        if not good and run.error is not None:
            cause = reason(Code(run.error.code))
        if run.restored:
            cause = "RestoredFromLedger"
        elif run.dry_run and good:
            cause = "DryRun"
        return _ended(before, TRUE if good else FALSE, cause, message, generation, now)
    what = waiting_for(run, now, minutes=False, standings=standings) or "the next step"
    cause = "Draining" if run.verdict is not None else phase(run).value
    if run.blocked_by and run.state == "Claimed":
        cause = "WaitingForDrill"
    listed = set_condition(before, ConditionType.SUCCEEDED, UNKNOWN, cause, what, generation, now)
    listed = set_condition(listed, ConditionType.FINISHED, FALSE, cause, what, generation, now)
    listed = set_condition(listed, ConditionType.READY, UNKNOWN, cause, what, generation, now)
    listed = set_condition(listed, ConditionType.RECONCILING, TRUE, cause, what, generation, now)
    if holds := run.open_holds():
        names = ", ".join(f"{hold.id} ({hold.reason})" for hold in holds)
        return set_condition(listed, ConditionType.PAUSED, TRUE, holds[0].reason, names, generation, now)
    return without_condition(listed, ConditionType.PAUSED)


def _ended(
    before: list[Condition], good: ConditionStatus, cause: str, message: str, generation: int, now: datetime
) -> list[Condition]:
    listed = before
    for gone in (ConditionType.RECONCILING, ConditionType.PAUSED):
        listed = without_condition(listed, gone)
    listed = set_condition(listed, ConditionType.SUCCEEDED, good, cause, message, generation, now)
    listed = set_condition(listed, ConditionType.FINISHED, TRUE, cause, message, generation, now)
    listed = set_condition(listed, ConditionType.READY, good, cause, message, generation, now)
    if good is TRUE:
        return without_condition(listed, ConditionType.STALLED)
    return set_condition(listed, ConditionType.STALLED, TRUE, cause, message, generation, now)


def summary(run: Run) -> str:
    """What became of a run, in a line."""
    servers = [server for wave in run.waves for server in wave.servers]
    if run.dry_run:
        kept = sum(1 for server in servers if server.phase == "Kept")
        text = f"a run would launch {len(servers) - kept} servers in {len(run.waves)} waves"
        return f"{text}, and keep {kept} as they run" if kept else text
    launched = len(_launched(run))
    text = f"{launched} of {len(servers)} servers launched in {len(run.waves)} waves"
    if run.cancel is not None:
        return f"cancelled by {run.cancel.requested_by or 'unknown'}; {text}"
    return text
