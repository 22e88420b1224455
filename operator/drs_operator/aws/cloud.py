"""The Cloud port over boto3: one inventory and one job board for a place, whatever the number of objects."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from drs_operator.aws import drs, launch, quotas
from drs_operator.aws.sessions import Sessions
from drs_operator.aws.shared import Shared
from drs_operator.planning.facts import (
    Inventory,
    Jobs,
    LogItem,
    Place,
    RecoveryInstance,
    RecoveryPoint,
    RegionReport,
)
from drs_operator.planning.launching import Refused, Unknown
from drs_operator.planning.run import LaunchIntent
from drs_operator.ports import Access, ReadFailed, Started

T = TypeVar("T")

QUOTAS_SECONDS = 3600.0
FAILURE_SECONDS = 15.0
"""How long a failed sweep is remembered, so that a hundred groups do not ask a dead Region a hundred times."""
ASKED_SECONDS = 120.0
"""A run that has not asked for so long has no say any more in how far back the job board reaches."""
STATES = {
    "DRS_NOT_INITIALIZED": "NOT_INITIALIZED",
    "ACCOUNT_UNAVAILABLE": "ACCESS_DENIED",
    "ROLE_ASSUMPTION_FAILED": "ACCESS_DENIED",
    "ACCOUNT_CHANGED": "ACCESS_DENIED",
}


class BotoCloud:
    """AWS through boto3. `on_refresh` is told of every new inventory; `tick_seconds` is the job board's age."""

    def __init__(
        self,
        sessions: Sessions,
        refresh_seconds: float,
        tick_seconds: float,
        on_refresh: Callable[[Inventory], None] = lambda _: None,
    ) -> None:
        self._sessions = sessions
        self._refresh = refresh_seconds
        self._tick = tick_seconds
        self._on_refresh = on_refresh
        self._inventories: Shared[Place, Inventory] = Shared()
        self._jobs: Shared[Place, Jobs] = Shared()
        self._quotas: Shared[Place, dict[str, int]] = Shared()
        self._failures: dict[tuple[Access, str], tuple[float, ReadFailed]] = {}
        self._asked: dict[Place, dict[datetime, float]] = {}

    async def _read(self, access: Access, region: str, service: str, call: Callable[[Any], T]) -> T:
        return await self._sessions.run(access, region, lambda: call(self._sessions.client(access, service, region)))

    async def report(self, access: Access, region: str, newer_than: datetime | None = None) -> RegionReport:
        """One Region of an account; what fails there becomes its state."""
        try:
            inventory = await self.inventory(access, region, newer_than)
        except ReadFailed as error:
            return RegionReport(region, _state(error), error.code, error.message)
        return RegionReport(region, "ACTIVE", "", "", inventory, await self._region_quotas(access, region))

    async def _region_quotas(self, access: Access, region: str) -> dict[str, int]:
        place = Place(access.account_id, region)
        try:
            return await self._quotas.get(
                place, QUOTAS_SECONDS, lambda: self._read(access, region, "service-quotas", quotas.read)
            )
        except ReadFailed:
            return self._quotas.peek(place) or dict(quotas.PUBLISHED)

    async def inventory(self, access: Access, region: str, newer_than: datetime | None = None) -> Inventory:
        """The shared inventory. A failed sweep is remembered for a moment, and never replaces a complete one."""
        place = Place(access.account_id, region)
        failed = self._failures.get((access, region))
        if failed and newer_than is None and time.monotonic() - failed[0] < FAILURE_SECONDS:
            raise failed[1]

        async def sweep() -> Inventory:
            try:
                inventory = await self._read(access, region, "drs", lambda client: drs.sweep(client, place))
            except ReadFailed as error:
                self._failures[(access, region)] = (time.monotonic(), error)
                raise
            self._failures.pop((access, region), None)
            self._on_refresh(inventory)
            return inventory

        return await self._inventories.get(
            place, self._refresh, sweep, lambda kept: newer_than is None or kept.taken_at >= newer_than
        )

    async def jobs(self, access: Access, region: str, since: datetime) -> Jobs:
        """The job board: one read a tick for all runs of a place, reaching back as far as any of them needs."""
        place = Place(access.account_id, region)
        reach = self._reach(place, since)

        async def read() -> Jobs:
            found = await self._read(access, region, "drs", lambda client: drs.jobs(client, reach))
            return Jobs(place, found, self._sessions.aws_time(access, region), reach)

        return await self._jobs.get(place, self._tick, read, lambda kept: kept.since <= since)

    async def job_log(self, access: Access, region: str, job_id: str) -> tuple[LogItem, ...]:
        """The log of a job."""
        return await self._read(access, region, "drs", lambda client: drs.job_log(client, job_id))

    async def recovery_instances(
        self, access: Access, region: str, server_ids: Iterable[str]
    ) -> tuple[RecoveryInstance, ...]:
        """Recovery instances of these servers, read now."""
        ids = list(server_ids)
        return await self._read(access, region, "drs", lambda client: drs.recovery_instances(client, ids))

    async def recovery_points(self, access: Access, region: str, server_id: str) -> tuple[RecoveryPoint, ...]:
        """Recovery points of a server, read now."""
        return await self._read(access, region, "drs", lambda client: drs.recovery_points(client, server_id))

    async def healthy_instances(self, access: Access, region: str, instance_ids: Iterable[str]) -> frozenset[str]:
        """Those of the instances whose status checks are ok."""
        ids = list(instance_ids)
        return await self._read(access, region, "ec2", lambda ec2: drs.healthy_instances(ec2, ids))

    def aws_time(self, access: Access, region: str) -> datetime:
        """AWS's clock there, by its last answer."""
        return self._sessions.aws_time(access, region)

    async def start_recovery(
        self, access: Access, region: str, intent: LaunchIntent, is_drill: bool, tags: Mapping[str, str]
    ) -> Started | Refused | Unknown:
        """Calls StartRecovery once. The next reader of the job board sees a read from after the call."""
        place = Place(access.account_id, region)
        try:
            return await launch.start_recovery(self._sessions, access, region, intent, is_drill, tags)
        finally:
            self._jobs.drop(place)

    def _reach(self, place: Place, since: datetime) -> datetime:
        """The earliest moment that any run has asked for lately."""
        now = time.monotonic()
        asked = self._asked.setdefault(place, {})
        asked[since] = now
        for earlier in [moment for moment, at in asked.items() if now - at > ASKED_SECONDS]:
            del asked[earlier]
        return min(asked)


def _state(error: ReadFailed) -> str:
    if error.code in STATES:
        return STATES[error.code]
    return "UNREACHABLE" if "does not answer" in error.message else "ERROR"
