"""Whether a server's data is fresh enough for the recovery point objective of its plans."""

from __future__ import annotations

from datetime import timedelta

from drs_operator.api.v1alpha1.enums import RpoState

AT_RISK = 0.75
"""AtRisk above this part of the target; Missed above the whole."""
SAFE_AGAIN = 0.65
"""AtRisk becomes Met again at this part of the target or below."""
MET_AGAIN = 0.9
"""Missed becomes AtRisk (or Met) again at this part of the target or below."""


def rpo_state(lag: timedelta | None, target_seconds: int | None, before: str | None) -> RpoState:
    """Compares the replication lag with the target; without either: Unknown.

    It gets worse at once, and better only well below the limit it had crossed (a tenth of the target), so that a lag
    that swings around a limit changes no status. `before` is the state shown last, None or Unknown if there is none.
    """
    if lag is None or target_seconds is None:
        return RpoState.UNKNOWN
    part = lag / timedelta(seconds=target_seconds)
    if part > (MET_AGAIN if before == RpoState.MISSED else 1):
        return RpoState.MISSED
    troubled = before in (RpoState.MISSED, RpoState.AT_RISK)
    return RpoState.AT_RISK if part > (SAFE_AGAIN if troubled else AT_RISK) else RpoState.MET
