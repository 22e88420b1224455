"""What is checked of each server right before its launch, from fresh reads."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from drs_operator.planning.facts import Job, Jobs, RecoveryInstance, RecoveryPoint, SourceServer
from drs_operator.planning.health import BROKEN, STALLED
from drs_operator.planning.naming import few
from drs_operator.planning.record import ErrorRecord
from drs_operator.planning.run import Run, RunServer

SILENT = BROKEN | {STALLED}
"""Replication states in which no snapshot comes: DRS would wait for one in vain."""


@dataclass(frozen=True, slots=True)
class Guarded:
    """What the guards say of the servers of a call. Those that are not named here may be launched."""

    excluded: Mapping[str, ErrorRecord] = field(default_factory=dict)
    """They must not or cannot be launched: they fail alone, the others are launched."""
    kept: Mapping[str, RecoveryInstance] = field(default_factory=dict)
    """They run as a real recovery, and the run keeps such servers as they are."""
    barred: Mapping[str, RecoveryInstance] = field(default_factory=dict)
    """They run as a real recovery that the run was not asked to replace: a person decides."""


def guarded(
    run: Run,
    number: int,
    server_ids: Iterable[str],
    instances: Iterable[RecoveryInstance],
    points: Mapping[str, tuple[RecoveryPoint, ...]],
) -> Guarded:
    """Checks the servers of a wave that are still to be launched. A real recovery is never launched over by accident.

    Only the very instance that was there when the run started is replaced, and only if the run was asked to.
    """
    live = {i.server_id: i for i in instances if i.live and not i.is_drill}
    servers = {server.server_id: server for server in run.wave(number).servers}
    errors: dict[str, ErrorRecord] = {}
    kept: dict[str, RecoveryInstance] = {}
    barred: dict[str, RecoveryInstance] = {}
    for server_id in server_ids:
        if servers[server_id].decided:
            continue
        instance = live.get(server_id)
        if instance is not None and run.is_drill:
            errors[server_id] = ErrorRecord(
                code="LIVE_RECOVERY_INSTANCE",
                message=f"a real recovery runs as {instance.instance_id}; never launched over",
            )
        elif instance is not None and run.live_recovery_instances == "Keep":
            kept[server_id] = instance
        elif instance is not None and not _may_replace(run, servers[server_id], instance):
            barred[server_id] = instance
        elif not points.get(server_id):
            errors[server_id] = ErrorRecord(
                code="NO_RECOVERY_POINT", message="no usable recovery point; wait for the initial sync"
            )
    return Guarded(errors, kept, barred)


def _may_replace(run: Run, server: RunServer, instance: RecoveryInstance) -> bool:
    return run.live_recovery_instances == "Replace" and server.replaces == instance.instance_id


def barrier(barred: Mapping[str, RecoveryInstance]) -> str:
    """Why a wave is held before servers that run as a real recovery."""
    named = few([f"{server_id} as {barred[server_id].instance_id}" for server_id in sorted(barred)])
    return f"a real recovery runs that this run may not replace: {named}; terminate or disconnect it, or skip the wave"


def points_to_launch(
    run: Run, points: Mapping[str, tuple[RecoveryPoint, ...]], silent: Collection[str] = ()
) -> dict[str, RecoveryPoint]:
    """The recovery point to launch from, by server; a server that is not named takes a new snapshot.

    Latest names none but the newest of `silent` sources, which send nothing that a snapshot could wait for;
    ExistingLatest the newest, At the newest at or before the time, which may not exist.
    """
    named = [i for i in points if run.recovery_point_policy != "Latest" or i in silent]
    limit = run.recovery_point_time if run.recovery_point_policy == "At" else None
    chosen = {server_id: newest(points[server_id], limit) for server_id in named}
    return {server_id: point for server_id, point in chosen.items() if point is not None}


def silent(servers: Iterable[SourceServer]) -> frozenset[str]:
    """Ids of the servers whose source sends nothing now."""
    return frozenset(s.server_id for s in servers if s.replication_state in SILENT)


def with_gone(excluded: Mapping[str, ErrorRecord], servers: Container[str]) -> dict[str, ErrorRecord]:
    """The excluded servers, those that DRS does not know any more with that as the reason."""
    gone = ErrorRecord(code="INVALID_SERVERS", message="gone from DRS: install its agent again, or skip the wave")
    return {i: error if i in servers or error.code != "NO_RECOVERY_POINT" else gone for i, error in excluded.items()}


def conflict(holder: str) -> ErrorRecord:
    """Why a server that another run holds is not launched."""
    return ErrorRecord(code="SERVER_CONFLICT", message=f"held by {holder}; retry when it has ended")


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
