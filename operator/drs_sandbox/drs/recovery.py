"""StartRecovery: which servers can be recovered, and the job that launches them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from drs_sandbox.drs.errors import DrsError, servers_in_a_job, validation_error
from drs_sandbox.drs.jobs import (
    START_SECONDS,
    Script,
    check_not_busy,
    check_room_for_job,
    check_servers_per_job,
    create_job,
    run_job,
    show_job,
)
from drs_sandbox.drs.phases import Part, convert, launch, launch_converted
from drs_sandbox.drs.recovery_points import RecoveryPoint
from drs_sandbox.drs.simulation import Call, Simulation
from drs_sandbox.drs.state import InitiatedBy, Job, Launch, Participant, RegionState, SourceServer
from drs_sandbox.drs.tags import check_tags

Wanted = tuple[SourceServer, RecoveryPoint | None]


def start_recovery(call: Call) -> dict[str, Any]:
    """StartRecovery: one server that cannot be recovered fails the whole call, and nothing is launched."""
    region, simulation = call.region, call.simulation
    tags = call.parameters.get("tags", {})
    check_tags(tags)
    asked: list[dict[str, str]] = call.parameters["sourceServers"]
    servers = _named_servers(region, [entry["sourceServerID"] for entry in asked])
    check_servers_per_job(region, len(servers))
    check_not_busy(region, [server.id for server in servers])
    wanted = [
        (server, _recovery_point(server, entry.get("recoverySnapshotID"), call.progress))
        for server, entry in zip(servers, asked, strict=True)
    ]
    check_room_for_job(region, len(servers))
    _check_staging(simulation, servers)
    initiated_by: InitiatedBy = "START_DRILL" if call.parameters.get("isDrill") else "START_RECOVERY"
    job = start_launch_job(simulation, region, wanted, initiated_by, tags, call.hide_job_seconds)
    return {"job": show_job(job, call.progress)}


def start_launch_job(
    simulation: Simulation,
    region: RegionState,
    wanted: list[Wanted],
    initiated_by: InitiatedBy,
    tags: dict[str, str],
    hide_seconds: float = 0.0,
    start_seconds: float = START_SECONDS,
) -> Job:
    """Starts a job that launches these servers, each from its pinned recovery point or its most recent data.

    Extended source servers are converted in their staging accounts first, by a job of its own there.
    """
    participants = [Participant(server.id) for server, _ in wanted]
    job = create_job(simulation, region, "LAUNCH", initiated_by, participants, tags, hide_seconds)
    conversions = dict(_start_conversions(simulation, region, wanted, start_seconds))
    scripts: list[Script] = []
    for participant, (server, pinned) in zip(participants, wanted, strict=True):
        server.launches.append(Launch(job, participant))
        part = Part(simulation, region, job, participant, server)
        conversion = conversions.get(server.id)
        scripts.append(launch_converted(part, conversion) if conversion else launch(part, pinned))
    run_job(simulation, region, job, scripts, start_seconds)
    return job


def _named_servers(region: RegionState, ids: list[str]) -> list[SourceServer]:
    if repeated := sorted({server_id for server_id in ids if ids.count(server_id) > 1}):
        raise _refused(f"Source server {repeated[0]} is named more than once")
    for server_id in ids:
        if server_id not in region.servers:
            raise _refused(f"Source server {server_id} does not exist")
    return [region.servers[server_id] for server_id in ids]


def _recovery_point(server: SourceServer, snapshot_id: str | None, progress: float) -> RecoveryPoint | None:
    """The pinned recovery point, if one is asked for. Raises ValidationException when there is nothing to launch."""
    if server.extension_error:
        raise _refused(f"Source server {server.id} cannot be recovered: {server.extension_error}")
    if server.state in ("DISCONNECTED", "STOPPED"):
        raise _refused(f"Source server {server.id} cannot be recovered: its replication is {server.state}")
    points = server.replication.points
    if snapshot_id is None:
        if points.newest_taken(progress) is None:
            raise _refused(f"Source server {server.id} cannot be recovered: it has no recovery point yet")
        return None
    point = points.find(snapshot_id, progress)
    if point is None or point.taken is None:
        raise _refused(f"Recovery snapshot {snapshot_id} of source server {server.id} does not exist")
    return point


def _refused(what: str) -> DrsError:
    return validation_error(what, [("sourceServers", what)])


def _staging_servers(
    simulation: Simulation, region: str, servers: list[SourceServer]
) -> Iterator[tuple[SourceServer, RegionState, SourceServer]]:
    """Each extended source server with its staging account and the server that it extends."""
    for server in servers:
        if server.staging is None:
            continue
        account, server_id = server.staging
        staging_server = simulation.find_server(account, region, server_id)
        if staging_server is not None:
            yield server, simulation.region(account, region), staging_server


def _check_staging(simulation: Simulation, servers: list[SourceServer]) -> None:
    """The staging accounts must have room for the conversion and their servers must be free."""
    by_account: dict[str, tuple[RegionState, list[SourceServer]]] = {}
    for _, staging, staging_server in _staging_servers(simulation, servers[0].region, servers):
        by_account.setdefault(staging.account, (staging, []))[1].append(staging_server)
    for staging, staging_servers in by_account.values():
        if any(server.id in staging.busy for server in staging_servers):
            raise servers_in_a_job()
        check_room_for_job(staging, len(staging_servers))


def _start_conversions(
    simulation: Simulation, region: RegionState, wanted: list[Wanted], start_seconds: float
) -> Iterator[tuple[str, Participant]]:
    """Starts the conversion jobs; gives the extended servers' ids with their servers' parts in these."""
    pinned = {server.id: point for server, point in wanted}
    rows = list(_staging_servers(simulation, region.name, [server for server, _ in wanted]))
    for account in dict.fromkeys(staging.account for _, staging, _ in rows):
        own = [row for row in rows if row[1].account == account]
        staging = own[0][1]
        participants = [Participant(staging_server.id) for _, _, staging_server in own]
        job = create_job(simulation, staging, "CREATE_CONVERTED_SNAPSHOT", "TARGET_ACCOUNT", participants)
        scripts = [
            convert(Part(simulation, staging, job, participant, staging_server), pinned[server.id])
            for participant, (server, _, staging_server) in zip(participants, own, strict=True)
        ]
        run_job(simulation, staging, job, scripts, start_seconds)
        for participant, (server, _, _) in zip(participants, own, strict=True):
            yield server.id, participant
