"""What is checked of each server right before its launch, from fresh reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from drs_operator.planning.facts import Job, Jobs, RecoveryInstance, RecoveryPoint
from drs_operator.planning.run import ErrorRecord, Run


def excluded(
    server_ids: Iterable[str], instances: Iterable[RecoveryInstance], points: Mapping[str, tuple[RecoveryPoint, ...]]
) -> dict[str, ErrorRecord]:
    """Servers that must not or cannot be launched, and why: they fail alone, the others are launched."""
    live = {i.server_id: i for i in instances if i.live and not i.is_drill}
    errors: dict[str, ErrorRecord] = {}
    for server_id in server_ids:
        if server_id in live:
            errors[server_id] = ErrorRecord(
                code="LIVE_RECOVERY_INSTANCE",
                message=f"a real recovery runs as {live[server_id].instance_id}; never launched over",
            )
        elif not points.get(server_id):
            errors[server_id] = ErrorRecord(
                code="NO_RECOVERY_POINT", message="no usable recovery point; wait for the initial sync"
            )
    return errors


def chosen_points(run: Run, points: Mapping[str, tuple[RecoveryPoint, ...]]) -> dict[str, str]:
    """The recovery point to launch from, by server; a server that is not named takes a new snapshot.

    Latest names none, ExistingLatest the newest, At the newest at or before the time, which may not exist.
    """
    if run.recovery_point_policy == "Latest":
        return {}
    limit = run.recovery_point_time if run.recovery_point_policy == "At" else None
    chosen = {server_id: newest(found, limit) for server_id, found in points.items()}
    return {server_id: point.snapshot_id for server_id, point in chosen.items() if point is not None}


def newest(points: Iterable[RecoveryPoint], limit: datetime | None) -> RecoveryPoint | None:
    """The newest recovery point, of those at or before `limit` if there is one."""
    fitting = [point for point in points if limit is None or point.time <= limit]
    return max(fitting, key=lambda point: point.time, default=None)


def usable_points(run: Run, points: Mapping[str, tuple[RecoveryPoint, ...]]) -> dict[str, tuple[RecoveryPoint, ...]]:
    """The points that the run's policy may use."""
    if run.recovery_point_policy != "At" or run.recovery_point_time is None:
        return dict(points)
    limit = run.recovery_point_time
    return {server_id: tuple(p for p in found if p.time <= limit) for server_id, found in points.items()}


def foreign_job(server_ids: Iterable[str], jobs: Jobs) -> Job | None:
    """A job that somebody else runs on one of these servers: DRS takes one job for a server at a time."""
    wanted = set(server_ids)
    return next((j for j in jobs.jobs if j.running and wanted & {s.server_id for s in j.servers}), None)
