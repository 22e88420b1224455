"""After the verdict: no wave starts, what has called AWS is followed to its end."""

from __future__ import annotations

from datetime import datetime, timedelta

from drs_operator.planning.run import FINAL_SERVER_PHASES, Hold, Run, RunWave

DRAIN_LIMIT = timedelta(hours=24)
"""How long a run with a verdict follows its jobs."""


def stop_waiting(run: Run, now: datetime) -> Run:
    """After the verdict no wave starts: whatever has not called AWS ends here, what has is followed to its end."""
    for wave in run.waves:
        if wave.phase in ("Pending", "Held"):
            run = run.with_wave(wave.model_copy(update={"phase": "Cancelled", "end_time": now}))
        elif wave.phase == "Queued" and not any(
            i.state in ("Calling", "Started") for i in run.intents_of(wave.wave_number)
        ):
            run = run.with_wave(wave.model_copy(update={"phase": "Cancelled", "end_time": now, "queued_reason": None}))
    for intent in run.intents:
        if intent.state == "Planned":
            run = run.with_intent(intent.model_copy(update={"state": "Ended", "end_time": now}))
    for wave in run.waves:
        if wave.phase == "Launching" and _settled(wave):
            ready = all(server.launched for server in wave.servers if not server.optional)
            run = run.with_wave(wave.model_copy(update={"phase": "Completed" if ready else "Failed", "end_time": now}))
        elif wave.phase == "Cancelled":
            run = run.with_servers(
                wave.wave_number, lambda s: s.model_copy(update={"phase": "Skipped"}) if s.phase == "Pending" else s
            )
    return run.model_copy(update={"holds": tuple(_closed(hold, now) for hold in run.holds)})


def _closed(hold: Hold, now: datetime) -> Hold:
    return hold.model_copy(update={"closed_at": now, "closed_by": "end of the run"}) if hold.open else hold


def drained(run: Run, now: datetime) -> bool:
    """After the verdict: every job has ended and every server has its final launch status, or a day has passed."""
    if run.verdict is None or run.verdict_time is None:
        return False
    if now - run.verdict_time > DRAIN_LIMIT:
        return True
    return not any(intent.active for intent in run.intents) and all(wave.final for wave in run.waves)


def _settled(wave: RunWave) -> bool:
    """Every server has its final launch status; nobody waits for readiness any more."""
    return all(server.launched or server.phase in FINAL_SERVER_PHASES for server in wave.servers)
