"""AWS's answers as facts. Both timestamp forms are read; missing optional fields and unknown values are kept calm."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import TypeAdapter, ValidationError

from drs_operator.planning.facts import Job, JobServer, LogItem, RecoveryInstance, RecoveryPoint, SourceServer

_DURATION: TypeAdapter[timedelta] = TypeAdapter(timedelta)
NO_TIME = datetime(1970, 1, 1, tzinfo=UTC)
LAUNCHING = frozenset({"PENDING", "IN_PROGRESS"})
"""Of `lifeCycle.lastLaunch.status`: a job is at work on the server. A value that is not known says nothing."""


def moment(value: object) -> datetime | None:
    """`2022-12-07T19:15:38.846723+00:00`, `…Z`, or a datetime; None for what is neither."""
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    if not isinstance(value, str):
        return None
    try:
        parsed = datetime.fromisoformat(value)
    except ValueError:
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def duration(value: object) -> timedelta | None:
    """An ISO 8601 duration; None for what is none."""
    try:
        return _DURATION.validate_python(value) if value is not None else None
    except ValidationError:
        return None


def source_server(item: Mapping[str, Any]) -> SourceServer:
    """An item of DescribeSourceServers."""
    properties = item.get("sourceProperties", {})
    hints = properties.get("identificationHints", {})
    tags = dict(item.get("tags", {}))
    cloud = item.get("sourceCloudProperties", {})
    replication = item.get("dataReplicationInfo", {})
    staging = item.get("stagingArea", {})
    launch = item.get("lifeCycle", {}).get("lastLaunch", {})
    job_id = launch.get("initiated", {}).get("jobID")
    return SourceServer(
        server_id=item["sourceServerID"],
        hostname=hints.get("hostname") or hints.get("fqdn") or tags.get("Name") or "",
        tags=tags,
        replication_state=replication.get("dataReplicationState", ""),
        lag=duration(replication.get("lagDuration")),
        source_region=cloud.get("originRegion", ""),
        source_account_id=cloud.get("originAccountID", ""),
        recovery_instance_id=item.get("recoveryInstanceId"),
        last_launch_job_id=job_id,
        active_job_id=job_id if launch.get("status") in LAUNCHING else None,
        staging_account_id=staging.get("stagingAccountID") if staging.get("status") == "EXTENDED" else None,
    )


def job(item: Mapping[str, Any]) -> Job:
    """An item of DescribeJobs, or the job that StartRecovery answers."""
    return Job(
        job_id=item["jobID"],
        status=item.get("status", "PENDING"),
        type=item.get("type", ""),
        initiated_by=item.get("initiatedBy", ""),
        created_at=moment(item.get("creationDateTime")) or NO_TIME,
        ended_at=moment(item.get("endDateTime")),
        servers=tuple(
            JobServer(
                server_id=server["sourceServerID"],
                launch_status=server.get("launchStatus", "PENDING"),
                recovery_instance_id=server.get("recoveryInstanceID"),
            )
            for server in item.get("participatingServers", [])
            if "sourceServerID" in server
        ),
        tags=dict(item.get("tags", {})),
    )


def log_item(item: Mapping[str, Any]) -> LogItem:
    """An item of DescribeJobLogItems."""
    data = item.get("eventData", {})
    return LogItem(
        event=item.get("event", ""),
        time=moment(item.get("logDateTime")) or NO_TIME,
        server_id=data.get("sourceServerID"),
        raw_error=data.get("rawError"),
    )


def recovery_instance(item: Mapping[str, Any]) -> RecoveryInstance:
    """An item of DescribeRecoveryInstances. One that does not say that it is a drill counts as a real recovery."""
    interfaces = item.get("recoveryInstanceProperties", {}).get("networkInterfaces", [])
    addresses = [ip for interface in interfaces for ip in interface.get("ips", [])]
    return RecoveryInstance(
        instance_id=item.get("recoveryInstanceID") or item.get("ec2InstanceID", ""),
        server_id=item.get("sourceServerID", ""),
        job_id=item.get("jobID", ""),
        is_drill=bool(item.get("isDrill", False)),
        state=item.get("ec2InstanceState", ""),
        private_ip=addresses[0] if addresses else None,
        recovery_point_time=moment(item.get("pointInTimeSnapshotDateTime")),
    )


def recovery_point(item: Mapping[str, Any]) -> RecoveryPoint | None:
    """An item of DescribeRecoverySnapshots; None while it is not complete."""
    time = moment(item.get("timestamp"))
    return RecoveryPoint(item["snapshotID"], time) if time else None
