"""How a run begins: who is refused and told what, who is adopted, and what a refusal leaves behind: nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from drs_operator.api.v1alpha1 import DRExecution, ProtectionGroup, RecoveryPlan, TargetAccount
from drs_operator.ports import LostRace, RunIdClaim
from drs_operator.reconcilers import execution as reconciler
from tests.unit.reconcilers.world import ACCOUNT_ID, NAMESPACE, PLACE, World, server_ids

DRILL, RECOVERY = "DRILL", "RECOVERY"


@pytest.fixture
def world() -> World:
    world = World()
    world.quickstart()
    world.wait(1)
    return world


def codes(world: World, name: str) -> list[tuple[str, str]]:
    """Severity and code of what was found, in order."""
    return [(str(finding.severity), finding.code) for finding in world.seen(name).status.findings]


def assert_refused(world: World, name: str, code: str) -> None:
    """It ended without a launch, says why, and is let go of."""
    seen = world.seen(name)
    assert seen.status.phase == "Failed"
    assert seen.status.error is not None
    assert seen.status.error.code == code
    reason = "".join(part.capitalize() for part in code.split("_"))
    for type, want in (("Succeeded", "False"), ("Finished", "True"), ("Ready", "False"), ("Stalled", "True")):
        condition = world.condition(DRExecution, name, type)
        assert (condition.status, condition.reason) == (want, reason)
        assert condition.message.startswith(code)
    assert seen.metadata.finalizers == []
    assert reason in world.reasons(name) or "Failed" in world.reasons(name)


def no_plan(world: World) -> None:
    world.cluster.delete(RecoveryPlan, NAMESPACE, "production", force=True)


def no_group(world: World) -> None:
    world.cluster.delete(ProtectionGroup, NAMESPACE, "app", force=True)


def no_account(world: World) -> None:
    world.cluster.delete(TargetAccount, None, "production", force=True)


def not_allowed(world: World) -> None:
    selector = {"matchLabels": {"tenant": "payments"}}
    world.cluster.edit(TargetAccount, None, "production", allowedNamespaces={"from": "Selector", "selector": selector})


def observe(world: World) -> None:
    world.cluster.edit(TargetAccount, None, "production", managementPolicy="Observe")


def role_refused(world: World) -> None:
    world.cloud.refuse(ACCOUNT_ID)
    world.clock.advance(120)  # the inventory of before is old


def one_alive(world: World) -> None:
    world.cloud.live_instance(PLACE, server_ids("web")[0])


def one_disconnected(world: World) -> None:
    world.cloud.server(PLACE, server_ids("web")[0], state="DISCONNECTED", Tier="web")


def all_disconnected(world: World) -> None:
    for tier in ("db", "app", "web"):
        for server_id in server_ids(tier):
            world.cloud.server(PLACE, server_id, state="DISCONNECTED", Tier=tier)


def no_servers(world: World) -> None:
    for server_id in server_ids("web"):
        world.cloud.remove(PLACE, server_id)


@pytest.mark.parametrize(
    ("damage", "code", "refuses"),
    [
        (no_plan, "RECOVERY_PLAN_NOT_FOUND", (DRILL, RECOVERY)),
        (no_group, "PROTECTION_GROUP_NOT_FOUND", (DRILL, RECOVERY)),
        (no_account, "TARGET_ACCOUNT_NOT_FOUND", (DRILL, RECOVERY)),
        (not_allowed, "NAMESPACE_NOT_ALLOWED", (DRILL, RECOVERY)),
        (observe, "ACCOUNT_OBSERVE_ONLY", (DRILL, RECOVERY)),
        (role_refused, "ACCOUNT_UNAVAILABLE", (DRILL,)),
        (one_alive, "LIVE_RECOVERY_INSTANCE", (DRILL, RECOVERY)),
        (one_disconnected, "UNHEALTHY_SERVER_REPLICATION", (DRILL,)),
        (no_servers, "TOO_FEW_SERVERS", (DRILL,)),
        (all_disconnected, "NO_RECOVERY_POINT", (RECOVERY,)),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
@pytest.mark.parametrize("execution_type", [DRILL, RECOVERY])
def test_what_refuses_a_run(
    world: World, damage: Callable[[World], None], code: str, refuses: tuple[str, ...], execution_type: str
) -> None:
    damage(world)
    world.execute("run", executionType=execution_type)
    world.wait(300, DRExecution)
    severities = {severity for severity, found in codes(world, "run") if found == code}
    if execution_type not in refuses:
        assert severities <= {"Warning"}
        return
    assert severities == {"Refusal"}
    assert world.cloud.launches() == []
    assert (world.tables.plans, world.tables.holds) == ({}, {})
    assert world.seen("run").status.phase == "Failed"
    first = next(code for severity, code in codes(world, "run") if severity == "Refusal")
    assert_refused(world, "run", first)


def test_a_drill_is_refused_with_all_findings_at_once(world: World) -> None:
    no_group(world)
    observe(world)
    one_disconnected(world)
    world.execute()
    world.until(world.finished, DRExecution)
    assert codes(world, "drill") == [
        ("Refusal", "PROTECTION_GROUP_NOT_FOUND"),
        ("Refusal", "ACCOUNT_OBSERVE_ONLY"),
        ("Refusal", "ACCOUNT_OBSERVE_ONLY"),
        ("Refusal", "UNHEALTHY_SERVER_REPLICATION"),
    ]
    assert all(finding.message for finding in world.seen().status.findings)


def test_findings_stay_when_the_object_changes_while_it_is_validated(world: World) -> None:
    one_disconnected(world)
    world.execute()
    label = "kustomize.toolkit.fluxcd.io/reconcile"
    world.effects.meanwhile["lock plan"] = lambda: world.cluster.annotate(DRExecution, NAMESPACE, "drill", label, "1")
    world.until(world.finished, DRExecution)
    assert ("Refusal", "UNHEALTHY_SERVER_REPLICATION") in codes(world, "drill")


def test_a_recovery_goes_on_without_what_cannot_be_launched() -> None:
    world = World()
    world.quickstart((), onFailure="Continue")
    lost = server_ids("db")[0]
    world.cloud.server(PLACE, lost, state="DISCONNECTED", points=0, Tier="db")
    world.execute("recovery", executionType=RECOVERY)
    world.until(lambda: world.finished("recovery"), DRExecution)
    assert ("Warning", "UNHEALTHY_SERVER_REPLICATION") in codes(world, "recovery")
    assert world.seen("recovery").status.server_progress == "3/4 !1"
    server = next(s for s in world.seen("recovery").status.waves[0].servers if s.server_id == lost)
    assert server.error is not None
    assert server.error.code == "NO_RECOVERY_POINT"
    assert lost not in {i.server_id for i in world.cloud.instances(PLACE)}


def test_a_recovery_does_not_end_because_the_account_is_closed_it_waits_for_a_person(world: World) -> None:
    role_refused(world)
    world.execute("run", executionType=RECOVERY)
    world.until(lambda: world.phase("run") == "Paused", DRExecution)
    assert [reason for _, reason in world.holds("run")] == ["AccountUnavailable"]
    world.cloud.refuse(ACCOUNT_ID, False)
    world.command("resume", "true", "run")
    world.until(lambda: len(world.cloud.launches()) == 1, DRExecution)
    assert world.cloud.launches()[0][1] == server_ids("db")


# --- other runs -------------------------------------------------------------------------------------------------------


def test_a_second_run_of_the_same_plan_is_refused(world: World) -> None:
    world.execute("first")
    world.until(lambda: world.phase("first") == "Paused")
    held = dict(world.tables.holds)
    world.execute("second")
    world.until(lambda: world.finished("second"))
    assert_refused(world, "second", "PLAN_ALREADY_EXECUTING")
    assert "dr/first" in str(world.condition(DRExecution, "second").message)
    assert world.tables.holds == held, "what the first one holds is untouched"
    assert [execution for _, execution in world.tables.plans.values()] == ["dr/first"]
    world.command("resume", "2.1", "first")
    world.until(lambda: world.finished("first"))
    assert world.phase("first") == "Completed"


def test_a_drill_is_refused_servers_that_another_run_holds(world: World) -> None:
    world.plan("other", "web", "app")
    world.execute("first")
    world.until(lambda: world.phase("first") == "Paused")
    held = dict(world.tables.holds)
    world.execute("second", recoveryPlanRef={"name": "other"})
    world.until(lambda: world.finished("second"))
    assert_refused(world, "second", "SERVER_CONFLICT")
    assert [(f.code, f.wave_number, f.count) for f in world.seen("second").status.findings] == [
        ("SERVER_CONFLICT", 1, 1),
        ("SERVER_CONFLICT", 2, 1),
    ]
    assert world.tables.holds == held
    assert len(world.tables.plans) == 1
    assert len(world.cloud.launches()) == 1


def test_a_recovery_goes_on_without_servers_that_another_run_holds() -> None:
    world = World()
    world.quickstart((2,))
    spare = "s-0000000000spare001"[:19]
    world.cloud.server(PLACE, spare, Kind="spare")
    world.group("spare", Kind="spare")
    world.plan("other", "web", "spare", onFailure="Continue")
    world.execute("first", executionType=RECOVERY)
    world.until(lambda: world.phase("first") == "Paused")
    world.execute("second", executionType=RECOVERY, recoveryPlanRef={"name": "other"})
    world.until(lambda: world.finished("second"))
    assert ("Warning", "SERVER_CONFLICT") in codes(world, "second")
    errors = {s.server_id: s.error.code for s in world.seen("second").status.waves[0].servers if s.error}
    assert errors == {server_ids("web")[0]: "SERVER_CONFLICT"}
    assert {i.server_id for i in world.cloud.instances(PLACE)} == {spare, *server_ids("db")}
    assert (PLACE, server_ids("web")[0]) in world.tables.holds, "it still belongs to the first"


# --- run ids ----------------------------------------------------------------------------------------------------------


def test_an_object_that_is_created_again_while_its_run_goes_on_adopts_it(world: World) -> None:
    world.execute()
    world.until(lambda: world.phase() == "Paused")
    world.cluster.delete(DRExecution, NAMESPACE, "drill", force=True)
    world.wait(60)
    world.clock.advance(24 * 3600)
    uid = world.execute()
    world.until(lambda: world.phase() == "Paused")
    assert world.run_of().uid == uid
    assert world.holds() == [("2.1", "PauseBeforeWave")], "the hold is the one of before"
    world.command("resume", "2.1")
    world.until(world.finished)
    assert world.phase() == "Completed"
    assert [servers for _, servers in world.cloud.launches()] == [server_ids(tier) for tier in ("db", "app", "web")]
    assert (world.tables.plans, world.tables.holds) == ({}, {})


def test_an_object_that_is_created_again_after_the_end_launches_nothing(world: World) -> None:
    world.execute(pausePolicy="Skip")
    world.until(world.finished)
    world.cluster.delete(DRExecution, NAMESPACE, "drill")
    assert world.gone()
    world.execute(pausePolicy="Skip")
    world.until(world.finished)
    assert_refused(world, "drill", "ALREADY_EXECUTED")
    assert len(world.cloud.launches()) == 3
    assert (world.tables.plans, world.tables.holds) == ({}, {})


@pytest.mark.parametrize(
    ("first", "second", "code"),
    [
        ({}, {"pausePolicy": "Skip"}, "RUN_ID_CONFLICT"),
        ({}, {}, "RUN_ID_CONFLICT"),
        ({"pausePolicy": "Skip"}, {"pausePolicy": "Skip"}, "ALREADY_EXECUTED"),
        ({"pausePolicy": "Skip"}, {}, "RUN_ID_CONFLICT"),
    ],
    ids=["running, asks for something else", "running", "ended", "ended, asks for something else"],
)
def test_a_run_id_that_another_object_has_used(
    world: World, first: dict[str, Any], second: dict[str, Any], code: str
) -> None:
    world.execute("first", runId="q1", **first)
    world.until(lambda: world.finished("first") or world.phase("first") == "Paused")
    launches = len(world.cloud.launches())
    world.execute("second", runId="q1", **second)
    world.until(lambda: world.finished("second"))
    assert_refused(world, "second", code)
    assert "dr/first" in str(world.condition(DRExecution, "second").message)
    assert len(world.cloud.launches()) == launches


def test_a_run_id_that_another_installation_has_used(world: World) -> None:
    world.tables.run_ids["q1"] = RunIdClaim("q1", "exec-elsewhere", "other digest", "west", "dr", "drill")
    world.execute(runId="q1")
    world.until(world.finished)
    assert_refused(world, "drill", "RUN_ID_CONFLICT")
    assert "west" in str(world.condition(DRExecution, "drill").message)


# --- time -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "late", "expires", "because"),
    [
        ({"executionType": DRILL}, 3500, False, "a drill may start for an hour"),
        ({"executionType": DRILL}, 3700, True, "a drill may start for an hour"),
        ({"executionType": RECOVERY}, 500, False, "a recovery may start for ten minutes"),
        ({"executionType": RECOVERY}, 700, True, "a recovery may start for ten minutes"),
        ({"startingDeadlineSeconds": 60}, 90, True, "as it asks"),
        ({"requestedAt": "2026-03-01T09:00:00Z"}, 0, True, "it counts from requestedAt"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_request_expires(world: World, fields: dict[str, Any], late: float, expires: bool, because: str) -> None:
    world.execute("run", **fields)
    world.clock.advance(late)
    world.wait(60)
    assert (world.phase("run") == "Failed") is expires, because
    if expires:
        assert_refused(world, "run", "REQUEST_EXPIRED")
        assert world.cloud.launches() == []
        assert world.tables.run_ids == {}, "its run id was not used up"


# --- deletion ---------------------------------------------------------------------------------------------------------


def test_an_object_that_is_deleted_before_it_was_looked_at_starts_nothing(world: World) -> None:
    world.execute()
    world.cluster.delete(DRExecution, NAMESPACE, "drill")
    world.wait(60)
    assert world.gone()
    assert (world.tables.rows, world.tables.run_ids) == ({}, {})


def test_an_object_that_goes_before_it_is_held_starts_nothing(world: World) -> None:
    """The cache still has it."""
    world.execute()
    world.objects.catch_up()
    seen = world.objects.get(DRExecution, NAMESPACE, "drill")
    assert seen is not None
    world.cluster.delete(DRExecution, NAMESPACE, "drill")
    asyncio.run(reconciler.reconcile(world.context, seen))
    assert (world.tables.rows, world.tables.run_ids) == ({}, {})


def test_a_run_whose_object_is_deleted_goes_on_to_its_end(world: World) -> None:
    world.execute(pausePolicy="Skip")
    world.until(lambda: world.phase() == "Running")
    world.cluster.delete(DRExecution, NAMESPACE, "drill")
    world.wait(30)
    assert not world.gone(), "the finalizer holds it"
    world.until(world.gone)
    (row,) = world.tables.rows.values()
    assert (row["state"], row["verdict"]) == ("Ended", "Completed")
    assert len(world.cloud.launches()) == 3
    assert (world.tables.plans, world.tables.holds) == ({}, {})


def test_a_run_that_was_claimed_but_never_shown_is_not_left_alone_when_its_object_is_deleted(world: World) -> None:
    """The operator dies after the first launch and before the first status: the object may then be deleted."""
    world.execute(pausePolicy="Skip")
    world.effects.kill_at(_number_of(world, "start recovery"), applied=True)
    world.until(lambda: world.deaths == 1, DRExecution)
    assert world.phase() is None
    world.cluster.delete(DRExecution, NAMESPACE, "drill")
    world.until(world.gone)
    (row,) = world.tables.rows.values()
    assert (row["state"], row["verdict"]) == ("Ended", "Completed")
    assert (world.tables.plans, world.tables.holds) == ({}, {})


def _number_of(world: World, effect: str) -> int:
    """How many effects come before the first of this name, by a run in a world of its own."""
    other = World()
    other.quickstart()
    other.execute(pausePolicy="Skip")
    other.until(other.finished, DRExecution)
    return len(world.effects.done) + other.effects.done.index(effect)


@pytest.mark.parametrize(
    "fields", [{"pausePolicy": "Skip"}, {"requestedAt": "2026-03-01T09:00:00Z"}], ids=["completed", "refused"]
)
def test_a_stale_cache_writes_nothing_to_a_finished_run(world: World, fields: dict[str, Any]) -> None:
    world.execute(**fields)
    world.objects.catch_up()
    seen = world.objects.get(DRExecution, NAMESPACE, "drill")
    assert seen is not None
    world.until(world.finished)
    world.clock.advance(60)
    status, done = world.seen().status, list(world.effects.done)
    try:
        asyncio.run(reconciler.reconcile(world.context, seen))
    except LostRace:
        pytest.fail("nothing should have been tried")
    assert world.seen().status == status
    assert world.effects.done == done
