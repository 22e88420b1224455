"""A small world for the reconcilers: an account, three groups, a plan of three waves, and an operator that can die."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from drs_operator.api.v1alpha1 import DRExecution, ProtectionGroup, RecoveryPlan, Resource, TargetAccount
from drs_operator.api.v1alpha1.conditions import Condition, find_condition
from drs_operator.planning.claims import Owner
from drs_operator.planning.facts import Inventory, Place
from drs_operator.planning.quota import Reserve
from drs_operator.planning.run import Run
from drs_operator.ports import Cloud, Cluster, LaunchSettings, LostRace, Objects, ReadFailed
from drs_operator.reconcilers import execution, protection_group, recovery_plan, target_account
from drs_operator.reconcilers.claiming import ClaimBook
from drs_operator.reconcilers.context import Context
from drs_operator.reconcilers.mirroring import MirrorBook
from drs_operator.reconcilers.quota_queue import QuotaQueue
from drs_operator.reconcilers.settings_book import SettingsBook
from drs_operator.runtime.cache import Key
from drs_operator.runtime.concerns import concerned, plans_concerned
from tests.fakes.clock import FakeClock
from tests.fakes.cloud import FakeCloud
from tests.fakes.cluster import FakeCluster
from tests.fakes.effects import Effects, Killed
from tests.fakes.launch_settings import FakeLaunchSettings, FakeSettingsStore
from tests.fakes.ledger import FakeLedger, Tables
from tests.fakes.objects import FakeObjects

ACCOUNT_ID = "123456789012"
PLACE = Place(ACCOUNT_ID, "us-east-1")
NAMESPACE = "dr"
EXTERNAL_ID = "unique-external-id-123"
TIERS = {"db": 2, "app": 1, "web": 1}
"""How many servers each wave has, in the order of the waves."""
LONGEST_RETRY_SECONDS = 60.0
MOST_TURNS = 20_000

_RECONCILE: dict[type[Resource], Any] = {
    TargetAccount: target_account.reconcile,
    ProtectionGroup: protection_group.reconcile,
    RecoveryPlan: recovery_plan.reconcile,
    DRExecution: execution.reconcile,
}


def server_ids(tier: str) -> tuple[str, ...]:
    """The servers of a tier."""
    return tuple(f"s-{tier:0>14}{n:03d}" for n in range(1, TIERS[tier] + 1))


class World:
    """Everything outside the operator, and one operator after the other."""

    def __init__(self, installation: str = "test", beside: World | None = None) -> None:
        """`beside`: another cluster, on the same ledger and under the same clock."""
        self.installation = installation
        self.clock: FakeClock = beside.clock if beside else FakeClock()
        self.effects = Effects()
        self.tables: Tables = beside.tables if beside else Tables()
        self.cluster = FakeCluster(self.clock, self.effects)
        self.cloud = FakeCloud(self.clock, self.effects)
        self.settings = FakeLaunchSettings(self.effects)
        self.objects = FakeObjects(self.cluster)
        self.reserve = Reserve()
        self.woken: list[str] = []
        """Executions that the quota queue has called, in order."""
        self.deaths = 0
        self.failures: list[Exception] = []
        """What reconciles have failed with."""
        self._epoch = 0
        self.cloud.on_refresh = self._refreshed
        self.start_operator()

    def start_operator(self) -> None:
        """A new process with a newer epoch."""
        self._epoch += 1
        self.lead(self.operator(self._epoch))

    def lead(self, operator: Context) -> None:
        """This process works from now on; its cache and its queue are empty."""
        self.context = operator
        self._loaded = False
        self._due: dict[Key, datetime] = {}
        self._failed: Counter[Key] = Counter()
        self._seen: dict[Key, Resource] = {}
        self._inventories: dict[Place, Inventory | None] = {}

    def operator(self, epoch: int) -> Context:
        """A process under this epoch."""
        cluster: Cluster = self.cluster
        cloud: Cloud = self.cloud
        objects: Objects = self.objects
        ledger = FakeLedger(self.tables, epoch, self.effects)
        launch_settings: LaunchSettings = self.settings
        return Context(
            objects=objects,
            cluster=cluster,
            cloud=cloud,
            ledger=ledger,
            claims=ClaimBook(ledger, self.clock, self.installation, 60, self._look_again),
            mirrors=MirrorBook(ledger, self.clock, self.installation),
            launch_settings=launch_settings,
            settings=SettingsBook(FakeSettingsStore(self.tables, self.effects), self.clock, self.installation),
            clock=self.clock,
            installation=self.installation,
            caller=f"operator-{epoch}",
            refresh_seconds=60,
            poll_seconds=15,
            settle=timedelta(minutes=6),
            quota=QuotaQueue(self.reserve, wake=self._wake),
            wake=self._look_now,
        )

    # --- objects ------------------------------------------------------------------------------------------------

    def quickstart(self, pause_before: Iterable[int] = (2,), **wave_fields: Any) -> None:
        """Account, groups, servers and the plan `production` of three waves, each after the other."""
        self.cloud.account(ACCOUNT_ID, EXTERNAL_ID)
        self.account("production")
        for tier in TIERS:
            for server_id in server_ids(tier):
                self.cloud.server(PLACE, server_id, Tier=tier)
            self.group(tier, Tier=tier)
        self.plan("production", *TIERS, pause_before=pause_before, **wave_fields)

    def account(self, name: str, account_id: str = ACCOUNT_ID, **fields: Any) -> None:
        """A TargetAccount."""
        spec = {
            "accountId": account_id,
            "assumeRoleName": "DRSOrchestrationRole",
            "externalId": EXTERNAL_ID,
            "regions": ["us-east-1"],
            "allowedNamespaces": {"from": "All"},
        }
        self.cluster.create(TargetAccount, None, name, {**spec, **fields})

    def group(self, name: str, account: str = "production", **tags: str) -> None:
        """A ProtectionGroup that selects by tags."""
        spec = {
            "targetAccountRef": {"name": account},
            "region": "us-east-1",
            "serverSelectionMode": "tags",
            "serverSelectionTags": tags,
        }
        self.cluster.create(ProtectionGroup, NAMESPACE, name, spec)

    def plan(self, name: str, *groups: str, pause_before: Iterable[int] = (), **wave_fields: Any) -> None:
        """A RecoveryPlan with one wave for each group, each after the one before."""
        waves: list[dict[str, Any]] = []
        for number, group in enumerate(groups, start=1):
            wave = {"waveNumber": number, "name": f"Tier {group}", "protectionGroupRef": {"name": group}}
            wave["pauseBeforeWave"] = number in set(pause_before)
            waves.append({**wave, **wave_fields})
        self.cluster.create(RecoveryPlan, NAMESPACE, name, {"waves": waves})

    def execute(self, name: str = "drill", **fields: Any) -> str:
        """A DRExecution of the plan `production`, a DRILL unless told otherwise; returns its uid."""
        spec: dict[str, Any] = {"recoveryPlanRef": {"name": "production"}, "executionType": "DRILL"}
        if fields.get("executionType") == "RECOVERY":
            spec |= {"reason": "the site is gone", "recoveryPoint": {"policy": "Latest"}}
        return self.cluster.create(DRExecution, NAMESPACE, name, {**spec, **fields})

    def command(self, name: str, value: str, execution: str = "drill", by: str = "jane") -> None:
        """kubectl annotate, stamped by the API server."""
        self.cluster.annotate(DRExecution, NAMESPACE, execution, f"requested-by.drs-operator.io/{name}", by)
        self.cluster.annotate(DRExecution, NAMESPACE, execution, f"drs-operator.io/{name}", value)

    # --- what is to be seen -------------------------------------------------------------------------------------

    def seen(self, name: str = "drill") -> DRExecution:
        """The execution as a user sees it now."""
        found = self.cluster.now(DRExecution, NAMESPACE, name)
        assert found is not None, f"{name} is gone"
        return found

    def gone(self, name: str = "drill") -> bool:
        """Whether the execution does not exist any more."""
        return self.cluster.now(DRExecution, NAMESPACE, name) is None

    def phase(self, name: str = "drill") -> str | None:
        """Its phase."""
        return self.seen(name).status.phase

    def finished(self, name: str = "drill") -> bool:
        """Whether it has ended and the operator has let go of it."""
        seen = self.seen(name)
        return seen.status.finish_time is not None and not seen.metadata.finalizers

    def holds(self, name: str = "drill") -> list[tuple[str, str]]:
        """Its open holds: id and reason."""
        return [(hold.id, str(hold.reason)) for hold in self.seen(name).status.holds]

    def condition(self, kind: type[Resource], name: str, type: str = "Ready") -> Condition:
        """A condition of an object."""
        found = self.cluster.now(kind, NAMESPACE if kind.definition.scope == "Namespaced" else None, name)
        assert found is not None
        condition = find_condition(found.status.conditions, type)
        assert condition is not None, f"{name} has no condition {type}"
        return condition

    def reasons(self, name: str = "drill") -> list[str]:
        """Reasons of the Events of an object, in order."""
        return [told.reason for told in self.cluster.events if told.name == name]

    def run_of(self, name: str = "drill") -> Run:
        """The run in the ledger."""
        (found,) = [i for i, row in self.tables.rows.items() if row["name"] == name]
        return self.tables.run(found)

    # --- time ---------------------------------------------------------------------------------------------------

    def until(self, reached: Callable[[], bool], *kinds: type[Resource], hours: float = 12) -> None:
        """Lets the operator work, and time pass, until something is the case. A killed operator is started again."""
        end = self.clock.now() + timedelta(hours=hours)
        asyncio.run(self._work(reached, kinds or tuple(_RECONCILE), end))
        assert reached(), "it never came to that"

    def wait(self, seconds: float, *kinds: type[Resource]) -> None:
        """Lets the operator work for a while."""
        end = self.clock.now() + timedelta(seconds=seconds)
        asyncio.run(self._work(lambda: False, kinds or tuple(_RECONCILE), end))

    async def _work(self, reached: Callable[[], bool], kinds: tuple[type[Resource], ...], end: datetime) -> None:
        for _ in range(MOST_TURNS):
            if reached():
                return
            self._watch()
            now = self.clock.now()
            if not await self._load():
                if now >= end:
                    return
                self.clock.advance(2)
                continue
            due = [key for key, at in self._due.items() if at <= now and key.kind in kinds]
            if not due:
                if now >= end:
                    return
                moments = [at for key, at in self._due.items() if key.kind in kinds]
                self.clock.advance((min([end, *moments]) - now).total_seconds())
                continue
            try:
                for key in due:
                    await self._reconcile(key)
            except Killed:
                self.deaths += 1
                self.start_operator()
        raise AssertionError("it turns and turns and time does not pass")

    def _watch(self) -> None:
        """The watch brings what has changed, and whom that concerns is looked at."""
        self.objects.catch_up()
        before, self._seen = self._seen, {_key(found): found for found in self.objects.everything()}
        for key in sorted(before.keys() | self._seen.keys(), key=str):
            old, new = before.get(key), self._seen.get(key)
            if old is None or new is None or old.metadata.resource_version != new.metadata.resource_version:
                for other in sorted({key, *concerned(key, old, new, self.objects)}, key=str):
                    self._due[other] = self.clock.now()

    async def _load(self) -> bool:
        """Before anything else an operator learns what is claimed."""
        if not self._loaded:
            try:
                await self.context.load_books()
            except ReadFailed as error:
                self.failures.append(error)
                return False
            self._loaded = True
        return True

    def _look_again(self, owner: Owner) -> None:
        kind: type[Resource] = ProtectionGroup if owner.id.startswith("pg-") else RecoveryPlan
        self._due[Key(kind, owner.namespace, owner.name)] = self.clock.now()

    def _wake(self, kind: type[Resource], namespace: str | None, name: str) -> None:
        self.woken.append(name)
        self._due[Key(kind, namespace, name)] = self.clock.now()

    def _look_now(self, kind: type[Resource], namespace: str | None, name: str) -> None:
        self._due[Key(kind, namespace, name)] = self.clock.now()

    def _refreshed(self, place: Place) -> None:
        for key in self._seen:
            if key.kind is ProtectionGroup:
                self._due[key] = self.clock.now()
        if (inventory := self.cloud.known_inventory(place)) is not None:
            for key in plans_concerned(self._inventories.get(place), inventory, self.objects):
                self._due[key] = self.clock.now()
        self._inventories[place] = inventory

    async def _reconcile(self, key: Key) -> None:
        self._due.pop(key, None)
        if key not in self._seen:
            return
        try:
            outcome = await _RECONCILE[key.kind](self.context, self._seen[key])
        except (LostRace, ReadFailed) as error:
            self.failures.append(error)
            self._failed[key] += 1
            seconds = min(LONGEST_RETRY_SECONDS, 0.5 * 2.0 ** self._failed[key])
            self._due[key] = self.clock.now() + timedelta(seconds=seconds)
            return
        del self._failed[key]
        if outcome.again_in is not None:
            again = self.clock.now() + timedelta(seconds=outcome.again_in)
            self._due[key] = min(again, self._due.get(key, again))


def _key(found: Resource) -> Key:
    return Key(type(found), found.metadata.namespace, found.metadata.name)
