"""What a transition of a run is worth telling: Events, each once."""

from __future__ import annotations

from dataclasses import dataclass

from drs_operator.planning.holds import way_on
from drs_operator.planning.run import Run


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
        if wave.wave_number in launching:
            text = f"wave {wave.wave_number} ({wave.name}): launching {len(wave.servers)} servers"
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
        told.append(News(not good, after.verdict, after.error.message if after.error else f"verdict: {after.verdict}"))
    if before.state == "Running" and after.state == "Ended":
        told.append(News(False, "Ended", "every job has ended; plan and servers are free for other runs"))
    return told


def _launching(run: Run) -> set[int]:
    """Waves that have a job: a call that AWS refuses time and again is no news."""
    return {intent.wave_number for intent in run.intents if intent.job_id}
