"""Reads of DRS and EC2 in one place, page by page, as facts. Blocking: called through `Sessions.run`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from drs_operator.aws import errors, parse
from drs_operator.planning.facts import (
    Inventory,
    Job,
    LogItem,
    Place,
    RecoveryInstance,
    RecoveryPoint,
    SourceServer,
)

PAGE = 200
IDS_PER_FILTER = 200
STATUS_IDS = 100
_NO_SUCH_INSTANCE = ("InvalidInstanceID.NotFound", "InvalidInstanceID.Malformed")


def _items(client: Any, operation: str, **parameters: Any) -> Iterator[dict[str, Any]]:
    for page in client.get_paginator(operation).paginate(**parameters):
        yield from page.get("items", [])


def batches(ids: Iterable[str], size: int) -> Iterator[Sequence[str]]:
    """Ids in bounded pieces, in a stable order."""
    ordered = sorted(set(ids))
    for start in range(0, len(ordered), size):
        yield ordered[start : start + size]


def sweep(client: Any, place: Place) -> Inventory:
    """Every source server of a place. Whole or not at all: a page that fails fails the sweep."""
    began = datetime.now(UTC)
    servers: dict[str, SourceServer] = {}
    for item in _items(client, "describe_source_servers", PaginationConfig={"PageSize": PAGE}):
        server = parse.source_server(item)
        servers[server.server_id] = server
    return Inventory(place, tuple(servers[key] for key in sorted(servers)), began)


def source_servers(client: Any, server_ids: Iterable[str]) -> tuple[SourceServer, ...]:
    """These source servers; those that do not exist are left out."""
    found: list[SourceServer] = []
    for batch in batches(server_ids, IDS_PER_FILTER):
        filters = {"sourceServerIDs": list(batch)}
        found += [parse.source_server(item) for item in _items(client, "describe_source_servers", filters=filters)]
    return tuple(found)


def jobs(client: Any, since: datetime) -> tuple[Job, ...]:
    """Jobs created since then, newest first."""
    from_date = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return tuple(parse.job(item) for item in _items(client, "describe_jobs", filters={"fromDate": from_date}))


def job_log(client: Any, job_id: str) -> tuple[LogItem, ...]:
    """The log of a job, oldest first."""
    items = [parse.log_item(item) for item in _items(client, "describe_job_log_items", jobID=job_id)]
    return tuple(sorted(items, key=lambda item: item.time))


def recovery_instances(client: Any, server_ids: Iterable[str]) -> tuple[RecoveryInstance, ...]:
    """Recovery instances of these source servers."""
    found: list[RecoveryInstance] = []
    for batch in batches(server_ids, IDS_PER_FILTER):
        filters = {"sourceServerIDs": list(batch)}
        found += [
            parse.recovery_instance(item) for item in _items(client, "describe_recovery_instances", filters=filters)
        ]
    return tuple(found)


def recovery_points(client: Any, server_id: str) -> tuple[RecoveryPoint, ...]:
    """Complete recovery points of a server, newest first."""
    items = _items(client, "describe_recovery_snapshots", sourceServerID=server_id, order="DESC")
    points = [point for item in items if (point := parse.recovery_point(item))]
    return tuple(sorted(points, key=lambda point: point.time, reverse=True))


def healthy_instances(ec2: Any, instance_ids: Iterable[str]) -> frozenset[str]:
    """Those whose system and instance status checks are both ok. An instance that is gone is not healthy."""
    healthy: set[str] = set()
    for batch in batches(instance_ids, STATUS_IDS):
        for status in _statuses(ec2, list(batch)):
            checks = (status.get("SystemStatus", {}), status.get("InstanceStatus", {}))
            if all(check.get("Status") == "ok" for check in checks):
                healthy.add(status["InstanceId"])
    return frozenset(healthy)


def _statuses(ec2: Any, instance_ids: list[str]) -> list[dict[str, Any]]:
    """Statuses of those that exist: one that EC2 does not know fails the whole request, so it is left out."""
    while instance_ids:
        pages = ec2.get_paginator("describe_instance_status").paginate(InstanceIds=instance_ids)
        try:
            return [status for page in pages for status in page.get("InstanceStatuses", [])]
        except ClientError as error:
            gone = [instance_id for instance_id in instance_ids if instance_id in errors.message_of(error)]
            if errors.code_of(error) not in _NO_SUCH_INSTANCE or not gone:
                raise
            instance_ids = [instance_id for instance_id in instance_ids if instance_id not in gone]
    return []
