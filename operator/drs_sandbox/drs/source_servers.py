"""Source servers: DescribeSourceServers, DescribeRecoverySnapshots, DisconnectSourceServer, DeleteSourceServer."""

from __future__ import annotations

from typing import Any

from drs_sandbox.drs import times
from drs_sandbox.drs.errors import conflict, servers_in_a_job, validation_error
from drs_sandbox.drs.ids import arn, jitter
from drs_sandbox.drs.paging import page
from drs_sandbox.drs.recovery_points import RecoveryPoint, RecoveryPoints
from drs_sandbox.drs.replication import set_state, show_replication
from drs_sandbox.drs.simulation import Call
from drs_sandbox.drs.state import Launch, RegionState, SourceServer

_GIB = 1024**3
AGENT_VERSION = "6.42.20"


def describe_source_servers(call: Call) -> dict[str, Any]:
    """DescribeSourceServers: by ids, hardware id and staging accounts; there is no filter by tags."""
    filters = call.parameters.get("filters", {})
    ids, accounts = set(filters.get("sourceServerIDs", ())), set(filters.get("stagingAccountIDs", ()))
    hardware_id = filters.get("hardwareId")
    rows = [
        server
        for server in call.region.servers.values()
        if (not ids or server.id in ids)
        and (not accounts or (server.staging[0] if server.staging else server.account) in accounts)
        and (hardware_id is None or (server.origin and server.origin.instance_id == hardware_id))
    ]
    return page(
        call.operation, call.parameters, rows, lambda server: server.position, lambda server: show(call, server)
    )


def show(call: Call, server: SourceServer) -> dict[str, Any]:
    """The `SourceServer` structure of the service model."""
    last = _last_seen_launch(server, call.progress)
    away = server.state in ("STALLED", "DISCONNECTED", "STOPPED")
    life_cycle: dict[str, Any] = {
        "addedToServiceDateTime": times.zulu_form(server.added),
        "firstByteDateTime": times.zulu_form(server.added),
        "lastSeenByServiceDateTime": times.zulu_form(server.replication.state_set if away else call.now),
    }
    if last is not None:
        life_cycle["lastLaunch"] = {
            "initiated": {
                "apiCallDateTime": times.zulu_form(last.job.created),
                "jobID": last.job.id,
                "type": "DRILL" if last.job.is_drill else "RECOVERY",
            },
            "status": _launch_status(last, call.progress),
        }
    shown: dict[str, Any] = {
        "sourceServerID": server.id,
        "arn": server.arn,
        "tags": dict(server.tags),
        "lastLaunchResult": _launch_result(last, call.progress),
        "dataReplicationInfo": show_replication(server),
        "lifeCycle": life_cycle,
        "sourceProperties": _source_properties(server),
        "stagingArea": _staging_area(server),
        "replicationDirection": server.direction,
        "agentVersion": AGENT_VERSION,
    }
    if server.reversed_arn:
        shown["reversedDirectionSourceServerArn"] = server.reversed_arn
    if server.origin:
        shown["sourceCloudProperties"] = {
            "originAccountID": server.origin.account_id,
            "originRegion": server.origin.region,
            "originAvailabilityZone": f"{server.origin.region}a",
        }
    instance_id = recovery_instance_id(call.region, server, call.progress)
    if instance_id:
        shown["recoveryInstanceId"] = instance_id
    return shown


def recovery_instance_id(region: RegionState, server: SourceServer, progress: float) -> str | None:
    """The newest recovery instance of a source server that is not of a hidden job."""
    seen = [instance.id for instance in region.instances_of(server.id) if not instance.job.hidden(progress)]
    return seen[-1] if seen else None


def _last_seen_launch(server: SourceServer, progress: float) -> Launch | None:
    return next((launch for launch in reversed(server.launches) if not launch.job.hidden(progress)), None)


def _launch_status(launch: Launch, progress: float) -> str:
    return "TERMINATED" if launch.terminated else launch.job.shown_status(launch.participant, progress)


def _launch_result(launch: Launch | None, progress: float) -> str:
    if launch is None:
        return "NOT_STARTED"
    status = launch.job.shown_status(launch.participant, progress)
    return {"LAUNCHED": "SUCCEEDED", "FAILED": "FAILED"}.get(status, "PENDING")


def _source_properties(server: SourceServer) -> dict[str, Any]:
    hints = {"hostname": server.hostname, "fqdn": f"{server.hostname}.example.internal"}
    if server.origin:
        hints["awsInstanceID"] = server.origin.instance_id
    mac = f"{int(jitter(0, 2**40, server.id, 'mac')):010x}"
    return {
        "lastUpdatedDateTime": times.zulu_form(server.added),
        "recommendedInstanceType": server.instance_type,
        "identificationHints": hints,
        "networkInterfaces": [
            {
                "macAddress": "02:" + ":".join(mac[n : n + 2] for n in range(0, 10, 2)),
                "ips": [server.private_ip],
                "isPrimary": True,
            }
        ],
        "disks": [{"deviceName": "/dev/nvme0n1", "bytes": 32 * _GIB}],
        "cpus": [{"cores": 2, "modelName": "Intel(R) Xeon(R) Platinum 8259CL CPU @ 2.50GHz"}],
        "ramBytes": 8 * _GIB,
        "os": {"fullString": "Linux"},
        "supportsNitroInstances": True,
        "architecture": "x86_64",
    }


def _staging_area(server: SourceServer) -> dict[str, Any]:
    if server.staging is None:
        return {"status": "NOT_EXTENDED", "stagingAccountID": server.account}
    account, server_id = server.staging
    shown = {
        "status": "EXTENSION_ERROR" if server.extension_error else "EXTENDED",
        "stagingAccountID": account,
        "stagingSourceServerArn": arn(server.region, account, f"source-server/{server_id}"),
    }
    if server.extension_error:
        shown["errorMessage"] = server.extension_error
    return shown


def describe_recovery_snapshots(call: Call) -> dict[str, Any]:
    """DescribeRecoverySnapshots of one source server, by the time at which each was expected."""
    server_id = call.parameters["sourceServerID"]
    server = call.region.servers.get(server_id)
    if server is None:
        raise validation_error(f"Source server {server_id} does not exist", [("sourceServerID", "does not exist")])
    filters = call.parameters.get("filters", {})
    first, last = (times.parse(filters[name]) if name in filters else None for name in ("fromDateTime", "toDateTime"))
    points = server.replication.points
    rows = [point for point in points.all(call.progress) if times.between(point.expected, first, last)]
    newest_first = call.parameters.get("order", "ASC") == "DESC"
    if newest_first:
        rows.reverse()
    return page(
        call.operation,
        call.parameters,
        rows,
        lambda point: point.number,
        lambda point: _show_point(server_id, points, point),
        newest_first=newest_first,
    )


def _show_point(server_id: str, points: RecoveryPoints, point: RecoveryPoint) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "snapshotID": points.snapshot_id(point),
        "sourceServerID": server_id,
        "expectedTimestamp": times.zulu_form(point.expected),
    }
    if point.taken is not None:
        shown["timestamp"] = times.zulu_form(point.taken)
        shown["ebsSnapshots"] = points.ebs_snapshot_ids(point)
    return shown


def disconnect_source_server(call: Call) -> dict[str, Any]:
    """DisconnectSourceServer: ends replication and deletes its recovery points; not with a recovery instance."""
    server = call.server()
    if server.id in call.region.busy:
        raise servers_in_a_job()
    if call.region.instances_of(server.id):
        raise conflict(
            f"Source server {server.id} has a recovery instance: terminate or delete that first", "SourceServer",
            server.id,
        )  # fmt: skip
    if server.staging is None:
        set_state(call.simulation, server.replication, "DISCONNECTED")
        server.replication.points.clear()
    else:  # only the extension ends
        server.disconnected = True
    return show(call, server)


def delete_source_server(call: Call) -> dict[str, Any]:
    """DeleteSourceServer: only a disconnected one; those that extend it elsewhere show an error from then on."""
    server = call.server()
    if server.id in call.region.busy:
        raise servers_in_a_job()
    if server.state != "DISCONNECTED":
        raise conflict(
            f"Source server {server.id} must be disconnected before it can be deleted", "SourceServer", server.id
        )
    call.simulation.ec2.delete_launch_template(server.account, server.region, server.template_id)
    del call.region.servers[server.id]
    for other in call.simulation.servers():
        if other.staging == (server.account, server.id) and other.region == server.region:
            other.extension_error = f"The source server {server.id} in account {server.account} does not exist"
    return {}
