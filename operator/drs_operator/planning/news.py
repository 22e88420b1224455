"""What a transition of a run is worth telling: Events, each once."""

from __future__ import annotations

from dataclasses import dataclass

from drs_operator.planning.run import Run
from drs_operator.planning.waiting import annotate


@dataclass(frozen=True, slots=True)
class News:
    """An Event to be."""

    warning: bool
    reason: str
    message: str


_TELL = {
    "Launching": (False, "WaveLaunching"),
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
    for wave in after.waves:
        if wave.phase != old_waves.get(wave.wave_number, "Pending") and wave.phase in _TELL:
            warning, reason = _TELL[wave.phase]
            launched = sum(1 for server in wave.servers if server.launched)
            text = f"wave {wave.wave_number} ({wave.name}): {launched} of {len(wave.servers)} servers launched"
            told.append(News(warning, reason, text))
    known = {hold.id: hold for hold in before.holds}
    for hold in after.holds:
        old = known.get(hold.id)
        if old is None and hold.open:
            line = annotate(after, "resume", hold.id)
            told.append(News(hold.reason != "PauseBeforeWave", hold.reason, hold.detail or f"held; go on with: {line}"))
        elif old is not None and old.open and not hold.open:
            told.append(News(False, "HoldClosed", f"hold {hold.id} ({hold.reason}) closed by {hold.closed_by}"))
    if before.verdict is None and after.verdict is not None:
        good = after.verdict == "Completed"
        told.append(News(not good, after.verdict, after.error.message if after.error else f"verdict: {after.verdict}"))
    return told
