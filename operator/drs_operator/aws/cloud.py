"""The Cloud port over boto3: one inventory and one job board for a place, whatever the number of objects."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from drs_operator.aws import drs, errors, launch, once, quotas, terminate
from drs_operator.aws.inventories import Door, Inventories, door_of, reader
from drs_operator.aws.quotas import Quotas
from drs_operator.aws.sessions import Sessions
from drs_operator.aws.shared import Patience, Shared, Silent
from drs_operator.planning.facts import (
    Inventory,
    Jobs,
    LogItem,
    Place,
    RecoveryInstance,
    RecoveryPoint,
    RegionReport,
    SourceServer,
)
from drs_operator.planning.intents import LaunchIntent, TerminateIntent
from drs_operator.planning.launching import Refused, Unknown
from drs_operator.ports import Access, ReadFailed, Started

T = TypeVar("T")

QUOTAS_SECONDS = 3600.0
PUBLISHED_SECONDS = 300.0
"""How long published quotas stand in before Service Quotas is asked again."""
PATIENCE_SECONDS = 15.0
"""How long a reconcile bears to hear nothing of a Region."""
QUOTAS_PATIENCE_SECONDS = 5.0
"""Quotas are worth less waiting than servers: there are published ones."""
ASKED_SECONDS = 120.0
"""A run that has not asked for so long has no say any more in how far back the job board reaches."""


class BotoCloud:
    """AWS through boto3. `on_refresh` is told of every new inventory; `tick_seconds` is the job board's age.

    Reads go through one session of an account, whatever session an `Access` names: that one is for mutations. What
    limits their rate: one sweep a refresh and one look at the jobs a tick, shared by all; a place's few threads; and
    the back-off and the retry quota of botocore's standard mode, when AWS says that it is too much all the same.
    """

    def __init__(
        self,
        sessions: Sessions,
        refresh_seconds: float,
        tick_seconds: float,
        on_refresh: Callable[[Inventory], None] = lambda _: None,
        launch_timeout_seconds: float = once.READ_TIMEOUT_SECONDS,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self._sessions = sessions
        self._tick = tick_seconds
        self._launch_timeout = launch_timeout_seconds
        self._patience = patience_seconds
        self._inventories = Inventories(sessions, self._sweep, refresh_seconds, patience_seconds, on_refresh)
        self._jobs: Shared[Door, Jobs] = Shared()
        self._quotas: Shared[Door, Quotas] = Shared()
        self._asked: dict[Door, dict[datetime, float]] = {}

    async def _read(self, access: Access, region: str, service: str, call: Callable[[Any], T]) -> T:
        shared = reader(access)
        return await self._sessions.run(shared, region, lambda: call(self._sessions.client(shared, service, region)))

    async def report(self, access: Access, region: str, newer_than: datetime | None = None) -> RegionReport:
        """One Region of an account; what fails there becomes its state, and so does a silence of some seconds."""
        try:
            inventory = await self._inventories.get(access, region, newer_than)
        except ReadFailed as error:
            return RegionReport(region, errors.region_state(error), error.code, error.message)
        found = await self._region_quotas(access, region)
        return RegionReport(region, "ACTIVE", "", found.note, inventory, found.values)

    async def _region_quotas(self, access: Access, region: str) -> Quotas:
        """The quotas in force, or as they were last known: nothing waits again for a service that just failed."""
        door = door_of(access, region)
        last = self._quotas.peek(door)

        async def read() -> Quotas:
            try:
                return Quotas(await self._read(access, region, "service-quotas", quotas.read))
            except ReadFailed as error:
                return last if last and not last.note else quotas.published(error.message)

        age = PUBLISHED_SECONDS if last and last.note else QUOTAS_SECONDS
        patience = Patience(min(self._patience, QUOTAS_PATIENCE_SECONDS))
        try:
            return await self._quotas.get(door, age, read, patience=patience)
        except Silent:
            return last or quotas.published("no answer yet")

    async def inventory(self, access: Access, region: str, newer_than: datetime | None = None) -> Inventory:
        """The shared inventory."""
        return await self._inventories.get(access, region, newer_than)

    def known_inventory(self, place: Place) -> Inventory | None:
        """The newest inventory that anybody has read of a place, however old. Never calls AWS."""
        return self._inventories.known(place)

    async def _sweep(self, access: Access, region: str) -> Inventory:
        place = Place(access.account_id, region)
        return await self._read(access, region, "drs", lambda client: drs.sweep(client, place))

    async def source_servers(self, access: Access, region: str, server_ids: Iterable[str]) -> tuple[SourceServer, ...]:
        """These source servers, read now."""
        ids = list(server_ids)
        return await self._read(access, region, "drs", lambda client: drs.source_servers(client, ids))

    async def jobs(self, access: Access, region: str, since: datetime) -> Jobs:
        """The job board: one read a tick for all runs of a place, reaching back as far as any of them needs."""
        door, place = door_of(access, region), Place(access.account_id, region)
        self._asked.setdefault(door, {})[since] = time.monotonic()

        async def read() -> Jobs:
            reach = min(since, self._reach(door))
            began = time.monotonic()
            found = await self._read(access, region, "drs", lambda client: drs.jobs(client, reach))
            # The board is as old as its first page: a launch that came later is not missing on it.
            taken = timedelta(seconds=time.monotonic() - began)
            return Jobs(place, found, self._sessions.aws_time(access, region) - taken, reach)

        patience = Patience(self._patience, lambda: self._sessions.heard(access, region, "DescribeJobs"))
        try:
            return await self._jobs.get(door, self._tick, read, lambda kept: kept.since <= since, patience)
        except Silent as silence:
            raise errors.silent(access, region, self._patience) from silence

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
            self._jobs.drop(door_of(access, region))

    async def terminate_recovery_instances(
        self, access: Access, intent: TerminateIntent
    ) -> Started | Refused | Unknown:
        """Calls TerminateRecoveryInstances once. The next reader of the job board sees a read from after the call."""
        try:
            return await terminate.terminate_recovery_instances(self._sessions, access, intent, self._launch_timeout)
        finally:
            self._jobs.drop(door_of(access, intent.region))

    def _reach(self, door: Door) -> datetime:
        """The earliest moment that any run has asked for lately."""
        now = time.monotonic()
        lately = {moment: at for moment, at in self._asked.get(door, {}).items() if now - at <= ASKED_SECONDS}
        self._asked[door] = lately
        return min(lately, default=datetime.max.replace(tzinfo=UTC))
