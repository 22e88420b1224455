"""A run that nobody has observed for long: its next wave waits until a person has looked at it."""

from __future__ import annotations

from datetime import datetime, timedelta

from drs_operator.planning import holds
from drs_operator.planning.run import Run, RunWave

REASON = "ObservationGap"
LOOKED = frozenset({"resume", "skip", "retry", "adopt"})
"""Commands that decide how a held run goes on: who gives one has looked at the run."""


def noticed(run: Run, sign_of_life: datetime | None, now: datetime, limit: timedelta) -> Run:
    """The run with the gap noted, if nobody has observed it for more than `limit` and a wave is still to come.

    `sign_of_life` is the status's `lastObservedTime`; the run's row knows when it was written last.
    """
    if not run.deciding or run.unobserved_since is not None or not any(_to_come(run, wave) for wave in run.waves):
        return run
    seen = [moment for moment in (sign_of_life, run.observed_time) if moment is not None]
    last = max(seen) if seen else run.start_time
    if last is None or now - last <= limit:
        return run
    return run.model_copy(update={"unobserved_since": last})


def looked(run: Run, command: str) -> Run:
    """The run after an accepted command: where a person has decided, the gap is over."""
    if run.unobserved_since is None or command not in LOOKED:
        return run
    return run.model_copy(update={"unobserved_since": None})


def hold_calls(run: Run, now: datetime) -> Run:
    """Holds the waves that are planned and whose first call was not made: they have not begun."""
    for wave in run.waves:
        if wave.phase == "Queued" and _to_come(run, wave) and not run.open_holds(wave.wave_number):
            run = holds.opened(run, wave.wave_number, REASON, now, detail(run))
    return run


def detail(run: Run) -> str:
    """What a person has to know of the gap."""
    return f"nobody observed the run since {run.unobserved_since:%Y-%m-%dT%H:%M:%SZ}: see whether it is still wanted"


def _to_come(run: Run, wave: RunWave) -> bool:
    """Whether no call of the wave's present attempt was made."""
    if wave.phase not in ("Pending", "Held", "Queued"):
        return False
    return not any(intent.job_id or intent.state == "Calling" for intent in run.intents_of(wave.wave_number))
