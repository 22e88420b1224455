"""The Cloud port over boto3: one inventory and one job board for a place, whatever the number of objects."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from drs_operator.aws import drs, errors, launch, quotas
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
Door = tuple[Access, str]
"""A way into a place. Whoever has another role or external id shares nothing that was read through this one."""

QUOTAS_SECONDS = 3600.0
FAILURE_SECONDS = 15.0
"""How long a failed sweep is remembered, so that a hundred groups do not ask a dead Region a hundred times."""
ASKED_SECONDS = 120.0
"""A run that has not asked for so long has no say any more in how far back the job board reaches."""


class BotoCloud:
    """AWS through boto3. `on_refresh` is told of every new inventory; `tick_seconds` is the job board's age.

    Reads go through one session of an account, whatever session an `Access` names: that one is for mutations.
    """

    def __init__(
        self,
        sessions: Sessions,
        refresh_seconds: float,
        tick_seconds: float,
        on_refresh: Callable[[Inventory], None] = lambda _: None,
        launch_timeout_seconds: float = launch.READ_TIMEOUT_SECONDS,
    ) -> None:
        self._sessions = sessions
        self._refresh = refresh_seconds
        self._tick = tick_seconds
        self._on_refresh = on_refresh
        self._launch_timeout = launch_timeout_seconds
        self._inventories: Shared[Door, Inventory] = Shared()
        self._jobs: Shared[Door, Jobs] = Shared()
        self._quotas: Shared[Door, dict[str, int]] = Shared()
        self._failures: dict[Door, tuple[float, ReadFailed]] = {}
        self._asked: dict[Door, dict[datetime, float]] = {}

    async def _read(self, access: Access, region: str, service: str, call: Callable[[Any], T]) -> T:
        reader = _reader(access)
        return await self._sessions.run(reader, region, lambda: call(self._sessions.client(reader, service, region)))

    async def report(self, access: Access, region: str, newer_than: datetime | None = None) -> RegionReport:
        """One Region of an account; what fails there becomes its state."""
        try:
            inventory = await self.inventory(access, region, newer_than)
        except ReadFailed as error:
            return RegionReport(region, errors.region_state(error), error.code, error.message)
        return RegionReport(region, "ACTIVE", "", "", inventory, await self._region_quotas(access, region))

    async def _region_quotas(self, access: Access, region: str) -> dict[str, int]:
        """The quotas in force, or as they were last known: nothing waits again for a service that just failed."""
        door = _door(access, region)

        async def read() -> dict[str, int]:
            try:
                return await self._read(access, region, "service-quotas", quotas.read)
            except ReadFailed:
                return self._quotas.peek(door) or dict(quotas.PUBLISHED)

        return await self._quotas.get(door, QUOTAS_SECONDS, read)

    async def inventory(self, access: Access, region: str, newer_than: datetime | None = None) -> Inventory:
        """The shared inventory. A failed sweep is remembered for a moment, and never replaces a complete one."""
        door = _door(access, region)
        failed = self._failures.get(door)
        if newer_than is None and failed and time.monotonic() - failed[0] < FAILURE_SECONDS:
            if (kept := self._inventories.young(door, self._refresh)) is not None:
                return kept
            raise failed[1]
        place = Place(access.account_id, region)

        async def sweep() -> Inventory:
            try:
                inventory = await self._read(access, region, "drs", lambda client: drs.sweep(client, place))
            except ReadFailed as error:
                self._failures[door] = (time.monotonic(), error)
                raise
            self._failures.pop(door, None)
            self._on_refresh(inventory)
            return inventory

        return await self._inventories.get(
            door, self._refresh, sweep, lambda kept: newer_than is None or kept.taken_at >= newer_than
        )

    async def jobs(self, access: Access, region: str, since: datetime) -> Jobs:
        """The job board: one read a tick for all runs of a place, reaching back as far as any of them needs."""
        door, place = _door(access, region), Place(access.account_id, region)
        self._asked.setdefault(door, {})[since] = time.monotonic()

        async def read() -> Jobs:
            reach = min(since, self._reach(door))
            began = time.monotonic()
            found = await self._read(access, region, "drs", lambda client: drs.jobs(client, reach))
            # The board is as old as its first page: a launch that came later is not missing on it.
            taken = timedelta(seconds=time.monotonic() - began)
            return Jobs(place, found, self._sessions.aws_time(access, region) - taken, reach)

        return await self._jobs.get(door, self._tick, read, lambda kept: kept.since <= since)

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
        try:
            return await launch.start_recovery(
                self._sessions, access, region, intent, is_drill, tags, self._launch_timeout
            )
        finally:
            self._jobs.drop(_door(access, region))

    def _reach(self, door: Door) -> datetime:
        """The earliest moment that any run has asked for lately."""
        now = time.monotonic()
        lately = {moment: at for moment, at in self._asked.get(door, {}).items() if now - at <= ASKED_SECONDS}
        self._asked[door] = lately
        return min(lately, default=datetime.max.replace(tzinfo=UTC))


def _reader(access: Access) -> Access:
    return Access(access.account_name, access.account_id, access.role_name, access.external_id)


def _door(access: Access, region: str) -> Door:
    return replace(_reader(access), account_name=""), region
