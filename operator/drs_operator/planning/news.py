"""What a transition of a run is worth telling: Events, each once."""

from __future__ import annotations

from dataclasses import dataclass

from drs_operator.planning.at_launch import points_told
from drs_operator.planning.holds import way_on
from drs_operator.planning.run import Run, RunWave


@dataclass(frozen=True, slots=True)
class News:
    """An Event to be."""

    warning: bool
    reason: str
    message: str


_TELL = {
    "Completed": (False, "WaveCompleted"),
    "CompletedWithExceptions": (True, "WaveCompletedWithExceptions"),
    "Failed": (True, "WaveFailed"),
    "TimedOut": (True, "WaveTimedOut"),
    "Skipped": (False, "WaveSkipped"),
}


def news(before: Run, after: Run) -> list[News]:
    """Transitions of waves, holds that were opened or closed, the verdict and the end."""
    told: list[News] = []
    old_waves = {wave.wave_number: wave.phase for wave in before.waves}
    if before.state == "Claimed" and after.state == "Running":
        servers = sum(len(wave.servers) for wave in after.waves)
        told.append(News(False, "Started", f"{after.execution_type} of {servers} servers in {len(after.waves)} waves"))
    launching = _launching(after) - _launching(before)
    for wave in after.waves:
        if (wave.wave_number, wave.attempt) in launching:
            text = f"wave {wave.wave_number} ({wave.name}): launching {_called(after, wave)} servers"
            text += f", attempt {wave.attempt}" if wave.attempt > 1 else ""
            text += f"; {points}" if (points := points_told(after, wave)) else ""
            told.append(News(False, "WaveLaunching", text))
        if wave.phase != old_waves.get(wave.wave_number, "Pending") and wave.phase in _TELL:
            warning, reason = _TELL[wave.phase]
            launched = sum(1 for server in wave.servers if server.launched)
            text = f"wave {wave.wave_number} ({wave.name}): {launched} of {len(wave.servers)} servers launched"
            told.append(News(warning, reason, text))
    known = {hold.id: hold for hold in before.holds}
    for hold in after.holds:
        old = known.get(hold.id)
        if old is None and hold.open:
            text = f"{hold.detail or 'held'}; go on with: {way_on(after, hold)}"
            told.append(News(hold.reason not in ("PauseBeforeWave", "Requested"), hold.reason, text))
        elif old is not None and old.open and not hold.open:
            told.append(News(False, "HoldClosed", f"hold {hold.id} ({hold.reason}) closed by {hold.closed_by}"))
    if before.verdict is None and after.verdict is not None:
        good = after.verdict == "Completed"
        told.append(News(not good, after.verdict, _why(after)))
    if after.blocked_by and after.blocked_by != before.blocked_by:
        text = f"drill {after.blocked_by} is cancelled; the recovery starts when its jobs have ended"
        told.append(News(False, "WaitingForDrill", text))
    if before.state == "Running" and after.state == "Ended":
        told.append(News(False, "Ended", "every job has ended; plan and servers are free for other runs"))
    return [*told, *_of_cleanup(before, after)]


def _of_cleanup(before: Run, after: Run) -> list[News]:
    old, new = before.cleanup, after.cleanup
    if new is None or (old is not None and old.phase == new.phase):
        return []
    gone = f"{len(new.terminated)} instances are terminated"
    match new.phase:
        case "Running":
            asked = (
                f"asked for by {new.requested_by or 'unknown'}" if new.requested_by is not None else "its time is over"
            )
            return [News(False, "CleanupStarted", f"the instances of this drill are terminated: {asked}")]
        case "Completed":
            return [News(False, "CleanupCompleted", gone)]
        case "CompletedWithExceptions":
            return [News(True, "CleanupFailed", f"{gone}; {new.message}")]
    return []


def _launching(run: Run) -> set[tuple[int, int]]:
    """Attempts of waves that have a job: a call that AWS refuses time and again is no news."""
    return {(intent.wave_number, intent.attempt) for intent in run.intents if intent.job_id}


def _called(run: Run, wave: RunWave) -> int:
    """How many servers the present attempt launches: the first one all of the wave."""
    return len(wave.servers) if wave.attempt == 1 else sum(1 for s in wave.servers if s.attempt == wave.attempt)


def _why(run: Run) -> str:
    if run.error is not None:
        return run.error.message
    if run.verdict == "Cancelled" and run.cancel is not None:
        return f"cancelled by {run.cancel.requested_by or 'unknown'}; what was launched is followed to its end"
    return f"verdict: {run.verdict}"
