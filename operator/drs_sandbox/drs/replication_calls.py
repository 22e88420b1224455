"""StartReplication, StopReplication, GetReplicationConfiguration and UpdateReplicationConfiguration."""

from __future__ import annotations

from typing import Any

from drs_sandbox.drs.errors import conflict, quota_exceeded, servers_in_a_job, validation_error
from drs_sandbox.drs.replication import begin_sync, set_state
from drs_sandbox.drs.simulation import Call
from drs_sandbox.drs.source_servers import show
from drs_sandbox.drs.state import SourceServer

QUOTA_REPLICATING_SERVERS = "L-C1D14A2B"
LONGEST_DAY_RETENTION = 365
_FIXED_RULES = {"MINUTE": (10, 60), "HOUR": (1, 24)}


def start_replication(call: Call) -> dict[str, Any]:
    """StartReplication of a source that was stopped: from nothing, as at first."""
    server = _own_idle_server(call)
    if server.state != "STOPPED":
        raise conflict(
            f"Replication of {server.id} is {server.state}: only one that is STOPPED can be started",
            "SourceServer",
            server.id,
        )
    replicating = sum(
        other.staging is None and other.state not in ("STOPPED", "DISCONNECTED")
        for other in call.region.servers.values()
    )
    most = call.region.quotas.replicating_servers
    if replicating >= most:
        raise quota_exceeded(QUOTA_REPLICATING_SERVERS, f"Replicating source servers: the limit is {most}")
    begin_sync(call.simulation, server.replication)
    return {"sourceServer": show(call, server)}


def stop_replication(call: Call) -> dict[str, Any]:
    """StopReplication: the recovery points are gone with it."""
    server = _own_idle_server(call)
    if server.state in ("STOPPED", "DISCONNECTED"):
        raise conflict(f"Replication of {server.id} is {server.state} already", "SourceServer", server.id)
    set_state(call.simulation, server.replication, "STOPPED")
    server.replication.points.clear()
    return {"sourceServer": show(call, server)}


def _own_idle_server(call: Call) -> SourceServer:
    server = call.server()
    if server.staging is not None:
        raise _only_in_staging(server)
    if server.id in call.region.busy:
        raise servers_in_a_job()
    return server


def _only_in_staging(server: SourceServer) -> Exception:
    account = server.staging[0] if server.staging else server.account
    return validation_error(f"{server.id} is an extended source server: it replicates in the staging account {account}")


def get_replication_configuration(call: Call) -> dict[str, Any]:
    """GetReplicationConfiguration of a source server."""
    return _show(call.server())


def update_replication_configuration(call: Call) -> dict[str, Any]:
    """UpdateReplicationConfiguration: of the three rules of the PIT policy only the days can change."""
    server = call.server()
    if server.staging is not None:
        raise _only_in_staging(server)
    if server.id in call.region.busy:
        raise servers_in_a_job()
    changes = {name: value for name, value in call.parameters.items() if name not in ("sourceServerID", "pitPolicy")}
    if "pitPolicy" in call.parameters:
        server.replication.points.day_retention = _day_retention(call.parameters["pitPolicy"])
    server.replication_settings |= changes
    return _show(server)


def _day_retention(policy: list[dict[str, Any]]) -> int:
    rules = {rule["units"]: rule for rule in policy}
    days = rules.get("DAY")
    if len(policy) != 3 or len(rules) != 3 or days is None:
        raise _refused("expected three rules: MINUTE, HOUR and DAY")
    for units, (interval, retention) in _FIXED_RULES.items():
        rule = rules[units]
        if (rule["interval"], rule["retentionDuration"]) != (interval, retention) or rule.get("enabled") is False:
            raise _refused(f"the rule of {units} cannot change: interval {interval}, retention {retention}")
    retention = int(days["retentionDuration"])
    if days["interval"] != 1 or retention > LONGEST_DAY_RETENTION:
        raise _refused(f"the rule of DAY has interval 1 and a retention of 1 to {LONGEST_DAY_RETENTION} days")
    return retention


def _refused(what: str) -> Exception:
    return validation_error(f"pitPolicy: {what}", [("pitPolicy", what)])


def _show(server: SourceServer) -> dict[str, Any]:
    days = server.replication.points.day_retention
    rules = [("MINUTE", *_FIXED_RULES["MINUTE"]), ("HOUR", *_FIXED_RULES["HOUR"]), ("DAY", 1, days)]
    defaults: dict[str, Any] = {
        "name": server.hostname,
        "associateDefaultSecurityGroup": True,
        "replicationServersSecurityGroupsIDs": [],
        "replicationServerInstanceType": "t3.small",
        "useDedicatedReplicationServer": False,
        "defaultLargeStagingDiskType": "AUTO",
        "replicatedDisks": [{"deviceName": "/dev/nvme0n1", "isBootDisk": True, "stagingDiskType": "AUTO"}],
        "ebsEncryption": "DEFAULT",
        "bandwidthThrottling": 0,
        "dataPlaneRouting": "PRIVATE_IP",
        "createPublicIP": False,
        "stagingAreaTags": {},
        "autoReplicateNewDisks": True,
    }
    return {
        **defaults,
        **server.replication_settings,
        "sourceServerID": server.id,
        "pitPolicy": [
            {"ruleID": number, "units": units, "interval": interval, "retentionDuration": retention, "enabled": True}
            for number, (units, interval, retention) in enumerate(rules, start=1)
        ],
    }
