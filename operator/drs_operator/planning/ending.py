"""After the verdict: no wave starts, what has called AWS is followed to its end."""

from __future__ import annotations

from datetime import datetime, timedelta

from drs_operator.planning import holds
from drs_operator.planning.record import ErrorRecord
from drs_operator.planning.run import Run, RunServer, RunWave, WavePhase

DRAIN_LIMIT = timedelta(hours=24)
"""How long a run with a verdict follows its jobs."""


def stop_waiting(run: Run, now: datetime) -> Run:
    """After the verdict no wave starts: whatever has not called AWS ends here, what has is followed to its end."""
    if _too_long(run, now):
        run = _given_up(run, now)
    for wave in run.waves:
        run = _stopped(drop_planned(run, wave.wave_number, now), wave.wave_number, now)
    return holds.closed(run, [hold.id for hold in run.open_holds()], now, "end of the run")


def drop_planned(run: Run, number: int, now: datetime) -> Run:
    """Calls of a wave that were planned and not made are never made; their servers are skipped."""
    for intent in run.every_intent_of(number):
        if intent.state != "Planned":
            continue
        run = run.with_intent(intent.model_copy(update={"state": "Ended", "end_time": now}))
        run = _skip(run, number, frozenset(intent.server_ids))
    return run


def _skip(run: Run, number: int, server_ids: frozenset[str]) -> Run:
    return run.with_servers(
        number,
        lambda s: s.model_copy(update={"phase": "Skipped"}) if s.server_id in server_ids and not s.decided else s,
    )


def _stopped(run: Run, number: int, now: datetime) -> Run:
    wave = run.wave(number)
    if wave.final:
        return run
    if any(intent.active for intent in run.every_intent_of(number)):
        return run.with_wave(wave.model_copy(update={"phase": "Launching", "queued_reason": None}))
    run = _skip(run, number, frozenset(server.server_id for server in wave.servers))
    wave = run.wave(number)
    return run.with_wave(
        wave.model_copy(update={"phase": _outcome(wave), "end_time": now, "queued_reason": None}),
    )


def _outcome(wave: RunWave) -> WavePhase:
    """What became of a wave that nothing goes on for any more; nobody waits for readiness now."""
    required = [server for server in wave.servers if not server.optional]
    if wave.start_time is None:
        return "Cancelled"
    if any(server.phase == "Failed" for server in required):
        return "Failed"
    if not all(server.launched for server in required):
        return "Cancelled"
    return "Completed" if all(server.launched for server in wave.servers) else "CompletedWithExceptions"


def _given_up(run: Run, now: datetime) -> Run:
    """What AWS has not answered within the limit is not followed any more."""
    for intent in run.intents:
        if intent.state not in ("Calling", "Started"):
            continue
        code = "LAUNCH_OUTCOME_UNKNOWN" if intent.state == "Calling" else "WAVE_TIMED_OUT"
        error = ErrorRecord(code=code, message="AWS gave no final launch status within a day of the run's verdict")
        members = frozenset(intent.server_ids)

        def fail(server: RunServer, error: ErrorRecord = error, members: frozenset[str] = members) -> RunServer:
            if server.server_id not in members or server.decided:
                return server
            return server.model_copy(update={"phase": "Failed", "error": error})

        run = run.with_servers(intent.wave_number, fail)
        run = run.with_intent(intent.model_copy(update={"state": "Ended", "end_time": now}))
    return run


def drained(run: Run) -> bool:
    """After the verdict: every job has ended and every server has its final launch status, or a day has passed."""
    return (
        run.verdict is not None
        and not any(intent.active for intent in run.intents)
        and all(wave.final for wave in run.waves)
    )


def _too_long(run: Run, now: datetime) -> bool:
    return run.verdict_time is not None and now - run.verdict_time >= DRAIN_LIMIT
