"""Whether a source server can be recovered, and how fresh its data is.

Source: AWS DRS user guide, drill preparation; a server in lag or stall is recoverable as long as a recovery point
exists. Where the state leaves a doubt, only the recovery point decides.
"""

from __future__ import annotations

from datetime import timedelta

from drs_operator.api.v1alpha1.enums import WorstLag
from drs_operator.planning.facts import SourceServer

BROKEN = frozenset({"DISCONNECTED", "STOPPED"})
"""Not recoverable: StopReplication deletes the recovery points."""
STALLED = "STALLED"
"""Recoverable from its newest point, if it has one; nothing newer will come until it is mended."""
REPLICATING = frozenset({"CONTINUOUS", "CREATING_SNAPSHOT", "BACKLOG", "RESCAN"})
"""Initial sync is over, so a recovery point exists."""


def surely_recoverable(server: SourceServer) -> bool | None:
    """True or False where the state alone tells; None where a recovery point has to be looked for."""
    if server.replication_state in BROKEN:
        return False
    return True if server.replication_state in REPLICATING else None


def recoverable(server: SourceServer, has_point: bool) -> bool:
    """By evidence: neither disconnected nor stopped, and a recovery point exists."""
    verdict = surely_recoverable(server)
    return has_point if verdict is None else verdict


_LAGS = (
    (timedelta(minutes=1), WorstLag.UNDER_1_MINUTE),
    (timedelta(minutes=15), WorstLag.UNDER_15_MINUTES),
    (timedelta(hours=1), WorstLag.UNDER_1_HOUR),
)


def worst_lag(servers: list[SourceServer]) -> WorstLag | None:
    """The bucket of the largest known lag: exact values would change the status with every refresh."""
    lags = [server.lag for server in servers if server.lag is not None]
    if not lags:
        return None
    return next((bucket for limit, bucket in _LAGS if max(lags) < limit), WorstLag.OVER_1_HOUR)
