"""Whom a change concerns."""

from __future__ import annotations

from typing import Any

import pytest

from drs_operator.api.v1alpha1 import DRExecution, ProtectionGroup, RecoveryPlan, Resource, TargetAccount
from drs_operator.planning.facts import Inventory, Place
from drs_operator.runtime.cache import Cache, Key
from drs_operator.runtime.concerns import concerned, plans_concerned
from tests import builders as b
from tests.unit.planning.tables import table
from tests.unit.runtime import raw

ACCOUNT = Key(TargetAccount, None, "production")


def _group_key(name: str) -> Key:
    return Key(ProtectionGroup, "dr", name)


def _plan_key(name: str) -> Key:
    return Key(RecoveryPlan, "dr", name)


def _execution_key(name: str) -> Key:
    return Key(DRExecution, "dr", name)


def _group(name: str = "db", servers: tuple[int, ...] = (), **status: Any) -> dict[str, Any]:
    made = raw.group(name)
    made["status"] |= {"accountId": b.ACCOUNT, "servers": [{"serverId": b.server_id(n)} for n in servers], **status}
    return made


def _plan(*groups: str, name: str = "production", **spec: Any) -> dict[str, Any]:
    made = raw.plan(name, groups)
    made["spec"] |= spec
    return made


def _execution(*servers: int, of: str = "production", phase: str | None = "Running") -> dict[str, Any]:
    made = raw.execution(of=of)
    pinned = [{"serverId": b.server_id(n), "phase": "Pending"} for n in servers]
    made["status"] = {"phase": phase, "waves": [{"waveNumber": 1, "phase": "Pending", "servers": pinned}]}
    return made


def _ended(*servers: int) -> dict[str, Any]:
    made = _execution(*servers, phase="Completed")
    made["status"]["finishTime"] = b.NOW.isoformat()
    return made


def _account(jobs: int | None = None, **status: Any) -> dict[str, Any]:
    made = raw.account()
    quotas = {"jobsInProgress": jobs} if jobs else None
    made["status"] = {"regions": [{"name": "us-east-1", "state": "ACTIVE", "quotas": quotas}], **status}
    return made


def _world() -> Cache:
    """Group db (servers 1 and 2) in plans production and copy, web (server 3) in production alone, app in none."""
    cache = Cache()
    cache.observe(TargetAccount, _account(), gone=False)
    for group in (_group("db", (1, 2)), _group("web", (3,)), _group("app", (4,))):
        cache.observe(ProtectionGroup, group, gone=False)
    for plan in (_plan("db", "web"), _plan("db", name="copy")):
        cache.observe(RecoveryPlan, plan, gone=False)
    return cache


DB, WEB, APP = _group_key("db"), _group_key("web"), _group_key("app")
PRODUCTION, COPY = _plan_key("production"), _plan_key("copy")
DRILL = _execution_key("drill")


def _told(key: Key, before: dict[str, Any] | None, now: dict[str, Any] | None, cache: Cache) -> set[Key]:
    def read(made: dict[str, Any] | None) -> Resource | None:
        return key.kind.model_validate(made) if made else None

    return concerned(key, read(before), read(now), cache)


@pytest.mark.parametrize(
    ("key", "before", "now", "want", "because"),
    table(
        ("group changes", DB, _group(), _group(healthyCount=1), {PRODUCTION, COPY}, "plans judge their groups"),
        ("group appears", DB, None, _group(), {PRODUCTION, COPY, ACCOUNT}, "its account counts it"),
        ("group goes", WEB, _group("web"), None, {PRODUCTION, ACCOUNT}, "it leaves its plan short"),
        ("unused group", APP, _group("app"), _group("app", healthyCount=1), set(), "nobody uses it"),
        ("plan appears", PRODUCTION, None, _plan("db", "web"), {DB, WEB}, "groups name the plans that use them"),
        ("plan changes", PRODUCTION, _plan("db", "web"), _plan("db", "web", priority=1), set(), "no group lost or won"),
        ("plan drops a group", PRODUCTION, _plan("db", "web"), _plan("db"), {WEB}, "the group that lost it"),
        ("plan exchanges a group", PRODUCTION, _plan("db", "web"), _plan("db", "app"), {WEB, APP}, "both"),
        ("plan goes", PRODUCTION, _plan("db", "web"), None, {DB, WEB}, "nobody uses them any more"),
        ("plan wants fresher data", PRODUCTION, _plan("db"), _plan("db", objectives={"rpoSeconds": 60}), {DB},
         "its groups judge their servers by it"),
        ("run appears", DRILL, None, _execution(phase=None), {PRODUCTION}, "it has not begun"),
        ("run begins", DRILL, _execution(phase=None), _execution(phase="Validating"), {PRODUCTION, DB, WEB},
         "groups name the runs that use them"),
        ("run takes servers", DRILL, _execution(), _execution(1), {PRODUCTION, COPY}, "copy has server 1, too"),
        ("run takes others", DRILL, _execution(), _execution(3), {PRODUCTION}, "only production has server 3"),
        ("run goes on", DRILL, _execution(1, 2), _execution(1, 2), set(), "it holds what it held"),
        ("run is held", DRILL, _execution(1), _execution(1, phase="Paused"), {PRODUCTION}, "plans show its phase"),
        ("run ends", DRILL, _execution(1), _ended(1), {PRODUCTION, COPY, DB, WEB}, "it lets go"),
        ("run goes", DRILL, _execution(1), None, {PRODUCTION, COPY, DB, WEB}, "whoever took it away"),
        ("ended run goes", DRILL, _ended(1), None, {PRODUCTION}, "it held nothing any more"),
        ("run of no plan", DRILL, None, _execution(4, of="gone"), {_plan_key("gone")}, "no plan has server 4"),
        ("account changes", ACCOUNT, _account(20), _account(20, sourceServers=9), set(), "its quotas are as before"),
        ("quotas change", ACCOUNT, _account(20), _account(10), {PRODUCTION, COPY}, "what would queue is foreseen"),
    ),
)  # fmt: skip
def test_a_change_concerns(
    key: Key, before: dict[str, Any] | None, now: dict[str, Any] | None, want: set[Key], because: str
) -> None:
    assert _told(key, before, now, _world()) == want, because


def _seen(region: str = b.REGION, account_id: str = b.ACCOUNT, **jobs: int) -> Inventory:
    """An inventory; `s_1=9`: job 9 works on server 1."""
    numbers = {int(name.split("_")[1]): b.job_id(job) for name, job in jobs.items()}
    servers = [b.source_server(n, active_job_id=numbers.get(n)) for n in (1, 2, 3, 4)]
    return b.inventory(*servers, place=Place(account_id, region))


@pytest.mark.parametrize(
    ("before", "now", "want", "because"),
    table(
        ("first, quiet", None, _seen(), set(), "no job"),
        ("first, a job", None, _seen(s_3=9), {PRODUCTION}, "a job that was there before the operator"),
        ("begins", _seen(), _seen(s_1=9), {PRODUCTION, COPY}, "both plans have server 1"),
        ("goes on", _seen(s_1=9), _seen(s_1=9), set(), "nothing has changed"),
        ("ends", _seen(s_1=9), _seen(), {PRODUCTION, COPY}, "the server is free"),
        ("another", _seen(s_3=9), _seen(s_3=8), {PRODUCTION}, "the plan names the job"),
        ("server gone", _seen(s_3=9), b.inventory(), {PRODUCTION}, "with its job"),
        ("unused", _seen(), _seen(s_4=9), set(), "no plan has server 4"),
        ("elsewhere", None, _seen("us-west-2", s_1=9), set(), "an id means nothing in another Region"),
        ("someone else's", None, _seen(b.REGION, "210987654321", s_1=9), set(), "nor in another account"),
    ),
)
def test_an_inventory_concerns(before: Inventory | None, now: Inventory, want: set[Key], because: str) -> None:
    assert plans_concerned(before, now, _world()) == want, because
