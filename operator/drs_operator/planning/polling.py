"""When to look at a run again: often where a launch may end, seldom where it cannot, at once when it is time.

Looks fall on a grid that all runs share, so that one read of a place's job board serves them all. The short interval
divides the long one: a run that looks often looks together with those that do not.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta

from drs_operator.planning.run import FINAL_SERVER_PHASES, Run, RunWave

NEAR_SECONDS = 5.0
"""The longest pause between two looks when a wave may end at any moment."""
EARLY_PHASES = frozenset({"Snapshot", "Conversion"})
"""A server that is there by its job's log has its conversion or its launch still before it."""
SURELY_EARLY = 0.6
"""Of the shortest time that a wave of the run took: from then on a conversion may be over between two looks."""


def near_seconds(poll_seconds: float) -> float:
    """The short interval: the largest part of the long one, by a whole number, that is at most NEAR_SECONDS."""
    return poll_seconds / math.ceil(poll_seconds / NEAR_SECONDS)


def board_seconds(poll_seconds: float) -> float:
    """How old a job board may be: looks of one moment share it, looks of two never do."""
    return near_seconds(poll_seconds) / 2


def interval(run: Run, now: datetime, poll_seconds: float) -> float:
    """Seconds between two looks at a run that something is under way for."""
    # The drill that a recovery waits for may end at any moment, too.
    near = bool(run.blocked_by) or any(wave.phase == "Launching" and _near(run, wave, now) for wave in run.waves)
    return near_seconds(poll_seconds) if near else poll_seconds


def again_in(now: datetime, interval: float, wake_at: datetime | None) -> float:
    """Seconds to the next point of the grid, or to the moment when time alone changes something, if that is sooner."""
    grid = interval - now.timestamp() % interval
    return grid if wake_at is None else min(grid, max(0.0, (wake_at - now).total_seconds()))


def _near(run: Run, wave: RunWave, now: datetime) -> bool:
    """Whether the wave may end before the next look. In doubt it may: only what is known to be early is left alone."""
    required = [server for server in wave.servers if not server.optional] or wave.servers
    waited_for = [server for server in required if server.phase not in FINAL_SERVER_PHASES]
    if not waited_for:
        return wave.ready_time is None  # then only `waitAfterSeconds` is left, whose end is known
    if not any(server.phase in EARLY_PHASES for server in waited_for):
        return True
    shortest = _shortest(run)
    if shortest is None or wave.start_time is None:
        return False
    return now - wave.start_time >= SURELY_EARLY * shortest


def _shortest(run: Run) -> timedelta | None:
    """The shortest time from the first call to the last ready server that a wave of this run has taken."""
    took = [w.ready_time - w.start_time for w in run.waves if w.ready_time and w.start_time]
    return min(took, default=None)
