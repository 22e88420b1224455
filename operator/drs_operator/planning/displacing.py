"""A drill never stands in the way of a recovery: the recovery cancels it, and waits for its jobs to end."""

from __future__ import annotations

from datetime import datetime

from drs_operator.planning.run import Cancel, Run


def in_the_way(rival: Run, installation: str) -> bool:
    """Whether this run has to give way: a drill of this installation that has not ended."""
    return rival.is_drill and rival.installation == installation and rival.state != "Ended"


def cancelled_for(drill: Run, recovery: Run, now: datetime) -> Run:
    """The drill, cancelled by the recovery; as it is if it was cancelled before or has its verdict."""
    if drill.cancel is not None or drill.verdict is not None or drill.state == "Ended":
        return drill
    return drill.model_copy(update={"cancel": Cancel(requested_by=asker(recovery, drill), time=now)})


def asker(recovery: Run, drill: Run) -> str:
    """How the recovery is named as the one who has cancelled; with its namespace where that is not the drill's."""
    near = recovery.namespace == drill.namespace
    return f"execution/{recovery.name}" if near else f"execution/{recovery.namespace}/{recovery.name}"


def blocked(recovery: Run, by: str) -> Run:
    """The recovery, waiting for the drill `namespace/name`; an empty name: for none any more."""
    return recovery if recovery.blocked_by == by else recovery.model_copy(update={"blocked_by": by})
